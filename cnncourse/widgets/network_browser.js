// NetworkBrowser: pick a network, walk through its layers, and see what each gives, costs and looks at.

import { clamp } from "./_math.js";
import { nearestUnit, percent, readersOf, sharesOf, shortCount, unitsOf, unpackLayers, valuesIn, viewOf } from "./_network_math.js";
import { arrow, button, choices, followTheme, h, picker, s, speaker, uid } from "./_ui.js";

const SHARED = ["network", "layer", "cost", "unit"];
const COSTS = [["macs", "multiply-adds", ""], ["parameters", "parameters", ""], ["memory", "memory", "B"]];
const [CHART_WIDTH, CHART_HEIGHT] = [600, 90];
const MARGIN = 0.16; // of the image's side, shown around it

function plain(n) {
  return n.toLocaleString("en-US");
}

function shapeOf(shape) {
  return shape.join(" \u00d7 ");
}

function kindOf(layer) {
  return [layer.kind, layer.then].filter(Boolean).join(" + ");
}

/** The bars: one a layer, the chosen one marked; arrow keys walk. */
function makeChart(act, signal) {
  const bars = s("g", { class: "cnnw-bars" });
  const mark = s("rect", { class: "cnnw-here", y: 0, height: CHART_HEIGHT });
  const label = uid("walk");
  const svg = s("svg", { class: "cnnw-walk", viewBox: `0 0 ${CHART_WIDTH} ${CHART_HEIGHT}`, preserveAspectRatio: "none", role: "slider", tabindex: 0, "aria-labelledby": label, "aria-valuemin": 1 }, mark, bars);
  const heading = h("h4", { id: label, text: "Layers, from the input to the scores" });
  let count = 1;
  const slot = () => CHART_WIDTH / count;
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    act.go(clamp(Math.floor(((event.clientX - box.left) / box.width) * count), 0, count - 1));
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    svg.setPointerCapture(event.pointerId);
    point(event);
  }, { signal });
  svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && point(event), { signal });
  svg.addEventListener("keydown", (event) => {
    const step = arrow(event);
    const far = { PageUp: 10, PageDown: -10, Home: -count, End: count }[event.key];
    if (!step && far === undefined) return;
    event.preventDefault();
    act.walk(step ? step[1] - step[0] : far);
  }, { signal });
  const show = (shares, cost, k, text) => {
    count = shares.length;
    const wide = slot() * (count > 60 ? 0.9 : 0.74);
    bars.replaceChildren(...shares.map(({ height }, n) => {
      const tall = height ? Math.max(1.2, height * (CHART_HEIGHT - 4)) : 0;
      return s("rect", { x: n * slot() + (slot() - wide) / 2, y: CHART_HEIGHT - tall, width: wide, height: tall, class: n === k ? "now" : null });
    }));
    mark.setAttribute("x", k * slot());
    mark.setAttribute("width", slot());
    svg.dataset.cost = cost;
    svg.setAttribute("aria-valuemax", count);
    svg.setAttribute("aria-valuenow", k + 1);
    svg.setAttribute("aria-valuetext", text);
  };
  return { el: h("div", { class: "cnnw-strip" }, heading, svg), svg, show };
}

