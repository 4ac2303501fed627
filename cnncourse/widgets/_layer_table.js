// The rows of the architecture calculator: a layer, what it gives and costs, and, for the chosen one, its numbers.

import { isPool } from "./_architecture.js";
import { button, h, picker, stepper, toggle } from "./_ui.js";

const ADDED = ["CONV", "RELU", "POOL", "BN", "FC", "GAP", "DROPOUT", "AVGPOOL", "NORM", "TANH", "SIGMOID"];
const COLUMNS = [["shape", "output"], ["units", "units"], ["weights", "weights"], ["macs", "multiply-adds"], ["sees", "sees (pixels)"]];

export function thousands(n) {
  return n.toLocaleString("en-US");
}

export function shapeText(shape) {
  return shape.join(" \u00d7 ");
}

function kindClass(kind) {
  return kind === "CONV" || kind === "FC" ? "full" : isPool(kind) || kind === "GAP" ? "pool" : "";
}

/** One line of sums for the chosen layer: where its numbers come from. */
export function accounts(row, below, layer) {
  const lines = [];
  const product = (numbers, result) => `${numbers.map(thousands).join(" \u00d7 ")} = ${thousands(result)}`;
  if (row.kind === "CONV") {
    const { kernel, groups } = layer;
    const [C, H, W] = row.shape;
    lines.push(`weights: ${thousands(C)} filters of ${product([below.shape[0] / groups, kernel, kernel], row.weights / C)}, so ${thousands(row.weights)}; and ${thousands(C)} biases`);
    lines.push(`multiply-adds: every weight at each of ${H} \u00d7 ${W} positions, ${product([row.weights, H, W], row.macs)}`);
  } else if (row.kind === "FC") {
    lines.push(`weights: ${product([below.shape[0], row.shape[0]], row.weights)}; and ${thousands(row.biases)} biases`);
    lines.push("multiply-adds: every weight once");
  } else if (row.kind === "BN") {
    lines.push(`weights: a scale and a shift for each of ${thousands(row.shape[0])} ${row.shape.length > 1 ? "maps" : "units"}; no multiply-adds are counted`);
  } else lines.push("no weights, and no multiply-adds are counted");
  lines.push(`units: ${row.shape.length > 1 ? product(row.shape, row.units) : thousands(row.units)}`);
  if (row.field) lines.push(`a unit sees ${row.field.size} \u00d7 ${row.field.size} pixels, its neighbour ${row.field.jump} further on`);
  else lines.push("a unit sees the whole image");
  return lines;
}

function divisors(a, b) {
  const found = [];
  for (let g = 1; g <= Math.min(a, b); g++) if (a % g === 0 && b % g === 0) found.push(g);
  return found;
}

/** The steppers of one layer. Returns {parts, show(layer, below)}. */
function controls(layer, index, act) {
  const edit = (name) => (value) => act.edit(index, { [name]: value });
  const number = (label, name, min, max, symbol) => stepper({ label, symbol, min, max, value: layer[name], onChange: edit(name) });
  if (isPool(layer.kind)) {
    const [kernel, stride] = [number("Window", "kernel", 1, 16, "K"), number("Stride", "stride", 1, 16, "S")];
    return { parts: [kernel.el, stride.el], show: (now) => { kernel.set(now.kernel); stride.set(now.stride); } };
  }
  if (layer.kind === "FC") {
    const units = number("Units", "units", 1, 16384);
    units.el.classList.add("wide");
    return { parts: [units.el], show: (now, below, scores) => { units.set(now.units); units.el.hidden = scores; } };
  }
  if (layer.kind !== "CONV") return { parts: [], show: () => {} };
  const fields = { channels: number("Filters", "channels", 1, 4096), kernel: number("Kernel", "kernel", 1, 15, "K"), stride: number("Stride", "stride", 1, 8, "S"), dilation: number("Dilation", "dilation", 1, 8, "D") };
  fields.channels.el.classList.add("wide");
  const padding = stepper({ label: "Padding", symbol: "P", min: 0, max: 32, value: layer.padding === "same" ? 0 : layer.padding, onChange: edit("padding") });
  const keeps = toggle({ label: "padding \u201csame\u201d", value: layer.padding === "same", onChange: (on) => act.edit(index, { padding: on ? "same" : layer.dilation * Math.floor(layer.kernel / 2) }) });
  const groups = picker({ label: "Groups", options: [["1", "1"]], value: "1", onChange: (value) => act.edit(index, { groups: Number(value) }) });
  const select = groups.el.querySelector("select");
  const show = (now, below) => {
    for (const [name, field] of Object.entries(fields)) field.set(now[name]);
    padding.el.hidden = now.padding === "same";
    if (now.padding !== "same") padding.set(now.padding);
    keeps.input.checked = now.padding === "same";
    const C = below?.shape.length === 3 ? below.shape[0] : now.channels;
    const possible = new Set([...divisors(C, now.channels), now.groups]);
    const word = (g) => (g === C && g > 1 ? `${g}, depthwise` : C % g || now.channels % g ? `${g}, does not fit` : `${g}`);
    const options = [...possible].sort((a, b) => a - b).map((g) => [String(g), word(g)]);
    const text = JSON.stringify(options);
    if (select.dataset.now !== text) {
      select.replaceChildren(...options.map(([value, label]) => h("option", { value, text: label })));
      select.dataset.now = text;
    }
    groups.set(String(now.groups));
  };
  return { parts: [fields.channels.el, fields.kernel.el, fields.stride.el, padding.el, keeps.el, fields.dilation.el, groups.el], show };
}

