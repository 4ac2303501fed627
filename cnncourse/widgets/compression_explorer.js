// CompressionExplorer: cut the small weights of a network and round the rest; what is left of filters, file and score.

import { css, signed } from "./_color.js";
import { cutBelow, distinct, roundTo, smallestWith } from "./_compression_math.js";
import { slider } from "./_fields.js";
import { axes, clipped, onResize, powerOfTen, scales, ticks } from "./_plot.js";
import { button, followTheme, h, picker, s, speaker } from "./_ui.js";

const LOSS = 0.01;

function thousands(n) {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
}

function percent(v, digits = 1) {
  return `${(100 * v).toFixed(digits)} %`;
}

/** Everything that follows from where the two sliders stand. */
function derive(state) {
  const { grid, i, j } = state;
  const bits = grid.bits[j];
  const cut = cutBelow(grid.filters, grid.threshold[i]);
  return {
    bits, cut: grid.cuts[i], filters: roundTo(cut, bits), accuracy: grid.accuracy[i][j], bytes: grid.bytes[i][j], deflated: grid.deflated[i][j],
    times: grid.bytes[0][0] / grid.bytes[i][j], bars: grid.bars[i][j][state.layer], right: Math.round(grid.accuracy[i][j] * grid.images),
  };
}

function told(state, d) {
  const how = d.bits === 32 ? "as trained" : `with ${d.bits} bits each`;
  return `${percent(d.cut, 0)} of the weights cut, the rest ${how}: ${d.right} of ${state.grid.images} held-out images right, ${thousands(d.bytes)} bytes`;
}

/** The filters of the first layer as small pictures, red above zero, blue below. */
function filterBank(title) {
  const svg = s("svg", { class: "cnnw-filters", role: "img" });
  const note = h("p", { class: "cnnw-note" });
  const draw = (values, grid, top, look) => {
    const [count, rows, columns] = [grid.shape[0], grid.shape[2], grid.shape[3]];
    const across = Math.ceil(Math.sqrt(count));
    const gap = 0.6;
    const cells = [];
    values.forEach((value, n) => {
      const [filter, place] = [Math.floor(n / (rows * columns)), n % (rows * columns)];
      const x = (filter % across) * (columns + gap) + (place % columns);
      const y = Math.floor(filter / across) * (rows + gap) + Math.floor(place / columns);
      cells.push(s("rect", { x, y, width: 1.02, height: 1.02, fill: css(signed(value, top, look)) }));
    });
    const [width, height] = [across * (columns + gap) - gap, Math.ceil(count / across) * (rows + gap) - gap];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-label", `${title}: ${count} filters of ${rows} by ${columns} weights`);
    svg.replaceChildren(...cells);
    note.textContent = `${distinct(values)} different values, ${values.filter((v) => v === 0).length} of ${values.length} are 0`;
  };
  return { el: h("div", { class: "cnnw-bank" }, h("h4", { class: "role-filter", text: title }), svg, note), draw };
}

/** How many weights of the chosen layer have which value, on a scale of powers of ten. */
function histogram(redraw, signal) {
  const svg = s("svg", { class: "cnnw-plot", role: "img" });
  const draw = (state, d) => {
    const { reach, counts } = state.grid.layers[state.layer];
    const [width, height] = [Math.max(220, svg.clientWidth || 460), 190];
    const decadesUp = Math.ceil(Math.log10(counts)) || 1;
    const top = 10 ** decadesUp;
    const scale = scales({ width, height, x: [-reach, reach], y: [0.6, top], margin: { left: 42, right: 10, top: 26, bottom: 40 }, log: true });
    const yTicks = Array.from({ length: decadesUp + 1 }, (_, k) => 10 ** k);
    const wide = Math.max(2.5, (scale.right - scale.left) / state.grid.bins - 1);
    const bars = d.bars.map(([value, count]) => {
      const [x, y] = [scale.x(value), scale.y(count)];
      return s("rect", { class: value === 0 && d.cut > 0 ? "bar cut" : "bar", x: x - wide / 2, y, width: wide, height: scale.bottom - y });
    });
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    const most = d.bars.reduce((sum, [, count]) => sum + count, 0);
    svg.setAttribute("aria-label", `${thousands(most)} weights of ${state.grid.layers[state.layer].name} by their value, in ${d.bars.length} bars`);
    svg.replaceChildren(
      axes(scale, { xTicks: ticks(-reach, reach, 4), yTicks, xName: "weight", yName: "how many", yText: (v) => (v < 1000 ? String(v) : powerOfTen(Math.round(Math.log10(v)))) }),
      clipped(scale, bars),
    );
  };
  onResize(svg, redraw, signal);
  return { el: svg, draw };
}

