// ActivationPlotter: activation functions and their slopes side by side, read at a cursor, and the slope of many in a row.

import { ACTIVATIONS, afterLayers } from "./_activations.js";
import { clamp } from "./_math.js";
import { chips, slider, swatch } from "./_fields.js";
import { axes, clipped, decades, onResize, pathOf, powerOfTen, scales, ticks, tidy } from "./_plot.js";
import { followTheme, h, s, speaker } from "./_ui.js";

const REACH = 6;
const MOST = 5;
const DEEPEST = 50;
const FLOOR = 1e-12;
const MARGIN = { left: 44, right: 14, top: 26, bottom: 40 };

function grown(list, pad) {
  const [low, high] = [Math.min(...list), Math.max(...list)];
  return [low - pad * (high - low), high + pad * (high - low)];
}

/** The vertical range that holds what matters of the chosen curves. */
function rangeOf(state, what) {
  const values = [0, 1];
  for (const name of state.functions) {
    for (let x = -REACH; x <= REACH; x += 0.25) values.push(clamp(ACTIVATIONS[name][what](x, state.slope), -3, 4));
  }
  return grown(values, 0.06);
}

/** A curve in pieces, broken where the slope jumps. */
function sampled(name, what, state, scale) {
  const curve = ACTIVATIONS[name][what];
  const points = [];
  for (let k = -300; k <= 300; k++) {
    const x = (k / 300) * REACH;
    if (k === 0 && what === "slope") {
      const [left, right] = [curve(-1e-9, state.slope), curve(1e-9, state.slope)];
      if (Math.abs(left - right) > 1e-3) {
        points.push([scale.x(0), scale.y(left)], [NaN, NaN], [scale.x(0), scale.y(right)]);
        continue;
      }
    }
    points.push([scale.x(x), scale.y(curve(x, state.slope))]);
  }
  return pathOf(points);
}

function cursorOf(x, scale) {
  return s("g", { class: "cursor" }, s("line", { x1: scale.x(x), x2: scale.x(x), y1: scale.top - 6, y2: scale.bottom }),
    s("path", { d: `M${scale.x(x) - 6} ${scale.top - 12}h12l-6 8z` }));
}

/** A plot of "value" or "slope" with the cursor in it. */
function panel({ what, title, tangent, act, signal }) {
  const svg = s("svg", {
    class: "cnnw-plot cnnw-readable", role: "slider", tabindex: 0, "aria-label": `${title}: cursor x`, "aria-orientation": "horizontal",
    "aria-valuemin": -REACH, "aria-valuemax": REACH,
  });
  let scale = null;
  const draw = (state) => {
    const [width, height] = [Math.max(220, svg.clientWidth || 340), 244];
    const y = rangeOf(state, what);
    scale = scales({ width, height, x: [-REACH, REACH], y, margin: MARGIN });
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    const curves = state.functions.map((name) => s("path", { class: `curve slot-${state.slots.get(name)}`, d: sampled(name, what, state, scale) }));
    const dots = state.functions.flatMap((name) => {
      const f = ACTIVATIONS[name];
      const [value, slope] = [f[what](state.x, state.slope), f.slope(state.x, state.slope)];
      const kind = `slot-${state.slots.get(name)}`;
      const dot = s("circle", { class: `dot ${kind}`, cx: scale.x(state.x), cy: scale.y(value), r: 4.5 });
      if (!tangent) return [dot];
      const [px, py] = [scale.x(1) - scale.x(0), scale.y(0) - scale.y(1)];
      const reach = 34 / Math.hypot(px, slope * py);
      const end = (t) => [scale.x(state.x + t), scale.y(value + slope * t)];
      return [s("path", { class: `tangent ${kind}`, d: pathOf([end(-reach), end(reach)]) }), dot];
    });
    const yTicks = ticks(y[0], y[1], 6);
    svg.replaceChildren(
      axes(scale, { xTicks: [-6, -4, -2, 0, 2, 4, 6], yTicks, xName: "x", yName: title }),
      clipped(scale, [...curves, ...dots], 5), cursorOf(state.x, scale),
    );
    svg.setAttribute("aria-valuenow", state.x);
    const read = state.functions.map((name) => `${ACTIVATIONS[name].title} ${tidy(ACTIVATIONS[name][what](state.x, state.slope))}`);
    svg.setAttribute("aria-valuetext", `x = ${tidy(state.x)}: ${read.join(", ")}`);
  };
  const point = (event) => act.move(scale.toX(event.clientX - svg.getBoundingClientRect().left));
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    point(event);
  });
  svg.addEventListener("pointermove", (event) => event.buttons && point(event));
  svg.addEventListener("keydown", act.key);
  onResize(svg, () => act.redraw(), signal);
  return { el: svg, draw };
}