/** The picture with the view of one unit; pointer and arrow keys move the unit. */
function makeView(act, signal) {
  const [label, hint, clip] = [uid("view"), uid("help"), uid("clip")];
  const heading = h("h4", { id: label, class: "role-input" });
  const back = s("g");
  const dim = s("path", { class: "cnnw-dim", "fill-rule": "evenodd" });
  const frame = s("rect", { class: "cnnw-seen" });
  const edge = s("rect", { class: "cnnw-edge" });
  const svg = s("svg", { class: "cnnw-view", role: "application", tabindex: 0, "aria-labelledby": label, "aria-describedby": hint }, back, dim, edge, frame);
  const help = h("span", { id: hint, class: "cnnw-unseen", text: "Arrow keys move to the next unit of the layer; Home goes back to the middle one. The pointer chooses the unit below it." });
  const said = h("p", { class: "cnnw-said" });
  let input = [1, 1, 1];
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const [, height, width] = input;
    const inside = (at, from, length, side) => ((at - from) / length) * side * (1 + 2 * MARGIN) - side * MARGIN;
    act.look(inside(event.clientY, box.top, box.height, height), inside(event.clientX, box.left, box.width, width));
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    svg.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
    point(event);
  }, { signal });
  svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && point(event), { signal });
  svg.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (!step && event.key !== "Home") return;
    event.preventDefault();
    act.step(step);
  }, { signal });
  /** Another network's input. */
  const load = (size, picture) => {
    input = size;
    const [, height, width] = size;
    const [x, y] = [-MARGIN * width, -MARGIN * height];
    svg.setAttribute("viewBox", `${x} ${y} ${width - 2 * x} ${height - 2 * y}`);
    const inner = picture
      ? s("image", { href: picture.address, width, height, preserveAspectRatio: "xMidYMid slice", class: width < 64 ? "coarse" : null })
      : boardOf(height, width);
    back.replaceChildren(s("clipPath", { id: clip }, s("rect", { width, height })), s("rect", { class: "cnnw-board", width, height }), s("g", { "clip-path": `url(#${clip})` }, inner));
    for (const [name, value] of [["width", width], ["height", height]]) edge.setAttribute(name, value);
    heading.textContent = picture ? `What one unit sees of ${picture.shows}` : "What one unit sees of the board";
  };
  const show = (view, text) => {
    const { top, left, height, width } = view;
    for (const [name, value] of Object.entries({ x: left, y: top, height, width })) frame.setAttribute(name, value);
    const box = (y, x, tall, wide) => `M${x} ${y}h${wide}v${tall}h${-wide}z`;
    const [, tall, wide] = input;
    const [rows, columns] = [view.rows, view.columns];
    const hole = rows[1] >= rows[0] && columns[1] >= columns[0] ? box(rows[0], columns[0], rows[1] - rows[0] + 1, columns[1] - columns[0] + 1) : "";
    dim.setAttribute("d", box(0, 0, tall, wide) + hole);
    said.textContent = text;
  };
  return { el: h("div", { class: "cnnw-sight" }, heading, svg, said, help), svg, load, show };
}

/** Lines, one a place, for an input that is no picture. */
function boardOf(height, width) {
  const lines = [];
  for (let y = 0; y < height; y++) lines.push(`M0.5 ${y + 0.5}H${width - 0.5}`);
  for (let x = 0; x < width; x++) lines.push(`M${x + 0.5} 0.5V${height - 0.5}`);
  return s("path", { class: "cnnw-lines", d: lines.join("") });
}

/** A box as tall and wide as the map compared with the image, as deep as the logarithm of its channels. */
function blockOf(shape, input) {
  const [H, W] = unitsOf(shape).map((n, side) => Math.max(2, (70 * n) / Math.max(input[1], input[2], unitsOf(shape)[side])));
  const deep = 2 + 4 * Math.log2(shape[0]);
  const [x, y] = [4, 92 - H];
  const [dx, dy] = [deep * 0.9, -deep * 0.36];
  const face = (points, kind) => s("polygon", { points: points.map((p) => p.join(",")).join(" "), class: kind });
  return [
    face([[x, y], [x + dx, y + dy], [x + W + dx, y + dy], [x + W, y]], "top"),
    face([[x + W, y], [x + W + dx, y + dy], [x + W + dx, y + H + dy], [x + W, y + H]], "side"),
    face([[x, y], [x + W, y], [x + W, y + H], [x, y + H]], "front"),
  ];
}

