// A computational graph drawn as cards: name and gate, value above, gradient below, the local derivative on every edge.

import { layout } from "./_graph_layout.js";
import { signOf } from "./_graph_math.js";
import { reading } from "./_graph_words.js";
import { onResize, tidy } from "./_plot.js";
import { h, s } from "./_ui.js";

const TALL = 70;
const EDGE = 8;
const DROP = 42; // between rows, from top to bottom

/** Sizes and a map from (column, height) to pixels: from left to right where there is room, else from top to bottom. */
function frame({ columns, rows }, width) {
  const room = width - 2 * EDGE;
  const card = Math.min(78, Math.max(62, (room - 44 * (columns - 1)) / columns));
  const gap = columns > 1 ? Math.min(104, (room - columns * card) / (columns - 1)) : 0;
  if (columns === 1 || gap >= 40) {
    const pitch = TALL + 18;
    const left = EDGE + (room - columns * card - (columns - 1) * gap) / 2;
    const spot = ([c, y]) => [left + c * (card + gap), EDGE + 2 + y * pitch];
    return { card, width, height: (rows - 1) * pitch + TALL + 2 * EDGE + 4, spot, down: false, tight: gap < 56 };
  }
  const wide = Math.min(78, Math.max(62, room / rows - 8));
  const step = rows > 1 ? Math.min(wide + 26, Math.max(wide + 6, (room - wide) / (rows - 1))) : 0;
  const full = Math.max(width, (rows - 1) * step + wide + 2 * EDGE);
  const left = (full - (rows - 1) * step - wide) / 2;
  const spot = ([c, y]) => [left + y * step, EDGE + c * (TALL + DROP)];
  return { card: wide, width: full, height: (columns - 1) * (TALL + DROP) + TALL + 2 * EDGE, spot, down: true };
}

/** A smooth path through points, leaving and arriving along the main direction; along(t) is a place on its last part. */
function curve(points, down) {
  const bow = ([a, b], [c, e]) => (down ? [[a, b], [a, (b + e) / 2], [c, (b + e) / 2], [c, e]] : [[a, b], [(a + c) / 2, b], [(a + c) / 2, e], [c, e]]);
  const parts = points.slice(1).map((point, k) => bow(points[k], point));
  const d = `M${points[0].join(" ")}${parts.map(([, ...rest]) => `C${rest.flat().join(" ")}`).join("")}`;
  const last = parts.at(-1);
  const along = (t) => [0, 1].map((axis) => [1, 3, 3, 1].reduce((sum, w, k) => sum + w * (1 - t) ** (3 - k) * t ** k * last[k][axis], 0));
  return { d, along };
}

/** Where a pill of this width is put on the edge: in the middle, or beside it where another one lies there already. */
function place(along, wide, taken) {
  const free = ([x, y]) => taken.every((other) => Math.abs(other.x - x) >= (other.wide + wide) / 2 + 1 || Math.abs(other.y - y) >= 19);
  const [x, y] = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74].map(along).find(free) ?? along(0.5);
  taken.push({ x, y, wide });
  return [x, y];
}

