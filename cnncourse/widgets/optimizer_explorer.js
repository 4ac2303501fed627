// OptimizerExplorer: gradient descent, with and without momentum, on a loss over two weights.

import { SURFACES, descend, largestRate, lowest, outcome } from "./_descent.js";
import { chips, slider, swatch } from "./_fields.js";
import { format } from "./_math.js";
import { lossMap } from "./_loss_map.js";
import { axes, clipped, decades, onResize, pathOf, powerOfTen, scales, ticks, tidy } from "./_plot.js";
import { button, calm, followTheme, h, picker, s, speaker, stepper } from "./_ui.js";

const METHODS = { sgd: ["plain SGD", 0], momentum: ["momentum", 1], nesterov: ["Nesterov", 2] };
const LONGEST = 200;
const SHARED = ["surface", "start", "methods", "rate", "momentum", "condition", "noise", "seed", "steps"];

/** Loss above the surface's lowest value, step by step, on a scale of powers of ten. */
function lossPlot(act, signal) {
  const svg = s("svg", { class: "cnnw-plot", role: "img" });
  const draw = (state) => {
    const [width, height] = [Math.max(220, svg.clientWidth || 700), 190];
    const least = lowest(state.surface, state.condition);
    const gaps = state.runs.map(({ path }) => path.map(({ loss }) => Math.max(1e-8, loss - least)));
    const all = gaps.flat().filter(Number.isFinite);
    const top = 10 ** Math.ceil(Math.log10(Math.min(1e9, Math.max(1, ...all))));
    const low = 10 ** Math.floor(Math.log10(Math.max(1e-8, Math.min(0.1, ...all))));
    const reach = Math.max(10, state.steps);
    const scale = scales({ width, height, x: [0, reach], y: [low, top], margin: { left: 52, right: 14, top: 26, bottom: 40 }, log: true });
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    const curves = state.runs.map(({ slot }, k) => s("path", { class: `curve slot-${slot}`, d: pathOf(gaps[k].map((v, n) => [scale.x(n), scale.y(Math.min(v, 1e12))])) }));
    const yName = least === 0 ? "loss" : `loss above its lowest value, ${tidy(least)}`;
    svg.replaceChildren(
      axes(scale, { xTicks: ticks(0, reach, 8).filter(Number.isInteger), yTicks: decades(low, top, 6), xName: "steps", yName, yText: (v) => powerOfTen(Math.round(Math.log10(v))) }),
      clipped(scale, curves),
    );
    svg.setAttribute("aria-label", `Loss at each of ${state.steps} steps. ${told(state)}`);
  };
  onResize(svg, () => act.redraw(), signal);
  return { el: svg, draw };
}

function place([x, y]) {
  return `(${format(x, 3)}, ${format(y, 3)})`;
}

function ending(run, state) {
  const how = outcome(run.path, { ...state, k: state.condition, method: run.method });
  const end = run.path.at(-1);
  if (how.kind === "diverges") return { text: run.path.length - 1 < state.steps ? `diverges, gone after ${run.path.length - 1} steps` : "diverges: the steps grow", bad: true };
  if (how.kind === "saddle") return { text: `stuck at the saddle ${place(how.at)}: slope 0, yet no minimum`, bad: true };
  if (how.kind === "under way") return { text: `under way at ${place([end.x, end.y])}, slope ${tidy(how.steep, 2)}` };
  const which = how.lowest ? (SURFACES[state.surface].minima.length > 1 ? "a lowest minimum" : "the minimum") : "the higher minimum";
  return { text: `${state.noise ? "near" : "at"} ${which} ${place(how.at)}` };
}

function told(state) {
  return state.runs.map((run) => `${METHODS[run.method][0]}: loss ${tidy(run.path.at(-1).loss)}, ${ending(run, state).text}.`).join(" ");
}

function table(state) {
  const valley = state.surface === "valley";
  const head = ["method", `loss after ${state.steps} step${state.steps === 1 ? "" : "s"}`, ...(valley ? ["largest stable \u03b7"] : []), "where it is"];
  const rows = state.runs.map((run) => {
    const { text, bad } = ending(run, state);
    const limit = largestRate(run.method, state.momentum, state.condition);
    const cells = [h("td", { text: tidy(run.path.at(-1).loss) })];
    if (valley) cells.push(h("td", { class: state.rate > limit ? "bad" : null, text: tidy(limit) }));
    return h("tr", { "data-name": run.method }, h("th", { scope: "row" }, swatch(run.slot), h("span", { text: METHODS[run.method][0] })),
      ...cells, h("td", { class: `ending ${bad ? "bad" : ""}`, text }));
  });
  return [h("thead", {}, h("tr", {}, ...head.map((text, k) => h("th", { scope: "col", text, class: k === head.length - 1 ? "ending" : null })))), h("tbody", {}, ...rows)];
}

/** What the surface asks of the rate, in words. */
function lesson(state) {
  const { formula } = SURFACES[state.surface];
  if (state.surface !== "valley") return formula;
  const { condition: k, momentum } = state;
  const plain = `${formula} bends by 1 along x and by \u03bb = ${tidy(k)} along y. Plain SGD is stable below \u03b7 = 2/\u03bb = ${tidy(2 / k)}`;
  const more = [];
  if (state.methods.includes("momentum")) more.push(`momentum ${tidy(momentum)} below 2(1 + \u03bc)/\u03bb = ${tidy(largestRate("momentum", momentum, k))}`);
  if (state.methods.includes("nesterov")) more.push(`Nesterov below 2(1 + \u03bc)/((1 + 2\u03bc)\u03bb) = ${tidy(largestRate("nesterov", momentum, k))}`);
  return `${[plain, ...more].join("; ")}.`;
}

