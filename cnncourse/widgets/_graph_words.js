// A computational graph in words: what each gate computes, its local derivatives, and what happens in a step.

import { signOf, valuesOf } from "./_graph_math.js";

const wrap = (text) => (text.startsWith("\u2212") ? `(${text})` : text);

/** The gate's formula with `of(k)` standing for node k. */
function formula(node, of, show) {
  const [a, b] = node.from.map(of);
  const c = wrap(show(node.constant ?? 0));
  const forms = {
    add: () => node.from.map(of).join(" + "), sub: () => `${a} \u2212 ${b}`, mul: () => `${a} \u00d7 ${b}`, div: () => `${a} / ${b}`,
    max: () => `max(${a}, ${b})`, shift: () => (node.constant < 0 ? `${a} \u2212 ${show(-node.constant)}` : `${a} + ${c}`), scale: () => `${c} \u00d7 ${a}`,
    from: () => `${c} \u2212 ${a}`, over: () => `${c} / ${a}`, pow: () => `${a}^${c}`, log: () => `ln(${a})`, sigmoid: () => `\u03c3(${a})`,
  };
  return forms[node.kind]?.() ?? `${node.kind === "relu" ? "ReLU" : node.kind}(${a})`;
}

/** How the local derivative of gate k by its argument `slot` comes about, "" when it is a plain number. */
function reason(graph, k, slot, values) {
  const node = graph.nodes[k];
  const name = (j) => graph.nodes[j].name;
  const [a, b] = node.from;
  const other = node.from[1 - slot];
  const reasons = {
    mul: () => name(other), div: () => (slot ? `\u2212${name(a)}/${name(b)}\u00b2` : `1/${name(b)}`), over: () => `\u2212${node.constant === 1 ? 1 : node.constant}/${name(a)}\u00b2`,
    pow: () => (node.constant === 2 ? `2${name(a)}` : `${node.constant}${name(a)}^${node.constant - 1}`), exp: () => node.name, log: () => `1/${name(a)}`,
    sigmoid: () => `${node.name}(1 \u2212 ${node.name})`, tanh: () => `1 \u2212 ${node.name}\u00b2`,
  };
  if (node.kind === "max" && values[a] !== values[b]) return values[node.from[slot]] > values[other] ? `${name(node.from[slot])} is the larger` : `${name(node.from[slot])} is the smaller`;
  if (node.kind === "relu") return values[a] > 0 ? `${name(a)} is above 0` : `${name(a)} is not above 0`;
  return reasons[node.kind]?.() ?? "";
}

function local(graph, { node, via, slot, slope }, values, show) {
  const why = reason(graph, via, slot, values);
  const kind = graph.nodes[via].kind;
  const symbol = `\u2202${graph.nodes[via].name}/\u2202${graph.nodes[node].name}`;
  if (kind === "max" || kind === "relu") return `${symbol} = ${show(slope)}${why && `, since ${why}`}`;
  return why && why !== show(slope) ? `${symbol} = ${why} = ${show(slope)}` : `${symbol} = ${show(slope)}`;
}

/** The gate as an equation: names, numbers, value. */
export function equation(graph, k, values, show) {
  const node = graph.nodes[k];
  const numbers = formula(node, (j) => wrap(show(values[j])), show);
  return `${node.name} = ${formula(node, (j) => graph.nodes[j].name, show)} = ${numbers} = ${show(values[k])}`;
}

function partial(graph, k) {
  return `\u2202${graph.nodes[graph.output].name}/\u2202${graph.nodes[k].name}`;
}

const NUDGE = 0.01;

/** What a small change of the first input really does to the result, to hold the gradient against. */
function check(graph, values, show) {
  const [name] = graph.inputs;
  const given = Object.fromEntries(graph.nodes.map((node, k) => [node.name, values[k]]));
  const moved = valuesOf(graph, { ...given, [name]: given[name] + NUDGE })[graph.output];
  return `Try it: raise ${name} by ${NUDGE}, and ${graph.nodes[graph.output].name} goes from ${show(values[graph.output], 5)} to ${show(moved, 5)}.`;
}

/** {phase, formula, text} of a step; show(v, digits) writes a number. */
export function explain(graph, { values, steps }, at, show) {
  const step = steps[at];
  const { nodes, output, inputs } = graph;
  const out = nodes[output].name;
  if (step.kind === "start") {
    return { phase: "Start", formula: "", text: `${inputs.length === 1 ? "One input stands" : `${inputs.length} inputs stand`} ready. Forward, each gate computes its value from what arrives.` };
  }
  if (step.kind === "forward") {
    const next = step.node === output ? " That is the result; now the way back." : "";
    return { phase: "Forward", formula: equation(graph, step.node, values, show), text: `The gate also knows its local derivatives: they stand on the edges into it.${next}` };
  }
  if (step.kind === "seed") return { phase: "Backward", formula: `\u2202${out}/\u2202${out} = 1`, text: `The way back begins at the end: ${out} changes by 1 when ${out} changes by 1.` };
  const to = nodes[step.node].name;
  const had = step.before === null ? "" : `${show(step.before)} + `;
  const sum = step.before === null ? "" : ` = ${had}${wrap(show(step.gain))}`;
  const text = `What arrives at the gate ${nodes[step.via].name}, ${partial(graph, step.via)} = ${show(step.above)}, times its local derivative ${local(graph, step, values, show)}.`;
  const joined = step.before === null ? "" : ` ${to} is used more than once and already had ${show(step.before)}: the paths add up.`;
  const done = at === steps.length - 1 ? ` Done: ${inputs.map((name) => `\u2202${out}/\u2202${name} = ${show(step.gradients[nodes.findIndex((node) => node.name === name)])}`).join(", ")}. ${check(graph, values, show)}` : "";
  const head = `${partial(graph, step.node)} = ${had}${wrap(show(step.above))} \u00d7 ${wrap(show(step.slope))}${sum} = ${show(step.gradients[step.node])}`;
  return { phase: "Backward", formula: head, text: text + joined + done };
}

/** The graph for those who hear it: every gate, its value and gradient so far. */
export function reading(graph, { values, steps }, at, show) {
  const step = steps[at];
  return graph.nodes.map((node, k) => {
    const gate = node.kind === "input" ? `input ${node.name}` : `${node.name}, gate ${signOf(node, show)} of ${node.from.map((j) => graph.nodes[j].name).join(", ")}`;
    const value = step.seen[k] ? `value ${show(values[k])}` : "no value yet";
    return `${gate}: ${value}${step.gradients[k] === null ? "" : `, gradient ${show(step.gradients[k])}`}`;
  }).join("; ");
}
