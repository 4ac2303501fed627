// Small pieces of interface shared by the widgets. Every control carries a label and works by keyboard.

const SVG = "http://www.w3.org/2000/svg";
let made = 0;

/** A name that no other element on the page has. */
export function uid(stem) {
  made += 1;
  return `cnnw-${stem}-${made}-${Math.random().toString(36).slice(2, 7)}`;
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "text") node.textContent = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** An HTML element: h("p", {class: "note", text: "..."}, child, ...). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function button(text, { title, onClick, kind = "" }) {
  const node = h("button", { type: "button", class: `cnnw-button ${kind}`, title, text });
  node.addEventListener("click", onClick);
  return node;
}

/** A whole number with a minus and a plus button. Returns {el, set(value), bound(max)}. */
export function stepper({ label, symbol, value, min, max, onChange, compact = false, name = label }) {
  const id = uid("step");
  const input = h("input", { id, type: "number", inputmode: "numeric", min, max, step: 1, value, "aria-label": compact ? name : null });
  const less = h("button", { type: "button", "aria-label": `${name}: less`, text: "\u2212" });
  const more = h("button", { type: "button", "aria-label": `${name}: more`, text: "+" });
  let now = value;
  const refresh = () => {
    input.value = now;
    less.disabled = now <= min;
    more.disabled = now >= Number(input.max);
  };
  const move = (wanted) => {
    const next = Math.min(Number(input.max), Math.max(min, Math.round(wanted)));
    if (Number.isFinite(next) && next !== now) {
      now = next;
      refresh();
      onChange(now);
    } else refresh();
  };
  less.addEventListener("click", () => move(now - 1));
  more.addEventListener("click", () => move(now + 1));
  input.addEventListener("change", () => move(input.value === "" ? now : Number(input.value)));
  refresh();
  const box = h("div", { class: "cnnw-stepper" }, less, input, more);
  const caption = compact ? null : h("label", { for: id, text: `${label} ` }, symbol ? h("i", { text: symbol }) : null);
  const set = (next) => {
    now = next;
    refresh();
  };
  return { el: h("div", { class: "cnnw-field" }, caption, box), set };
}

/** Native select with a label. options: [[value, text], ...]. */
export function picker({ label, options, value, onChange }) {
  const id = uid("pick");
  const node = h("select", { id }, ...options.map(([v, text]) => h("option", { value: v, text })));
  node.value = value;
  node.addEventListener("change", () => onChange(node.value));
  const set = (next) => {
    node.value = next;
  };
  return { el: h("div", { class: "cnnw-field" }, h("label", { for: id, text: label }), node), set };
}

/** A row of choices, radio buttons underneath: arrows move between them. */
export function choices({ label, options, value, onChange, hidden = false }) {
  const name = uid("choice");
  const inputs = new Map();
  const row = h("div", { class: "cnnw-choices" });
  for (const [v, text, title] of options) {
    const input = h("input", { type: "radio", name, value: String(v) });
    input.checked = v === value;
    input.addEventListener("change", () => onChange(v));
    inputs.set(v, input);
    row.append(h("label", { title }, input, typeof text === "string" ? h("span", { text }) : text));
  }
  const legend = h("legend", { text: label, class: hidden ? "cnnw-unseen" : null });
  const set = (next) => {
    for (const [v, input] of inputs) input.checked = v === next;
  };
  return { el: h("fieldset", { class: "cnnw-field cnnw-set" }, legend, row), set };
}

export function toggle({ label, value, onChange }) {
  const input = h("input", { type: "checkbox" });
  input.checked = value;
  input.addEventListener("change", () => onChange(input.checked));
  return { el: h("label", { class: "cnnw-toggle" }, input, h("span", { text: label })), input };
}

/** Text that screen readers speak when it changes; seen only by them. */
export function speaker() {
  const el = h("div", { class: "cnnw-unseen", role: "status", "aria-live": "polite" });
  let timer = 0;
  const say = (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      el.textContent = text;
    }, 250);
  };
  return { el, say };
}

export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function isDark() {
  const { documentElement: html, body } = document;
  const named = html.dataset.theme ?? html.getAttribute("theme");
  if (named === "dark" || named === "light") return named === "dark";
  if (body.dataset.jpThemeLight !== undefined) return body.dataset.jpThemeLight === "false";
  if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return true;
  if (body.classList.contains("vscode-light")) return false;
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Follow the page's theme (Jupyter Book, JupyterLab, Colab, VS Code, else the system): sets data-look on root. */
export function followTheme(root, onChange, signal) {
  const apply = () => {
    const look = isDark() ? "dark" : "light";
    if (root.dataset.look === look) return;
    root.dataset.look = look;
    onChange(look);
  };
  const observer = new MutationObserver(apply);
  const watched = { attributes: true, attributeFilter: ["data-theme", "theme", "class", "data-jp-theme-light"] };
  observer.observe(document.documentElement, watched);
  observer.observe(document.body, watched);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
  apply();
}

/** Bytes of a base64 string. */
export function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** Rows of a flat array. */
export function rowsOf(flat, width) {
  const rows = [];
  for (let k = 0; k < flat.length; k += width) rows.push(Array.from(flat.slice(k, k + width)));
  return rows;
}

/** Arrow keys, Home and End as [rows, columns] steps; null for other keys. */
export function arrow(event) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (event.altKey || event.ctrlKey || event.metaKey) return null;
  return steps[event.key] ?? null;
}

/** A finger that comes down on `element`, or on what `selector` names in it, drags and does not scroll: not every browser heeds touch-action. */
export function fingerDrags(element, selector = "*") {
  element.addEventListener("touchstart", (event) => event.target.closest(selector) && event.preventDefault(), { passive: false });
}
