// PoolExplorer: a camera that moves by pixels, a feature map, its pooled map, and what has changed in both.

import { clamp, conv2d, format } from "./_math.js";
import { after, alongGap, compare, poolWindow, pool2d, sameValue, view, winner } from "./_pool_math.js";
import { css, grey, inkOn, signed } from "./_color.js";
import { button, bytes, choices, followTheme, h, picker, rowsOf, speaker, stepper } from "./_ui.js";
import { makeGrid, outline } from "./_grid.js";

const SHARED = ["kernel", "after", "kind", "window", "stride", "shift"];
const REACH = 8;

function initial(model) {
  const [height, width] = model.get("photo_shape");
  const state = { photo: rowsOf(bytes(model.get("photo")), width), height, width, size: model.get("size"), corner: model.get("corner") };
  for (const name of SHARED) state[name] = model.get(name);
  return Object.assign(state, { cells: "same", i: 0, j: 0, grab: null, look: "light" });
}

/** How far the camera may move along one side, without leaving the photograph. */
function bounds(state, side) {
  const room = [state.height, state.width][side] - state.size - state.corner[side];
  return [Math.max(-REACH, -state.corner[side]), Math.min(REACH, room)];
}

/** Everything that follows from the state; `still` is without shift, `moved` with it. */
function derive(state, kernels) {
  const at = (shift) => {
    const x = view(state.photo, state.corner, state.size, shift);
    const map = after(conv2d(x, kernels[state.kernel]), state.after);
    return { x, map, pooled: pool2d(map, state.kind, state.window, state.stride) };
  };
  const [still, moved] = [at([0, 0]), at(state.shift)];
  const fits = moved.pooled.length > 0;
  return { still, moved, fits, map: compare(still.map, moved.map), pooled: fits ? compare(still.pooled, moved.pooled) : null };
}

function told({ changed, total, size }) {
  return `${changed} of ${total} values changed (${Math.round((100 * changed) / total)} %), by ${format(size, 2)} of their length`;
}

function alongText(name, gap, stride) {
  if (gap === null) return stride === 0 ? "" : `${name}: the shift is no multiple of ${stride}, so no value has just moved along`;
  return `${name}: compared with the place moved along, the largest difference is ${format(gap, 2)}`;
}

function build(model, state, act, signal) {
  const step = (name, label, symbol) => stepper({ label, symbol, min: 1, max: 6, value: state[name], onChange: (v) => act.set({ [name]: v }) });
  const shift = (side, label) => stepper({ label, min: bounds(state, side)[0], max: bounds(state, side)[1], value: state.shift[side], onChange: (v) => act.move(side, v) });
  const names = Object.keys(model.get("kernels"));
  const ui = {
    kernel: picker({ label: "Filter", options: names.map((n) => [n, n]), value: state.kernel, onChange: (kernel) => act.set({ kernel }) }),
    after: picker({ label: "After it", options: [["none", "nothing"], ["abs", "absolute value"], ["relu", "ReLU"]], value: state.after, onChange: (v) => act.set({ after: v }) }),
    kind: choices({
      label: "Pooling", value: state.kind, onChange: (kind) => act.set({ kind }),
      options: [["max", "max", "the largest value"], ["average", "average", "the mean"], ["blurred", "max, blurred", "maximum at every place, blurred, then thinned out"]],
    }),
    window: step("window", "Window", "K"),
    stride: step("stride", "Stride", "S"),
    shift: [shift(0, "Shift down"), shift(1, "Shift right")],
    cells: choices({
      label: "In the cells", value: state.cells, onChange: (cells) => act.set({ cells }, false),
      options: [["same", "= if unchanged", "mark the values that stayed"], ["numbers", "numbers", "write the values"], ["nothing", "nothing", "only shades"]],
    }),
    home: button("Back", { title: "no shift", onClick: () => act.set({ shift: [0, 0] }) }),
    counts: { map: h("p", { class: "cnnw-count" }), pooled: h("p", { class: "cnnw-count" }) },
    along: h("p", { class: "cnnw-along" }),
    inside: h("p", { class: "cnnw-inside" }),
    error: h("p", { class: "cnnw-error", role: "alert" }),
    speaker: speaker(),
  };
  const shiftBy = (rows, columns) => act.set({ shift: [state.shift[0] + rows, state.shift[1] + columns] });
  const choose = (rows, columns) => act.choose(state.i + rows, state.j + columns);
  const onKey = (event) => event.key === "Home" && (event.preventDefault(), act.set({ shift: [0, 0] }));
  ui.input = makeGrid({ role: "camera", title: "Camera", onStep: shiftBy, onKey, signal, onPoint: act.drag, help: "Arrow keys move the camera by one pixel, Home moves it back. Drag the picture with the pointer." });
  ui.map = makeGrid({ role: "input", title: "Feature map", onStep: choose, onKey, signal, onPoint: (r, c) => act.choose(Math.floor(r / state.stride), Math.floor(c / state.stride)), help: "Arrow keys choose a window." });
  ui.pooled = makeGrid({ role: "output", title: "Pooled", onStep: choose, onKey, signal, onPoint: act.choose, help: "Arrow keys choose a value; the feature map shows its window." });
  for (const kind of ["pointerup", "pointercancel"]) ui.input.svg.addEventListener(kind, act.drop, { signal });
  return ui;
}

