// The arithmetic of PixelShuffle: orders of pixels, units that look at all of them. Checked against Python.

/** 0 to n - 1 in an order that the seed decides (Fisher and Yates, with s <- 1664525 s + 1013904223 mod 2^32). */
export function drawOrder(n, seed) {
  const order = Array.from({ length: n }, (_, k) => k);
  let s = seed >>> 0;
  for (let k = n - 1; k > 0; k--) {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((s / 2 ** 32) * (k + 1));
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
}

/** from[i]: whose value place i gets when the first `moved` places of an order pass their values round in a ring. */
export function ring(order, moved) {
  const from = Array.from({ length: order.length }, (_, k) => k);
  for (let k = 0; k < moved; k++) from[order[k]] = order[(k + 1) % moved];
  return from;
}

export function reorder(values, from) {
  return from.map((k) => values[k]);
}

/** b[k] + sum of w[k][i] x[i], for every unit k. */
export function answersOf(x, w, b) {
  return w.map((row, k) => row.reduce((sum, v, i) => sum + v * x[i], b[k]));
}

/** Mean absolute difference between neighbours, right and below, in a square of `side`. */
export function roughness(x, side) {
  let sum = 0;
  for (let r = 0; r < side; r++) {
    for (let c = 0; c < side; c++) {
      if (c + 1 < side) sum += Math.abs(x[r * side + c + 1] - x[r * side + c]);
      if (r + 1 < side) sum += Math.abs(x[(r + 1) * side + c] - x[r * side + c]);
    }
  }
  return sum / (2 * side * (side - 1));
}

/** Index of the largest value, the first of equals. */
export function surest(values) {
  return values.reduce((best, v, k) => (v > values[best] ? k : best), 0);
}
