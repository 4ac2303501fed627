// Fields for numbers that are not whole: a slider, a number to type, and chips to pick several of.

import { parseWeight } from "./_math.js";
import { h, s, uid } from "./_ui.js";

const NOTCHES = 240;

/** A slider with its value beside the label; log: it moves by ratios. Returns {el, set(value)}. */
export function slider({ label, symbol, min, max, step = 0.01, value, log = false, show = String, onChange }) {
  const id = uid("slide");
  const position = (v) => (log ? NOTCHES * (Math.log(v / min) / Math.log(max / min)) : v);
  const reading = (p) => (log ? Number((min * (max / min) ** (p / NOTCHES)).toPrecision(2)) : Number(p));
  const input = h("input", log ? { id, type: "range", min: 0, max: NOTCHES, step: 1 } : { id, type: "range", min, max, step });
  const shown = h("output", { for: id, class: "cnnw-reading" });
  const set = (v) => {
    input.value = position(v);
    shown.textContent = show(v);
    input.setAttribute("aria-valuetext", show(v));
  };
  input.addEventListener("input", () => {
    const v = reading(Number(input.value));
    shown.textContent = show(v);
    input.setAttribute("aria-valuetext", show(v));
    onChange(v);
  });
  set(value);
  const caption = h("label", { for: id, text: `${label} ` }, symbol ? h("i", { text: symbol }) : null);
  return { el: h("div", { class: "cnnw-field cnnw-slider" }, h("div", { class: "cnnw-caption" }, caption, shown), input), set };
}

/** A number to type: decimals, fractions such as 1/3; up and down arrows change it by `step`. Returns {el, set(value)}. */
export function numberField({ label, min, max, step = 1, value, onChange }) {
  const id = uid("number");
  const input = h("input", { id, type: "text", inputmode: "text", autocomplete: "off", spellcheck: "false", class: "cnnw-number" });
  let now = value;
  const set = (v) => {
    now = v;
    input.value = String(Number(v.toPrecision(6))).replace("-", "\u2212");
    input.removeAttribute("aria-invalid");
  };
  const take = (v) => {
    if (!(v >= min && v <= max)) {
      input.setAttribute("aria-invalid", "true");
      return;
    }
    const changed = v !== now;
    set(v);
    if (changed) onChange(v);
  };
  input.addEventListener("change", () => take(parseWeight(input.value)));
  input.addEventListener("blur", () => input.getAttribute("aria-invalid") && set(now));
  input.addEventListener("keydown", (event) => {
    const turn = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (turn === undefined) return;
    event.preventDefault();
    take(Math.min(max, Math.max(min, Number((now + turn * step).toPrecision(12)))));
  });
  set(value);
  return { el: h("div", { class: "cnnw-field" }, h("label", { for: id }, h("i", { text: label })), input), set, input };
}

/** A short line in the manner of curve number `slot`. */
export function swatch(slot) {
  return s("svg", { class: `cnnw-swatch slot-${slot}`, viewBox: "0 0 30 8", "aria-hidden": "true" }, s("line", { x1: 1, y1: 4, x2: 29, y2: 4 }));
}

/** Checkboxes as chips, at least one and at most `most` chosen. options: [[value, text, title]]. Returns {el, set(slots)}. */
export function chips({ label, options, most, onToggle }) {
  const boxes = new Map();
  const row = h("div", { class: "cnnw-chips" });
  for (const [value, text, title] of options) {
    const input = h("input", { type: "checkbox", value });
    const mark = h("span", { class: "cnnw-mark" });
    input.addEventListener("change", () => onToggle(value, input.checked));
    boxes.set(value, { input, mark });
    row.append(h("label", { title }, input, mark, h("span", { text })));
  }
  /** slots: a Map from each chosen value to the number of its curve. */
  const set = (slots) => {
    for (const [value, { input, mark }] of boxes) {
      const slot = slots.get(value);
      input.checked = slot !== undefined;
      input.disabled = slot === undefined ? slots.size >= most : slots.size === 1;
      mark.replaceChildren(...(slot === undefined ? [] : [swatch(slot)]));
    }
  };
  return { el: h("fieldset", { class: "cnnw-field cnnw-set" }, h("legend", { text: label }), row), set };
}
