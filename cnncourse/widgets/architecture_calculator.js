// ArchitectureCalculator: a network as a text and as a list of layers, and what each layer gives and costs.

import { MOST_WORDS, isPool, numbered, pythonCall, readGrammar, same, scoring, totals, walkNetwork, writeGrammar } from "./_architecture.js";
import { layerLines, planOf, tableHead, thousands } from "./_layer_table.js";
import { followTheme, h, picker, speaker, stepper, toggle, uid } from "./_ui.js";

const SHARED = ["text", "numbers", "optional", "input_size", "num_classes", "layers"];
const NEW = { FC: { units: 128 }, POOL: { kernel: 2, stride: 2 }, AVGPOOL: { kernel: 2, stride: 2 } };
const CONV = { channels: 32, kernel: 3, stride: 1, padding: 1, dilation: 1, groups: 1 };

function copy(value) {
  return JSON.parse(JSON.stringify(value));
}

/** The text with the character at fault marked. */
function marked(text, { at }) {
  return [text.slice(0, at), h("mark", { text: text[at] ?? "\u2423" }), text.slice(at + 1)];
}

/** The numbers in the text that stand as names, e.g. N and M. */
function nameFields(names, numbers, onChange) {
  return names.map((name) => stepper({ label: `${name} times`, min: 0, max: 20, value: numbers[name], onChange: (n) => onChange(name, n) }).el);
}

