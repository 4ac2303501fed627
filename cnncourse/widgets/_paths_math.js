// The arithmetic of ResidualPaths: the ways through a chain of blocks that can be skipped. Checked against Python.

/** How many ways there are to choose k of n, for k from 0 to n. Sums only, so exact up to n = 56. */
export function waysToChoose(n) {
  let row = [1];
  for (let k = 0; k < n; k++) row = [...row, 0].map((v, i) => v + (i ? row[i - 1] : 0));
  return row;
}

/** Every way through n blocks as the list of blocks (from 1) that it passes: short ways first, then in order. */
export function waysThrough(n) {
  const ways = Array.from({ length: 2 ** n }, (_, code) => {
    const blocks = [];
    for (let k = 0; k < n; k++) if (Math.floor(code / 2 ** (n - 1 - k)) % 2) blocks.push(k + 1);
    return { blocks, code };
  });
  return ways.sort((a, b) => a.blocks.length - b.blocks.length || b.code - a.code).map((way) => way.blocks);
}

/** A way is broken if it passes a block that was dropped. */
export function broken(way, dropped) {
  return way.some((block) => dropped.includes(block));
}

/** How many ways with 0, 1, ... n blocks are left when `lost` of the n blocks are dropped. */
export function lengthsLeft(n, lost) {
  const row = waysToChoose(n - lost);
  return Array.from({ length: n + 1 }, (_, k) => row[k] ?? 0);
}

/** How much one way with 0, 1, ... n blocks counts. kind: "equal", "factor" (g to the power of k) or "measured". */
export function strengthsOf(n, kind, factor, measured) {
  if (kind === "measured" && measured.length === n + 1) return [...measured];
  return Array.from({ length: n + 1 }, (_, k) => (kind === "factor" ? factor ** k : 1));
}

/** The share of each length, counts times strength, in what all ways together have before a block is dropped. */
export function sharesOf(n, lost, strengths) {
  const weigh = (counts) => counts.map((v, k) => v * strengths[k]);
  const all = weigh(lengthsLeft(n, 0)).reduce((sum, v) => sum + v, 0);
  return weigh(lengthsLeft(n, lost)).map((v) => v / all);
}

/** Of shares by length: their sum, the mean length, and the lengths between which 95 % lie (2.5 % off at each end). */
export function spreadOf(shares) {
  const total = shares.reduce((sum, v) => sum + v, 0);
  if (total <= 0) return { total: 0, mean: NaN, low: NaN, high: NaN };
  const mean = shares.reduce((sum, v, k) => sum + k * v, 0) / total;
  let [sum, low, high] = [0, -1, -1];
  shares.forEach((v, k) => {
    sum += v / total;
    if (low < 0 && sum > 0.025) low = k;
    if (high < 0 && sum >= 0.975 - 1e-12) high = k;
  });
  return { total, mean, low, high };
}
