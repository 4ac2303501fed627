// GraphStepper: a computational graph walked one number at a time, values forward, gradients backward.

import { numberField } from "./_fields.js";
import { graphDrawing } from "./_graph_drawing.js";
import { parseGraph, walk } from "./_graph_math.js";
import { explain } from "./_graph_words.js";
import { clamp } from "./_math.js";
import { tidy } from "./_plot.js";
import { button, followTheme, h, picker, speaker, uid } from "./_ui.js";

const LARGEST = 100;

function expressionField(onChange) {
  const id = uid("expression");
  const input = h("input", { id, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", class: "cnnw-expression" });
  input.addEventListener("change", () => onChange(input.value));
  const label = h("label", { for: id, text: "Expression, editable: + \u2212 * / **, exp log sigmoid tanh relu max" });
  return { el: h("div", { class: "cnnw-field grow" }, label, input), input };
}

function build(model, act, signal) {
  const presets = model.get("presets");
  const options = [...Object.keys(presets).map((name) => [name, name]), ["own", "your own"]];
  return {
    preset: picker({ label: "Example", options, value: "own", onChange: (name) => name !== "own" && act.preset(presets[name]) }),
    expression: expressionField(act.expression),
    drawing: graphDrawing({ onJump: act.jump, onKey: act.key, redraw: act.redraw, signal }),
    error: h("p", { class: "cnnw-error", role: "alert" }),
    phase: h("span", { class: "cnnw-phase" }),
    formula: h("p", { class: "cnnw-line" }),
    text: h("p", { class: "cnnw-told" }),
    inputs: h("div", { class: "cnnw-row inputs" }),
    start: button("\u21e4 Start", { title: "back to the first step (Home)", onClick: () => act.go(0) }),
    back: button("Back", { title: "one step back (left arrow)", onClick: () => act.by(-1) }),
    step: button("Step", { title: "one step on (right arrow)", onClick: () => act.by(1), kind: "main" }),
    end: button("End \u21e5", { title: "to the last step (End)", onClick: () => act.go(Infinity) }),
    bar: h("input", { type: "range", min: 0, step: 1, "aria-label": "Step" }),
    count: h("output", { class: "cnnw-reading" }),
    speaker: speaker(),
  };
}

function arrange(ui) {
  const legend = h("p", { class: "cnnw-note key" }, h("span", { class: "value", text: "value" }), " above, ", h("span", { class: "gradient", text: "gradient of the result" }),
    " below; on an edge, the gate\u2019s local derivative. A click on a card goes to its step.");
  return [
    h("div", { class: "cnnw-row top" }, ui.preset.el, ui.expression.el), ui.error,
    h("div", { class: "cnnw-stage" }, ui.drawing.el),
    h("div", { class: "cnnw-panel" }, h("div", { class: "cnnw-say" }, h("p", {}, ui.phase), ui.formula, ui.text),
      h("div", { class: "cnnw-row run" }, h("div", { class: "cnnw-row buttons" }, ui.start, ui.back, ui.step, ui.end), h("div", { class: "cnnw-progress" }, ui.bar, ui.count))),
    ui.inputs, legend, ui.speaker.el,
  ];
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const state = { expression: model.get("expression"), inputs: { ...model.get("inputs") }, at: model.get("step"), graph: null, pass: null, trouble: "" };
  let ui = null;
  let fields = new Map();
  let sharing = false;

  const derive = () => {
    state.pass = walk(state.graph, state.inputs);
    const bad = state.pass.values.findIndex((v) => !Number.isFinite(v));
    const lost = state.pass.slopes.flat().some((v) => !Number.isFinite(v));
    const name = bad >= 0 ? state.graph.nodes[bad].name : "";
    state.trouble = bad >= 0 ? `${name} has no finite value with these inputs: change one of them.` : lost ? "A local derivative has no finite value with these inputs: change one of them." : "";
    state.at = clamp(state.at, 0, state.pass.steps.length - 1);
  };
  const adopt = (expression) => {
    const graph = parseGraph(expression);
    state.graph = graph;
    state.expression = expression;
    state.inputs = Object.fromEntries(graph.inputs.map((name) => [name, state.inputs[name] ?? 1]));
    derive();
  };
  const rebuild = () => {
    fields = new Map(state.graph.inputs.map((name) => [name, numberField({
      label: name, min: -LARGEST, max: LARGEST, step: 0.5, value: state.inputs[name], onChange: (v) => act.input(name, v),
    })]));
    ui.inputs.replaceChildren(h("span", { class: "cnnw-note", text: "Inputs" }), ...[...fields.values()].map((field) => field.el));
    show();
  };
  const share = () => {
    sharing = true; // each set below is heard at once, when the others still have their old values
    model.set("expression", state.expression);
    model.set("inputs", { ...state.inputs });
    model.set("step", state.at);
    sharing = false;
    model.save_changes();
  };
  const show = () => {
    if (ui === null || state.pass === null) return;
    const { steps } = state.pass;
    ui.drawing.draw(state);
    const { phase, formula, text } = explain(state.graph, state.pass, state.at, tidy);
    ui.phase.textContent = phase;
    ui.phase.dataset.phase = phase;
    ui.formula.textContent = formula;
    ui.text.textContent = text.replaceAll("/\u2202", "/\u2060\u2202"); // no line break inside a derivative
    ui.error.textContent = state.trouble;
    ui.expression.input.value = state.expression;
    ui.bar.max = steps.length - 1;
    ui.bar.value = state.at;
    ui.bar.setAttribute("aria-valuetext", `${state.at} of ${steps.length - 1}, ${phase}`);
    ui.count.textContent = `${state.at} of ${steps.length - 1}`;
    ui.start.disabled = ui.back.disabled = state.at === 0;
    ui.step.disabled = ui.end.disabled = state.at === steps.length - 1;
    const now = JSON.stringify([state.expression, state.inputs]);
    const found = Object.entries(model.get("presets")).find(([, p]) => JSON.stringify([p.expression, p.inputs]) === now);
    ui.preset.set(found ? found[0] : "own");
  };
  const act = {
    redraw: () => show(),
    go(at) {
      state.at = clamp(at, 0, state.pass.steps.length - 1);
      share();
      show();
      ui.speaker.say(`${ui.phase.textContent}. ${ui.formula.textContent} ${ui.text.textContent}`);
    },
    by: (turn) => act.go(state.at + turn),
    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const turn = { ArrowRight: 1, ArrowDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const to = { Home: 0, End: Infinity }[event.key];
      if (turn === undefined && to === undefined) return;
      event.preventDefault();
      act.go(to ?? state.at + turn);
    },
    jump(node) {
      const { steps } = state.pass;
      const back = steps.findIndex((step) => step.kind === "seed");
      const graded = steps.findLastIndex((step) => step.node === node && ["seed", "backward"].includes(step.kind));
      const valued = steps.findIndex((step) => step.node === node && step.kind === "forward");
      act.go(state.at >= back || valued < 0 || state.at === valued ? graded : valued);
    },
    input(name, v) {
      state.inputs = { ...state.inputs, [name]: v };
      derive();
      share();
      show();
      ui.speaker.say(`${name} = ${tidy(v)}. ${ui.formula.textContent}`);
    },
    preset({ expression, inputs }) {
      Object.assign(state, { inputs: { ...inputs }, at: 0 });
      adopt(expression);
      share();
      rebuild();
    },
    expression(text) {
      try {
        adopt(text);
      } catch (problem) {
        ui.error.textContent = `This cannot be drawn: ${problem.message}.`;
        return;
      }
      state.at = 0;
      share();
      rebuild();
    },
  };
  ui = build(model, act, signal);
  ui.bar.addEventListener("input", () => act.go(Number(ui.bar.value)));
  const root = h("section", { class: "cnnw graph", "aria-label": "Computational graph, step by step" }, ...arrange(ui));
  el.append(root);
  followTheme(root, () => {}, signal);
  adopt(state.expression);
  rebuild();
  const listen = () => {
    const [expression, inputs, at] = ["expression", "inputs", "step"].map((name) => model.get(name));
    if (sharing || JSON.stringify([expression, inputs, at]) === JSON.stringify([state.expression, state.inputs, state.at])) return;
    Object.assign(state, { inputs: { ...inputs }, at });
    adopt(expression);
    rebuild();
  };
  for (const name of ["expression", "inputs", "step"]) {
    model.on(`change:${name}`, listen);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listen));
  }
  return () => control.abort();
}

export default { render };
