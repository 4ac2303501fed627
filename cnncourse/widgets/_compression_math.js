// Pruning and rounding of weights: pure functions on plain arrays. Checked against cnncourse.compress in tests/widgets.

/** The nearest whole number; the even one of two that are equally near, as in torch. */
export function roundEven(v) {
  const below = Math.floor(v);
  const over = v - below;
  if (over !== 0.5) return over < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** Weights with 0 in place of all that are no larger than the threshold in absolute value. */
export function cutBelow(weights, threshold) {
  return weights.map((w) => (Math.abs(w) <= threshold ? 0 : w));
}

/** Weights as codes of this many bits times one scale, max |w| / (2^(bits-1) - 1); 32 bits leave them alone. */
export function roundTo(weights, bits) {
  if (bits >= 32) return weights.slice();
  const most = 2 ** (bits - 1) - 1;
  const top = weights.reduce((m, w) => Math.max(m, Math.abs(w)), 0);
  const scale = top > 0 ? top / most : 1;
  return weights.map((w) => Math.min(most, Math.max(-most, roundEven(w / scale))) * scale || 0);
}

/** Index of the smallest file among those whose accuracy is at least `least`. tables: rows of cuts, columns of bits. */
export function smallestWith(accuracy, size, least) {
  let best = [0, 0];
  accuracy.forEach((row, i) => row.forEach((score, j) => {
    if (score >= least && size[i][j] < size[best[0]][best[1]]) best = [i, j];
  }));
  return best;
}

/** How many values in a list differ. */
export function distinct(values) {
  return new Set(values).size;
}
