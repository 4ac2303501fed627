"""The architecture calculator counts as `models.from_grammar` builds and `analyze` measures, to the last number."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from cnncourse import analyze, models
from cnncourse.models import from_grammar
from cnncourse.models.grammar import expand
from cnncourse.widgets import ArchitectureCalculator
from cnncourse.widgets.architecture_calculator import _EXAMPLES, _state

Run = Callable[[str, str, Any], Any]
WORDS = ["CONV", "CONV", "RELU", "POOL", "AVGPOOL", "BN", "DROPOUT", "NORM", "TANH", "SIGMOID"]


def measured(net: nn.Sequential, size: tuple[int, ...]) -> list[dict[str, Any]]:
    """What analyze says, in the figure's words."""
    rows = []
    for row in analyze(net, size).rows:
        module = net.get_submodule(row.name)
        bias = getattr(module, "bias", None)
        biases = 0 if bias is None else bias.numel()
        field = row.receptive_field
        rows.append(
            {
                "name": row.name, "shape": list(row.shape or ())[1:], "units": row.activations, "biases": biases,
                "weights": row.parameters - biases, "macs": row.macs,
                "field": None if field is None else {"size": field.size, "jump": field.jump, "start": field.start},
            }
        )  # fmt: skip
    return rows


def cut(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The figure's rows without the input and what is for drawing."""
    return [{k: v for k, v in row.items() if k not in ("kind", "index")} for row in rows[1:]]


def drawn(draw: random.Random) -> tuple[str, dict[str, Any]]:
    """A text and arguments for from_grammar, more often than not a network."""
    words = [draw.choice(WORDS) for _ in range(draw.randint(1, 6))]
    text = "-".join(words)
    if draw.random() < 0.5:
        text = f"[{text}]*{draw.randint(1, 2)}" + draw.choice(["", "-CONV", "?-BN"])
    text += draw.choice(["", "-GAP", "-FC-RELU"] * 2 + ["-GAP-(FC-BN-TANH)*2", "-(FC-RELU-DROPOUT)*2"])
    text += draw.choice(["", "-SOFTMAX", "-FC", "-FC-SOFTMAX"])
    text = draw.choice(["", "INPUT-"]) + text
    optional = draw.random() < 0.8
    listed = [word.name for word in expand(text, {}, optional)]
    convs, pools = listed.count("CONV"), sum(word.endswith("POOL") for word in listed)
    kernels = [draw.randint(1, 5) for _ in range(convs)]
    strides = [draw.choice([1, 1, 2]) for _ in range(convs)]
    paddings = [draw.choice(["same"] if s == 1 else [0, 1, 2]) if draw.random() < 0.6 else 1 for s in strides]
    options: dict[str, Any] = {
        "in_channels": draw.choice([1, 3, 4]), "input_size": (draw.randint(9, 40), draw.randint(9, 40)),
        "num_classes": draw.randint(2, 12), "channels": [draw.choice([4, 6, 8, 12]) for _ in range(convs)],
        "kernel_size": kernels, "stride": strides, "padding": paddings,
        "dilation": [draw.choice([1, 1, 2, 3]) for _ in range(convs)],
        "groups": [1, *[draw.choice([1, 1, 2, 3, 4]) for _ in range(convs - 1)]] if convs else 1,
        "pool_size": [draw.randint(1, 3) for _ in range(pools)],
        "pool_stride": [draw.randint(1, 3) for _ in range(pools)],
        "hidden": draw.randint(3, 20), "optional": optional,
    }  # fmt: skip
    return text, options


def draw_networks(count: int, seed: int) -> list[tuple[str, dict[str, Any], nn.Sequential]]:
    draw, found = random.Random(seed), []
    while len(found) < count:
        try:
            text, options = drawn(draw)
            with torch.device("meta"):
                found.append((text, options, from_grammar(text, **options)))
        except ValueError:
            continue
    return found


@pytest.mark.parametrize("name", _EXAMPLES)
def test_examples_to_the_last_number(run: Run, name: str) -> None:
    state = _state(optional=True, **_EXAMPLES[name])
    options = {k: v for k, v in _EXAMPLES[name].items() if k != "text"}
    with torch.device("meta"):
        net = from_grammar(_EXAMPLES[name]["text"], **options)
    got = run(
        "_architecture.js", "m.walkNetwork(...given)", [state["input_size"], state["num_classes"], state["layers"]]
    )
    assert got["fault"] is None
    assert cut(got["rows"]) == measured(net, tuple(state["input_size"]))


def test_drawn_networks_to_the_last_number(run: Run) -> None:
    networks = draw_networks(60, seed=3)
    states = [_state(text, **options) for text, options, _ in networks]
    given = [[s["input_size"], s["num_classes"], s["layers"]] for s in states]
    walked = run("_architecture.js", "given.map((g) => m.walkNetwork(...g))", given)
    kinds = {row["kind"] for one in walked for row in one["rows"]}
    assert {"CONV", "POOL", "AVGPOOL", "GAP", "BN", "FC", "FLATTEN", "NORM", "DROPOUT"} <= kinds
    for (text, options, net), state, got in zip(networks, states, walked, strict=True):
        assert got["fault"] is None, text
        assert cut(got["rows"]) == measured(net, tuple(state["input_size"])), (text, options)


def test_totals_are_the_models(run: Run) -> None:
    state = _state(optional=True, **_EXAMPLES["VGG-16"])
    given = [state["input_size"], state["num_classes"], state["layers"]]
    sums = run("_architecture.js", "m.totals(m.walkNetwork(...given).rows)", given)
    with torch.device("meta"):
        vgg16 = models.vgg16()
    totals = analyze(vgg16, (3, 224, 224)).totals
    assert (sums["weights"] + sums["biases"], sums["macs"]) == (totals.parameters, totals.macs)


def test_what_does_not_fit_in_the_figure_does_not_fit_in_python(run: Run) -> None:
    draw, wrong, right = random.Random(5), 0, 0
    cases, fits = [], []
    while wrong < 12 or right < 12:
        text, options = drawn(draw)
        fine = text, {**options, "input_size": (400, 400), "groups": 1}
        try:
            state = _state(fine[0], **fine[1])
        except ValueError:
            continue
        state["input_size"][1:] = options["input_size"]
        convs = [layer for layer in state["layers"] if layer["kind"] == "CONV"]
        groups = options["groups"] if isinstance(options["groups"], list) else [1] * len(convs)
        for conv, g in zip(convs, groups, strict=True):
            conv["groups"] = g
        try:
            with torch.device("meta"):
                from_grammar(text, **options)
            ok = True
        except ValueError:
            ok = False
        cases.append([state["input_size"], state["num_classes"], state["layers"]])
        fits.append(ok)
        wrong, right = wrong + (not ok), right + ok
    walked = run("_architecture.js", "given.map((g) => m.walkNetwork(...g).fault === null)", cases)
    assert walked == fits


TEXTS = [
    "[(CONV-RELU)*2-POOL]*3-(FC-RELU)*1-SOFTMAX", "conv → relu – pool ×2", "CONVx2-poolX3", "[(CNV-RELU)*2-POOL]*3",
    "[(CONV-RELU)*2-POOL*3", "(  (CONV - RELU", "[(CONV-RELU]*2", "CONV)-FC", "CONV FC", "(CONV FC)", "CONV--FC",
    "CONV-", "", "CONV*0", "CONV*5000-FC", "CONV*-FC", "CONV*P-FC", "[(CONV-RELU)*N-POOL?]*M-FC", "(CONV-POOL?)?-FC",
    "CONV*N", "  CONV  ->  FC ", "CONV?", "(CONV)*2?-FC", "CONV*99999999999999999999", "9", "*", "é-CONV", "CONV·3",
]  # fmt: skip


def test_texts_are_read_as_python_reads_them(run: Run) -> None:
    draw = random.Random(7)
    pieces = [
        "CONV",
        "RELU",
        "POOL",
        "fc",
        "(",
        ")",
        "[",
        "]",
        "*",
        "*2",
        "x3",
        "?",
        "-",
        "->",
        "→",
        " ",
        "N",
        "M",
        "CNV",
    ]
    texts = TEXTS + ["".join(draw.choice(pieces) for _ in range(draw.randint(1, 9))) for _ in range(400)]
    numbers = {"N": 2, "M": 3, "K": 0}
    for keep in (True, False):
        given = {"texts": texts, "numbers": numbers, "keep": keep}
        seen = run("_architecture.js", "given.texts.map((t) => m.readGrammar(t, given.numbers, given.keep))", given)
        for text, got in zip(texts, seen, strict=True):
            try:
                used = {name: numbers[name] for name in got["names"]}
                words, at = [word.name for word in expand(text, used, keep)], None
            except ValueError as error:
                words, at = [], str(error).splitlines()[-1].index("^") - 4
            assert got["words"] == words, text
            assert (got["fault"] or {"at": None})["at"] == at, text
    assert sum(not got["fault"] for got in seen) > 15


def test_a_written_text_reads_back_as_the_same_words(run: Run) -> None:
    draw = random.Random(11)
    lists = []
    for example in _EXAMPLES.values():
        numbers = {k: v for k, v in example.items() if k in "NMK"}
        lists.append([word.name for word in expand(example["text"], numbers)])
    lists += [[draw.choice(["CONV", "RELU", "POOL", "FC"]) for _ in range(draw.randint(1, 14))] for _ in range(150)]
    for words, text in zip(lists, run("_architecture.js", "given.map(m.writeGrammar)", lists), strict=True):
        assert [word.name for word in expand(text, {})] == words, text
    vgg = run("_architecture.js", "m.writeGrammar(given)", lists[list(_EXAMPLES).index("VGG-16")])
    assert vgg == _EXAMPLES["VGG-16"]["text"]


def test_the_python_line_builds_the_same_network(run: Run) -> None:
    networks = draw_networks(25, seed=9)
    states = [_state(text, **options) for text, options, _ in networks]
    states += [_state(optional=True, **example) for example in _EXAMPLES.values()]
    nets = [net for _, _, net in networks]
    with torch.device("meta"):
        nets += [from_grammar(**example) for example in _EXAMPLES.values()]
    expression = "given.map((s) => m.pythonCall({...s, input: s.input_size, classes: s.num_classes, keep: s.optional}))"
    for state, net, line in zip(states, nets, run("_architecture.js", expression, states), strict=True):
        with torch.device("meta"):
            again = eval(line, {"models": models})
        assert measured(again, tuple(state["input_size"])) == measured(net, tuple(state["input_size"])), line


def test_numbers_follow_the_text(run: Run) -> None:
    exercise = _state(optional=True, **_EXAMPLES["the lectures' exercise"])["layers"]
    longer = run("_architecture.js", "m.numbered(...given)", [["CONV", "POOL"] * 3 + ["FC", "SOFTMAX"], exercise])
    assert [layer["channels"] for layer in longer if layer["kind"] == "CONV"] == [16, 32, 64]
    assert {layer["padding"] for layer in longer if layer["kind"] == "CONV"} == {"same"}
    assert [layer["kernel"] for layer in longer if layer["kind"] == "POOL"] == [4, 4, 4]
    own = [{**exercise[0], "channels": 5}, {**exercise[2], "channels": 7}]
    kept = run("_architecture.js", "m.numbered(...given)", [["CONV", "CONV", "CONV", "FC"], own])
    assert [layer.get("channels") for layer in kept] == [5, 7, 7, None]


def test_python_opens_what_it_is_given() -> None:
    made = ArchitectureCalculator("[CONV-RELU-POOL]*M-FC", M=2, channels=8, input_size=(20, 30), in_channels=1)
    assert made.input_size == [1, 20, 30]
    assert [layer.get("channels") for layer in made.layers] == [8, None, None, 16, None, None, None]
    assert made.numbers == {"M": 2}
    assert ArchitectureCalculator().layers == made.examples["the lectures' exercise"]["layers"]
    assert made.layers[-1] == {"kind": "FC", "units": 10}


@pytest.mark.parametrize(
    ("text", "options", "error", "says"),
    [
        ("VGG-61", {}, ValueError, "VGG-16"),
        ("CONV-", {}, ValueError, "where a layer"),
        ("CONV*65", {}, ValueError, "65 layers; expected at most 64"),
        ("CONV", {"input_size": 2000}, ValueError, "input_size=2000"),
        ("CONV", {"input_size": (3, 4, 5)}, ValueError, "height and width"),
        ("CONV", {"in_channels": 0}, ValueError, "in_channels=0"),
        ("CONV", {"num_classes": 2.5}, TypeError, "num_classes=2.5"),
        ("CONV-POOL?", {"optional": [True]}, TypeError, "optional"),
        ("CONV-CONV", {"groups": [1, 5]}, ValueError, "groups=5 does not divide"),
        (3, {}, TypeError, "text is a int"),
    ],
)
def test_bad_arguments(text: Any, options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ArchitectureCalculator(text, **options)
