// Convolution of a whole photograph, on flat arrays. Checked against torch in tests/widgets.

/** Grey values, 0.299 R + 0.587 G + 0.114 B, of RGBA bytes. */
export function greyOf(rgba) {
  const out = new Float32Array(rgba.length / 4);
  for (let k = 0; k < out.length; k++) out[k] = 0.299 * rgba[4 * k] + 0.587 * rgba[4 * k + 1] + 0.114 * rgba[4 * k + 2];
  return out;
}

/** The image with its border pixels repeated `up` rows and `left` columns (and as many on the other sides). */
function framed(image, height, width, up, left) {
  const wide = width + 2 * left;
  const out = new Float32Array((height + 2 * up) * wide);
  for (let r = 0; r < height + 2 * up; r++) {
    const row = Math.min(height - 1, Math.max(0, r - up)) * width;
    for (let c = 0; c < wide; c++) out[r * wide + c] = image[row + Math.min(width - 1, Math.max(0, c - left))];
  }
  return out;
}

/** Cross-correlation with an odd-sided filter (rows of weights), output as large as the input, border pixels repeated. */
export function filterImage(image, height, width, weights) {
  const [tall, broad] = [weights.length, weights[0].length];
  const [up, left] = [(tall - 1) / 2, (broad - 1) / 2];
  const padded = framed(image, height, width, up, left);
  const wide = width + 2 * left;
  const out = new Float64Array(height * width);
  for (let a = 0; a < tall; a++) {
    for (let b = 0; b < broad; b++) {
      const weight = weights[a][b];
      if (weight === 0) continue;
      for (let r = 0; r < height; r++) {
        const from = (r + a) * wide + b;
        for (let c = 0; c < width; c++) out[r * width + c] += weight * padded[from + c];
      }
    }
  }
  return out;
}

/** The value that a share of all |values| does not exceed: a bright end of the scale that no single pixel decides. */
export function quantileOfSize(values, share) {
  const sizes = Float64Array.from(values, Math.abs).sort();
  return sizes[Math.min(sizes.length - 1, Math.floor(share * sizes.length))] || 1;
}

/** Whether a filter makes an image again (weights sum to one) rather than a signed map. */
export function keepsBrightness(weights) {
  return Math.abs(weights.flat().reduce((sum, v) => sum + v, 0) - 1) < 1e-3;
}
