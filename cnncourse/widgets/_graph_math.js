// Computational graphs: an expression taken apart into gates, its values forward, its gradients backward, one number a step.

export const MOST_GATES = 16;
export const MOST_INPUTS = 8;

const squash = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const sum = (list) => list.reduce((a, b) => a + b, 0);

// What a gate computes from its arguments a (and its constant c), and its derivative by each of them; out: its value.
const GATES = {
  add: { sign: "+", value: (a) => sum(a), slopes: (a) => a.map(() => 1) },
  sub: { sign: "\u2212", value: ([a, b]) => a - b, slopes: () => [1, -1] },
  mul: { sign: "\u00d7", value: ([a, b]) => a * b, slopes: ([a, b]) => [b, a] },
  div: { sign: "\u00f7", value: ([a, b]) => a / b, slopes: ([a, b]) => [1 / b, -a / (b * b)] },
  max: { sign: "max", value: ([a, b]) => Math.max(a, b), slopes: ([a, b]) => (a === b ? [0.5, 0.5] : [a > b ? 1 : 0, a > b ? 0 : 1]) },
  shift: { sign: "+", value: ([a], c) => a + c, slopes: () => [1] },
  scale: { sign: "\u00d7", value: ([a], c) => a * c, slopes: (a, c) => [c] },
  from: { sign: "\u2212", value: ([a], c) => c - a, slopes: () => [-1] },
  over: { sign: "/", value: ([a], c) => c / a, slopes: ([a], c) => [-c / (a * a)] },
  pow: { sign: "^", value: ([a], c) => a ** c, slopes: ([a], c) => [c === 0 ? 0 : c * a ** (c - 1)] },
  exp: { sign: "exp", value: ([a]) => Math.exp(a), slopes: (a, c, out) => [out] },
  log: { sign: "ln", value: ([a]) => Math.log(a), slopes: ([a]) => [1 / a] },
  sigmoid: { sign: "\u03c3", value: ([a]) => squash(a), slopes: (a, c, out) => [out * (1 - out)] },
  tanh: { sign: "tanh", value: ([a]) => Math.tanh(a), slopes: (a, c, out) => [1 - out * out] },
  relu: { sign: "ReLU", value: ([a]) => Math.max(0, a), slopes: ([a]) => [a > 0 ? 1 : 0] },
};
const CALLS = { exp: 1, log: 1, sigmoid: 1, tanh: 1, relu: 1, max: 2 };

function tokens(text) {
  const clean = text.replace(/\u2212/g, "-").replace(/[\u00b7\u00d7]/g, "*").replace(/\^/g, "**");
  const pattern = /[^\S\n]*(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|[A-Za-z_]\w*|\*\*|[-+*/(),=;\n])|[^\S\n]*(\S)/gy;
  const found = [];
  for (let match = pattern.exec(clean); match; match = pattern.exec(clean)) {
    if (match[2]) throw new Error(`\u201c${match[2]}\u201d has no meaning here`);
    found.push(match[1]);
  }
  return found;
}

