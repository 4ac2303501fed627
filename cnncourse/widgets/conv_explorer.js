// ConvExplorer: a window that slides over a real image patch, its products, their sum, and the map that fills.

import { conv2d, format, formatWeight, leftover, outputSize, rotate180, scaleOf, span, windowAt } from "./_math.js";
import { css, grey, inkOn, signed, signedStrip } from "./_color.js";
import { button, bytes, calm, choices, followTheme, h, picker, rowsOf, speaker, stepper, toggle } from "./_ui.js";
import { makeGrid, outline } from "./_grid.js";
import { kernelEditor } from "./_kernel_editor.js";
import { navigator } from "./_navigator.js";

const SHARED = ["kernel", "stride", "padding", "dilation", "flip", "corner"];

function initial(model) {
  const [height, width] = model.get("photo_shape");
  const state = { photo: rowsOf(bytes(model.get("photo")), width), height, width, size: model.get("size") };
  for (const name of SHARED) state[name] = model.get(name);
  return Object.assign(state, { i: 0, j: 0, seen: new Set(), numbers: true, timer: 0, look: "light" });
}

/** Everything that follows from the state. */
function derive(state) {
  const [top, left] = state.corner;
  const [rows, columns] = state.size;
  const x = state.photo.slice(top, top + rows).map((row) => row.slice(left, left + columns));
  const shape = [state.kernel.length, state.kernel[0].length];
  const y = conv2d(x, state.kernel, state);
  const out = [0, 1].map((k) => outputSize(state.size[k], shape[k], state.stride, state.padding, state.dilation));
  const fits = out[0] > 0 && out[1] > 0;
  const used = state.flip ? rotate180(state.kernel) : state.kernel;
  return { x, y, shape, out: fits ? out : [0, 0], fits, used, scale: scaleOf(state.kernel, y) };
}

function nameOf(kernels, kernel) {
  const text = JSON.stringify(kernel);
  return Object.keys(kernels).find((name) => JSON.stringify(kernels[name]) === text) ?? "own";
}

function sizeFormula(state, { shape }) {
  const { padding, dilation, stride } = state;
  const side = (n, k, letter) => `${letter}\u2032 = \u230a(${n} + 2\u00b7${padding} \u2212 ${dilation}\u00b7(${k} \u2212 1) \u2212 1) / ${stride}\u230b + 1`;
  const rule = "H\u2032 = \u230a(H + 2P \u2212 D(K \u2212 1) \u2212 1) / S\u230b + 1";
  const square = state.size[0] === state.size[1] && shape[0] === shape[1];
  const line = (k, letter) => {
    const size = outputSize(state.size[k], shape[k], stride, padding, dilation);
    return `${side(state.size[k], shape[k], letter)} ${size ? `= ${size}` : "< 1"}`;
  };
  return [rule, line(0, "H"), ...(square ? [] : [line(1, "W")])];
}

function misfit(state, { shape }) {
  const wide = Math.max(...shape.map((k) => span(k, state.dilation)));
  const room = Math.min(...state.size) + 2 * state.padding;
  const why = state.dilation > 1 ? `, taps ${state.dilation} apart` : "";
  const dilate = state.dilation > 1 ? "a smaller dilation, " : "";
  return `The window does not fit: ${shape.join(" \u00d7 ")} weights${why} span ${wide} pixels, the padded image has ${room}. Choose ${dilate}a smaller kernel or more padding.`;
}

