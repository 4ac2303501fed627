// The arithmetic of the widgets: pure functions on plain arrays, no DOM. Checked against torch in tests/widgets.

/** v, but at least low and at most high. */
export function clamp(v, low, high) {
  return Math.min(high, Math.max(low, v));
}

/** Pixels that a kernel of side k spans when its taps are d apart. */
export function span(k, d = 1) {
  return d * (k - 1) + 1;
}

/** Positions of the window along one side: floor((n + 2p - d(k - 1) - 1) / s) + 1, or 0 when it does not fit. */
export function outputSize(n, k, s = 1, p = 0, d = 1) {
  const room = n + 2 * p - span(k, d);
  return room < 0 ? 0 : Math.floor(room / s) + 1;
}

/** Pixels at the far end, padding included, that no window covers. */
export function leftover(n, k, s = 1, p = 0, d = 1) {
  const room = n + 2 * p - span(k, d);
  return room < 0 ? 0 : room % s;
}

/** The kernel turned by 180 degrees: what separates convolution from cross-correlation. */
export function rotate180(w) {
  return w.map((row) => [...row].reverse()).reverse();
}

/** Value of x at (row, column), zero outside. */
export function at(x, row, column) {
  return row >= 0 && column >= 0 && row < x.length && column < x[0].length ? x[row][column] : 0;
}

/** The K x K pixels under output (i, j), and whether each lies in the padding. */
export function windowAt(x, shape, i, j, { stride = 1, padding = 0, dilation = 1 } = {}) {
  const taps = [];
  for (let a = 0; a < shape[0]; a++) {
    for (let b = 0; b < shape[1]; b++) {
      const row = i * stride - padding + a * dilation;
      const column = j * stride - padding + b * dilation;
      const inside = row >= 0 && column >= 0 && row < x.length && column < x[0].length;
      taps.push({ a, b, row, column, inside, value: at(x, row, column) });
    }
  }
  return taps;
}

/** y[i][j] = sum over a, b of w[a][b] x[i S + a D - P][j S + b D - P]; with flip, w turned by 180 degrees first. */
export function conv2d(x, w, { stride = 1, padding = 0, dilation = 1, flip = false } = {}) {
  const kernel = flip ? rotate180(w) : w;
  const shape = [kernel.length, kernel[0].length];
  const height = outputSize(x.length, shape[0], stride, padding, dilation);
  const width = outputSize(x[0].length, shape[1], stride, padding, dilation);
  const y = [];
  for (let i = 0; i < height; i++) {
    const line = [];
    for (let j = 0; j < width; j++) {
      let sum = 0;
      for (const tap of windowAt(x, shape, i, j, { stride, padding, dilation })) {
        sum += kernel[tap.a][tap.b] * tap.value;
      }
      line.push(sum);
    }
    y.push(line);
  }
  return y;
}

/** How y is to be read: an image (weights sum to s > 0: black 0, white 255 s), or signed around zero. */
export function scaleOf(w, y) {
  const total = w.flat().reduce((sum, v) => sum + v, 0);
  if (total > 1e-6) return { kind: "grey", low: 0, high: 255 * total };
  const top = y.flat().reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return { kind: "signed", low: -(top || 1), high: top || 1 };
}

/**
 * Walk a stack of layers {kernel, stride, padding, dilation} over n units. For the input and each layer: size (0: does not
 * fit, and so for all after it), field (units of the input that one unit sees), jump (input units between neighbours)
 * and start (index of the first input unit that unit 0 sees; negative in the padding).
 */
export function walkLayers(n, layers) {
  const rows = [{ size: n, field: 1, jump: 1, start: 0 }];
  for (const { kernel, stride = 1, padding = 0, dilation = 1 } of layers) {
    const last = rows[rows.length - 1];
    rows.push({
      size: last.size ? outputSize(last.size, kernel, stride, padding, dilation) : 0,
      field: last.field + dilation * (kernel - 1) * last.jump,
      jump: last.jump * stride,
      start: last.start - padding * last.jump,
    });
  }
  return rows;
}

/**
 * Which units unit `unit` of layer `level` (1-based) uses, level by level down to the input: for each level a sorted
 * array of indices, those in the padding of that level included (negative or beyond the size).
 */
export function tracePath(sizes, layers, level, unit) {
  const paths = [];
  paths[level] = [unit];
  for (let below = level - 1; below >= 0; below--) {
    const { kernel, stride = 1, padding = 0, dilation = 1 } = layers[below];
    const used = new Set();
    for (const above of paths[below + 1]) {
      if (above < 0 || above >= sizes[below + 1]) continue; // a padding zero sees nothing
      for (let k = 0; k < kernel; k++) used.add(above * stride - padding + k * dilation);
    }
    paths[below] = [...used].sort((a, b) => a - b);
  }
  return paths;
}

/** "1/9" or "-0.5" or "2" as a number; NaN when it is none. */
export function parseWeight(text) {
  const clean = String(text).trim().replace(/\u2212/g, "-").replace(",", ".");
  const match = /^([+-]?\d*\.?\d+)(?:\s*\/\s*(\d*\.?\d+))?$/.exec(clean);
  if (!match) return NaN;
  const value = Number(match[1]) / (match[2] === undefined ? 1 : Number(match[2]));
  return Number.isFinite(value) ? value : NaN;
}

/** A number for a small cell: whole, or with as few digits as tell it apart; true minus sign. */
export function format(value, digits = 1) {
  const rounded = Number(value.toFixed(Math.abs(value) >= 100 ? 0 : digits));
  return String(rounded === 0 ? 0 : rounded).replace("-", "\u2212");
}

/** A weight as a small fraction where it is one (1/9, 1/16 ...), else as a short decimal. */
export function formatWeight(value) {
  if (Number.isInteger(value)) return format(value, 0);
  for (const below of [2, 3, 4, 5, 8, 9, 16, 25]) {
    const above = value * below;
    if (Math.abs(above - Math.round(above)) < 1e-9 && Math.abs(above) < 100) {
      return `${Math.round(above)}/${below}`.replace("-", "\u2212");
    }
  }
  return format(value, Math.abs(value) < 1 ? 3 : 2).replace(/^(\u2212?)0\./, "$1.");
}
