// The units of a stack of layers, drawn over the input units that they see.

import { arrow, s } from "./_ui.js";
import { tracePath } from "./_math.js";

const TOP = 46;
const PITCH = 58;
const TALL = 14;
const MARGIN = 10;
const MOST_LINES = 900;

/** Centre of unit k of a level, in input units. */
function centre(row, k) {
  return row.start + (row.field - 1) / 2 + row.jump * k;
}

/** Room for the titles, left of the units: in one line on a wide page, in two or three on a narrow one. */
function gutter(width) {
  return wide(width) ? 168 : 78;
}

function wide(width) {
  return width >= 560;
}

/** "2  pool 2, S 2 \u2192 14" in lines: the layer, its settings, what it makes. */
function titleLines(text) {
  const [layer, ...settings] = text.replace(/ \u2192.*/, "").split(", ");
  const made = text.match(/\u2192.*/);
  return [layer, settings.join(" "), made ? made[0] : ""].filter(Boolean);
}

function scaleFor(rows, layers, width) {
  let [low, high] = [-0.5, rows[0].size - 0.5];
  rows.forEach((row, level) => {
    const pad = layers[level] && rows[level + 1]?.size ? layers[level].padding ?? 0 : 0;
    low = Math.min(low, centre(row, -pad) - row.jump / 2);
    high = Math.max(high, centre(row, row.size - 1 + pad) + row.jump / 2);
  });
  const room = width - gutter(width) - 2 * MARGIN;
  const unit = Math.min(44, room / (high - low));
  const shift = gutter(width) + MARGIN + (room - unit * (high - low)) / 2;
  return { unit, x: (position) => shift + (position - low) * unit };
}

/** onFocus(level, unit). Returns {el, draw(state)}; state: rows, layers, titles, focus {level, unit}. */
export function layerDrawing({ label, help, onFocus, signal }) {
  const svg = s("svg", { class: "cnnw-layers", role: "application", tabindex: 0, "aria-label": label, "aria-description": help });
  let last = null;

  const pill = (level, k, kind) => {
    const { rows, scale } = last;
    const wide = Math.max(1, Math.min(18, rows[level].jump * scale.unit * 0.74));
    const x = scale.x(centre(rows[level], k)) - wide / 2;
    return s("rect", { x, y: TOP + PITCH * level, width: wide, height: TALL, rx: Math.min(4, wide / 3), class: kind });
  };
  const line = (level, from, to, kind) => {
    const { rows, scale } = last;
    const [x1, x2] = [scale.x(centre(rows[level], from)), scale.x(centre(rows[level + 1], to))];
    return s("line", { x1, y1: TOP + PITCH * level + TALL, x2, y2: TOP + PITCH * (level + 1), class: kind });
  };

  const backLines = () => {
    const { rows, layers } = last;
    const count = layers.reduce((sum, layer, k) => sum + (rows[k + 1]?.size ?? 0) * layer.kernel, 0);
    if (count > MOST_LINES) return [];
    return layers.flatMap((layer, level) => {
      const ends = [];
      for (let k = 0; k < (rows[level + 1]?.size ?? 0); k++) {
        for (let tap = 0; tap < layer.kernel; tap++) {
          ends.push(line(level, k * layer.stride - layer.padding + tap * layer.dilation, k, "faint"));
        }
      }
      return ends;
    });
  };

  const lit = () => {
    const { rows, layers, focus } = last;
    const sizes = rows.map((row) => row.size);
    const paths = tracePath(sizes, layers, focus.level, focus.unit);
    const parts = [];
    for (let level = focus.level - 1; level >= 0; level--) {
      const layer = layers[level];
      for (const k of paths[level + 1]) {
        if (k < 0 || k >= sizes[level + 1]) continue;
        for (let tap = 0; tap < layer.kernel; tap++) {
          parts.push(line(level, k * layer.stride - layer.padding + tap * layer.dilation, k, "path"));
        }
      }
    }
    paths.forEach((units, level) => {
      const kind = level === focus.level ? "chosen" : level === 0 ? "seen" : "between";
      for (const k of units) parts.push(pill(level, k, k < 0 || k >= sizes[level] ? `${kind} ghost` : kind));
    });
    return [...parts, ...bracket()];
  };

  const bracket = () => {
    const { rows, scale, focus, width } = last;
    const row = rows[focus.level];
    const first = row.start + row.jump * focus.unit;
    const [a, b] = [scale.x(first - 0.45), scale.x(first + row.field - 0.55)];
    const y = TOP - 8;
    const text = `sees ${row.field} input unit${row.field > 1 ? "s" : ""}`;
    const middle = Math.min(width - 62, Math.max(gutter(width) + 30, (a + b) / 2));
    return [s("path", { d: `M${a} ${y + 5}V${y}H${b}V${y + 5}`, class: "bracket" }), s("text", { x: middle, y: y - 7, class: "sees", text })];
  };

  const labels = () => {
    const middle = (level) => TOP + PITCH * level + TALL / 2 + 4.5;
    if (wide(last.width)) return last.titles.map((text, level) => s("text", { x: MARGIN, y: middle(level), class: "title", text }));
    return last.titles.flatMap((title, level) => {
      const lines = titleLines(title);
      return lines.map((text, k) => s("text", { x: 0, y: middle(level) + 14 * (k - (lines.length - 1) / 2), class: "title small", text }));
    });
  };

  const units = () => {
    const { rows, layers } = last;
    return rows.flatMap((row, level) => {
      const pad = rows[level + 1]?.size ? layers[level]?.padding ?? 0 : 0;
      const all = [];
      for (let k = -pad; k < row.size + pad; k++) all.push(pill(level, k, k < 0 || k >= row.size ? "ghost" : level === 0 ? "first" : ""));
      return all;
    });
  };

  const draw = (state) => {
    const width = Math.max(200, svg.clientWidth || svg.getBoundingClientRect().width || 600);
    const rows = state.rows.filter((row) => row.size > 0);
    last = { ...state, rows, width, scale: scaleFor(rows, state.layers, width) };
    const height = TOP + PITCH * (rows.length - 1) + TALL + 22;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    svg.replaceChildren(s("g", { class: "lines" }, ...backLines()), s("g", { class: "units" }, ...units()), s("g", { class: "lit" }, ...lit()), ...labels());
  };

  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const level = Math.min(last.rows.length - 1, Math.max(0, Math.round((event.clientY - box.top - TOP - TALL / 2) / PITCH)));
    const row = last.rows[level];
    const position = (event.clientX - box.left - last.scale.x(0)) / last.scale.unit;
    const k = Math.round((position - centre(row, 0)) / row.jump);
    onFocus(level, Math.min(row.size - 1, Math.max(0, k)));
  };
  svg.addEventListener("pointermove", (event) => last && nearest(event));
  svg.addEventListener("pointerdown", (event) => last && nearest(event));
  svg.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (!step || !last) return;
    event.preventDefault();
    const { rows, focus } = last;
    const level = Math.min(rows.length - 1, Math.max(0, focus.level + step[0]));
    const here = centre(rows[focus.level], focus.unit);
    const under = level === focus.level ? focus.unit : Math.round((here - centre(rows[level], 0)) / rows[level].jump);
    onFocus(level, Math.min(rows[level].size - 1, Math.max(0, under + step[1])));
  });
  const resize = new ResizeObserver(() => last && Math.abs(svg.clientWidth - last.width) > 1 && draw(last));
  resize.observe(svg);
  signal.addEventListener("abort", () => resize.disconnect());
  return { el: svg, draw };
}