function build(model, state, act) {
  const examples = Object.keys(model.get("examples"));
  const id = uid("grammar");
  const field = h("input", { id, type: "text", class: "cnnw-grammar", spellcheck: "false", autocomplete: "off", autocapitalize: "off", value: state.text });
  field.addEventListener("input", () => act.write(field.value));
  const side = (label, symbol, k, max) => stepper({ label, symbol, min: 1, max, value: state.input_size[k], onChange: (n) => act.side(k, n) });
  const ui = {
    example: picker({ label: "Example", options: [...examples.map((name) => [name, name]), ["own", "your own"]], value: "own", onChange: (name) => name !== "own" && act.example(name) }),
    field,
    grammar: h("div", { class: "cnnw-field grow" }, h("label", { for: id, text: "Network" }), field),
    sides: [side("Channels", "C", 0, 4096), side("Height", "H", 1, 1024), side("Width", "W", 2, 1024)],
    classes: stepper({ label: "Classes", min: 1, max: 4096, value: state.num_classes, onChange: (n) => act.classes(n) }),
    names: h("div", { class: "cnnw-row" }),
    keep: toggle({ label: "parts with ? are there", value: state.optional, onChange: act.keep }),
    error: h("p", { class: "cnnw-error", role: "alert" }),
    shown: h("code", { class: "cnnw-shown" }),
    body: h("tbody"),
    foot: h("td", { colspan: 6 }),
    python: h("code", { class: "cnnw-python" }),
    speaker: speaker(),
  };
  for (const stepping of [...ui.sides, ui.classes]) stepping.el.classList.add("wide");
  ui.table = h("table", { class: "cnnw-sums" }, tableHead(), ui.body, h("tfoot", {}, h("tr", {}, ui.foot)));
  return ui;
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const taken = () => copy(Object.fromEntries(SHARED.map((name) => [name, model.get(name)])));
  const state = { ...taken(), chosen: null, names: [], fault: null };
  let lines = [];
  let sharing = false;
  let ui = null;

  const share = () => {
    sharing = true;
    for (const name of SHARED) model.set(name, copy(state[name]));
    sharing = false;
    model.save_changes();
  };
  const read = () => {
    const seen = readGrammar(state.text, state.numbers, state.optional, 2);
    state.fault = seen.fault;
    ui.keep.el.hidden = !seen.asks;
    if (seen.fault) return null;
    state.numbers = Object.fromEntries(seen.names.map((name) => [name, state.numbers[name] ?? 2]));
    if (!same(seen.names, state.names) || ui.names.childElementCount !== seen.names.length) {
      state.names = seen.names;
      ui.names.replaceChildren(...nameFields(seen.names, state.numbers, act.times));
    }
    return seen.words;
  };
  const complaint = (fault) => {
    if (state.fault) return state.fault.message;
    return fault ? `Layer ${fault.index + 1} does not fit. ${fault.message}` : "";
  };
  const show = () => {
    const { rows, fault } = walkNetwork(state.input_size, state.num_classes, state.layers);
    const most = { weights: Math.max(1, ...rows.map((row) => row.weights)), macs: Math.max(1, ...rows.map((row) => row.macs)) };
    const scores = scoring(state.layers);
    for (const line of lines) line.show({ rows, layers: state.layers, fault, most, scores });
    const sum = totals(rows);
    ui.foot.textContent = fault ? "" : `In all ${thousands(sum.weights)} weights and ${thousands(sum.biases)} biases, together ${thousands(sum.weights + sum.biases)}; ${thousands(sum.macs)} multiply-adds; ${thousands(sum.units)} units.`;
    ui.python.textContent = state.fault || fault ? "" : pythonCall({ ...state, input: state.input_size, classes: state.num_classes, keep: state.optional });
    ui.error.textContent = complaint(fault);
    ui.shown.replaceChildren(...(state.fault ? marked(state.text, state.fault) : []));
    ui.field.setAttribute("aria-invalid", String(state.fault !== null));
    ui.table.classList.toggle("old", state.fault !== null);
    if (ui.field.value !== state.text) ui.field.value = state.text;
    ui.sides.forEach((field, k) => field.set(state.input_size[k]));
    ui.classes.set(state.num_classes);
    ui.keep.input.checked = state.optional;
    const found = Object.entries(model.get("examples")).find(([, example]) => SHARED.every((name) => same(example[name], state[name])));
    ui.example.set(found ? found[0] : "own");
    ui.speaker.say(ui.foot.textContent);
  };
  const rebuild = () => {
    const plan = planOf(state.layers, scoring(state.layers));
    lines = layerLines(plan, state.layers, state.chosen, act);
    ui.body.replaceChildren(...lines.flatMap((line) => [line.el, line.more].filter(Boolean)));
    show();
  };
  const restructure = (layers, chosen) => {
    Object.assign(state, { layers, chosen, text: writeGrammar(layers.map(({ kind }) => kind)), numbers: {}, optional: true });
    read();
    share();
    rebuild();
    const line = lines.find((one) => one.face.getAttribute("aria-expanded") === "true");
    (line?.face ?? ui.field).focus();
  };
  const reread = () => {
    const words = read();
    if (words && !same(words, state.layers.map(({ kind }) => kind))) {
      Object.assign(state, { layers: numbered(words, state.layers), chosen: null });
      rebuild();
    } else show();
    if (words) share();
  };
  const set = (change) => {
    Object.assign(state, change);
    share();
    show();
  };
  const act = {
    write(text) {
      state.text = text;
      reread();
    },
    times(name, n) {
      state.numbers = { ...state.numbers, [name]: n };
      reread();
    },
    keep(on) {
      state.optional = on;
      reread();
    },
    example(name) {
      Object.assign(state, copy(model.get("examples")[name]), { chosen: null });
      read();
      share();
      rebuild();
    },
    side: (k, n) => set({ input_size: state.input_size.map((old, axis) => (axis === k ? n : old)) }),
    classes: (n) => set({ num_classes: n }),
    choose(index) {
      state.chosen = index;
      rebuild();
      const face = lines.find((line) => line.face.getAttribute("aria-expanded") === "true")?.face;
      (face ?? lines[1].face).focus();
    },
    edit(index, change) {
      const layer = state.layers[index];
      const half = ({ dilation, kernel }) => dilation * Math.floor(kernel / 2);
      const follows = layer.kind === "CONV" && layer.padding === half(layer) && !("padding" in change);
      const tight = isPool(layer.kind) && layer.stride === layer.kernel && "kernel" in change;
      Object.assign(layer, change, tight ? { stride: change.kernel } : {});
      if (follows) layer.padding = half(layer);
      set({});
    },
    add(index, kind) {
      if (state.layers.length >= MOST_WORDS) return;
      const before = state.layers.slice(0, index + 1).findLast((layer) => layer.kind === "CONV");
      const made = kind === "CONV" ? { ...CONV, channels: before?.channels ?? CONV.channels } : NEW[kind] ?? {};
      restructure(state.layers.toSpliced(index + 1, 0, { kind, ...made }), index + 1);
    },
    move(index, by) {
      const moved = copy(state.layers);
      [moved[index], moved[index + by]] = [moved[index + by], moved[index]];
      restructure(moved, index + by);
    },
    remove(index) {
      if (state.layers.length > 1) restructure(state.layers.toSpliced(index, 1), null);
    },
  };
  ui = build(model, state, act);
  const numbersRow = h("div", { class: "cnnw-row" }, ...ui.sides.map((field) => field.el), ui.classes.el, ui.names, ui.keep.el);
  const root = h("section", { class: "cnnw arch", "aria-label": "Architecture calculator" },
    h("div", { class: "cnnw-row top" }, ui.example.el, ui.grammar), ui.shown, ui.error, numbersRow, ui.table,
    h("div", { class: "cnnw-field said" }, h("span", { class: "cnnw-caption", text: "in Python" }), ui.python), ui.speaker.el);
  el.append(root);
  followTheme(root, () => {}, signal);
  read();
  rebuild();

  const listen = (name) => () => {
    if (sharing || same(model.get(name), state[name])) return;
    state[name] = copy(model.get(name));
    if (name === "layers") {
      const words = state.layers.map(({ kind }) => kind);
      if (!same(readGrammar(state.text, state.numbers, state.optional).words, words)) Object.assign(state, { text: writeGrammar(words), numbers: {} });
      state.chosen = null;
      read();
      rebuild();
    } else reread();
  };
  for (const name of SHARED) {
    const heard = listen(name);
    model.on(`change:${name}`, heard);
    signal.addEventListener("abort", () => model.off(`change:${name}`, heard));
  }
  return () => control.abort();
}

export default { render };
