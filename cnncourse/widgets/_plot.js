// Small line plots in SVG: axes, ticks, curves; and numbers as people write them.

import { s } from "./_ui.js";

const RAISED = { "-": "\u207b", 0: "\u2070", 1: "\u00b9", 2: "\u00b2", 3: "\u00b3", 4: "\u2074", 5: "\u2075", 6: "\u2076", 7: "\u2077", 8: "\u2078", 9: "\u2079" };

/** 10 to a whole power. */
export function powerOfTen(exponent) {
  return `10${[...String(exponent)].map((c) => RAISED[c]).join("")}`;
}

/** v with `digits` significant digits; very large and very small ones with a power of ten; a true minus sign. */
export function tidy(v, digits = 3) {
  if (Number.isNaN(v)) return "undefined";
  if (!Number.isFinite(v)) return v < 0 ? "\u2212\u221e" : "\u221e";
  if (v === 0) return "0";
  const size = Math.abs(v);
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, exponent] = v.toExponential(Math.max(0, digits - 1)).split("e");
    return `${Number(mantissa)}\u00b7${powerOfTen(Number(exponent))}`.replace(/^-/, "\u2212");
  }
  return String(size >= 1000 ? Math.round(v) : Number(v.toPrecision(digits))).replace("-", "\u2212");
}

/** Scales of a plot: data to pixels and back. log: the vertical axis holds powers of ten. */
export function scales({ width, height, x, y, margin, log = false }) {
  const [left, right, top, bottom] = [margin.left, width - margin.right, margin.top, height - margin.bottom];
  const level = (v) => (log ? Math.log10(v) : v);
  const [low, high] = y.map(level);
  return {
    left, right, top, bottom, x: (v) => left + ((v - x[0]) / (x[1] - x[0])) * (right - left),
    y: (v) => bottom - ((level(v) - low) / (high - low)) * (bottom - top),
    toX: (pixel) => x[0] + ((pixel - left) / (right - left)) * (x[1] - x[0]),
    toY: (pixel) => y[0] + ((bottom - pixel) / (bottom - top)) * (y[1] - y[0]),
  };
}

/** Round numbers between low and high, about `wanted` of them. */
export function ticks(low, high, wanted = 5) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= rough - 1e-12);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

/** Whole powers of ten between low and high, at most `most` of them. */
export function decades(low, high, most = 6) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const skip = Math.max(1, Math.ceil((last - first + 1) / most));
  const all = [];
  for (let k = first; k <= last; k++) if (k % skip === 0) all.push(10 ** k);
  return all;
}

/** Grid, axes and numbers of a plot. xTicks, yTicks: values; names: what the axes say. */
export function axes(scale, { xTicks, yTicks, xName, yName = "", yText = (v) => tidy(v), xText = (v) => tidy(v) }) {
  const { left, right, top, bottom } = scale;
  const grid = [
    ...yTicks.map((v) => s("line", { x1: left, x2: right, y1: scale.y(v), y2: scale.y(v), class: v === 0 ? "zero" : "grid" })),
    ...xTicks.map((v) => s("line", { x1: scale.x(v), x2: scale.x(v), y1: top, y2: bottom, class: v === 0 ? "zero" : "grid" })),
  ];
  const numbers = [
    ...yTicks.map((v) => s("text", { x: left - 6, y: scale.y(v) + 4, class: "tick end", text: yText(v) })),
    ...xTicks.map((v) => s("text", { x: scale.x(v), y: bottom + 16, class: "tick middle", text: xText(v) })),
  ];
  const titles = [s("text", { x: (left + right) / 2, y: bottom + 32, class: "axis middle", text: xName })];
  if (yName) titles.push(s("text", { x: left, y: top - 9, class: "axis", text: yName }));
  return s("g", { class: "cnnw-axes" }, ...grid, ...numbers, ...titles);
}

/** What is drawn inside the axes only, `spare` pixels beyond them allowed. */
export function clipped(scale, children, spare = 3) {
  const [x, y] = [scale.left - spare, scale.top - spare];
  const [width, height] = [scale.right - scale.left + 2 * spare, scale.bottom - scale.top + 2 * spare];
  return s("svg", { x, y, width, height, viewBox: `${x} ${y} ${width} ${height}` }, ...children);
}

/** The path through [x, y] pixel pairs; a gap where one is not finite. */
export function pathOf(points) {
  let pen = "M";
  return points.map(([x, y]) => {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = "M";
      return "";
    }
    const part = `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
    return part;
  }).join("");
}

/** Draw again whenever the width of the node changes. */
export function onResize(node, draw, signal) {
  let width = 0;
  const watch = new ResizeObserver(() => {
    if (Math.abs(node.clientWidth - width) < 1) return;
    width = node.clientWidth;
    draw();
  });
  watch.observe(node);
  signal.addEventListener("abort", () => watch.disconnect());
}
