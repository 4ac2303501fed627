// The arithmetic of the network browser: what a unit sees, and how costs are shared. Pure functions, no DOM.

const FIELDS = ["name", "kind", "then", "shape", "parameters", "macs", "memory", "field", "from"];

/** Layers as they are stored, [name, kind, ...] each, as objects. */
export function unpackLayers(stored) {
  return stored.map((row) => Object.fromEntries(FIELDS.map((name, k) => [name, row[k]])));
}

/** Values in an output of this shape. */
export function valuesIn(shape) {
  return shape.reduce((product, n) => product * n, 1);
}

/** Units along both sides of an output: [H, W] of [C, H, W], [1, 1] for a vector. */
export function unitsOf(shape) {
  return shape.length === 3 ? shape.slice(1) : [1, 1];
}

function bothSides(v) {
  return Array.isArray(v) ? v : [v, v];
}

/**
 * What unit [i, j] sees of an input [C, H, W]: the box {top, left, height, width} in pixels, which may reach beyond the
 * image; `rows` and `columns` are the first and last of the image's own inside it; whole: it holds all of them. Without
 * a field every unit sees everything.
 */
export function viewOf(field, unit, input) {
  const sides = input.slice(1);
  const [size, jump, start] = field ? field.map(bothSides) : [sides, [1, 1], [0, 0]];
  const at = [0, 1].map((side) => start[side] + (field ? unit[side] * jump[side] : 0));
  const [rows, columns] = [0, 1].map((side) => [Math.max(0, at[side]), Math.min(sides[side], at[side] + size[side]) - 1]);
  const whole = rows[0] === 0 && columns[0] === 0 && rows[1] === sides[0] - 1 && columns[1] === sides[1] - 1;
  return { top: at[0], left: at[1], height: size[0], width: size[1], jump, rows, columns, whole };
}

/** The unit whose view has its middle nearest to the point (y, x), in pixels from the image's corner. */
export function nearestUnit(field, shape, y, x) {
  if (!field) return [0, 0];
  const [size, jump, start] = field.map(bothSides);
  const count = unitsOf(shape);
  return [y, x].map((p, side) => {
    const nearest = Math.round((p - start[side] - size[side] / 2) / jump[side]);
    return Math.min(count[side] - 1, Math.max(0, nearest));
  });
}

/** For each layer its share of the network's cost, the share of all up to and with it, and that of the largest. */
export function sharesOf(layers, cost) {
  const total = layers.reduce((sum, layer) => sum + layer[cost], 0);
  const most = layers.reduce((best, layer) => Math.max(best, layer[cost]), 0);
  let before = 0;
  return layers.map((layer) => {
    before += layer[cost];
    return { share: total ? layer[cost] / total : 0, upTo: total ? before / total : 0, height: most ? layer[cost] / most : 0 };
  });
}

const STEPS = ["", "k", "M", "G", "T", "P"];

/** A count with four digits and a decimal unit, as in the tables of analyze: 61,706 is "61.71 k". */
export function shortCount(n, unit = "") {
  let [size, step] = [Math.abs(n), 0];
  while (size >= 999.95 && step < STEPS.length - 1) [size, step] = [size / 1000, step + 1];
  const digits = step === 0 ? String(n) : size.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
  return `${digits} ${STEPS[step]}${unit}`.trim();
}

/** A share as a percentage: two digits, "0 %" only for nothing. */
export function percent(share) {
  const value = 100 * share;
  if (value === 0) return "0 %";
  if (value < 0.01) return "< 0.01 %";
  return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} %`;
}

/** Which layers read layer k. */
export function readersOf(layers, k) {
  return layers.flatMap((layer, n) => (layer.from.includes(k) ? [n] : []));
}
