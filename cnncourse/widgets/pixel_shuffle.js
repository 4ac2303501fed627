// PixelShuffle: move a picture's pixels, and with them the weights of units that look at all pixels, or not.

import { conv2d } from "./_math.js";
import { css, grey, inkOn, signed } from "./_color.js";
import { button, followTheme, h, picker, rowsOf, speaker, toggle, uid } from "./_ui.js";
import { makeGrid, outline } from "./_grid.js";
import { answersOf, drawOrder, reorder, ring, roughness, surest } from "./_shuffle_math.js";

const EDGE = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]];
const SHARED = ["picture", "moved", "together", "seed"];

/** Two decimals always, so that columns of numbers stand; true minus sign. */
function decimals(v) {
  return (Math.abs(v) < 0.005 ? 0 : v).toFixed(2).replace("-", "\u2212");
}

function same(a, b) {
  return Math.abs(a - b) < 1e-9;
}

/** Everything that is shown, from the pictures, the weights and the state. */
function derive(state, { images, weights, bias, side }) {
  const from = ring(drawOrder(side * side, state.seed), state.moved);
  const still = images[state.picture];
  const x = reorder(still, from);
  const w = state.together ? weights.map((row) => reorder(row, from)) : weights;
  const edges = (pixels) => conv2d(rowsOf(pixels, side), EDGE).flat();
  const before = { x: still, answers: answersOf(still, weights, bias), edges: edges(still) };
  const now = { x, w, answers: answersOf(x, w, bias), edges: edges(x) };
  return { from, before, now };
}

function slider({ label, value, max, onChange }) {
  const id = uid("slide");
  const out = h("output", { for: id });
  const input = h("input", { id, type: "range", min: 0, max, step: 1, value });
  const set = (v) => {
    input.value = v;
    out.textContent = `${v} of ${max}`;
  };
  input.addEventListener("input", () => onChange(Number(input.value)));
  set(value);
  return { el: h("div", { class: "cnnw-field cnnw-slide" }, h("label", { for: id, text: label }), h("div", { class: "cnnw-row" }, input, out)), set };
}

function barRow(name) {
  const bar = h("span", { class: "cnnw-bar" });
  const value = h("td", { class: "cnnw-value" });
  const verdict = h("td", { class: "cnnw-verdict" });
  const el = h("tr", {}, h("th", { scope: "row", text: name }), h("td", { class: "cnnw-track", "aria-hidden": true }, bar), value, verdict);
  const show = (v, top, first, kept) => {
    const share = (50 * v) / top;
    bar.style.left = `${50 + Math.min(0, share)}%`;
    bar.style.width = `${Math.abs(share)}%`;
    value.textContent = decimals(v);
    verdict.textContent = [first ? "answer" : "", kept ? "same" : ""].filter(Boolean).join(", ");
    el.classList.toggle("first", first);
  };
  return { el, show };
}

function factRow(name) {
  const cells = ["before", "now", "verdict"].map((kind) => h("td", { class: `cnnw-${kind}` }));
  const el = h("tr", {}, h("th", { scope: "row", text: name }), ...cells);
  const show = (before, now) => {
    cells[0].textContent = decimals(before);
    cells[1].textContent = decimals(now);
    cells[2].textContent = same(before, now) ? "same" : "changed";
    el.classList.toggle("changed", !same(before, now));
  };
  return { el, show };
}

function table(kind, heads, rows) {
  const head = h("tr", {}, ...heads.map((text) => h("th", { scope: "col", text })));
  return h("table", { class: `cnnw-table ${kind}` }, h("thead", {}, head), h("tbody", {}, ...rows.map((row) => row.el)));
}

function build(model, state, act, signal) {
  const names = model.get("names");
  const side = model.get("side");
  const step = (rows, columns) => act.point(state.r + rows, state.c + columns);
  const grid = (role, title, help) => makeGrid({ role, title, help, signal, onPoint: act.point, onStep: step });
  const ui = {
    picture: picker({ label: "Picture", value: String(state.picture), options: names.map((name, k) => [String(k), name]), onChange: (v) => act.set({ picture: Number(v) }) }),
    moved: slider({ label: "Pixels moved", value: state.moved, max: side * side, onChange: (moved) => act.set({ moved }) }),
    together: toggle({ label: "move the weights in the same way", value: state.together, onChange: (together) => act.set({ together }) }),
    again: button("Another order", { title: "draw another order of the pixels", onClick: () => act.set({ seed: (state.seed + 1) >>> 0 }) }),
    input: grid("input", "Picture", "Arrow keys choose a pixel."),
    weights: grid("filter", "Weights", "Arrow keys choose a pixel; its weight is framed."),
    edges: makeGrid({ role: "output", title: "Edge filter", help: "What a 3 by 3 filter answers. Arrow keys choose a pixel of the picture.", signal, onPoint: (r, c) => act.point(r + 1, c + 1), onStep: step }),
    told: h("p", { class: "cnnw-told" }),
    bars: names.map(barRow),
    facts: ["sum of all pixels", "score of the picture's own unit", "mean step between neighbours", "strongest answer of the edge filter"].map(factRow),
    speaker: speaker(),
  };
  return ui;
}

