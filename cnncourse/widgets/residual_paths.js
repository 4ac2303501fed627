// ResidualPaths: the ways through a residual net, how long they are, and which are left when blocks are dropped.

import { slider } from "./_fields.js";
import { clamp } from "./_math.js";
import { broken, lengthsLeft, sharesOf, spreadOf, strengthsOf, waysThrough } from "./_paths_math.js";
import { axes, onResize, scales, ticks, tidy } from "./_plot.js";
import { choices, followTheme, h, s, speaker, stepper } from "./_ui.js";

const MOST = 54;
const DRAWN = 5; // with more blocks the ways are counted, no longer drawn
const SHARED = ["blocks", "dropped", "weight", "factor"];
const EDGE = { left: 26, right: 34 };
const TOP = 66;
const MARGIN = { left: 48, right: 12, top: 26, bottom: 40 };

function count(v) {
  return v.toLocaleString("en-US");
}

/** In the table, where room is scarce. */
function short(v) {
  return v < 1e7 ? count(v) : tidy(v);
}

function percent(v, digits = 3) {
  return `${Number((100 * v).toPrecision(digits))} %`;
}

function listed(blocks) {
  if (blocks.length === 1) return `block ${blocks[0]}`;
  return `blocks ${blocks.slice(0, -1).join(", ")} and ${blocks[blocks.length - 1]}`;
}

/** The net itself: a line, a box on it for each block, an arc around each box. */
function chain(state, x, cell) {
  const y = TOP - 28;
  const half = Math.min(22, cell * 0.28);
  const parts = [s("line", { class: "wire", x1: x(0) - 14, x2: x(state.blocks) + 14, y1: y, y2: y })];
  for (let k = 1; k <= state.blocks; k++) {
    const [left, right, middle] = [x(k - 1) + 3, x(k) - 5, (x(k - 1) + x(k)) / 2];
    const off = state.dropped.includes(k);
    parts.push(s("path", { class: "arc", d: `M${left} ${y}C${left + 4} ${y - 38} ${right - 4} ${y - 38} ${right} ${y}` }));
    if (off) parts.push(s("line", { class: "gap", x1: left + 2, x2: right - 2, y1: y, y2: y }));
    parts.push(s("rect", { class: off ? "block off" : "block", x: middle - half, y: y - 12, width: 2 * half, height: 24, rx: 5 }));
    parts.push(s("text", { class: off ? "name off" : "name", x: middle, y: y + 4, text: String(k) }));
    parts.push(s("circle", { class: "sum", cx: x(k) - 1, cy: y, r: 3.5 }));
  }
  return s("g", {}, ...parts);
}

/** One way: a line with a square for each block that it passes; its length behind it. */
function wayRow(way, state, x, y, size, chosen) {
  const off = broken(way, state.dropped);
  const middle = (k) => (x(k - 1) + x(k)) / 2;
  const parts = [s("line", { class: "wire", x1: x(0) - 14, x2: x(state.blocks) + 6, y1: y, y2: y })];
  for (const k of way) {
    const gone = state.dropped.includes(k);
    parts.push(s("rect", { class: gone ? "pass gone" : "pass", x: middle(k) - size, y: y - size, width: 2 * size, height: 2 * size, rx: 2 }));
    if (gone) {
      const [a, b] = [middle(k) - size - 1, middle(k) + size + 1];
      parts.push(s("path", { class: "cross", d: `M${a} ${y - size - 1}L${b} ${y + size + 1}M${a} ${y + size + 1}L${b} ${y - size - 1}` }));
    }
  }
  parts.push(s("text", { class: "length", x: x(state.blocks) + 14, y: y + 4, text: off ? "\u2013" : String(way.length) }));
  return s("g", { class: `way${off ? " broken" : ""}${chosen ? " chosen" : ""}` }, ...parts);
}

function picture(act, signal) {
  const svg = s("svg", { class: "cnnw-plot cnnw-ways", role: "slider", tabindex: 0, "aria-label": "Path", "aria-orientation": "vertical", "aria-valuemin": 1 });
  let step = 16;
  const draw = (state, ways) => {
    const width = Math.max(240, svg.clientWidth || 400);
    const cell = (width - EDGE.left - EDGE.right) / state.blocks;
    const x = (k) => EDGE.left + k * cell;
    step = state.blocks < 5 ? 18 : 14;
    const height = TOP + ways.length * step + 6;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    const row = (way, i) => wayRow(way, state, x, TOP + (i + 0.5) * step, step * 0.3, i === state.way);
    const mark = s("rect", { class: "mark", x: 1, y: TOP + state.way * step, width: width - 2, height: step, rx: 5 });
    svg.replaceChildren(mark, chain(state, x, cell), ...ways.map(row));
    svg.setAttribute("aria-valuemax", ways.length);
    svg.setAttribute("aria-valuenow", state.way + 1);
    svg.setAttribute("aria-valuetext", told(state, ways));
  };
  svg.addEventListener("click", (event) => {
    const y = event.clientY - svg.getBoundingClientRect().top;
    if (y >= TOP) act.choose(Math.floor((y - TOP) / step));
  });
  svg.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    act.choose(act.chosen() + by);
  });
  onResize(svg, () => act.redraw(), signal);
  return { el: svg, draw };
}