/** How a gradient of 1 shrinks or grows on its way back through n layers, on a scale of powers of ten. */
function fading(act, signal) {
  const svg = s("svg", { class: "cnnw-plot", role: "img" });
  const draw = (state) => {
    const [width, height] = [Math.max(220, svg.clientWidth || 700), 196];
    const y = [FLOOR, 1e4];
    const scale = scales({ width, height, x: [0, state.layers], y, margin: { ...MARGIN, left: 52 }, log: true });
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    const curves = state.functions.map((name) => {
      const size = Math.abs(ACTIVATIONS[name].slope(state.x, state.slope));
      const points = Array.from({ length: state.layers + 1 }, (_, n) => [scale.x(n), scale.y(Math.max(1e-300, afterLayers(size, n)))]);
      return s("path", { class: `curve slot-${state.slots.get(name)}`, d: pathOf(points) });
    });
    const xTicks = ticks(0, state.layers, 8).filter(Number.isInteger);
    const yName = "size of the gradient after n layers";
    svg.replaceChildren(
      axes(scale, { xTicks, yTicks: decades(y[0], y[1], 9), xName: "layers n", yName, yText: (v) => powerOfTen(Math.round(Math.log10(v))) }),
      clipped(scale, curves),
    );
    const ends = state.functions.map((name) => `${ACTIVATIONS[name].title} ${tidy(afterLayers(ACTIVATIONS[name].slope(state.x, state.slope), state.layers))}`);
    svg.setAttribute("aria-label", `Gradient after ${state.layers} layers at x = ${tidy(state.x)}: ${ends.join(", ")}`);
  };
  onResize(svg, () => act.redraw(), signal);
  return { el: svg, draw };
}

function rows(state) {
  return state.functions.map((name) => {
    const f = ACTIVATIONS[name];
    const slope = f.slope(state.x, state.slope);
    const cells = [["f(x)", f.value(state.x, state.slope)], ["f\u2032(x)", slope], ["f\u2032(x)\u207f", afterLayers(slope, state.layers)]];
    return h("tr", { "data-name": name }, h("th", { scope: "row" }, swatch(state.slots.get(name)), h("span", { text: f.title })),
      h("td", { class: "cnnw-formula-cell", text: f.formula }), ...cells.map(([label, v]) => h("td", { "data-label": label, text: tidy(v) })));
  });
}

function tableHead(n) {
  const head = ["function", "", "value f(x)", "slope f\u2032(x)", `after ${n} layers f\u2032(x)\u207f`];
  return h("tr", {}, ...head.map((text, k) => (k === 1 ? h("td", { class: "cnnw-formula-cell" }) : h("th", { scope: "col", text }))));
}

/** What the numbers at the cursor come to, in words. */
function lesson(state) {
  const told = state.functions.map((name) => {
    const left = afterLayers(ACTIVATIONS[name].slope(state.x, state.slope), state.layers);
    return `${tidy(left, 2)} (${ACTIVATIONS[name].title})`;
  });
  const through = state.layers > 1 ? `${state.layers} layers` : "one layer";
  return `Sent back through ${through} at x = ${tidy(state.x)}, a gradient of 1 arrives as ${told.join(", ")}.`;
}