/** One layer in words and bars. */
function makeCard() {
  const name = h("h4", { class: "role-filter" });
  const kind = h("p", { class: "cnnw-sort" });
  const block = s("svg", { class: "cnnw-block", viewBox: "0 0 150 96", "aria-hidden": "true" });
  const shape = h("p", { class: "cnnw-gives" });
  const rows = COSTS.map(([cost, label]) => {
    const cells = { value: h("span", { class: "cnnw-value" }), bar: h("span", { class: "cnnw-bar" }), share: h("span", { class: "cnnw-share" }) };
    return { cost, cells, el: h("li", { "data-cost": cost }, h("span", { class: "cnnw-what", text: label }), cells.value, h("span", { class: "cnnw-track" }, cells.bar), cells.share) };
  });
  const wires = h("p", { class: "cnnw-wires" });
  const el = h("div", { class: "cnnw-card" }, h("div", { class: "cnnw-head" }, h("div", {}, name, kind, shape), block), h("ul", { class: "cnnw-costs" }, ...rows.map((row) => row.el)), wires);
  const show = (layer, shares, input, wired) => {
    name.textContent = layer.name;
    kind.textContent = kindOf(layer);
    shape.textContent = `gives ${shapeOf(layer.shape)}${layer.shape.length > 1 ? ` = ${plain(valuesIn(layer.shape))}` : ""} values`;
    block.replaceChildren(...blockOf(layer.shape, input));
    rows.forEach(({ cost, cells }, k) => {
      const { share, upTo } = shares[cost];
      cells.value.textContent = shortCount(layer[cost], COSTS[k][2]);
      cells.value.title = plain(layer[cost]);
      cells.bar.style.setProperty("--share", share);
      cells.share.textContent = `${percent(share)} of all, ${percent(upTo)} up to here`;
    });
    wires.textContent = wired;
  };
  return { el, show };
}

function wiredText(layers, k) {
  const named = (numbers) => numbers.map((n) => (n < 0 ? "the image" : layers[n].name)).join(", ");
  const readers = readersOf(layers, k);
  return `Reads ${named(layers[k].from) || "nothing"}; ${readers.length ? `read by ${named(readers)}` : "read by nobody: the end"}.`;
}

function range([first, last]) {
  return first === last ? `${first}` : `${first} to ${last}`;
}