function build(model, state, act, signal) {
  const kernels = model.get("kernels");
  const step = (name, label, symbol, min, max) =>
    stepper({ label, symbol, min, max, value: state[name], onChange: (v) => act.set({ [name]: v }) });
  const options = [...Object.keys(kernels).map((k) => [k, k]), ["own", "your own"]];
  const ui = {
    photo: navigator({ state, onMove: (corner) => act.set({ corner }), signal }),
    kernel: picker({ label: "Kernel", options, value: "own", onChange: (k) => k !== "own" && act.set({ kernel: kernels[k] }) }),
    stride: step("stride", "Stride", "S", 1, 6),
    padding: step("padding", "Padding", "P", 0, 6),
    dilation: step("dilation", "Dilation", "D", 1, 6),
    side: stepper({ label: "Side", symbol: "K", min: 1, max: 7, value: 3, onChange: act.resize }),
    flip: choices({
      label: "Operation", value: state.flip, onChange: (flip) => act.set({ flip }),
      options: [[false, "cross-correlation", "what networks compute"], [true, "convolution", "the kernel turned by 180\u00b0 first"]],
    }),
    brush: choices({
      label: "Click to", value: "type", onChange: (v) => ui.editor.setBrush(v === "type" ? null : Number(v)),
      options: [["type", "type", "click a weight and type"], ["-1", "\u22121", "paint \u22121"], ["0", "0", "paint 0"], ["1", "+1", "paint +1"]],
    }),
    editor: kernelEditor({ onEdit: act.edit, signal }),
    window: h("div", { class: "cnnw-matrix role-input", "aria-hidden": "true" }),
    products: h("div", { class: "cnnw-matrix role-output", "aria-hidden": "true" }),
    sum: h("output", { class: "cnnw-sum" }),
    terms: h("p", { class: "cnnw-terms" }),
    formula: h("p", { class: "cnnw-formula" }),
    error: h("p", { class: "cnnw-error", role: "alert" }),
    legend: h("p", { class: "cnnw-legend" }),
    used: h("h4", { class: "role-filter", text: "kernel" }),
    play: button("Play", { title: "move the window over the image, row by row", onClick: act.play, kind: "main" }),
    numbers: toggle({ label: "numbers", value: true, onChange: (numbers) => act.set({ numbers }) }),
    speaker: speaker(),
  };
  const onKey = (event) => act.key(event);
  const onStep = (rows, columns) => act.go(state.i + rows, state.j + columns);
  ui.input = makeGrid({
    role: "input", title: "Input", onStep, onKey, signal, onPoint: act.fromInput,
    help: "Arrow keys move the window, Home and End go to the first and last position, space plays.",
  });
  ui.output = makeGrid({
    role: "output", title: "Output", onStep, onKey, signal, onPoint: act.go,
    help: "Arrow keys choose an output value; the input shows the window that it comes from.",
  });
  return ui;
}

function arrange(ui, act) {
  const operator = (text) => h("span", { class: "cnnw-operator", text, "aria-hidden": "true" });
  const part = (title, kind, node) => h("div", { class: "cnnw-part" }, title ?? h("h4", { class: kind, text: node.title0 }), node);
  ui.window.title0 = "window";
  ui.products.title0 = "products";
  const settings = h("div", { class: "cnnw-settings" }, ui.kernel.el, ui.side.el, ui.stride.el, ui.padding.el, ui.dilation.el, ui.flip.el);
  const head = h("div", { class: "cnnw-head" }, ui.photo.el, settings);
  const player = h("div", { class: "cnnw-row" }, ui.play, button("Step", { title: "one position on", onClick: act.step }),
    button("Clear", { title: "empty the output", onClick: act.clear }), button("Fill", { title: "compute every position", onClick: act.fill }));
  ui.input.el.append(player);
  ui.output.el.append(h("div", { class: "cnnw-row" }, ui.legend, ui.numbers.el));
  const maps = h("div", { class: "cnnw-maps" }, ui.input.el, ui.output.el);
  const total = h("div", { class: "cnnw-part" }, h("h4", { class: "role-output", text: "sum" }), ui.sum);
  const equation = h("div", { class: "cnnw-equation" }, part(null, "role-input", ui.window), operator("\u00d7"), part(ui.used, "", ui.editor.el),
    operator("="), part(null, "role-output", ui.products), operator("\u2192"), total);
  const below = h("div", { class: "cnnw-row" }, ui.brush.el, button("All zero", { title: "start your own kernel", onClick: act.blank }));
  return [head, ui.error, maps, h("div", { class: "cnnw-work" }, equation, ui.terms, below), ui.formula, ui.speaker.el];
}

