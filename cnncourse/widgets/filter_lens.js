// FilterLens: a photograph and a lens; inside the lens, what one filter answers at every pixel.

import { filterImage, greyOf, keepsBrightness, quantileOfSize } from "./_image_math.js";
import { clamp, format } from "./_math.js";
import { css, grey, inkOn, signed } from "./_color.js";
import { arrow, choices, followTheme, h, speaker, toggle, uid } from "./_ui.js";

/** Paint the answers of a filter into a canvas: grey when they are an image, else signed around a dark zero. */
function paintAnswer(canvas, answer, weights) {
  const pixels = new ImageData(canvas.width, canvas.height);
  const image = keepsBrightness(weights);
  const top = image ? 255 : quantileOfSize(answer, 0.998);
  answer.forEach((v, k) => {
    const colour = image ? grey(v) : signed(v, top, "night");
    pixels.data.set(colour, 4 * k);
    pixels.data[4 * k + 3] = 255;
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** A filter as a picture of its weights. */
function icon(weights) {
  const canvas = h("canvas", { width: weights[0].length, height: weights.length, "aria-hidden": "true" });
  const top = Math.max(1e-9, ...weights.flat().map(Math.abs));
  const pixels = new ImageData(weights[0].length, weights.length);
  weights.flat().forEach((v, k) => pixels.data.set([...signed(v, top, "night"), 255], 4 * k));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

function build(model, state, act) {
  const filters = model.get("filters");
  const help = uid("help");
  const chip = (name) => h("span", { class: "cnnw-chip" }, icon(filters[name]), h("span", { text: name }));
  const radius = h("input", { type: "range", min: 20, max: 160, step: 1, value: state.radius });
  radius.addEventListener("input", () => act.set({ radius: Number(radius.value) }));
  const ui = {
    photo: h("canvas", { class: "cnnw-scene", role: "img", "aria-label": model.get("shows") }),
    answer: h("canvas", { class: "cnnw-answer", "aria-hidden": "true" }),
    glass: h("div", { class: "cnnw-glass" }, h("i")),
    filters: choices({ label: "Filter in the lens", value: state.filter, options: Object.keys(filters).map((n) => [n, chip(n)]), onChange: (filter) => act.set({ filter }) }),
    radius,
    whole: toggle({ label: "whole picture", value: false, onChange: (whole) => act.set({ whole }) }),
    told: h("p", { class: "cnnw-told" }),
    value: h("output", { class: "cnnw-value" }),
    credit: h("p", { class: "cnnw-credit", text: model.get("credit") }),
    speaker: speaker(),
  };
  ui.stage = h("div", { class: "cnnw-scene-box", role: "application", tabindex: 0, "aria-label": "Lens over the photograph", "aria-describedby": help },
    ui.photo, ui.answer, ui.glass, h("span", { id: help, class: "cnnw-unseen", text: "Arrow keys move the lens, with shift further; plus and minus change its size." }));
  return ui;
}

function arrange(ui) {
  const size = h("label", { class: "cnnw-range" }, h("span", { text: "lens" }), ui.radius);
  const told = h("div", { class: "cnnw-answer-line" }, ui.told, ui.value);
  return [ui.stage, h("div", { class: "cnnw-under" }, told, h("div", { class: "cnnw-row" }, size, ui.whole.el)), ui.filters.el, ui.credit, ui.speaker.el];
}

function decode(model) {
  const image = new Image();
  image.src = model.get("photo");
  return image.decode().then(() => image);
}

function load(ui, image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  for (const canvas of [ui.photo, ui.answer]) Object.assign(canvas, { width, height });
  const context = ui.photo.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return { width, height, grey: greyOf(context.getImageData(0, 0, width, height).data) };
}

function follow(ui, state, act, signal) {
  const at = (event) => {
    const box = ui.stage.getBoundingClientRect();
    act.set({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
  };
  ui.stage.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" || ui.stage.hasPointerCapture(event.pointerId)) at(event);
  }, { signal });
  ui.stage.addEventListener("pointerdown", (event) => {
    ui.stage.setPointerCapture(event.pointerId);
    at(event);
  }, { signal });
  ui.stage.addEventListener("keydown", (event) => {
    const step = arrow(event);
    const far = event.shiftKey ? 0.08 : 0.015;
    if (step) act.set({ x: state.x + far * step[1], y: state.y + far * step[0] }, true);
    else if (event.key === "+" || event.key === "=") act.set({ radius: state.radius + 8 }, true);
    else if (event.key === "-") act.set({ radius: state.radius - 8 }, true);
    else return;
    event.preventDefault();
  }, { signal });
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const [x, y] = model.get("at");
  const state = { x, y, radius: model.get("radius"), filter: model.get("filter"), whole: false };
  const weights = () => model.get("filters")[state.filter];
  let scene = null;
  let answer = null;
  let ui = null;
  const spot = () => ({
    px: Math.floor(clamp(state.x * scene.width, 0, scene.width - 1)),
    py: Math.floor(clamp(state.y * scene.height, 0, scene.height - 1)),
  });
  const place = () => {
    const { width, height } = scene;
    const { px, py } = spot();
    const [left, top] = [`${(100 * (px + 0.5)) / width}%`, `${(100 * (py + 0.5)) / height}%`];
    ui.answer.style.clipPath = state.whole ? "none" : `circle(${(100 * state.radius) / Math.hypot(width, height) * Math.SQRT2}% at ${left} ${top})`;
    Object.assign(ui.glass.style, { left, top, width: `${(200 * state.radius) / width}%` });
    ui.glass.classList.toggle("whole", state.whole);
    ui.glass.style.setProperty("--window", `${(100 * weights()[0].length) / (2 * state.radius)}%`);
    const value = answer[py * width + px];
    const colour = keepsBrightness(weights()) ? grey(value) : signed(value, quantile, "night");
    ui.value.textContent = format(value, 0);
    Object.assign(ui.value.style, { background: css(colour), color: inkOn(colour) });
    const [tall, broad] = [weights().length, weights()[0].length];
    ui.told.textContent = `\u03a3 ${tall}\u2009\u00d7\u2009${broad} pixels \u00b7 weights at row ${py}, column ${px} =`;
  };
  let quantile = 1;
  const develop = () => {
    answer = filterImage(scene.grey, scene.height, scene.width, weights());
    quantile = quantileOfSize(answer, 0.998);
    paintAnswer(ui.answer, answer, weights());
  };
  const act = {
    set(change, spoken = false) {
      Object.assign(state, change);
      state.x = clamp(state.x, 0, 1);
      state.y = clamp(state.y, 0, 1);
      state.radius = clamp(state.radius, 20, 160);
      if (!scene) return;
      if ("filter" in change) {
        develop();
        ui.filters.set(state.filter);
        if (model.get("filter") !== state.filter) {
          model.set("filter", state.filter);
          model.save_changes();
        }
      }
      if ("radius" in change) ui.radius.value = state.radius;
      place();
      if (spoken) ui.speaker.say(`${state.filter} at row ${spot().py}, column ${spot().px}: ${ui.value.textContent}`);
    },
  };
  ui = build(model, state, act);
  const root = h("section", { class: "cnnw lens", "aria-label": "Filter lens" }, ...arrange(ui));
  el.append(root);
  followTheme(root, () => {}, signal);
  follow(ui, state, act, signal);
  const listen = () => model.get("filter") !== state.filter && act.set({ filter: model.get("filter") });
  model.on("change:filter", listen);
  signal.addEventListener("abort", () => model.off("change:filter", listen));
  decode(model).then((image) => {
    if (signal.aborted) return;
    scene = load(ui, image);
    if (ui.stage.clientWidth < 420) state.radius *= 1.3; // a finger hides more than a pointer
    root.style.setProperty("--aspect", scene.width / scene.height);
    act.set({ filter: state.filter, radius: state.radius });
    root.classList.add("ready");
  });
  return () => control.abort();
}

export default { render };