function detail(layer, index, count, act) {
  const inner = controls(layer, index, act);
  const lines = h("ul", { class: "cnnw-accounts" });
  const added = picker({ label: "New layer", options: ADDED.map((kind) => [kind, kind]), value: "CONV", onChange: () => {} });
  const select = added.el.querySelector("select");
  const tools = h("div", { class: "cnnw-row tools" }, added.el,
    button("Add behind", { title: "put the new layer behind this one", onClick: () => act.add(index, select.value) }),
    button("Up", { title: "move this layer one up", onClick: () => act.move(index, -1) }),
    button("Down", { title: "move this layer one down", onClick: () => act.move(index, 1) }),
    button("Remove", { title: "take this layer out", onClick: () => act.remove(index) }));
  const [, up, down] = tools.querySelectorAll("button");
  [up.disabled, down.disabled] = [index === 0, index === count - 1];
  const el = h("tr", { class: "cnnw-more" }, h("td", { colspan: COLUMNS.length + 1 }, inner.parts.length ? h("div", { class: "cnnw-row" }, ...inner.parts) : null, lines, tools));
  const show = (now, row, below, scores) => {
    inner.show(now, below, scores);
    lines.replaceChildren(...(row ? accounts(row, below, now) : []).map((text) => h("li", { text })));
  };
  return { el, show };
}

/** Table lines for a plan [{kind, index}]; show(state) fills them. act: choose, edit, add, move, remove. */
export function layerLines(plan, layers, chosen, act) {
  return plan.map(({ kind, index }, k) => {
    const cells = COLUMNS.map(([name, label]) => h("td", { class: `cnnw-${name}`, "data-label": label }));
    const open = index === chosen && kind !== "FLATTEN" && index >= 0;
    const name = h("span", { class: "cnnw-name" });
    const fixed = kind === "FLATTEN" || index < 0;
    const face = h(fixed ? "span" : "button", { type: fixed ? null : "button", class: `cnnw-kind ${kindClass(kind)}`, "aria-expanded": fixed ? null : String(open) }, name);
    if (!fixed) face.addEventListener("click", () => act.choose(open ? null : index));
    const el = h("tr", {}, h("th", { scope: "row" }, face), ...cells);
    const more = open ? detail(layers[index], index, layers.length, act) : null;
    const show = ({ rows, layers: now, fault, most, scores }) => {
      const row = rows[k];
      name.textContent = row ? row.name : kind.toLowerCase();
      const texts = row ? [shapeText(row.shape), thousands(row.units), thousands(row.weights), thousands(row.macs), row.field ? `${row.field.size} \u00d7 ${row.field.size}` : "all"] : cells.map(() => "\u2014");
      cells.forEach((cell, column) => (cell.textContent = texts[column]));
      cells[2].style.setProperty("--share", row ? row.weights / most.weights : 0);
      cells[3].style.setProperty("--share", row ? row.macs / most.macs : 0);
      el.classList.toggle("misfit", fault?.index === index && !row);
      more?.show(now[index], row, rows[k - 1], index === scores);
    };
    return { el, more: more?.el, face, show };
  });
}

export function tableHead() {
  return h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "layer" }), ...COLUMNS.map(([, label]) => h("th", { scope: "col", text: label }))));
}

/** What stands in the table: the input, then each layer that makes a row. */
export function planOf(layers, scores) {
  const plan = [{ kind: "INPUT", index: -1 }];
  let flat = false;
  layers.forEach(({ kind }, index) => {
    if (kind === "INPUT" && index === 0) return;
    if (kind === "SOFTMAX" && scores >= 0 && index === layers.length - 1) return;
    const full = kind === "FC" || kind === "SOFTMAX";
    if (full && !flat) plan.push({ kind: "FLATTEN", index });
    flat ||= full;
    plan.push({ kind: full ? "FC" : kind, index });
  });
  return plan;
}
