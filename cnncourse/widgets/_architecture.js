// The arithmetic of a network that is written as a grammar: words, layers, and what each layer gives and costs.
// Pure functions, no DOM. Checked against models.from_grammar and analyze in tests/widgets.

import { outputSize, span } from "./_math.js";

export const MOST_WORDS = 64;
const WORDS = ["INPUT", "CONV", "RELU", "TANH", "SIGMOID", "POOL", "MAXPOOL", "AVGPOOL", "GAP", "NORM", "LRN", "BN", "DROPOUT", "FC", "SOFTMAX"];
const POOLS = ["POOL", "MAXPOOL", "AVGPOOL"];
const CLOSING = { "(": ")", "[": "]" };
const MOST_CHANNELS = 512;

/** What cannot be read, and under which character. */
class Fault extends Error {
  constructor(message, at) {
    super(message);
    this.at = at;
  }
}

/** Reads `net = part ("-" part)*, part = (word | "(" net ")" | "[" net "]") ("*" times)? "?"?` from left to right. */
class Reader {
  constructor(text, numbers, fallback) {
    Object.assign(this, { text, numbers, fallback, at: 0, names: [], asks: false });
  }

  take(pattern) {
    this.skip();
    const match = new RegExp(pattern.source, "y");
    match.lastIndex = this.at;
    const found = match.exec(this.text);
    if (!found) return null;
    this.at += found[0].length;
    this.skip();
    return found[0];
  }

  skip() {
    while (this.at < this.text.length && /\s/.test(this.text[this.at])) this.at += 1;
  }

  fail(message, at = this.at) {
    throw new Fault(message, at);
  }

  whole() {
    const parts = this.net();
    if (this.at < this.text.length) {
      const found = this.text[this.at];
      if (found === ")" || found === "]") this.fail(`${found} closes nothing; a bracket must be opened before it.`);
      this.fail(`${found} is not expected here. Write - and the next layer, * and a number, or ?.`);
    }
    const total = parts.reduce((sum, part) => sum + lengthOf(part), 0);
    if (total > MOST_WORDS) {
      const longest = parts.reduce((most, part) => (lengthOf(part) > lengthOf(most) ? part : most));
      this.fail(`${total.toLocaleString("en-US")} layers; this table holds at most ${MOST_WORDS}. Lower the number here.`, longest.timesAt);
    }
    return parts;
  }

  net() {
    const parts = [this.part()];
    while (this.take(/->|[-\u2013\u2014\u2192]/) !== null) parts.push(this.part());
    return parts;
  }