function build(state, act, signal) {
  const set = (name) => (value) => act.set({ [name]: value });
  const show = (v) => tidy(v);
  return {
    surface: picker({ label: "Loss surface", options: Object.entries(SURFACES).map(([name, { title }]) => [name, title]), value: state.surface, onChange: act.surface }),
    methods: chips({ label: "Methods", most: 3, options: Object.entries(METHODS).map(([name, [title]]) => [name, title]), onToggle: act.toggle }),
    rate: slider({ label: "Rate", symbol: "\u03b7", min: 0.0005, max: 2.5, log: true, value: state.rate, show, onChange: set("rate") }),
    momentum: slider({ label: "Momentum", symbol: "\u03bc", min: 0, max: 0.99, step: 0.01, value: state.momentum, show, onChange: set("momentum") }),
    condition: slider({ label: "Condition number", symbol: "\u03ba", min: 1, max: 100, log: true, value: state.condition, show, onChange: set("condition") }),
    noise: slider({ label: "Noise in the gradient", symbol: "\u03c3", min: 0, max: 5, step: 0.05, value: state.noise, show, onChange: set("noise") }),
    seed: stepper({ label: "Seed of the noise", min: 0, max: 9999, value: state.seed, onChange: set("seed") }),
    steps: slider({ label: "Steps", symbol: "n", min: 0, max: LONGEST, step: 1, value: state.steps, onChange: (steps) => { act.halt(); act.set({ steps }); } }),
    play: button("Play", { title: "walk the path step by step", onClick: act.play, kind: "main" }),
    step: button("Step", { title: "one step more", onClick: act.step }),
    map: lossMap({ onStart: (start) => act.set({ start }), redraw: act.redraw, signal }),
    plot: lossPlot(act, signal),
    told: h("p", { class: "cnnw-told" }),
    table: h("table", { class: "cnnw-table" }),
    speaker: speaker(),
  };
}

function arrange(ui) {
  const legend = "Drag the start, or focus the map and use the arrow keys. + minimum, \u25c7 saddle, every dot one step.";
  return [
    h("div", { class: "cnnw-row top" }, ui.surface.el, ui.condition.el, ui.methods.el),
    h("div", { class: "cnnw-row settings" }, ui.rate.el, ui.momentum.el, ui.noise.el, ui.seed.el),
    h("div", { class: "cnnw-stage" }, ui.map.el, h("p", { class: "cnnw-note", text: legend })),
    h("div", { class: "cnnw-row run" }, ui.play, ui.step, ui.steps.el),
    ui.table, ui.told, h("div", { class: "cnnw-stage" }, ui.plot.el), ui.speaker.el,
  ];
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const state = { runs: [], look: "light", timer: 0 };
  for (const name of SHARED) state[name] = model.get(name);
  let ui = null;
  let root = null;
  const derive = () => {
    state.runs = Object.keys(METHODS).filter((method) => state.methods.includes(method))
      .map((method) => ({ method, slot: METHODS[method][1], path: descend({ ...state, k: state.condition, method }) }));
  };
  const show = () => {
    if (ui === null) return;
    derive();
    const valley = state.surface === "valley";
    ui.surface.set(state.surface);
    ui.condition.el.hidden = !valley;
    ui.seed.el.hidden = state.noise === 0;
    for (const name of ["rate", "momentum", "condition", "noise", "seed", "steps"]) ui[name].set(state[name]);
    ui.methods.set(new Map(state.methods.map((name) => [name, METHODS[name][1]])));
    ui.play.textContent = state.timer ? "Pause" : "Play";
    ui.map.draw(state);
    ui.plot.draw(state);
    ui.told.textContent = lesson(state);
    ui.table.replaceChildren(...table(state));
    if (!state.timer) ui.speaker.say(`${ui.map.say()}. ${told(state)}`);
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
    surface(surface) {
      const { start, rate } = SURFACES[surface];
      act.set({ surface, start, rate });
    },
    toggle(name, on) {
      act.set({ methods: on ? [...state.methods, name] : state.methods.filter((other) => other !== name) });
    },
    halt() {
      clearInterval(state.timer);
      state.timer = 0;
    },
    step() {
      act.halt();
      act.set({ steps: Math.min(LONGEST, state.steps + 1) });
    },
    play() {
      if (state.timer) {
        act.halt();
        show();
        return;
      }
      const goal = state.steps || 60;
      state.timer = setInterval(() => {
        if (state.steps + 1 >= goal) act.halt();
        act.set({ steps: Math.min(goal, state.steps + 1) });
      }, calm() ? 300 : 90);
      act.set({ steps: 0 });
    },
  };
  ui = build(state, act, signal);
  root = h("section", { class: "cnnw descent", "aria-label": "Gradient descent on a loss surface" }, ...arrange(ui));
  el.append(root);
  followTheme(root, (look) => act.set({ look }, false), signal);
  show();
  for (const name of SHARED) {
    const listen = () => {
      const value = model.get(name);
      if (JSON.stringify(value) !== JSON.stringify(state[name])) act.set({ [name]: value }, false);
    };
    model.on(`change:${name}`, listen);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listen));
  }
  return () => {
    act.halt();
    control.abort();
  };
}

export default { render };