/** Every setting as a dot: its file and its accuracy; the chosen one large, those with the same bits joined. */
function map(redraw, signal) {
  const svg = s("svg", { class: "cnnw-plot", role: "img" });
  const draw = (state, d) => {
    const { accuracy, bytes } = state.grid;
    const [width, height] = [Math.max(220, svg.clientWidth || 460), 210];
    const all = bytes.flat();
    const [low, high] = [2 ** Math.floor(Math.log2(Math.min(...all))), 2 ** Math.ceil(Math.log2(Math.max(...all)))];
    const scale = scales({ width, height, x: [Math.log2(low), Math.log2(high)], y: [0, 1], margin: { left: 42, right: 30, top: 26, bottom: 40 } });
    const x = (v) => scale.x(Math.log2(v));
    const dots = accuracy.flatMap((row, i) => row.map((score, j) => s("circle", { class: j === state.j ? "dot same" : "dot", cx: x(bytes[i][j]), cy: scale.y(score), r: j === state.j ? 4 : 3 })));
    const line = s("polyline", { class: "join", points: accuracy.map((row, i) => `${x(bytes[i][state.j])},${scale.y(row[state.j])}`).join(" ") });
    const here = s("circle", { class: "here", cx: x(d.bytes), cy: scale.y(d.accuracy), r: 7 });
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    svg.setAttribute("aria-label", `Held-out accuracy against size of the file for ${all.length} settings. ${told(state, d)}.`);
    const xTicks = [];
    for (let v = low; v <= high; v *= 4) xTicks.push(Math.log2(v));
    svg.replaceChildren(
      axes(scale, { xTicks, yTicks: [0, 0.25, 0.5, 0.75, 1], xName: "bytes of the file", yName: "accuracy, held out", xText: (v) => thousands(2 ** v) }),
      clipped(scale, [line, ...dots, here], 8),
    );
  };
  onResize(svg, redraw, signal);
  return { el: svg, draw };
}

function reading(label) {
  const value = h("strong");
  return { el: h("p", { class: "cnnw-read" }, h("span", { text: label }), value), value };
}

function build(state, act, signal) {
  const { grid } = state;
  return {
    cut: slider({ label: "Cut the smallest", min: 0, max: grid.cuts.length - 1, step: 1, value: state.i, show: (k) => percent(grid.cuts[k], 0), onChange: (i) => act.set({ i }) }),
    bits: slider({ label: "Bits for each other weight", min: 0, max: grid.bits.length - 1, step: 1, value: state.j, show: (k) => (grid.bits[k] === 32 ? "as trained" : String(grid.bits[k])), onChange: (j) => act.set({ j }) }),
    layer: picker({ label: "Weights shown below", options: grid.layers.map(({ name, counts }, k) => [k, `${name}, ${thousands(counts)} weights`]), value: state.layer, onChange: (k) => act.set({ layer: Number(k) }, false) }),
    home: button("As trained", { title: "nothing cut, nothing rounded", onClick: () => act.set({ i: 0, j: 0 }) }),
    best: button("Smallest that loses little", { title: "the smallest file that loses at most one image in a hundred", onClick: act.best }),
    before: filterBank("First layer, as trained"),
    after: filterBank("First layer now"),
    bars: histogram(act.redraw, signal),
    map: map(act.redraw, signal),
    accuracy: reading("Right, held out"),
    bytes: reading("Bytes of the file"),
    deflated: reading("After deflate"),
    times: reading("Times smaller"),
    told: h("p", { class: "cnnw-note" }),
    speaker: speaker(),
  };
}

function arrange(ui) {
  return [
    h("div", { class: "cnnw-row settings" }, ui.cut.el, ui.bits.el, h("div", { class: "cnnw-row" }, ui.home, ui.best)),
    h("div", { class: "cnnw-reads" }, ui.accuracy.el, ui.bytes.el, ui.times.el, ui.deflated.el),
    h("div", { class: "cnnw-two" }, ui.before.el, ui.after.el),
    h("div", { class: "cnnw-two" }, h("div", {}, ui.layer.el, ui.bars.el), h("div", {}, ui.map.el)),
    ui.told, ui.speaker.el,
  ];
}

function show(state, d, ui) {
  const { grid, look } = state;
  const top = grid.filters.reduce((m, w) => Math.max(m, Math.abs(w)), 1e-9);
  ui.cut.set(state.i);
  ui.bits.set(state.j);
  ui.layer.set(String(state.layer));
  ui.before.draw(grid.filters, grid, top, look);
  ui.after.draw(d.filters, grid, top, look);
  ui.bars.draw(state, d);
  ui.map.draw(state, d);
  ui.accuracy.value.textContent = `${d.right} of ${grid.images}`;
  ui.bytes.value.textContent = thousands(d.bytes);
  ui.times.value.textContent = d.times < 10 ? d.times.toFixed(1) : String(Math.round(d.times));
  ui.deflated.value.textContent = thousands(d.deflated);
  ui.told.textContent = `${grid.about} ${told(state, d)}. Not trained on after it.`;
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const grid = model.get("grid");
  const place = () => ({ i: Math.max(0, grid.cuts.indexOf(model.get("cut"))), j: Math.max(0, grid.bits.indexOf(model.get("bits"))) });
  const state = { grid, ...place(), layer: grid.largest, look: "light", telling: false };
  let ui = null;
  const act = {
    redraw: () => ui !== null && show(state, derive(state), ui),
    set(change, share = true) {
      Object.assign(state, change);
      act.redraw();
      if (!share) return;
      state.telling = true; // or the first of two would be heard as a wish to have the second as it was
      model.set("cut", grid.cuts[state.i]);
      model.set("bits", grid.bits[state.j]);
      state.telling = false;
      model.save_changes();
      if (ui !== null) ui.speaker.say(told(state, derive(state)));
    },
    best() {
      const [i, j] = smallestWith(grid.accuracy, grid.bytes, grid.accuracy[0][0] - LOSS - 1e-9);
      act.set({ i, j });
    },
  };
  ui = build(state, act, signal);
  const root = h("section", { class: "cnnw squeeze", "aria-label": "Compression explorer" }, ...arrange(ui));
  el.append(root);
  followTheme(root, (look) => act.set({ look }, false), signal);
  act.redraw();
  for (const name of ["cut", "bits"]) {
    const listen = () => {
      const now = place();
      if (state.telling) return;
      if (now.i !== state.i || now.j !== state.j) act.set(now, false);
    };
    model.on(`change:${name}`, listen);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listen));
  }
  return () => control.abort();
}

export default { render };
