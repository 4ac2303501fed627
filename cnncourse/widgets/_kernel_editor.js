// The kernel as a small table of inputs: type, walk with the arrow keys, or paint with a brush.

import { h, arrow } from "./_ui.js";
import { formatWeight, parseWeight } from "./_math.js";
import { css, inkOn, signed } from "./_color.js";

/** onEdit(row, column, value); rows and columns as shown. Returns {el, show(weights, look), brush(value|null)}. */
export function kernelEditor({ onEdit, signal }) {
  const el = h("div", { class: "cnnw-matrix role-filter", role: "group", "aria-label": "Kernel weights" });
  let inputs = [];
  let columns = 0;
  let brush = null;
  let painting = false;

  const commit = (input, r, c) => {
    const value = parseWeight(input.value);
    const bad = Number.isNaN(value);
    input.setAttribute("aria-invalid", bad ? "true" : "false");
    if (!bad) onEdit(r, c, Math.max(-99, Math.min(99, value)));
  };

  const walk = (event, r, c) => {
    const step = arrow(event);
    const input = event.target;
    if (event.key === "Enter") {
      commit(input, r, c);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      event.preventDefault();
      const value = parseWeight(input.value);
      onEdit(r, c, (Number.isNaN(value) ? 0 : value) + (event.key === "PageUp" ? 1 : -1));
    } else if (step) {
      event.preventDefault();
      const next = inputs[(r + step[0]) * columns + c + step[1]];
      const inside = c + step[1] >= 0 && c + step[1] < columns;
      if (next && inside) {
        next.focus();
        next.select();
      }
    }
  };

  const make = (r, c) => {
    const input = h("input", {
      type: "text", inputmode: "text", autocomplete: "off", spellcheck: "false",
      "aria-label": `weight, row ${r + 1}, column ${c + 1}`,
    });
    input.addEventListener("focus", () => brush === null && input.select());
    input.addEventListener("change", () => commit(input, r, c));
    input.addEventListener("keydown", (event) => walk(event, r, c));
    input.addEventListener("pointerdown", (event) => {
      if (brush === null) return;
      event.preventDefault();
      input.releasePointerCapture?.(event.pointerId);
      painting = true;
      onEdit(r, c, brush);
    });
    input.addEventListener("pointerenter", () => painting && brush !== null && onEdit(r, c, brush));
    return input;
  };
  addEventListener("pointerup", () => (painting = false), { signal });

  const show = (weights, look) => {
    if (inputs.length !== weights.flat().length || columns !== weights[0].length) {
      columns = weights[0].length;
      inputs = weights.flatMap((row, r) => row.map((_, c) => make(r, c)));
      el.style.setProperty("--columns", columns);
      el.replaceChildren(...inputs);
    }
    const top = Math.max(1e-9, ...weights.flat().map(Math.abs));
    weights.flat().forEach((value, k) => {
      const colour = signed(value, top, look);
      inputs[k].style.background = css(colour);
      inputs[k].style.color = inkOn(colour);
      inputs[k].value = formatWeight(value);
      inputs[k].setAttribute("aria-invalid", "false");
    });
  };
  const setBrush = (value) => {
    brush = value;
    el.classList.toggle("painting", value !== null);
  };
  return { el, show, setBrush };
}