function arrange(ui) {
  const settings = h("div", { class: "cnnw-settings" }, ui.kernel.el, ui.after.el, ui.kind.el, ui.window.el, ui.stride.el);
  ui.input.el.append(h("div", { class: "cnnw-row" }, ui.shift[0].el, ui.shift[1].el, ui.home));
  ui.map.el.append(ui.counts.map);
  ui.pooled.el.append(ui.counts.pooled);
  return [settings, ui.error, h("div", { class: "cnnw-three" }, ui.input.el, ui.map.el, ui.pooled.el), h("div", { class: "cnnw-notes" }, ui.inside, ui.along), ui.cells.el, ui.speaker.el];
}

function paintMap(grid, now, before, state, top) {
  grid.layout(now.length, now[0].length);
  grid.detail.textContent = `${now.length} \u00d7 ${now[0].length}`;
  grid.paint((r, c) => {
    const value = now[r][c];
    const colour = state.after === "none" ? signed(value, top, state.look) : grey(value, 0, top);
    const text = { same: sameValue(value, before[r][c]) ? "=" : "", numbers: format(value, 0), nothing: "" }[state.cells];
    return { fill: css(colour), ink: inkOn(colour), text };
  });
}

function largest(map) {
  return Math.max(1e-9, ...map.flat().map(Math.abs));
}

function showMarks(state, d, ui) {
  const { window: k, stride: s, i, j } = state;
  const reach = state.kind === "blurred" ? k + 2 : k;
  const frame = outline(i * s, j * s, reach, reach, "frame");
  const marks = [frame];
  if (state.kind === "max") {
    const best = winner(d.moved.map, k, s, i, j);
    marks.push(outline(best.row, best.column, 1, 1, "winner"));
  }
  ui.map.marks.replaceChildren(...marks);
  ui.pooled.marks.replaceChildren(outline(i, j, 1, 1, "frame"));
}

function insideText(state, d) {
  const { window: k, stride: s, i, j } = state;
  const value = format(d.moved.pooled[i][j], 2);
  const from = `pooled[${i}, ${j}]`;
  if (state.kind === "blurred") return `${from} = ${value}: maxima of ${k} \u00d7 ${k} values at nine places, weighted 1 2 1 both ways`;
  const values = poolWindow(d.moved.map, k, s, i, j).map((v) => format(v.value, 0));
  const shown = values.length > 9 ? [...values.slice(0, 8), "\u2026"] : values;
  return `${from} = ${state.kind === "max" ? "max" : "mean"}(${shown.join(", ")}) = ${value}`;
}

