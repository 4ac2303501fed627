"""The graph stepper's values and gradients equal autograd's, each step tells the truth, and both parsers agree."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from cnncourse.widgets import GraphStepper
from cnncourse.widgets._expression import inputs_of
from cnncourse.widgets.graph_stepper import PRESETS

Run = Callable[[str, str, Any], Any]
TORCH = {name: getattr(torch, name) for name in ("exp", "log", "sigmoid", "tanh", "relu")} | {"max": torch.maximum}
WALK = (
    "given.map(([text, at]) => { const graph = m.parseGraph(text); const pass = m.walk(graph, at);"
    " return {graph, ...pass}; })"
)


def _autograd(text: str, at: dict[str, float]) -> tuple[float, dict[str, float]]:
    """The expression as Python runs it, on tensors."""
    inputs = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in at.items()}
    scope: dict[str, Any] = {**TORCH, **inputs}
    *before, last = [part.strip() for part in text.split(";")]
    for part in before:
        exec(part, scope)
    result: Tensor = eval(last.split("=", 1)[-1].strip(), scope)
    result.backward()  # type: ignore[no-untyped-call]
    return result.item(), {name: 0.0 if x.grad is None else x.grad.item() for name, x in inputs.items()}


def _grown(draw: random.Random, names: list[str], depth: int) -> str:
    """A random expression that stays finite for inputs between -2 and 2."""
    if depth == 0 or draw.random() < 0.15:
        return draw.choice(names)
    part = lambda: _grown(draw, names, depth - 1)  # noqa: E731
    forms = [
        lambda: f"({part()} + {part()})", lambda: f"{part()} + {part()} + {part()}", lambda: f"({part()} - {part()})",
        lambda: f"{part()} * ({part()})", lambda: f"-{draw.choice(names)}", lambda: f"tanh({part()})",
        lambda: f"sigmoid({part()})", lambda: f"relu({part()})", lambda: f"max({part()}, {part()})",
        lambda: f"exp(tanh({part()}))", lambda: f"log(1 + exp(tanh({part()})))", lambda: f"({part()})**2",
        lambda: f"({part()}) / (3 + tanh({part()}))", lambda: f"2 / (1.5 + sigmoid({part()}))",
        lambda: f"0.5 * {part()}",
        lambda: f"(1 - {part()})", lambda: f"({part()}) / 4", lambda: f"(3 + exp({draw.choice(names)}))**-1.5",
    ]  # fmt: skip
    return draw.choice(forms)()


def _drawn(number: int) -> list[tuple[str, dict[str, float]]]:
    draw = random.Random(8)
    cases: list[tuple[str, dict[str, float]]] = []
    while len(cases) < number:
        names = ["x", "y", "z", "w"][: draw.randint(1, 4)]
        if draw.random() < 0.5:
            text = f"q = tanh({_grown(draw, names, 1)}) + {names[0]}; f = {_grown(draw, [*names, 'q'], 2)} * q"
        else:
            text = f"f = {_grown(draw, names, 3)} * {names[0]}"
        try:
            inputs = inputs_of("test", text, ())
        except ValueError:
            continue  # too large
        cases.append((text, {name: round(draw.uniform(-2, 2), 3) for name in inputs}))
    return cases


def test_gradients_equal_autograd(run: Run) -> None:
    kinks = [("f = max(x, y) * x", {"x": 2, "y": 2}), ("f = relu(x) + x * x", {"x": 0})]
    cases = [*_drawn(150), *kinks, *((preset["expression"], preset["inputs"]) for preset in PRESETS.values())]
    for (text, at), got in zip(cases, run("_graph_math.js", WALK, cases), strict=True):
        value, gradients = _autograd(text, at)
        nodes, last = got["graph"]["nodes"], got["steps"][-1]
        assert got["values"][got["graph"]["output"]] == pytest.approx(value, rel=1e-9, abs=1e-6), text
        found = {node["name"]: g for node, g in zip(nodes, last["gradients"], strict=True) if node["name"] in at}
        assert found == pytest.approx(gradients, rel=1e-9, abs=1e-6), text
        assert all(last["seen"])


def test_local_derivatives_are_quotients_of_small_differences(run: Run) -> None:
    cases = _drawn(40)
    nudge = """given.map(([text, inputs]) => {
      const graph = m.parseGraph(text), v = m.valuesOf(graph, inputs), slopes = m.slopesOf(graph, v), h = 1e-6;
      return graph.nodes.flatMap((node, k) => node.from.map((j, slot) => {
        const ports = node.from.map((_, n) => ({kind: "input", name: `i${n}`, from: []}));
        const alone = {nodes: [...ports, {...node, from: ports.map((_, n) => n)}]};
        const moved = (d) => Object.fromEntries(node.from.map((i, n) => [`i${n}`, v[i] + (n === slot ? d : 0)]));
        const at = (d) => m.valuesOf(alone, moved(d)).at(-1);
        return [node.kind, slopes[k][slot], (at(h) - at(-h)) / (2 * h), v[j]];
      }));
    })"""
    seen = set()
    for entries in run("_graph_math.js", nudge, cases):
        for kind, slope, quotient, value in entries:
            if kind in ("max", "relu") and abs(slope - quotient) > 1e-3:
                assert kind == "max" or abs(value) < 1e-5  # the kink
                continue
            assert slope == pytest.approx(quotient, rel=1e-5, abs=1e-5), kind
            seen.add(kind)
    assert seen == {"add", "sub", "mul", "div", "max", "shift", "scale", "from", "over", "pow", "exp", "log",
                    "sigmoid", "tanh", "relu"}  # fmt: skip


def test_the_lectures_numbers(run: Run) -> None:
    first, second, twice = (PRESETS[name] for name in ("sum, then product", "product", "used twice"))
    cases = [[preset["expression"], preset["inputs"]] for preset in (first, second, twice)]
    a, b, c = run("_graph_math.js", WALK, cases)
    named = lambda got, what: dict(zip([n["name"] for n in got["graph"]["nodes"]], what, strict=True))  # noqa: E731
    assert named(a, a["values"]) == {"x": -2, "y": 5, "q": 3, "z": -4, "f": -12}
    assert named(a, a["steps"][-1]["gradients"]) == {"x": -4, "y": -4, "q": -4, "z": 3, "f": 1}
    assert named(b, b["steps"][-1]["gradients"]) == {"x": -3, "y": 4, "f": 1}
    added = [step for step in c["steps"] if step["kind"] == "backward" and step["before"] is not None]
    assert [(step["before"], step["gain"]) for step in added] == [(2, 3)]
    assert named(c, c["steps"][-1]["gradients"])["x"] == 5


def test_every_step_adds_one_number(run: Run) -> None:
    for (text, _), got in zip(_drawn(30), run("_graph_math.js", WALK, _drawn(30)), strict=True):
        gates = [node for node in got["graph"]["nodes"] if node["kind"] != "input"]
        kinds = [step["kind"] for step in got["steps"]]
        edges = sum(len(node["from"]) for node in gates)
        assert kinds == ["start"] + ["forward"] * len(gates) + ["seed"] + ["backward"] * edges, text
        for before, after in zip(got["steps"], got["steps"][1:], strict=False):
            changed = [
                k for k, (a, b) in enumerate(zip(before["gradients"], after["gradients"], strict=True)) if a != b
            ]
            assert changed in ([], [after["node"]])
            if after["kind"] == "backward":  # all that the gate passes on has arrived: it never changes afterwards
                assert after["above"] == got["steps"][-1]["gradients"][after["via"]]


@pytest.mark.parametrize(
    "text",
    ["x", "3", "f = x +", "f = x y", "f = (x * y", "x * y)", "f = x**y", "f = sin(x)", "f = max(x)", "f = exp(2) * x",
     "q = x + y; f = x * y", "f = q * x; q = x + 1; g = f + q", "q = x + y; q = q * 2", "x + y; x * y", "f = x = y", "",
     "f = +", "x @ y", "q = x; f = q * 2",
     "f = a*b + c*d + e*g + h*k + l*m",
     "f = x*y*x*y*x*y*x*y*x*y*x*y*x*y*x*y*x*y*x*y"],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_on_both_sides(run: Run, text: str) -> None:
    said = run(
        "_graph_math.js", "(() => { try { m.parseGraph(given); return ''; } catch (e) { return e.message; } })()", text
    )
    assert len(said) > 8, said
    with pytest.raises(ValueError, match="cannot be drawn"):
        inputs_of("GraphStepper", text, ["product"])


def test_both_parsers_find_the_same_inputs(run: Run) -> None:
    texts = [text for text, _ in _drawn(80)] + ["x·y − 2^x", "x − y\nz", "f = 3×x", "q = x*y\nf = q + z"]
    both = [text for text in texts if "\nz" not in text]
    got = run(
        "_graph_math.js", "given.map((text) => m.parseGraph(text).inputs)", [t.replace("2^x", "x^2") for t in both]
    )
    assert got == [inputs_of("test", text.replace("2^x", "x^2"), ()) for text in both]


def test_a_drawn_graph_reads_from_left_to_right_without_touching(run: Run) -> None:
    cases = [text for text, _ in _drawn(60)] + [preset["expression"] for preset in PRESETS.values()]
    graphs = run("_graph_math.js", "given.map((text) => m.parseGraph(text).nodes)", cases)
    plans = run(
        "_graph_layout.js", "given.map((nodes) => ({...m.layout(nodes), bends: [...m.layout(nodes).bends]}))", graphs
    )
    for text, nodes, plan in zip(cases, graphs, plans, strict=True):
        at, bends = plan["at"], dict(plan["bends"])
        assert max(c for c, _ in at) == plan["columns"] - 1
        assert max(y for _, y in at) <= plan["rows"] - 1 + 1e-9
        assert min(y for _, y in at) >= -1e-9
        for k, node in enumerate(nodes):
            for slot, j in enumerate(node["from"]):
                route = [at[j][0], *(c for c, _ in bends[f"{k}.{slot}"]), at[k][0]]
                assert route == list(range(route[0], route[0] + len(route))), (text, route)
        for a in range(len(at)):
            for b in range(a):
                assert at[a][0] != at[b][0] or abs(at[a][1] - at[b][1]) > 0.99, text


def test_words_say_what_the_numbers_are(run: Run) -> None:
    preset = PRESETS["used twice"]
    graph, = run("_graph_math.js", WALK, [[preset["expression"], preset["inputs"]]])  # fmt: skip
    show = "(v, n) => String(Number(v.toFixed(n ?? 3)))"
    told = run("_graph_words.js", f"given.steps.map((_, at) => m.explain(given.graph, given, at, {show}))", graph)
    assert [one["formula"] for one in told] == [
        "", "q = x + y = 3 + -1 = 2", "f = q × x = 2 × 3 = 6", "∂f/∂f = 1", "∂f/∂q = 1 × 3 = 3", "∂f/∂x = 1 × 2 = 2",
        "∂f/∂x = 2 + 3 × 1 = 2 + 3 = 5", "∂f/∂y = 3 × 1 = 3",
    ]  # fmt: skip
    assert "x is used more than once and already had 2: the paths add up." in told[6]["text"]
    done = " Done: ∂f/∂x = 5, ∂f/∂y = 3. Try it: raise x by 0.01, and f goes from 6 to 6.0501."
    assert told[-1]["text"].endswith(done)


def test_words_of_any_graph_end_in_its_numbers(run: Run) -> None:
    cases = _drawn(30)
    passes = run("_graph_math.js", WALK, cases)
    explained = run(
        "_graph_words.js",
        "given.map((one) => one.steps.map((_, at) => m.explain(one.graph, one, at, (v) => v.toFixed(6))))",
        passes,
    )
    for (text, _), got, told in zip(cases, passes, explained, strict=True):
        for step, one in zip(got["steps"], told, strict=True):
            assert not re.search(r"undefined|NaN|\[object", one["formula"] + one["text"]), text
            number = {"forward": got["values"], "backward": step["gradients"]}.get(step["kind"])
            assert number is None or one["formula"].endswith(f"= {number[step['node']] + 0.0:.6f}"), text


def test_examples_start_from_python(run: Run) -> None:
    for name, preset in PRESETS.items():
        made = GraphStepper(name)
        assert (made.expression, made.inputs) == (preset["expression"], preset["inputs"])
        assert list(made.inputs) == run("_graph_math.js", "m.parseGraph(given).inputs", made.expression)