function showMaps(state, d, ui) {
  const { padding, size } = state;
  ui.input.layout(size[0] + 2 * padding, size[1] + 2 * padding);
  ui.input.detail.textContent = `${size.join(" \u00d7 ")}${padding ? `, padded to ${size.map((n) => n + 2 * padding).join(" \u00d7 ")}` : ""}`;
  const covered = [0, 1].map((k) => size[k] + 2 * padding - leftover(size[k], d.shape[k], state.stride, padding, state.dilation));
  ui.input.paint((r, c) => {
    const [row, column] = [r - padding, c - padding];
    const lost = d.fits && (r >= covered[0] || c >= covered[1]) ? " lost" : "";
    if (row < 0 || column < 0 || row >= size[0] || column >= size[1]) return { kind: `pad${lost}`, text: state.numbers ? "0" : "" };
    const colour = grey(d.x[row][column]);
    return { fill: css(colour), ink: inkOn(colour), kind: lost, text: state.numbers ? String(d.x[row][column]) : "" };
  });
  ui.output.layout(d.out[0], d.out[1]);
  ui.output.detail.textContent = d.fits ? d.out.join(" \u00d7 ") : "none";
  ui.output.el.classList.toggle("empty", !d.fits);
  ui.output.paint((r, c) => {
    if (!state.seen.has(r * d.out[1] + c)) return { kind: "unseen" };
    const colour = colourOf(d.y[r][c], d.scale, state.look);
    return { fill: css(colour), ink: inkOn(colour), text: state.numbers ? format(d.y[r][c], 0) : "" };
  });
  const { kind, low, high } = d.scale;
  const strip = h("i");
  strip.style.background = kind === "grey" ? "linear-gradient(90deg, #000, #fff)" : signedStrip(state.look);
  ui.legend.replaceChildren(h("span", { text: format(low, 0) }), strip, h("span", { text: format(high, 0) }));
}

function colourOf(value, scale, look) {
  return scale.kind === "grey" ? grey(value, scale.low, scale.high) : signed(value, scale.high, look);
}

function showMarks(state, d, ui) {
  const { stride, dilation } = state;
  if (!d.fits) {
    ui.input.marks.replaceChildren();
    ui.output.marks.replaceChildren();
    return;
  }
  const key = [d.shape, dilation, d.out, state.size, state.padding].join();
  if (ui.marked !== key) {
    const taps = [];
    for (let a = 0; a < d.shape[0]; a++) for (let b = 0; b < d.shape[1]; b++) taps.push(outline(a * dilation, b * dilation, 1, 1, "tap"));
    const frame = outline(0, 0, span(d.shape[0], dilation), span(d.shape[1], dilation), dilation > 1 ? "frame loose" : "frame");
    ui.input.marks.replaceChildren(...taps, frame);
    ui.output.marks.replaceChildren(outline(0, 0, 1, 1, "frame"));
    ui.marked = key;
  }
  const cell = ui.input.CELL;
  ui.input.marks.style.transform = `translate(${state.j * stride * cell}px, ${state.i * stride * cell}px)`;
  ui.output.marks.style.transform = `translate(${state.j * cell}px, ${state.i * cell}px)`;
}

function matrix(node, columns, cells) {
  node.style.setProperty("--columns", columns);
  node.replaceChildren(...cells.map(({ text, colour, kind }) => {
    const cell = h("span", { text, class: kind });
    if (colour) Object.assign(cell.style, { background: css(colour), color: inkOn(colour) });
    return cell;
  }));
}