/** The gates of a text such as "q = x + y; f = q * z": {nodes: [{name, kind, from, constant}], inputs, output}. */
export function parseGraph(text) {
  const list = tokens(text);
  const nodes = [];
  const known = new Map();
  const assigned = new Set(list.filter((token, k) => list[k + 1] === "=" && /^[A-Za-z_]/.test(token)));
  let at = 0;
  const peek = () => list[at];
  const take = (wanted) => {
    if (wanted !== undefined && peek() !== wanted) throw new Error(`expected \u201c${wanted}\u201d${at < list.length ? ` before \u201c${peek()}\u201d` : " at the end"}`);
    at += 1;
    return list[at - 1];
  };
  const add = (node) => nodes.push(node) - 1;
  const constant = (term) => typeof term === "object";
  const gate = (kind, from, c) => add({ kind, from, constant: c });
  const fold = (kind, a, b) => ({ c: GATES[kind].value([a.c, b.c]) });

  const atom = () => {
    const token = take();
    if (token === undefined) throw new Error("something is missing at the end");
    if (token === "(") {
      const inner = expression();
      take(")");
      return inner;
    }
    if (/^[\d.]/.test(token)) return { c: Number(token) };
    if (!/^[A-Za-z_]/.test(token)) throw new Error(`\u201c${token}\u201d stands where a number or a name belongs`);
    if (peek() === "(") return call(token);
    if (known.has(token)) return known.get(token);
    if (assigned.has(token)) throw new Error(`${token} is used before it is set`);
    known.set(token, add({ kind: "input", from: [], name: token }));
    return known.get(token);
  };
  const call = (name) => {
    if (!(name in CALLS)) throw new Error(`${name} is unknown; there are ${Object.keys(CALLS).join(", ")}`);
    take("(");
    const given = [expression()];
    while (peek() === ",") {
      take();
      given.push(expression());
    }
    take(")");
    if (given.length !== CALLS[name]) throw new Error(`${name} takes ${CALLS[name]} argument${CALLS[name] > 1 ? "s" : ""}`);
    if (given.some(constant)) throw new Error(`${name} of a plain number: write its value`);
    return gate(name, given);
  };
  const power = () => {
    const base = atom();
    if (peek() !== "**") return base;
    take();
    const exponent = unary();
    if (!constant(exponent)) throw new Error("a power needs a plain number, such as x**2");
    return constant(base) ? fold("pow", base, exponent) : gate("pow", [base], exponent.c);
  };
  const unary = () => {
    if (peek() !== "-") return power();
    take();
    const term = unary();
    return constant(term) ? { c: -term.c } : gate("scale", [term], -1);
  };
  const product = () => {
    let left = unary();
    while (peek() === "*" || peek() === "/") {
      const sign = take();
      const right = unary();
      const kind = sign === "*" ? "mul" : "div";
      if (constant(left) && constant(right)) left = fold(kind, left, right);
      else if (constant(right)) left = gate("scale", [left], sign === "*" ? right.c : 1 / right.c);
      else if (constant(left)) left = gate(sign === "*" ? "scale" : "over", [right], left.c);
      else left = gate(kind, [left, right]);
    }
    return left;
  };
  const expression = () => {
    let left = product();
    let open = false; // whether left is a sum of this very chain, which may take one more
    while (peek() === "+" || peek() === "-") {
      const sign = take();
      const right = product();
      if (constant(left) && constant(right)) left = { c: sign === "+" ? left.c + right.c : left.c - right.c };
      else if (constant(right)) left = gate("shift", [left], sign === "+" ? right.c : -right.c);
      else if (constant(left)) left = gate(sign === "+" ? "shift" : "from", [right], left.c);
      else if (sign === "+" && open && nodes[left].kind === "add") {
        const { from } = nodes[left];
        nodes[left].from = [];
        nodes[left].dead = true;
        left = gate("add", [...from, right]);
      } else left = gate(sign === "+" ? "add" : "sub", [left, right]);
      open = !constant(left) && nodes[left].kind === "add";
    }
    return left;
  };
  let output = null;
  while (at < list.length) {
    if (peek() === ";" || peek() === "\n") {
      take();
      continue;
    }
    const named = list[at + 1] === "=" && /^[A-Za-z_]/.test(peek());
    const name = named ? take() : null;
    if (named) take("=");
    if (named && known.has(name)) throw new Error(`${name} is set twice`);
    output = expression();
    if (constant(output)) throw new Error("a plain number has no graph: use a name such as x");
    if (named) {
      if (nodes[output].name) throw new Error(`${name} would only be another name for ${nodes[output].name}`);
      nodes[output].name = name;
      known.set(name, output);
    }
    if (at < list.length && ![";", "\n"].includes(peek())) throw new Error(`\u201c${peek()}\u201d is not expected here`);
  }
  return tidied(nodes, output);
}