/** onJump(node) hears a click on a card, onKey a key. Returns {el, draw(state)}. */
export function graphDrawing({ onJump, onKey, redraw, signal }) {
  const svg = s("svg", {
    class: "cnnw-net", role: "application", tabindex: 0, "aria-label": "Computational graph",
    "aria-description": "Right and left arrow step forward and back; Home and End go to the first and last step.",
  });
  const heard = h("p", { class: "cnnw-unseen" });
  let plan = null;
  let planned = null;

  /** Where argument `slot` enters gate k: the entries stand in the order of the places that they come from. */
  const ports = (box, k, slot, node) => {
    const [x, y] = box.spot(plan.at[k]);
    const origin = node.from.map((from, n) => (plan.bends.get(`${k}.${n}`).at(-1) ?? plan.at[from])[1] + n * 1e-6);
    const place = origin.filter((other) => other < origin[slot]).length;
    const shift = (place - (node.from.length - 1) / 2) * Math.min(20, 44 / Math.max(1, node.from.length - 1));
    return box.down ? [x + box.card / 2 + shift, y - 1] : [x - 1, y + TALL / 2 + shift];
  };
  const edge = (state, box, k, slot, taken) => {
    const { graph, pass, at } = state;
    const node = graph.nodes[k];
    const step = pass.steps[at];
    const [x, y] = box.spot(plan.at[node.from[slot]]);
    const begin = box.down ? [x + box.card / 2, y + TALL] : [x + box.card, y + TALL / 2];
    const bends = plan.bends.get(`${k}.${slot}`).map((point) => {
      const [bx, by] = box.spot(point);
      return box.down ? [bx + box.card / 2, by + TALL / 2] : [bx + box.card / 2, by + TALL / 2];
    });
    const end = ports(box, k, slot, node);
    const { d, along } = curve([begin, ...bends, end], box.down);
    const now = step.kind === "backward" && step.via === k && step.slot === slot;
    const past = pass.steps.slice(0, at).some((one) => one.kind === "backward" && one.via === k && one.slot === slot);
    const feeds = step.kind === "forward" && step.node === k;
    const kind = now ? "now" : past ? "past" : feeds ? "feeds" : "";
    const [ex, ey] = now ? begin : end;
    const tip = box.down
      ? (now ? `M${ex} ${ey + 1}l-5 8h10z` : `M${ex} ${ey}l-4.5 -7h9z`)
      : (now ? `M${ex + 1} ${ey}l8 -5v10z` : `M${ex} ${ey}l-7 -4.5v9z`);
    const parts = [s("path", { class: "wire", d }), s("path", { class: "tip", d: tip })];
    const text = tidy(pass.slopes[k][slot], box.tight ? 2 : 3);
    const wide = Math.max(22, (box.tight ? 6.6 : 7) * text.length + (box.tight ? 5 : 8));
    const [px, py] = place(along, wide, taken);
    if (step.seen[k]) {
      parts.push(s("rect", { class: "pill", x: px - wide / 2, y: py - 9, width: wide, height: 18, rx: 9 }), s("text", { class: "local", x: px, y: py + 4, text }));
    }
    return s("g", { class: `edge ${kind}` }, ...parts);
  };
  const card = (state, box, k) => {
    const { graph, pass, at } = state;
    const node = graph.nodes[k];
    const step = pass.steps[at];
    const [x, y] = box.spot(plan.at[k]);
    const middle = x + box.card / 2;
    const now = step.node === k && step.kind !== "start";
    const kind = [node.kind === "input" ? "input" : "gate", now ? (step.kind === "forward" ? "valued" : "graded") : "", k === graph.output ? "output" : ""].join(" ");
    const sign = node.kind === "input" ? "" : signOf(node, tidy);
    return s("g", { class: `card ${kind}`, "data-node": k, "data-name": node.name },
      s("rect", { class: "paper", x, y, width: box.card, height: TALL, rx: 9 }),
      s("path", { class: "head", d: `M${x} ${y + 22}v-13a9 9 0 0 1 9 -9h${box.card - 18}a9 9 0 0 1 9 9v13z` }),
      s("rect", { class: "body", x, y, width: box.card, height: TALL, rx: 9 }),
      s("text", { class: "name", x: sign ? x + 9 : middle, y: y + 16, "text-anchor": sign ? "start" : "middle", text: node.name }),
      s("text", { class: sign.length === 1 ? "sign large" : "sign", x: x + box.card - 8, y: y + 15.5, text: sign }),
      s("text", { class: "value", x: middle, y: y + 40, text: step.seen[k] ? tidy(pass.values[k]) : "\u00b7" }),
      s("line", { class: "rule", x1: x + 10, x2: x + box.card - 10, y1: y + 46.5, y2: y + 46.5 }),
      s("text", { class: "gradient", x: middle, y: y + 62, text: step.gradients[k] === null ? "" : tidy(step.gradients[k]) }));
  };

  /** state: graph, pass (from walk), at. */
  const draw = (state) => {
    if (planned !== state.graph) {
      plan = layout(state.graph.nodes);
      planned = state.graph;
    }
    const box = frame(plan, Math.max(220, svg.clientWidth || 700));
    svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    svg.style.height = `${(box.height * Math.max(220, svg.clientWidth || 700)) / box.width}px`;
    const taken = [];
    const edges = state.graph.nodes.flatMap((node, k) => node.from.map((_, slot) => edge(state, box, k, slot, taken)));
    edges.sort((a, b) => Number(a.classList.contains("now")) - Number(b.classList.contains("now")));
    svg.replaceChildren(s("g", { "aria-hidden": "true" }, ...edges, ...state.graph.nodes.map((_, k) => card(state, box, k))));
    heard.textContent = reading(state.graph, state.pass, state.at, tidy);
  };
  svg.addEventListener("keydown", onKey);
  svg.addEventListener("click", (event) => {
    const chosen = event.target.closest(".card");
    if (chosen) onJump(Number(chosen.dataset.node));
  });
  onResize(svg, redraw, signal);
  return { el: h("div", { class: "cnnw-netbox" }, svg, heard), draw };
}
