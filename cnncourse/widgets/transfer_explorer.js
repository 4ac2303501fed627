// TransferExplorer: guess which way of training does best, then see every seed of all of them.

import { byMean, seedSummary, verdictOn } from "./_seeds_math.js";
import { button, choices, followTheme, h, speaker, uid } from "./_ui.js";

const SHARED = ["task", "labels", "guessing"];
const TICKS = [0, 0.25, 0.5, 0.75, 1];

function percentPlace(v) {
  return `${(100 * v).toFixed(2)}%`;
}

function scoreText(scores) {
  const { mean, least, most } = seedSummary(scores);
  return `${mean.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

/** The ways of the chosen task and count: [[name, scores], ...]. */
function waysOf(model, state) {
  return model.get("table").find((entry) => entry.task === state.task && entry.labels === state.labels).ways;
}

/** A scale from 0 to 1, with a mark for guessing and, once they may be seen, a dot for each seed and a bar at the mean. */
function track(scores, level, shown) {
  const parts = TICKS.map((v) => h("span", { class: "tick", style: `left:${percentPlace(v)}` }));
  parts.push(h("span", { class: "level", style: `left:${percentPlace(level)}` }));
  if (shown) {
    parts.push(...scores.map((v) => h("span", { class: "seed", style: `left:${percentPlace(v)}` })));
    parts.push(h("span", { class: "mean", style: `left:${percentPlace(seedSummary(scores).mean)}` }));
  }
  return h("span", { class: "cnnw-scale", "aria-hidden": "true" }, ...parts);
}

function scaleFoot() {
  const labels = TICKS.map((v) => h("span", { style: `left:${percentPlace(v)}`, text: String(v) }));
  return h("div", { class: "cnnw-foot", "aria-hidden": "true" }, h("span"), h("span", { class: "cnnw-numbers" }, ...labels), h("span"));
}

/** One way: a radio button to guess by, its scale, its numbers. */
function wayRow(way, i, group, state, level, act) {
  const [name, scores] = way;
  const shown = state.shown;
  const input = h("input", { type: "radio", name: group, value: String(i), "aria-label": shown ? `${name}: ${scoreText(scores)}` : name });
  input.checked = state.guess === i;
  input.addEventListener("change", () => act.guess(i));
  const kinds = ["cnnw-way", shown && state.best === i ? "best" : "", state.guess === i ? "guessed" : ""];
  const numbers = h("span", { class: "cnnw-score", text: shown ? scoreText(scores) : "?" });
  return h("label", { class: kinds.filter(Boolean).join(" ") }, input, h("span", { class: "name", text: name }), track(scores, level, shown), numbers);
}

const SAID = {
  best: (guess) => `${guess} has the highest mean. You said so.`,
  level: (guess, best) => `${best} has the highest mean, but ${guess} reaches into its seeds: three of them cannot tell the two apart.`,
  behind: (guess, best) => `${best} has the highest mean; every seed of ${guess} stays below all of its seeds.`,
};

function verdictText(ways, state) {
  if (!state.shown) return "Which of these does best on pictures that it has not seen? Choose one.";
  const best = ways[state.best][0];
  if (state.guess === null) return `${best} has the highest mean.`;
  const kind = verdictOn(ways.map(([, scores]) => scores), state.guess);
  return SAID[kind](ways[state.guess][0], best);
}

function build(model, state, act) {
  const options = (name) => model.get(name).map((v) => [v, v]);
  return {
    task: choices({ label: "Task", options: options("tasks"), value: state.task, onChange: (task) => act.set({ task }) }),
    labels: choices({ label: "Labelled pictures of each class", options: options("counts"), value: state.labels, onChange: (labels) => act.set({ labels }) }),
    rows: h("fieldset", { class: "cnnw-ways" }),
    told: h("p", { class: "cnnw-told" }),
    again: button("Guess again", { title: "hide the scores of this task and count", onClick: () => act.again() }),
    reveal: button("Show all", { title: "show the scores of every task and count, without a guess", onClick: () => act.set({ guessing: false }) }),
    speaker: speaker(),
  };
}

function draw(model, state, ui, act, group) {
  const ways = waysOf(model, state);
  const held = ui.rows.contains(document.activeElement) ? document.activeElement.value : null;
  state.best = byMean(ways.map(([, scores]) => scores))[0];
  const legend = h("legend", { class: "cnnw-unseen", text: "Ways of training" });
  ui.rows.replaceChildren(legend, ...ways.map((way, i) => wayRow(way, i, group, state, model.get("level"), act)), scaleFoot());
  if (held !== null) ui.rows.querySelector(`input[value="${held}"]`).focus();
  ui.told.textContent = verdictText(ways, state);
  ui.again.disabled = !state.shown;
  ui.reveal.disabled = !state.guessing;
  ui.task.set(state.task);
  ui.labels.set(state.labels);
}

function render({ model, el }) {
  const control = new AbortController();
  const { signal } = control;
  const group = uid("ways");
  const guesses = new Map(); // by task and count
  const state = Object.fromEntries(SHARED.map((name) => [name, model.get(name)]));
  const here = () => `${state.task} ${state.labels}`;
  let ui = null;
  const refresh = () => {
    state.guess = guesses.has(here()) ? guesses.get(here()) : null;
    state.shown = !state.guessing || state.guess !== null;
    draw(model, state, ui, act, group);
  };
  const act = {
    set(change, share = true) {
      Object.assign(state, change);
      if (share) {
        for (const name of SHARED) if (name in change) model.set(name, state[name]);
        model.save_changes();
      }
      refresh();
      if (share) ui.speaker.say(ui.told.textContent);
    },
    guess(i) {
      guesses.set(here(), i);
      refresh();
      ui.speaker.say(ui.told.textContent);
    },
    again() {
      guesses.delete(here());
      act.set({ guessing: true });
    },
  };
  ui = build(model, state, act);
  const settings = h("div", { class: "cnnw-row settings" }, ui.task.el, ui.labels.el);
  const root = h("section", { class: "cnnw transfer", "aria-label": "Transfer explorer" }, settings, ui.rows, ui.told, h("div", { class: "cnnw-row" }, ui.again, ui.reveal), ui.speaker.el);
  el.append(root);
  followTheme(root, () => {}, signal);
  refresh();
  for (const name of SHARED) {
    const listen = () => {
      if (model.get(name) !== state[name]) act.set({ [name]: model.get(name) }, false);
    };
    model.on(`change:${name}`, listen);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listen));
  }
  return () => control.abort();
}

export default { render };