const SHARED = ["functions", "x", "slope", "layers"];

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const state = { slots: new Map() };
  for (const name of SHARED) state[name] = model.get(name);
  const assign = () => {
    const kept = new Map([...state.slots].filter(([name]) => state.functions.includes(name)));
    for (const name of state.functions) {
      if (kept.has(name)) continue;
      kept.set(name, Array.from({ length: MOST }, (_, k) => k).find((k) => ![...kept.values()].includes(k)));
    }
    state.slots = kept;
  };
  let ui = null;
  const show = () => {
    if (ui === null) return;
    assign();
    for (const plot of ui.plots) plot.draw(state);
    ui.chips.set(state.slots);
    ui.slope.set(state.slope);
    ui.slope.el.hidden = !state.functions.includes("prelu");
    ui.layers.set(state.layers);
    ui.where.textContent = `x = ${tidy(state.x)}`;
    ui.head.replaceChildren(tableHead(state.layers));
    ui.body.replaceChildren(...rows(state));
    ui.told.textContent = lesson(state);
  };
  const act = {
    set(change, share = true) {
      Object.assign(state, change);
      if (share) {
        for (const name of SHARED) if (name in change) model.set(name, change[name]);
        model.save_changes();
      }
      show();
    },
    redraw: () => show(),
    move(x) {
      act.set({ x: clamp(Number((Math.round(x / 0.05) * 0.05).toFixed(2)), -REACH, REACH) });
      ui.speaker.say(ui.told.textContent);
    },
    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const by = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1, PageDown: -1, PageUp: 1 }[event.key];
      const to = { Home: -REACH, End: REACH }[event.key];
      if (by === undefined && to === undefined) return;
      event.preventDefault();
      act.move(to ?? state.x + by * (event.shiftKey ? 10 : 1));
    },
    toggle(name, on) {
      const functions = on ? [...state.functions, name] : state.functions.filter((other) => other !== name);
      act.set({ functions });
    },
  };
  const plots = [
    panel({ what: "value", title: "value f(x)", tangent: true, act, signal }),
    panel({ what: "slope", title: "slope f\u2032(x)", act, signal }),
    fading(act, signal),
  ];
  ui = {
    plots,
    chips: chips({ label: `Compare up to ${MOST}`, most: MOST, options: Object.entries(ACTIVATIONS).map(([name, f]) => [name, f.title, f.formula]), onToggle: act.toggle }),
    slope: slider({ label: "PReLU\u2019s slope below 0", symbol: "a", min: 0, max: 1, step: 0.01, value: state.slope, show: (v) => tidy(v), onChange: (slope) => act.set({ slope }) }),
    layers: slider({ label: "Layers in a row", symbol: "n", min: 1, max: DEEPEST, step: 1, value: state.layers, onChange: (layers) => act.set({ layers }) }),
    where: h("h4", { class: "cnnw-where" }),
    head: h("thead"),
    body: h("tbody"),
    told: h("p", { class: "cnnw-told" }),
    speaker: speaker(),
  };
  const note = "Drag in a plot, or focus it and use the arrow keys (with shift: larger steps). Each layer is taken at the same x and with weight 1; in a network the weights multiply in as well.";
  const root = h("section", { class: "cnnw activations", "aria-label": "Activation functions and their slopes" },
    ui.chips.el, h("div", { class: "cnnw-pair" }, plots[0].el, plots[1].el),
    h("div", { class: "cnnw-row settings" }, ui.where, ui.layers.el, ui.slope.el),
    h("table", { class: "cnnw-table" }, ui.head, ui.body), h("div", { class: "cnnw-stage" }, plots[2].el, ui.told),
    h("p", { class: "cnnw-note", text: note }), ui.speaker.el);
  el.append(root);
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