function showWork(state, d, ui) {
  ui.used.textContent = state.flip ? "kernel, turned 180\u00b0" : "kernel";
  ui.editor.show(d.used, state.look);
  ui.side.set(Math.max(...d.shape));
  ui.window.parentElement.parentElement.style.setProperty("--side", Math.max(...d.shape));
  ui.editor.el.closest(".cnnw-work").classList.toggle("misfit", !d.fits);
  if (!d.fits) {
    for (const node of [ui.window, ui.products, ui.sum, ui.terms]) node.replaceChildren();
    return;
  }
  const taps = windowAt(d.x, d.shape, state.i, state.j, state);
  const products = taps.map((tap) => tap.value * d.used[tap.a][tap.b]);
  const most = Math.max(1e-9, ...products.map(Math.abs));
  matrix(ui.window, d.shape[1], taps.map((tap) => ({ text: String(tap.value), colour: tap.inside ? grey(tap.value) : null, kind: tap.inside ? "" : "pad" })));
  matrix(ui.products, d.shape[1], products.map((v) => ({ text: format(v), colour: signed(v, most, state.look) })));
  const sum = d.y[state.i][state.j];
  const colour = colourOf(sum, d.scale, state.look);
  ui.sum.textContent = format(sum);
  Object.assign(ui.sum.style, { background: css(colour), color: inkOn(colour) });
  const terms = taps.map((tap, k) => {
    const weight = d.used[tap.a][tap.b];
    const text = `${k ? " + " : ""}${tap.value}\u00b7${weight < 0 ? `(${formatWeight(weight)})` : formatWeight(weight)}`;
    return h("span", { text, class: weight === 0 || tap.value === 0 ? "nil" : null });
  });
  ui.terms.replaceChildren(h("b", { text: `y[${state.i}, ${state.j}]` }), " = ", ...terms, " = ", h("b", { text: format(sum, 2) }));
  ui.speaker.say(state.timer ? "" : `Output row ${state.i}, column ${state.j}: ${format(sum, 2)}`);
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const state = initial(model);
  let d = derive(state);
  let ui = null;
  const cells = () => d.out[0] * d.out[1];
  const show = () => {
    if (ui === null) return;
    showMaps(state, d, ui);
    showMarks(state, d, ui);
    showWork(state, d, ui);
    ui.photo.show(state);
    ui.error.textContent = d.fits ? "" : misfit(state, d);
    ui.formula.replaceChildren(...sizeFormula(state, d).map((text) => h("span", { text })));
    ui.kernel.set(nameOf(model.get("kernels"), state.kernel));
    ui.play.textContent = state.timer ? "Pause" : "Play";
    for (const name of ["stride", "padding", "dilation", "flip"]) ui[name].set(state[name]);
  };
  const halt = () => {
    clearInterval(state.timer);
    state.timer = 0;
  };
  const act = {
    set(change, share = true) {
      const before = d.out.join();
      Object.assign(state, change);
      d = derive(state);
      if (d.out.join() !== before) {
        halt();
        state.i = Math.min(state.i, Math.max(0, d.out[0] - 1));
        state.j = Math.min(state.j, Math.max(0, d.out[1] - 1));
        state.seen = new Set(Array(cells()).keys());
      }
      if (share) {
        for (const name of SHARED) if (name in change) model.set(name, change[name]);
        model.save_changes();
      }
      show();
    },
    go(i, j) {
      if (!d.fits) return;
      halt();
      act.visit(Math.min(d.out[0] - 1, Math.max(0, i)), Math.min(d.out[1] - 1, Math.max(0, j)));
    },
    visit(i, j) {
      Object.assign(state, { i, j });
      state.seen.add(i * d.out[1] + j);
      show();
    },
    fromInput(r, c) {
      const near = (pixel, side) => Math.round((pixel - (span(d.shape[side], state.dilation) - 1) / 2) / state.stride);
      act.go(near(r, 0), near(c, 1));
    },
    edit(r, c, value) {
      const used = d.used.map((row) => [...row]);
      used[r][c] = value;
      act.set({ kernel: state.flip ? rotate180(used) : used });
    },
    resize(side) {
      const old = state.kernel;
      const [dr, dc] = [old.length, old[0].length].map((k) => Math.floor((side - 1) / 2) - Math.floor((k - 1) / 2));
      const cell = (r, c) => old[r - dr]?.[c - dc] ?? 0;
      act.set({ kernel: Array.from({ length: side }, (_, r) => Array.from({ length: side }, (_, c) => cell(r, c))) });
    },
    blank: () => act.set({ kernel: state.kernel.map((row) => row.map(() => 0)) }),
    next() {
      const k = (state.i * d.out[1] + state.j + 1) % cells();
      act.visit(Math.floor(k / d.out[1]), k % d.out[1]);
      if (k === cells() - 1) halt();
      if (!state.timer) show();
    },
    step() {
      if (!d.fits) return;
      halt();
      act.next();
    },
    play() {
      if (state.timer) halt();
      else if (d.fits) {
        if (state.seen.size === cells()) {
          state.seen = new Set();
          Object.assign(state, { i: d.out[0] - 1, j: d.out[1] - 1 });
        }
        state.timer = setInterval(act.next, calm() ? 600 : 160);
      }
      show();
    },
    clear() {
      halt();
      state.seen = new Set();
      act.go(0, 0);
    },
    fill() {
      halt();
      state.seen = new Set(Array(cells()).keys());
      show();
    },
    key(event) {
      const last = d.out;
      if (event.key === " ") act.play();
      else if (event.key === "Home") act.go(0, 0);
      else if (event.key === "End") act.go(last[0] - 1, last[1] - 1);
      else return;
      event.preventDefault();
    },
  };
  ui = build(model, state, act, signal);
  const root = h("section", { class: "cnnw conv", "aria-label": "Convolution explorer" }, ...arrange(ui, act));
  el.append(root);
  followTheme(root, (look) => act.set({ look }, false), signal);
  const [i, j] = [Math.floor(d.out[0] * 0.62), Math.floor(d.out[1] * 0.45)];
  for (let k = 0; k < i * d.out[1] + j; k++) state.seen.add(k);
  act.go(i, j);
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
    halt();
    control.abort();
  };
}

export default { render };