function arrange(ui) {
  const settings = h("div", { class: "cnnw-settings" }, ui.picture.el, ui.moved.el, ui.together.el, ui.again);
  const maps = h("div", { class: "cnnw-three" }, ui.input.el, ui.weights.el, ui.edges.el);
  const bars = h("figure", {}, h("h4", { text: "What the units answer" }), table("bars", ["unit", "", "score", ""], ui.bars));
  const facts = h("figure", {}, h("h4", { text: "What changed" }), table("facts", ["", "before", "now", ""], ui.facts));
  return [settings, maps, ui.told, h("div", { class: "cnnw-two" }, bars, facts), ui.speaker.el];
}

function paint(grid, values, side, colour) {
  grid.layout(side, side);
  grid.paint((r, c) => {
    const rgb = colour(values[r * side + c]);
    return { fill: css(rgb), ink: inkOn(rgb), text: "" };
  });
}

function largest(values) {
  return Math.max(1e-9, ...values.map(Math.abs));
}

function told(state, d, side) {
  const at = state.r * side + state.c;
  const from = d.from[at];
  const origin = from === at ? "has stayed" : `came from row ${Math.floor(from / side)}, column ${from % side}`;
  const product = d.now.x[at] * d.now.w[state.picture][at];
  return `Row ${state.r}, column ${state.c}: this pixel ${origin}. ${decimals(d.now.x[at])} times weight ${decimals(d.now.w[state.picture][at])} is ${decimals(product)}.`;
}

function draw(state, d, ui, side) {
  const unit = d.now.w[state.picture];
  paint(ui.input, d.now.x, side, (v) => grey(1 - v, 0, 1));
  const top = largest(unit);
  paint(ui.weights, unit, side, (v) => signed(v, top, state.look));
  const strongest = Math.max(largest(d.now.edges), largest(d.before.edges));
  paint(ui.edges, d.now.edges, side - 2, (v) => signed(v, strongest, state.look));
  const size = `${side} \u00d7 ${side}`;
  for (const grid of [ui.input, ui.weights]) {
    grid.detail.textContent = size;
    grid.marks.replaceChildren(outline(state.r, state.c, 1, 1, "frame"));
  }
  ui.edges.detail.textContent = `${side - 2} \u00d7 ${side - 2}`;
  const { answers } = d.now;
  const reach = Math.max(largest(answers), largest(d.before.answers));
  const best = surest(answers);
  ui.bars.forEach((bar, k) => bar.show(answers[k], reach, k === best, same(answers[k], d.before.answers[k])));
  const sum = (values) => values.reduce((total, v) => total + v, 0);
  ui.facts[0].show(sum(d.before.x), sum(d.now.x));
  ui.facts[1].show(d.before.answers[state.picture], answers[state.picture]);
  ui.facts[2].show(roughness(d.before.x, side), roughness(d.now.x, side));
  ui.facts[3].show(largest(d.before.edges), largest(d.now.edges));
  ui.told.textContent = told(state, d, side);
  ui.picture.set(String(state.picture));
  ui.moved.set(state.moved);
  ui.together.input.checked = state.together;
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const [images, weights, bias, names, side] = ["images", "weights", "bias", "names", "side"].map((name) => model.get(name));
  const given = { images, weights, bias, side };
  const middle = Math.floor(side / 2);
  const state = { r: middle, c: middle, look: "light", ...Object.fromEntries(SHARED.map((name) => [name, model.get(name)])) };
  let ui = null;
  const act = {
    set(change, share = true) {
      Object.assign(state, change);
      if (share) {
        for (const name of SHARED) if (name in change) model.set(name, state[name]);
        model.save_changes();
      }
      if (ui === null) return;
      const d = derive(state, given);
      draw(state, d, ui, side);
      const kept = d.now.answers.every((v, k) => same(v, d.before.answers[k]));
      if (share) ui.speaker.say(`The units answer ${names[surest(d.now.answers)]}; their scores are ${kept ? "the same" : "changed"}.`);
    },
    point(r, c) {
      state.r = Math.min(side - 1, Math.max(0, r));
      state.c = Math.min(side - 1, Math.max(0, c));
      act.set({}, false);
      ui.speaker.say(ui.told.textContent);
    },
  };
  ui = build(model, state, act, signal);
  const root = h("section", { class: "cnnw shuffle", "aria-label": "Shuffled pixels" }, ...arrange(ui));
  el.append(root);
  followTheme(root, (look) => act.set({ look }, false), signal);
  act.set({}, false);
  for (const name of SHARED) {
    const listen = () => {
      const value = model.get(name);
      if (value !== state[name]) act.set({ [name]: value }, false);
    };
    model.on(`change:${name}`, listen);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listen));
  }
  return () => control.abort();
}

export default { render };