function draw(state, d, ui) {
  const { size } = state;
  ui.input.layout(size, size);
  ui.input.detail.textContent = `${size} \u00d7 ${size}`;
  ui.input.paint((r, c) => ({ fill: css(grey(d.moved.x[r][c])) }));
  const top = Math.max(largest(d.still.map), largest(d.moved.map));
  paintMap(ui.map, d.moved.map, d.still.map, state, top);
  ui.counts.map.textContent = told(d.map);
  ui.pooled.el.classList.toggle("empty", !d.fits);
  ui.error.textContent = d.fits ? "" : `The window does not fit: the map has ${d.moved.map.length} rows. Choose a smaller one.`;
  for (const part of [ui.map.marks, ui.pooled.marks]) part.replaceChildren();
  for (const node of [ui.inside, ui.along, ui.counts.pooled]) node.textContent = "";
  if (d.fits) {
    paintMap(ui.pooled, d.moved.pooled, d.still.pooled, state, top);
    ui.counts.pooled.textContent = told(d.pooled);
    showMarks(state, d, ui);
    ui.inside.textContent = insideText(state, d);
    const lines = [alongText("Feature map", alongGap(d.still.map, d.moved.map, state.shift, 1), 1), alongText("Pooled", alongGap(d.still.pooled, d.moved.pooled, state.shift, state.stride), state.stride)];
    ui.along.replaceChildren(...lines.map((text) => h("span", { text })));
  }
  for (const name of ["kernel", "after", "kind", "window", "stride", "cells"]) ui[name].set(state[name]);
  state.shift.forEach((v, side) => ui.shift[side].set(v));
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const kernels = model.get("kernels");
  const state = initial(model);
  let d = null;
  let ui = null;
  const settle = () => {
    state.shift = state.shift.map((v, side) => clamp(v, ...bounds(state, side)));
    d = derive(state, kernels);
    state.i = clamp(state.i, 0, Math.max(0, d.moved.pooled.length - 1));
    state.j = clamp(state.j, 0, Math.max(0, (d.moved.pooled[0]?.length ?? 1) - 1));
  };
  const act = {
    set(change, share = true) {
      Object.assign(state, change);
      settle();
      if (share) {
        for (const name of SHARED) if (name in change) model.set(name, state[name]);
        model.save_changes();
      }
      if (ui === null) return;
      draw(state, d, ui);
      const pooled = d.fits ? `pooled: ${told(d.pooled)}` : ui.error.textContent;
      if (share) ui.speaker.say(`Shift ${state.shift[0]} down, ${state.shift[1]} right. Map: ${told(d.map)}; ${pooled}`);
    },
    move(side, value) {
      act.set({ shift: state.shift.map((v, k) => (k === side ? value : v)) });
    },
    choose(i, j) {
      Object.assign(state, { i, j });
      act.set({}, false);
      if (d.fits) ui.speaker.say(ui.inside.textContent);
    },
    drag(r, c) {
      if (state.grab === null) state.grab = { r, c, shift: state.shift };
      const { shift } = state.grab;
      // The picture follows the pointer, so the camera goes the other way.
      const wanted = [shift[0] + state.grab.r - r, shift[1] + state.grab.c - c];
      if (wanted.join() !== state.shift.join()) act.set({ shift: wanted });
    },
    drop() {
      state.grab = null;
    },
  };
  settle();
  ui = build(model, state, act, signal);
  const root = h("section", { class: "cnnw pool", "aria-label": "Pooling explorer" }, ...arrange(ui));
  el.append(root);
  Object.assign(state, { i: Math.floor(d.moved.pooled.length / 2), j: Math.floor((d.moved.pooled[0]?.length ?? 0) / 2) });
  followTheme(root, (look) => act.set({ look }, false), signal);
  act.set({}, false);
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
