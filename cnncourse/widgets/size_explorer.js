// SizeExplorer: a stack of layers, what each makes of the size, and how far back each unit sees.

import { span, walkLayers } from "./_math.js";
import { button, followTheme, h, picker, speaker, stepper } from "./_ui.js";
import { layerDrawing } from "./_layer_drawing.js";

const FIELDS = [["kernel", "K", 1, 15], ["stride", "S", 1, 8], ["padding", "P", 0, 7], ["dilation", "D", 1, 8]];
const MOST_LAYERS = 12;

function copy(layers) {
  return layers.map((layer) => ({ ...layer }));
}

function titleOf(layer, k) {
  const parts = [`${layer.kind} ${layer.kernel}`];
  if (layer.stride > 1) parts.push(`S ${layer.stride}`);
  if (layer.padding) parts.push(`P ${layer.padding}`);
  if (layer.dilation > 1) parts.push(`D ${layer.dilation}`);
  return `${k + 1}  ${parts.join(", ")}`;
}

/** What is wrong with the stack, or "" when every layer fits. */
function complaint(layers, rows) {
  const k = layers.findIndex((_, index) => rows[index + 1].size === 0);
  if (k < 0) return "";
  const { kernel, dilation, padding } = layers[k];
  const wide = span(kernel, dilation);
  const padded = padding ? ` (${rows[k].size + 2 * padding} with padding)` : "";
  return `Layer ${k + 1} does not fit: its window spans ${wide} units, and only ${rows[k].size} arrive${padded}. ` +
    `Make the input larger, the kernel smaller, or pad by ${Math.ceil((wide - rows[k].size) / 2)}.`;
}

function describe({ level, unit }, rows) {
  const { field, start, jump, size } = rows[level];
  const first = start + jump * unit;
  const where = level ? `Unit ${unit} of layer ${level}` : `Input unit ${unit}`;
  const outside = first < 0 || first + field > rows[0].size ? " (padding included)" : "";
  const seen = field > 1 ? `${field} input units, ${first} to ${first + field - 1}${outside}` : "itself alone";
  const next = size > 1 ? ` The next unit looks ${jump} further right.` : "";
  return `${where} sees ${seen}.${next}`.replaceAll("-", "\u2212");
}

function tableRow(layer, k, act) {
  const fields = FIELDS.map(([name, symbol, min, max]) => {
    const field = stepper({
      label: symbol, name: `layer ${k + 1}, ${name}`, compact: true, min, max, value: layer[name],
      onChange: (v) => act.edit(k, { [name]: v }),
    });
    return h("td", { "data-label": `${name} ${symbol}` }, field.el);
  });
  const out = ["size", "view", "jump"].map((name) => h("td", { class: `cnnw-count cnnw-${name}`, "data-label": name === "size" ? "output size" : name === "view" ? "receptive field" : "jump" }));
  const remove = h("button", { type: "button", class: "cnnw-remove", "aria-label": `remove layer ${k + 1}`, title: "remove this layer", text: "\u00d7" });
  remove.addEventListener("click", () => act.remove(k));
  const head = h("th", { scope: "row" }, h("span", { class: `cnnw-kind ${layer.kind}`, text: `${k + 1}  ${layer.kind}` }));
  const el = h("tr", {}, head, ...fields, ...out, h("td", { class: "last" }, remove));
  const show = ({ size, field, jump }) => {
    [size || "\u2014", size ? field : "\u2014", size ? jump : "\u2014"].forEach((value, index) => (out[index].textContent = value));
    el.classList.toggle("misfit", !size);
  };
  return { el, show };
}

