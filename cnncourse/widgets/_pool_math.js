// Pooling and what a shift changes: pure functions on rows of numbers, no DOM. Checked against torch in tests/widgets.

import { conv2d, outputSize } from "./_math.js";

const EPSILON = 1e-9;

/** The values in the k x k window of output (i, j), row by row, with their places. */
export function poolWindow(x, k, s, i, j) {
  const values = [];
  for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) values.push({ row: i * s + a, column: j * s + b, value: x[i * s + a][j * s + b] });
  return values;
}

/** Where the largest value of a window lies; of equal ones the first in row order. */
export function winner(x, k, s, i, j) {
  return poolWindow(x, k, s, i, j).reduce((best, next) => (next.value > best.value ? next : best));
}

function everyWindow(x, k, s, one) {
  const rows = outputSize(x.length, k, s);
  const columns = outputSize(x[0].length, k, s);
  if (!rows || !columns) return [];
  return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (__, j) => one(i, j)));
}

/** "max", "average", or "blurred": the maximum at every place, weights 1 2 1 along both axes over 16, every s-th value. */
export function pool2d(x, kind, k, s) {
  if (kind === "max") return everyWindow(x, k, s, (i, j) => winner(x, k, s, i, j).value);
  if (kind === "average") return everyWindow(x, k, s, (i, j) => poolWindow(x, k, s, i, j).reduce((sum, v) => sum + v.value, 0) / (k * k));
  const dense = pool2d(x, "max", k, 1);
  const blur = [1, 2, 1].map((a) => [1, 2, 1].map((b) => (a * b) / 16));
  return dense.length ? conv2d(dense, blur, { stride: s }) : [];
}

/** What comes after the filter: "none", "abs" or "relu". */
export function after(x, how) {
  const change = { none: (v) => v, abs: Math.abs, relu: (v) => Math.max(0, v) }[how];
  return x.map((row) => row.map(change));
}

/** The pixels of a window of side `size` at (top, left), moved by shift. */
export function view(photo, [top, left], size, [down, right]) {
  return photo.slice(top + down, top + down + size).map((row) => row.slice(left + right, left + right + size));
}

export function sameValue(a, b) {
  return Math.abs(a - b) <= EPSILON * Math.max(1, Math.abs(a), Math.abs(b));
}

/** Values at the same place: how many of `total` changed, and |b - a| / |a| as vectors. */
export function compare(a, b) {
  let [changed, total, gap, length] = [0, 0, 0, 0];
  a.forEach((row, i) => row.forEach((v, j) => {
    total += 1;
    changed += sameValue(v, b[i][j]) ? 0 : 1;
    gap += (b[i][j] - v) ** 2;
    length += v ** 2;
  }));
  return { changed, total, size: length > 0 ? Math.sqrt(gap / length) : gap > 0 ? Infinity : 0 };
}

/** The largest difference once b is moved back by `shift` pixels in steps of s; null if s does not divide the shift. */
export function alongGap(a, b, shift, s) {
  if (shift.some((d) => d % s !== 0)) return null;
  const [down, right] = shift.map((d) => d / s);
  let most = null;
  b.forEach((row, i) => row.forEach((v, j) => {
    const before = a[i + down]?.[j + right];
    if (before !== undefined) most = Math.max(most ?? 0, Math.abs(v - before));
  }));
  return most;
}