/** The graph without what sums left behind; every gate named; refused if too large or with loose ends. */
function tidied(all, output) {
  if (output === null) throw new Error("there is no expression yet");
  const alive = all.map((node, k) => k).filter((k) => !all[k].dead);
  const number = new Map(alive.map((k, n) => [k, n]));
  const nodes = alive.map((k) => ({ ...all[k], from: all[k].from.map((j) => number.get(j)) }));
  const end = number.get(output);
  if (nodes[end].kind === "input") throw new Error("a single name has no gate: write something like f = x*y");
  const used = new Set(nodes.flatMap((node) => node.from));
  const loose = nodes.findIndex((node, k) => k !== end && !used.has(k));
  if (loose >= 0) throw new Error(`${nodes[loose].name ?? "a part"} leads nowhere: use it in the last expression`);
  if (used.has(end)) throw new Error("the last expression must be the result");
  const inputs = nodes.filter((node) => node.kind === "input").length;
  if (nodes.length - inputs > MOST_GATES) throw new Error(`${nodes.length - inputs} gates; at most ${MOST_GATES} can be drawn`);
  if (inputs > MOST_INPUTS) throw new Error(`${inputs} inputs; at most ${MOST_INPUTS} can be drawn`);
  const taken = new Set(nodes.map((node) => node.name));
  if (!nodes[end].name) {
    nodes[end].name = taken.has("f") ? "out" : "f";
    taken.add(nodes[end].name);
  }
  const free = [..."abcdghpqrsuvwk"].filter((letter) => !taken.has(letter));
  for (const node of nodes) node.name ??= free.shift() ?? `u${nodes.indexOf(node)}`;
  return { nodes, output: end, inputs: nodes.filter((node) => node.kind === "input").map((node) => node.name) };
}

/** What stands on a gate: its sign, with the constant where it has one. */
export function signOf(node, show) {
  const { kind, constant: c } = node;
  if (kind === "shift") return c < 0 ? `\u2212${show(-c)}` : `+${show(c)}`;
  if (kind === "scale") return `\u00d7${show(c)}`;
  if (kind === "from") return `${show(c)}\u2212`;
  if (kind === "over") return `${show(c)}/`;
  if (kind === "pow") return `^${show(c)}`;
  return GATES[kind].sign;
}

/** All values of the graph, in the order of its nodes; given: input name -> number. */
export function valuesOf(graph, given) {
  const values = [];
  for (const node of graph.nodes) {
    values.push(node.kind === "input" ? given[node.name] : GATES[node.kind].value(node.from.map((k) => values[k]), node.constant));
  }
  return values;
}

/** For every node the derivative of its value by each of its arguments. */
export function slopesOf(graph, values) {
  return graph.nodes.map((node, k) => (node.kind === "input" ? [] : GATES[node.kind].slopes(node.from.map((j) => values[j]), node.constant, values[k])));
}

/**
 * The steps of one pass forward and one backward. Each is {kind, node}: "start", "forward" (a gate gets its value), "seed"
 * (the output's gradient is 1), "backward" (gradient of `node` gains `gain` = above * slope through argument `slot` of
 * gate `via`; `before` is what it had, null if nothing), and for every step which values and gradients are known after it.
 */
export function walk(graph, given) {
  const values = valuesOf(graph, given);
  const slopes = slopesOf(graph, values);
  const seen = graph.nodes.map((node) => node.kind === "input");
  const gradients = graph.nodes.map(() => null);
  const steps = [];
  const put = (step) => steps.push({ ...step, seen: [...seen], gradients: [...gradients] });
  put({ kind: "start", node: graph.output });
  const gates = graph.nodes.map((_, k) => k).filter((k) => graph.nodes[k].kind !== "input");
  for (const k of gates) {
    seen[k] = true;
    put({ kind: "forward", node: k });
  }
  gradients[graph.output] = 1;
  put({ kind: "seed", node: graph.output });
  for (const via of [...gates].reverse()) {
    graph.nodes[via].from.forEach((node, slot) => {
      const [above, slope, before] = [gradients[via], slopes[via][slot], gradients[node]];
      gradients[node] = (before ?? 0) + above * slope;
      put({ kind: "backward", node, via, slot, above, slope, before, gain: above * slope });
    });
  }
  return { values, slopes, steps };
}