/** What a way does, in words. */
function course(way, n) {
  if (way.length === 0) return "takes every short cut";
  if (way.length === n) return n === 1 ? "passes the block" : `passes all ${n} blocks`;
  return `passes ${listed(way)} and takes the short cut around the other${n - way.length > 1 ? "s" : ""}`;
}

function told(state, ways) {
  const way = ways[state.way];
  const gone = way.filter((k) => state.dropped.includes(k));
  const end = gone.length ? `It is broken: ${listed(gone)} ${gone.length > 1 ? "are" : "is"} dropped.` : "It is whole.";
  return `Path ${state.way + 1} of ${ways.length} ${course(way, state.blocks)}. ${end}`;
}

/** How many paths pass 0, 1, ... blocks: all of them as frames, those that are left filled. */
function histogram(act, signal) {
  const svg = s("svg", { class: "cnnw-plot cnnw-lengths", role: "img" });
  const draw = (state, all, left) => {
    const [width, height, n] = [Math.max(240, svg.clientWidth || 340), 230, state.blocks];
    const top = Math.max(...all);
    const scale = scales({ width, height, x: [-0.6, n + 0.6], y: [0, 1.06 * top], margin: MARGIN });
    const bar = (v, k, kind) => s("rect", { class: kind, x: scale.x(k - 0.4), width: scale.x(0.8) - scale.x(0), y: scale.y(v), height: scale.bottom - scale.y(v) });
    const whole = ticks(0, n, Math.min(n, width < 300 ? 6 : 9)).filter(Number.isInteger);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    svg.replaceChildren(
      axes(scale, { xTicks: whole, yTicks: ticks(0, top, 4), xName: "blocks on the path", yName: state.weight === "equal" ? "share of all paths" : "share of the strength of all paths", yText: (v) => percent(v) }),
      ...left.map((v, k) => bar(v, k, "left")), ...all.map((v, k) => bar(v, k, "all")),
    );
    svg.setAttribute("aria-label", `Shares of the lengths that are left: ${left.map((v, k) => `${k} blocks ${percent(v)}`).slice(0, 12).join(", ")}`);
  };
  onResize(svg, () => act.redraw(), signal);
  return { el: svg, draw };
}

function factTable() {
  const names = ["paths", "left of them", "share that is left", "strength that is left", "blocks on a path that is left, mean", "95 % of what is left has"];
  const cells = names.map(() => [h("td"), h("td")]);
  const rows = names.map((name, i) => h("tr", {}, h("th", { scope: "row", text: name }), ...cells[i]));
  const head = h("tr", {}, ...["", "with short cuts", "without"].map((text) => h("th", { scope: "col", text })));
  const draw = (state, all, left) => {
    const lost = state.dropped.length;
    const [paths, kept] = [2 ** state.blocks, lengthsLeft(state.blocks, lost).reduce((sum, v) => sum + v, 0)];
    const { total, mean, low, high } = spreadOf(left);
    const reach = Number.isNaN(low) ? "\u2013" : low === high ? `${low}` : `${low} to ${high}`;
    const plain = lost ? "\u2013" : String(state.blocks);
    const texts = [
      [short(paths), "1"], [short(kept), lost ? "0" : "1"], [percent(kept / paths), lost ? "0 %" : "100 %"], [percent(total), lost ? "0 %" : "100 %"],
      [Number.isNaN(mean) ? "\u2013" : String(Number(mean.toFixed(2))), plain], [reach, plain],
    ];
    texts.forEach((pair, i) => pair.forEach((text, k) => (cells[i][k].textContent = text)));
    rows[3].hidden = state.weight === "equal";
  };
  return { el: h("table", { class: "cnnw-table" }, h("thead", {}, head), h("tbody", {}, ...rows)), draw };
}

/** One button a block; pressed is dropped. */
function dropper(act) {
  const row = h("div", { class: "cnnw-drops" });
  const none = h("button", { type: "button", class: "cnnw-button", text: "drop none" });
  none.addEventListener("click", () => act.set({ dropped: [] }));
  const buttons = [];
  const draw = (state) => {
    while (buttons.length > state.blocks) buttons.pop().remove();
    while (buttons.length < state.blocks) {
      const k = buttons.length + 1;
      const node = h("button", { type: "button", text: String(k), "aria-label": `drop block ${k}` });
      node.addEventListener("click", () => act.drop(k));
      buttons.push(node);
      row.append(node);
    }
    buttons.forEach((node, k) => node.setAttribute("aria-pressed", String(state.dropped.includes(k + 1))));
    none.disabled = state.dropped.length === 0;
  };
  return { el: h("fieldset", { class: "cnnw-field cnnw-set" }, h("legend", { text: "Drop a block (press it again to bring it back)" }), h("div", { class: "cnnw-row" }, row, none)), draw };
}

