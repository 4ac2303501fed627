// The map of a loss surface: bands and lines of equal loss, the paths that descent takes, a start that can be dragged.

import { contour, fieldOf, heights } from "./_contours.js";
import { axes, clipped, onResize, pathOf, scales, ticks, tidy } from "./_plot.js";
import { SURFACES } from "./_descent.js";
import { arrow, fingerDrags, h, s } from "./_ui.js";

const LINES = 15;
const GRID = 150;
const ROOM = { left: 40, right: 10, top: 26, bottom: 40 };
const PAPERS = { light: [[171, 206, 230], [246, 248, 250]], dark: [[44, 92, 124], [29, 36, 44]] };

function bandPaint(canvas, levels, f, view, look) {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const field = fieldOf(f, { x: view.x, y: [view.y[1], view.y[0]] }, width, height);
  const [low, high] = PAPERS[look];
  field.forEach((row, j) => row.forEach((v, i) => {
    const band = levels.findIndex((level) => v < level);
    const t = (band < 0 ? levels.length : band) / levels.length;
    const at = 4 * (j * width + i);
    for (let c = 0; c < 3; c++) image.data[at + c] = low[c] + (high[c] - low[c]) * t;
    image.data[at + 3] = 255;
  }));
  context.putImageData(image, 0, 0);
}

/** onStart(x, y) hears where the start is put. Returns {el, draw(state)}. */
export function lossMap({ onStart, redraw, signal }) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const svg = s("svg", {
    class: "cnnw-plot cnnw-map-lines", role: "application", tabindex: 0, "aria-label": "Loss surface with the start point",
    "aria-description": "Arrow keys move the start; with shift they move it in small steps. Click or drag does the same.",
  });
  const scene = s("g");
  const name = s("text", { class: "middle", text: "start" });
  const handle = s("g", { class: "start" }, s("circle", { r: 15, class: "grip" }), s("circle", { r: 7 }), name); // stays while a finger holds it
  fingerDrags(handle);
  svg.append(scene, handle);
  const el = h("div", { class: "cnnw-lossmap" }, canvas, svg);
  let scale = null;
  let start = [0, 0];
  let painted = "";
  let ground = [];
  let view = null;

  const paint = (state, width, height) => {
    const surface = SURFACES[state.surface];
    const key = [state.surface, state.condition, width, height, state.look].join();
    if (key === painted) return;
    painted = key;
    const f = (x, y) => surface.value(x, y, state.condition);
    const rows = Math.round((GRID * height) / width);
    const field = fieldOf(f, view, GRID, rows);
    const all = field.flat();
    const levels = heights(Math.min(...all), Math.max(...all), LINES);
    Object.assign(canvas, { width: Math.round(scale.right - scale.left), height: Math.round(scale.bottom - scale.top) });
    Object.assign(canvas.style, { left: `${scale.left}px`, top: `${scale.top}px`, width: `${canvas.width}px`, height: `${canvas.height}px` });
    bandPaint(canvas, levels, f, view, state.look);
    const x = (i) => scale.left + (i / (GRID - 1)) * (scale.right - scale.left);
    const y = (j) => scale.bottom - (j / (rows - 1)) * (scale.bottom - scale.top);
    ground = levels.map((level) => {
      const d = contour(field, level).map(([[a, b], [c, e]]) => `M${x(a).toFixed(1)} ${y(b).toFixed(1)}L${x(c).toFixed(1)} ${y(e).toFixed(1)}`).join("");
      return s("path", { class: "level", d });
    });
  };

  const trail = ({ path, slot }) => {
    const points = path.map(({ x, y }) => [Math.max(-1e4, Math.min(1e4, scale.x(x))), Math.max(-1e4, Math.min(1e4, scale.y(y)))]);
    const line = pathOf(points);
    const [ex, ey] = points.at(-1);
    return s("g", { class: `trail slot-${slot}` }, s("path", { class: "halo", d: line }), s("path", { class: "curve", d: line }),
      ...points.slice(1, -1).map(([cx, cy]) => s("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: 2.3, class: "step" })),
      s("circle", { cx: ex, cy: ey, r: 5.5, class: "last" }));
  };

  const marks = ({ minima, saddles }) => [
    ...minima.map(([x, y]) => s("path", { class: "mark", d: `M${scale.x(x) - 5} ${scale.y(y)}h10m-5 -5v10` })),
    ...saddles.map(([x, y]) => s("path", { class: "mark", d: `M${scale.x(x)} ${scale.y(y) - 5}l5 5l-5 5l-5 -5z` })),
  ];

  /** state: surface, condition, look, start, runs: [{path, slot}]. */
  const draw = (state) => {
    view = SURFACES[state.surface].view;
    start = state.start;
    const width = Math.max(220, svg.clientWidth || 700);
    const inner = width - ROOM.left - ROOM.right;
    const tall = Math.min(420, (inner * (view.y[1] - view.y[0])) / (view.x[1] - view.x[0]));
    const height = Math.round(tall + ROOM.top + ROOM.bottom);
    const wide = (tall * (view.x[1] - view.x[0])) / (view.y[1] - view.y[0]);
    const spare = Math.max(0, (inner - wide) / 2);
    scale = scales({ width, height, ...view, margin: { ...ROOM, left: ROOM.left + spare, right: ROOM.right + spare } });
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    paint(state, width, height);
    const [sx, sy] = [scale.x(start[0]), scale.y(start[1])];
    handle.setAttribute("transform", `translate(${sx.toFixed(2)} ${sy.toFixed(2)})`);
    name.setAttribute("y", sy > scale.bottom - 30 ? -14 : 22);
    scene.replaceChildren(
      s("g", { class: "ground" }, ...ground),
      axes(scale, { xTicks: ticks(...view.x, 6), yTicks: ticks(...view.y, 5), xName: "weight x", yName: "weight y" }),
      clipped(scale, [...marks(SURFACES[state.surface]), ...state.runs.map(trail)], 0),
    );
  };

  const inside = (x, y) => {
    const hold = (v, [low, high]) => Number(Math.min(high, Math.max(low, v)).toFixed(3));
    onStart([hold(x, view.x), hold(y, view.y)]);
  };
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    inside(scale.toX(event.clientX - box.left), scale.toY(event.clientY - box.top));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    point(event);
  });
  svg.addEventListener("pointermove", (event) => event.buttons && point(event));
  svg.addEventListener("keydown", (event) => {
    const turn = arrow(event);
    if (!turn) return;
    event.preventDefault();
    const unit = ((view.x[1] - view.x[0]) / 40) * (event.shiftKey ? 0.1 : 1);
    inside(start[0] + turn[1] * unit, start[1] - turn[0] * unit);
  });
  onResize(svg, redraw, signal);
  return { el, draw, say: () => `start at (${start.map((v) => tidy(v)).join(", ")})` };
}
