// A map of values drawn as cells, with a cursor that can be moved by pointer and arrow keys.

import { arrow, fingerDrags, h, s, uid } from "./_ui.js";

const CELL = 10;

/** onPoint(row, column) on click or drag; onStep(rows, columns, event) on arrow keys; onKey(event) for the rest. */
export function makeGrid({ role, title, help, onPoint, onStep, onKey, signal }) {
  const back = s("g");
  const texts = s("g", { class: "cnnw-numbers" });
  const marks = s("g", { class: "cnnw-marks" });
  const label = uid("grid");
  const hint = uid("help");
  const svg = s("svg", { class: `cnnw-grid role-${role}`, role: "application", tabindex: 0, "aria-labelledby": label, "aria-describedby": hint });
  svg.append(back, texts, marks);
  const heading = h("h4", { id: label, class: `role-${role}` }, h("span", { text: title }));
  const detail = h("span", { class: "cnnw-detail" });
  heading.append(detail);
  const el = h("div", { class: "cnnw-map" }, heading, svg, h("span", { id: hint, class: "cnnw-unseen", text: help }));
  let shape = [0, 0];
  let cells = [];
  let widest = 1;

  const layout = (rows, columns) => {
    if (rows === shape[0] && columns === shape[1]) return;
    shape = [rows, columns];
    svg.setAttribute("viewBox", `-0.4 -0.4 ${columns * CELL + 0.8} ${rows * CELL + 0.8}`);
    cells = [];
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const box = s("rect", { x: c * CELL, y: r * CELL, width: CELL, height: CELL });
        const text = s("text", { x: c * CELL + CELL / 2, y: r * CELL + CELL / 2 });
        cells.push({ r, c, box, text });
      }
    }
    back.replaceChildren(...cells.map((cell) => cell.box));
    texts.replaceChildren(...cells.map((cell) => cell.text));
  };

  /** look(row, column) -> {fill, ink, text, kind} */
  const paint = (look) => {
    let longest = 1;
    for (const { r, c, box, text } of cells) {
      const seen = look(r, c);
      box.style.fill = seen.fill ?? "";
      box.setAttribute("class", seen.kind ?? "");
      text.style.fill = seen.ink ?? "";
      text.textContent = seen.text ?? "";
      longest = Math.max(longest, text.textContent.length);
    }
    widest = longest;
    fit();
  };

  const fit = () => {
    const pixels = svg.getBoundingClientRect().width / Math.max(1, shape[1]);
    const size = Math.min(16, (Math.min(4.2, 12.6 / Math.max(widest, 2)) * pixels) / CELL);
    svg.classList.toggle("too-small", pixels > 0 && size < 7.5);
    if (pixels > 0) texts.style.fontSize = `${(size * CELL) / pixels}px`;
  };
  const resize = new ResizeObserver(fit);
  resize.observe(svg);
  signal.addEventListener("abort", () => resize.disconnect());

  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const c = Math.floor(((event.clientX - box.left) / box.width) * shape[1]);
    const r = Math.floor(((event.clientY - box.top) / box.height) * shape[0]);
    onPoint(Math.min(shape[0] - 1, Math.max(0, r)), Math.min(shape[1] - 1, Math.max(0, c)));
  };
  fingerDrags(svg, ".frame, .role-camera");
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    svg.focus({ preventScroll: true });
    if (event.pointerType === "mouse") event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    point(event);
  });
  svg.addEventListener("pointermove", (event) => {
    if (svg.hasPointerCapture(event.pointerId)) point(event);
  });
  svg.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (step) {
      event.preventDefault();
      onStep(step[0], step[1], event);
    } else onKey?.(event);
  });
  return { el, svg, marks, layout, paint, detail, CELL };
}

/** A rectangle around cells, in the drawing's units. */
export function outline(row, column, rows, columns, kind) {
  return s("rect", { x: column * CELL, y: row * CELL, width: columns * CELL, height: rows * CELL, class: kind });
}