function build(state, given, act, signal) {
  const kinds = [["equal", "all the same"], ["factor", "a factor for each block"]];
  if (given.measured.length) kinds.push(["measured", "as measured"]);
  return {
    blocks: stepper({ label: "Blocks", symbol: "n", value: state.blocks, min: 1, max: MOST, onChange: (blocks) => act.set({ blocks }) }),
    weight: choices({ label: "How much a path counts", value: state.weight, options: kinds, onChange: (weight) => act.set({ weight }) }),
    factor: slider({ label: "Factor", symbol: "g", min: 0.05, max: 1, step: 0.01, value: state.factor, show: (v) => tidy(v), onChange: (factor) => act.set({ factor }) }),
    drops: dropper(act),
    ways: picture(act, signal),
    lengths: histogram(act, signal),
    facts: factTable(),
    told: h("p", { class: "cnnw-told" }),
    note: h("p", { class: "cnnw-note" }),
    speaker: speaker(),
  };
}

function noteOf(state, given) {
  const frames = "Frames: all paths. Filled: those that are left.";
  const scale = { equal: "", factor: ` A path through k blocks counts g\u1d4f.`, measured: " A path counts as much as was measured for its length." }[state.weight];
  const other = given.measured.length && state.blocks !== given.measured.length - 1 ? ` Measured was a net of ${given.measured.length - 1} blocks.` : "";
  return frames + scale + other;
}

function settled(state, given) {
  state.blocks = clamp(state.blocks, 1, MOST);
  state.dropped = state.dropped.filter((k) => k >= 1 && k <= state.blocks).sort((a, b) => a - b);
  if (state.weight === "measured" && state.blocks !== given.measured.length - 1) state.weight = "equal";
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const given = { measured: model.get("measured") };
  const state = { way: 0, ...Object.fromEntries(SHARED.map((name) => [name, model.get(name)])) };
  let ui = null;
  const show = () => {
    if (ui === null) return;
    const strengths = strengthsOf(state.blocks, state.weight, state.factor, given.measured);
    const [all, left] = [0, state.dropped.length].map((lost) => sharesOf(state.blocks, lost, strengths));
    const drawn = state.blocks <= DRAWN;
    const ways = drawn ? waysThrough(state.blocks) : [];
    state.way = clamp(state.way, 0, Math.max(0, ways.length - 1));
    ui.root.classList.toggle("many", !drawn);
    ui.ways.el.style.display = drawn ? "" : "none";
    if (drawn) ui.ways.draw(state, ways);
    ui.told.textContent = drawn ? told(state, ways) : `${count(2 ** state.blocks)} paths are too many to draw; up to ${DRAWN} blocks they are.`;
    ui.lengths.draw(state, all, left);
    ui.facts.draw(state, all, left);
    ui.drops.draw(state);
    ui.blocks.set(state.blocks);
    ui.weight.set(state.weight);
    ui.factor.set(state.factor);
    ui.factor.el.hidden = state.weight !== "factor";
    ui.note.textContent = noteOf(state, given);
  };
  const act = {
    set(change, share = true) {
      const before = JSON.stringify(SHARED.map((name) => state[name]));
      Object.assign(state, change);
      settled(state, given);
      if (share && before !== JSON.stringify(SHARED.map((name) => state[name]))) {
        for (const name of SHARED) model.set(name, state[name]);
        model.save_changes();
        const kept = 2 ** (state.blocks - state.dropped.length);
        ui.speaker.say(`${count(kept)} of ${count(2 ** state.blocks)} paths are left; without short cuts ${state.dropped.length ? "none" : "the one"}.`);
      }
      show();
    },
    drop(k) {
      act.set({ dropped: state.dropped.includes(k) ? state.dropped.filter((other) => other !== k) : [...state.dropped, k] });
    },
    chosen: () => state.way,
    choose(way) {
      state.way = way;
      show();
      ui.speaker.say(ui.told.textContent);
    },
    redraw: () => show(),
  };
  settled(state, given);
  const made = build(state, given, act, signal);
  const settings = h("div", { class: "cnnw-row settings" }, made.blocks.el, made.weight.el, made.factor.el);
  const counted = h("div", { class: "cnnw-counted" }, made.lengths.el, made.note);
  const root = h("section", { class: "cnnw paths", "aria-label": "Paths through a residual net" },
    settings, made.drops.el, h("div", { class: "cnnw-sides" }, made.ways.el, counted), made.told, made.facts.el, made.speaker.el);
  el.append(root);
  ui = { ...made, root };
  followTheme(root, () => {}, signal);
  show();
  for (const name of SHARED) {
    const listen = () => {
      const value = model.get(name);
      if (JSON.stringify(value) !== JSON.stringify(state[name])) act.set({ [name]: value }, false);
    };
    model.on(`change:${name}`, listen);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listen));
  }
  return () => control.abort();
}

export default { render };