function viewText(layer, unit, view, input) {
  const [rows, columns] = unitsOf(layer.shape);
  const who = layer.field ? `Unit (${unit.join(", ")}) of ${rows} \u00d7 ${columns}` : layer.shape.length > 1 ? "Every unit" : `Each of the ${plain(layer.shape[0])} units`;
  if (!layer.field) return `${who} sees the whole input, ${input[1]} \u00d7 ${input[2]}.`;
  const pixels = view.height * view.width === 1 ? "1 pixel" : `${view.height} \u00d7 ${view.width} pixels`;
  const all = view.whole ? "all of the image" : `rows ${range(view.rows)}, columns ${range(view.columns)}`;
  const outside = view.top < 0 || view.left < 0 || view.top + view.height > input[1] || view.left + view.width > input[2];
  const rest = outside ? ", the rest is padding" : "";
  return `${who} sees ${pixels}: ${all}${rest}. Its neighbour looks ${view.jump[0]} further on.`;
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const networks = model.get("networks");
  const titles = Object.keys(networks);
  const state = Object.fromEntries(SHARED.map((name) => [name, model.get(name)]));
  let layers = [];
  let shares = {};
  let loaded = null;
  let ui = null;
  const here = () => Math.max(0, layers.findIndex(({ name }) => name === state.layer));
  const input = () => networks[state.network].input;
  const unit = () => {
    const sides = unitsOf(layers[here()].shape);
    return state.unit.length ? state.unit.map((v, side) => clamp(v, 0, sides[side] - 1)) : sides.map((n) => Math.floor(n / 2));
  };
  const load = () => {
    if (loaded === state.network) return;
    loaded = state.network;
    layers = unpackLayers(networks[loaded].layers);
    shares = Object.fromEntries(COSTS.map(([cost]) => [cost, sharesOf(layers, cost)]));
    ui.view.load(input(), model.get("pictures")[networks[loaded].picture]);
    ui.layer.el.querySelector("select").replaceChildren(...layers.map((layer, k) => h("option", { value: layer.name, text: `${k + 1}. ${layer.name}` })));
  };
  const show = () => {
    load();
    const k = here();
    const layer = layers[k];
    const text = `layer ${k + 1} of ${layers.length}: ${layer.name}, ${kindOf(layer)}, gives ${shapeOf(layer.shape)}`;
    ui.chart.show(shares[state.cost], state.cost, k, text);
    ui.card.show(layer, Object.fromEntries(COSTS.map(([cost]) => [cost, shares[cost][k]])), input(), wiredText(layers, k));
    const view = viewOf(layer.field, unit(), input());
    const seen = viewText(layer, unit(), view, input());
    ui.view.show(view, seen);
    const sum = (cost) => layers.reduce((total, one) => total + one[cost], 0);
    const [, H, W] = input();
    ui.total.textContent = `In all, for one input ${shapeOf([input()[0], H, W])}: ${COSTS.map(([cost, label, bytes]) => `${shortCount(sum(cost), bytes)}${cost === "memory" ? " of outputs" : ` ${label}`}`).join(", ")}.`;
    ui.network.set(state.network);
    ui.layer.set(layer.name);
    ui.cost.set(state.cost);
    [ui.back.disabled, ui.next.disabled] = [k === 0, k === layers.length - 1];
    return `${text}. ${seen}`;
  };
  const set = (change) => {
    Object.assign(state, change);
    const told = show();
    for (const name of SHARED) if (name in change) model.set(name, state[name]);
    model.save_changes();
    ui.speaker.say(told);
  };
  const act = {
    go: (k) => k !== here() && set({ layer: layers[k].name, unit: [] }),
    walk: (by) => act.go(clamp(here() + by, 0, layers.length - 1)),
    look: (y, x) => set({ unit: nearestUnit(layers[here()].field, layers[here()].shape, y, x) }),
    step(by) {
      const sides = unitsOf(layers[here()].shape);
      set({ unit: by ? unit().map((v, side) => clamp(v + by[side], 0, sides[side] - 1)) : [] });
    },
  };
  ui = {
    network: picker({ label: "Network", options: titles.map((title) => [title, title]), value: state.network, onChange: (network) => set({ network, layer: networks[network].layers[0][0], unit: [] }) }),
    layer: picker({ label: "Layer", options: [], value: "", onChange: (layer) => set({ layer, unit: [] }) }),
    cost: choices({ label: "The bars show", value: state.cost, options: COSTS.map(([cost, label]) => [cost, label]), onChange: (cost) => set({ cost }) }),
    back: button("Previous", { title: "the layer before", onClick: () => act.walk(-1) }),
    next: button("Next", { title: "the next layer", onClick: () => act.walk(1) }),
    chart: makeChart(act, signal),
    view: makeView(act, signal),
    card: makeCard(),
    total: h("p", { class: "cnnw-total" }),
    speaker: speaker(),
  };
  const settings = h("div", { class: "cnnw-settings" }, ui.network.el, ui.layer.el, h("div", { class: "cnnw-row" }, ui.back, ui.next), ui.cost.el);
  const root = h("section", { class: "cnnw netw", "aria-label": "Network browser" }, settings, ui.chart.el, ui.total, h("div", { class: "cnnw-two" }, ui.view.el, ui.card.el), ui.speaker.el);
  el.append(root);
  followTheme(root, () => {}, signal);
  show();
  for (const name of SHARED) {
    const listen = () => {
      const value = model.get(name);
      if (JSON.stringify(value) === JSON.stringify(state[name])) return;
      if (name === "network" && !(value in networks)) return;
      Object.assign(state, { [name]: value });
      show();
    };
    model.on(`change:${name}`, listen);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listen));
  }
  return () => control.abort();
}

export default { render };