function build(model, state, act, signal) {
  const presets = model.get("presets");
  const names = [...Object.keys(presets).map((name) => [name, name]), ["own", "your own"]];
  const head = ["layer", "kernel K", "stride S", "padding P", "dilation D", "output size", "receptive field", "jump"];
  const ui = {
    preset: picker({ label: "Stack", options: names, value: "own", onChange: (name) => name !== "own" && act.preset(presets[name]) }),
    input: stepper({ label: "Input units", symbol: "n", min: 1, max: 256, value: state.n, onChange: (n) => act.set({ n }) }),
    conv: button("+ convolution", { title: "add a convolution at the end", onClick: () => act.add("conv") }),
    pool: button("+ pooling", { title: "add a pooling layer at the end", onClick: () => act.add("pool") }),
    drawing: layerDrawing({
      label: "Units of every layer", onFocus: act.focus, signal,
      help: "Left and right choose a unit, up and down a layer. The input units that it sees light up.",
    }),
    told: h("p", { class: "cnnw-told" }),
    error: h("p", { class: "cnnw-error", role: "alert" }),
    body: h("tbody"),
    speaker: speaker(),
  };
  ui.input.el.classList.add("wide");
  const cells = head.map((text) => h("th", { scope: "col", text }));
  ui.table = h("table", { class: "cnnw-stack" }, h("thead", {}, h("tr", {}, ...cells, h("th", { scope: "col" }, h("span", { class: "cnnw-unseen", text: "remove" })))), ui.body);
  return ui;
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const state = { layers: copy(model.get("layers")), n: model.get("input_size"), focus: { level: 0, unit: 0 } };
  let lines = [];
  let sharing = false;
  let ui = null;
  const reachable = (rows) => rows.filter((row) => row.size > 0).length - 1;
  const settle = (rows) => {
    const level = Math.min(state.focus.level, reachable(rows));
    state.focus = { level, unit: Math.min(state.focus.unit, rows[level].size - 1) };
  };
  const middle = () => {
    const rows = walkLayers(state.n, state.layers);
    const level = reachable(rows);
    state.focus = { level, unit: Math.floor((rows[level].size - 1) / 2) };
  };
  const show = () => {
    if (ui === null) return;
    const rows = walkLayers(state.n, state.layers);
    settle(rows);
    const titles = [`input, ${state.n} units`, ...state.layers.slice(0, reachable(rows)).map(titleOf)].map((text, k) => (k ? `${text} \u2192 ${rows[k].size}` : text));
    ui.drawing.draw({ rows, layers: state.layers, titles, focus: state.focus });
    lines.forEach((line, k) => line.show(rows[k + 1]));
    ui.error.textContent = complaint(state.layers, rows);
    ui.told.textContent = describe(state.focus, rows);
    ui.input.set(state.n);
    const text = JSON.stringify([state.n, state.layers]);
    const found = Object.entries(model.get("presets")).find(([, p]) => JSON.stringify([p.input_size, p.layers]) === text);
    ui.preset.set(found ? found[0] : "own");
    ui.conv.disabled = ui.pool.disabled = state.layers.length >= MOST_LAYERS;
  };
  const rebuild = () => {
    lines = state.layers.map((layer, k) => tableRow(layer, k, act));
    ui.body.replaceChildren(...lines.map((line) => line.el));
    show();
  };
  const share = () => {
    sharing = true; // each set below is heard at once, when the other value is still the old one
    model.set("layers", copy(state.layers));
    model.set("input_size", state.n);
    sharing = false;
    model.save_changes();
  };
  const act = {
    set(change) {
      Object.assign(state, change);
      middle();
      share();
      show();
    },
    focus(level, unit) {
      if (level === state.focus.level && unit === state.focus.unit) return;
      state.focus = { level, unit };
      show();
      ui.speaker.say(ui.told.textContent);
    },
    edit(k, change) {
      Object.assign(state.layers[k], change);
      middle();
      share();
      show();
    },
    change(layers, n = state.n) {
      Object.assign(state, { layers: copy(layers), n });
      middle();
      share();
      rebuild();
    },
    preset: ({ layers, input_size: n }) => act.change(layers, n),
    remove(k) {
      act.change(state.layers.filter((_, index) => index !== k));
      (ui.body.rows[Math.min(k, state.layers.length - 1)]?.querySelector(".cnnw-remove") ?? ui.conv).focus();
    },
    add(kind) {
      const layer = kind === "conv" ? { kind, kernel: 3, stride: 1, padding: 0, dilation: 1 } : { kind, kernel: 2, stride: 2, padding: 0, dilation: 1 };
      act.change([...state.layers, layer]);
    },
  };
  ui = build(model, state, act, signal);
  const top = h("div", { class: "cnnw-row" }, ui.preset.el, ui.input.el);
  const bottom = h("div", { class: "cnnw-row" }, ui.conv, ui.pool);
  const root = h("section", { class: "cnnw sizes", "aria-label": "Output size and receptive field explorer" },
    top, ui.error, h("div", { class: "cnnw-stage" }, ui.drawing.el, ui.told), ui.table, bottom, ui.speaker.el);
  el.append(root);
  followTheme(root, () => {}, signal);
  middle();
  rebuild();
  const listen = () => {
    const [layers, n] = [model.get("layers"), model.get("input_size")];
    if (sharing || JSON.stringify([layers, n]) === JSON.stringify([state.layers, state.n])) return;
    Object.assign(state, { layers: copy(layers), n });
    middle();
    rebuild();
  };
  for (const name of ["layers", "input_size"]) {
    model.on(`change:${name}`, listen);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listen));
  }
  return () => control.abort();
}

export default { render };
