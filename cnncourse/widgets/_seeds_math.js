// The arithmetic of TransferExplorer: scores over seeds, and which of two can be told apart. Checked against Python.

/** Mean, least and greatest of some scores. */
export function seedSummary(scores) {
  return { mean: scores.reduce((sum, v) => sum + v, 0) / scores.length, least: Math.min(...scores), most: Math.max(...scores) };
}

/** The places of `rows` (lists of scores, or null where nothing was trained) by their mean, the highest first. */
export function byMean(rows) {
  const places = rows.map((scores, i) => i).filter((i) => rows[i] !== null);
  return places.sort((a, b) => seedSummary(rows[b]).mean - seedSummary(rows[a]).mean || a - b);
}

/** Whether the ranges from the least to the greatest seed have a point in common. */
export function rangesMeet(a, b) {
  const [one, other] = [seedSummary(a), seedSummary(b)];
  return one.least <= other.most && other.least <= one.most;
}

/** "best", "level" (its seeds reach into the best one's), or "behind". */
export function verdictOn(rows, guess) {
  const first = byMean(rows)[0];
  if (guess === first) return "best";
  return rangesMeet(rows[guess], rows[first]) ? "level" : "behind";
}