  part() {
    const bracket = this.take(/[([]/);
    const inside = bracket === null ? this.word() : this.inside(bracket);
    const repeated = this.take(/[*\u00d7\u00b7xX]/) !== null;
    const timesAt = this.at;
    const times = repeated ? this.times() : 1;
    const optional = this.take(/\?/) !== null;
    this.asks ||= optional;
    return { inside, times, timesAt, optional };
  }

  word() {
    this.skip();
    const at = this.at;
    const word = this.take(/[A-Za-z]+?(?=[xX]\s*\d)|[A-Za-z]+/);
    if (word === null) {
      const found = at < this.text.length ? this.text[at] : "The end stands";
      this.fail(`${found} where a layer or an opening bracket is expected: ${WORDS.join(", ")}.`, at);
    }
    const name = word.toUpperCase();
    if (!WORDS.includes(name)) this.fail(`${word} is no layer that is known here: ${WORDS.join(", ")}.`, at);
    return { name, at };
  }

  inside(bracket) {
    let opened = this.at - 1;
    while (this.text[opened] !== bracket) opened -= 1;
    const parts = this.net();
    if (this.at >= this.text.length) this.fail(`${bracket} is never closed; put ${CLOSING[bracket]} behind it.`, opened);
    if (this.text[this.at] !== CLOSING[bracket]) this.fail(`${this.text[this.at]} where ${CLOSING[bracket]} is expected, which closes ${bracket}.`);
    this.at += 1;
    this.skip();
    return parts;
  }

  times() {
    const at = this.at;
    const typed = this.take(/[0-9]+/);
    if (typed !== null) {
      if (typed.length > 9 || !(Number(typed) > 0 && Number(typed) <= 1000)) this.fail(`${typed} times; between 1 and 1,000 are possible.`, at);
      return Number(typed);
    }
    const name = this.take(/[A-Za-z]\w*/);
    if (name === null) this.fail("No number stands behind the *. Write one, such as *2, or a name such as *N.", at);
    const times = Object.hasOwn(this.numbers, name) ? this.numbers[name] : this.fallback;
    if (times === null) this.fail(`No number is given for ${name}.`, at);
    if (!this.names.includes(name)) this.names.push(name);
    return times;
  }
}

function lengthOf({ inside, times }) {
  return times * (Array.isArray(inside) ? inside.reduce((sum, part) => sum + lengthOf(part), 0) : 1);
}

function writtenOut(parts, keep, words = []) {
  for (const { inside, times, optional } of parts) {
    if (optional && !keep) continue;
    for (let k = 0; k < times; k++) {
      if (Array.isArray(inside)) writtenOut(inside, keep, words);
      else words.push(inside.name);
    }
  }
  return words;
}

/**
 * The words of `text` with every repetition written out: {words, names, asks, fault}. `numbers` holds the number of
 * each name behind a *, `fallback` one for those that have none; `keep` says whether parts with a ? are there.
 * names: those met; asks: whether a ? was met; fault: null, or {message, at}, and then words is empty.
 */
export function readGrammar(text, numbers = {}, keep = true, fallback = null) {
  const reader = new Reader(text, numbers, fallback);
  try {
    const words = writtenOut(reader.whole(), keep);
    if (!words.length) reader.fail("No layer is left. Raise a number behind a *, or keep the parts with ?.", 0);
    return { words, names: reader.names, asks: reader.asks, fault: null };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { words: [], names: reader.names, asks: reader.asks, fault: { message: error.message, at: error.at } };
  }
}

/** A short text for a list of words: what repeats stands in brackets with its number. */
export function writeGrammar(words) {
  const best = { rank: 0, saved: 0 };
  for (let size = 1; size <= words.length / 2; size++) {
    for (let from = 0; from + 2 * size <= words.length; from++) {
      let times = 1;
      while (words.slice(from, from + size).every((word, k) => words[from + times * size + k] === word)) times += 1;
      const [first, last] = [words[from], words[from + size - 1]];
      const saved = (times - 1) * size;
      const rank = saved + (isPool(last) ? 0.5 : 0) + (first === "CONV" || first === "FC" ? 0.25 : 0); // of equals, the usual cut
      if (times > 1 && rank > best.rank) Object.assign(best, { rank, saved, size, from, times });
    }
  }
  if (best.saved < 2 && !(best.saved === 1 && words.length > 2 && best.size === 1)) return words.join("-");
  const inside = writeGrammar(words.slice(best.from, best.from + best.size));
  const bracketed = best.size === 1 ? inside : /[([]/.test(inside) ? `[${inside}]` : `(${inside})`;
  const before = words.slice(0, best.from);
  const after = words.slice(best.from + best.size * best.times);
  return [before.length ? writeGrammar(before) : "", `${bracketed}*${best.times}`, after.length ? writeGrammar(after) : ""].filter(Boolean).join("-");
}

export function isPool(kind) {
  return POOLS.includes(kind);
}

/** The filters of each CONV when they double behind each pooling. */
export function doubling(words, first) {
  let now = first;
  let begun = false;
  const filters = [];
  for (const word of words) {
    if (word === "CONV") {
      filters.push(now);
      begun = true;
    } else if (isPool(word) && begun) now = Math.max(now, Math.min(2 * now, MOST_CHANNELS));
  }
  return filters;
}

/**
 * Layers with numbers for words. The k-th CONV, pooling or FC keeps the numbers that the k-th one of `old` had; further
 * ones are as the last. Filters that doubled behind each pooling go on doing so.
 */
export function numbered(words, old = []) {
  const convs = old.filter(({ kind }) => kind === "CONV");
  const first = convs[0]?.channels ?? 32;
  const rule = doubling(words, first);
  const ruled = same(convs.map((c) => c.channels), doubling(old.map(({ kind }) => kind), first));
  const had = (test, k) => {
    const all = old.filter(({ kind }) => test(kind));
    return all[k] ?? all.at(-1) ?? {};
  };
  const count = { conv: 0, pool: 0, full: 0 };
  return words.map((kind) => {
    if (kind === "CONV") {
      const k = count.conv++;
      const { channels = first, kernel = 3, stride = 1, dilation = 1, padding = dilation * Math.floor(kernel / 2), groups = 1 } = had((one) => one === "CONV", k);
      return { kind, channels: ruled ? rule[k] : channels, kernel, stride, padding, dilation, groups: k < convs.length ? groups : 1 };
    }
    if (isPool(kind)) {
      const { kernel = 2, stride = 2 } = had(isPool, count.pool++);
      return { kind, kernel, stride };
    }
    if (kind === "FC") return { kind, units: had((one) => one === "FC", count.full++).units ?? 128 };
    return { kind };
  });
}

/** Whether two plain values are equal, part by part. */
export function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The position of the FC that gives the scores, or -1: the last one, with nothing behind it but SOFTMAX. */
export function scoring(layers) {
  const last = layers.at(-1)?.kind === "SOFTMAX" ? layers.length - 2 : layers.length - 1;
  return layers[last]?.kind === "FC" ? last : -1;
}

const product = (numbers) => numbers.reduce((p, n) => p * n, 1);

/** Zeros before and after, along one side. */
function zeros({ kernel, dilation, padding }) {
  if (padding !== "same") return [padding, padding];
  const more = dilation * (kernel - 1);
  return [Math.floor(more / 2), more - Math.floor(more / 2)];
}

/** Why a CONV cannot stand on a map of `shape`, or "". */
function convFault(layer, [C, H, W]) {
  const { channels, kernel, stride, padding, dilation, groups } = layer;
  if (C % groups || channels % groups) return `${groups} groups do not divide ${C} channels in and ${channels} out.`;
  if (padding === "same" && stride !== 1) return `Padding "same" needs stride 1.`;
  const [before, after] = zeros(layer);
  const wide = span(kernel, dilation);
  const padded = Math.min(H, W) + before + after;
  return padded < wide ? `The map is ${H} \u00d7 ${W} here${before + after ? ` (${padded} with padding)` : ""}, smaller than the window, which spans ${wide}.` : "";
}

function conv(layer, { shape: [C, H, W], field }) {
  const { channels, kernel, stride, dilation, groups } = layer;
  const [before, after] = zeros(layer);
  const side = (n) => outputSize(n + before + after, kernel, stride, 0, dilation);
  const shape = [channels, side(H), side(W)];
  const weights = channels * (C / groups) * kernel * kernel;
  const seen = field && { size: field.size + dilation * (kernel - 1) * field.jump, jump: field.jump * stride, start: field.start - before * field.jump };
  return { shape, weights, biases: channels, macs: weights * shape[1] * shape[2], field: seen };
}

function pool({ kernel, stride }, { shape: [C, H, W], field }) {
  const side = (n) => outputSize(n, kernel, stride);
  return { shape: [C, side(H), side(W)], field: field && { size: field.size + (kernel - 1) * field.jump, jump: field.jump * stride, start: field.start } };
}

/** Shape, weights, biases, multiply-adds and field behind one layer; or {fault}. */
function step(layer, kind, last, units) {
  const { shape, field } = last;
  const flat = shape.length === 1;
  if (flat && (kind === "CONV" || isPool(kind) || ["NORM", "LRN", "GAP"].includes(kind))) return { fault: `${kind} stands behind FC, which leaves no map.` };
  if (kind === "CONV") {
    const fault = convFault(layer, shape);
    return fault ? { fault } : conv(layer, last);
  }
  if (isPool(kind)) {
    const [H, W] = [shape[1], shape[2]];
    return Math.min(H, W) < layer.kernel ? { fault: `The map is ${H} \u00d7 ${W} here, smaller than the window ${layer.kernel} \u00d7 ${layer.kernel}.` } : pool(layer, last);
  }
  if (kind === "FLATTEN") return { shape: [product(shape)], field: null };
  if (kind === "FC") return { shape: [units], weights: units * shape[0], biases: units, macs: units * shape[0], field: null };
  if (kind === "GAP") return { shape: [shape[0], 1, 1], field: null };
  if (kind === "BN") return { shape, weights: shape[0], biases: shape[0], field };
  return { shape, field };
}

/** Names as from_grammar gives them: stage and place in the stage. */
function namer() {
  let [stage, place, full] = [1, 0, 0];
  const used = new Set();
  return (kind, flat, logits) => {
    if (kind === "CONV") place += 1;
    if (kind === "FC") full += 1;
    const where = flat ? `_fc${full}` : `${stage}_${place}`;
    const short = { CONV: `conv${where}`, FC: logits ? "logits" : `fc${full}`, FLATTEN: "flatten", GAP: "gap", DROPOUT: `drop${where}`, LRN: `norm${where}` };
    const stem = isPool(kind) ? `pool${stage}` : short[kind] ?? `${kind.toLowerCase()}${where}`;
    if (isPool(kind)) [stage, place] = [stage + 1, 0];
    let name = stem;
    for (let k = 2; used.has(name); k++) name = `${stem}_${k}`;
    used.add(name);
    return name;
  };
}

/**
 * Walk an image of `input` = [C, H, W] through `layers`. One row for the input and for each module that from_grammar
 * would build: {name, kind, index (of the layer in the list), shape, units, weights, biases, macs, field}, where field
 * is {size, jump, start} of what a unit sees, or null where that is everything. Stops at the first layer that does not
 * fit: {rows, fault}, with fault = null or {message, index}.
 */
export function walkNetwork(input, classes, layers) {
  const name = namer();
  const rows = [{ name: "input", kind: "INPUT", index: -1, shape: input, units: product(input), weights: 0, biases: 0, macs: 0, field: { size: 1, jump: 1, start: 0 } }];
  const scores = scoring(layers);
  const add = (kind, index, units) => {
    const last = rows.at(-1);
    const made = step(layers[index], kind, last, units);
    if (made.fault) return { message: made.fault, index };
    rows.push({ weights: 0, biases: 0, macs: 0, ...made, kind, index, name: name(kind, last.shape.length === 1, index === scores || layers[index].kind === "SOFTMAX"), units: product(made.shape) });
    return null;
  };
  for (const [index, layer] of layers.entries()) {
    const { kind } = layer;
    if (kind === "INPUT" && index === 0) continue;
    if (kind === "INPUT") return { rows, fault: { message: "INPUT stands in the middle; it may only come first.", index } };
    if (kind === "SOFTMAX" && index < layers.length - 1) return { rows, fault: { message: "SOFTMAX stands in the middle; it may only come last.", index } };
    if (kind === "SOFTMAX" && scores >= 0) continue;
    const full = kind === "FC" || kind === "SOFTMAX";
    const fault = (full && rows.at(-1).shape.length > 1 && add("FLATTEN", index)) || add(full ? "FC" : kind, index, full ? (index === scores || kind === "SOFTMAX" ? classes : layer.units) : 0);
    if (fault) return { rows, fault };
  }
  return { rows, fault: null };
}

/** Sums over rows. */
export function totals(rows) {
  const sum = (key) => rows.reduce((all, row) => all + row[key], 0);
  return { weights: sum("weights"), biases: sum("biases"), macs: sum("macs"), units: sum("units") - rows[0].units };
}

function listed(values) {
  return values.every((v) => v === values[0]) ? JSON.stringify(values[0]) : `[${values.map((v) => JSON.stringify(v)).join(", ")}]`;
}

/** The call of from_grammar that builds the same network. */
export function pythonCall({ text, numbers, keep, input, classes, layers }) {
  const convs = layers.filter(({ kind }) => kind === "CONV");
  const pools = layers.filter(({ kind }) => isPool(kind));
  const scores = scoring(layers);
  const full = layers.filter(({ kind }, k) => kind === "FC" && k !== scores);
  const [C, H, W] = input;
  const parts = [JSON.stringify(text)];
  const give = (name, value, usual) => value !== usual && parts.push(`${name}=${value}`);
  const each = (name, values, usual) => values.length && give(name, listed(values), String(usual));
  give("in_channels", C, 3);
  give("input_size", H === W ? String(H) : `(${H}, ${W})`, "32");
  give("num_classes", classes, 10);
  const filters = convs.map((c) => c.channels);
  const ruled = same(filters, doubling(layers.map(({ kind }) => kind), filters[0]));
  if (ruled && filters.length) give("channels", filters[0], 32);
  else if (filters.length) parts.push(`channels=[${filters.join(", ")}]`);
  each("kernel_size", convs.map((c) => c.kernel), 3);
  each("stride", convs.map((c) => c.stride), 1);
  if (convs.some((c) => c.padding !== c.dilation * Math.floor(c.kernel / 2))) each("padding", convs.map((c) => c.padding), "");
  each("dilation", convs.map((c) => c.dilation), 1);
  each("groups", convs.map((c) => c.groups), 1);
  each("pool_size", pools.map((p) => p.kernel), 2);
  if (pools.some((p) => p.stride !== p.kernel)) each("pool_stride", pools.map((p) => p.stride), "");
  each("hidden", full.map((f) => f.units), 128);
  if (!keep) parts.push("optional=False");
  for (const [name, number] of Object.entries(numbers)) parts.push(`${name}=${number}`);
  return `models.from_grammar(${parts.join(", ")})`;
}
