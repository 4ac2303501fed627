"""Widgets take what they promise, refuse the rest with a reason, and stay small."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cnncourse import widgets
from cnncourse.widgets import FILTERS, KERNELS, ConvExplorer, FilterLens, SizeExplorer, _base

ALL = [getattr(widgets, name) for name in widgets.__all__ if not name.isupper()]


@pytest.mark.parametrize("widget", ALL)
def test_works_without_arguments_and_stays_small(widget: type) -> None:
    made = widget()
    assert len(made._esm.encode()) <= 100_000
    assert len(made._css.encode()) <= 100_000
    state = {k: v for k, v in made.get_state().items() if not k.startswith("_") and k != "layout"}
    assert len(json.dumps(state)) <= 100_000
    assert "import " not in made._esm.split("export default")[0].split("//")[0]
    assert made._esm.count("export default") == 1


@pytest.mark.parametrize("name", KERNELS)
def test_named_kernels(name: str) -> None:
    assert ConvExplorer(kernel=name.replace(" ", "_")).kernel == KERNELS[name]


def test_patch_of_ones_own() -> None:
    patch = np.arange(30, dtype=np.uint8).reshape(5, 6)
    made = ConvExplorer(patch, kernel=torch.ones(2, 3), stride=2, padding=1)
    assert (made.photo_shape, made.size, made.corner) == ([5, 6], [5, 6], [0, 0])
    assert base64.b64decode(made.photo) == patch.tobytes()
    assert made.kernel == [[1, 1, 1], [1, 1, 1]]


def test_floats_up_to_one_are_brightness() -> None:
    made = ConvExplorer(torch.full((1, 4, 4), 0.5))
    assert set(base64.b64decode(made.photo)) == {128}


def test_own_filters_and_photograph() -> None:
    made = FilterLens(np.zeros((20, 30, 3)), filters={"mine": np.eye(3)}, at=(0, 1), radius=20)
    assert (made.filter, made.filters) == ("mine", {"mine": np.eye(3).tolist()})
    assert made.photo.startswith("data:image/jpeg;base64,")


def test_filters_of_a_trained_net() -> None:
    from cnncourse import zoo

    first = next(m for m in zoo.load("lenet_digits").modules() if isinstance(m, torch.nn.Conv2d))
    made = FilterLens(filters="lenet_digits")
    assert len(made.filters) == first.out_channels
    torch.testing.assert_close(torch.tensor(made.filters["filter 0"]), first.weight[0, 0], atol=1e-6, rtol=0)


def test_layers_in_every_form() -> None:
    full = {"kind": "conv", "kernel": 3, "stride": 2, "padding": 0, "dilation": 4}
    assert SizeExplorer([(3, 2, 4), {"kernel": 3, "stride": 2, "dilation": 4}], input_size=40).layers == [full, full]
    assert SizeExplorer([{"kind": "pool", "kernel": 2, "stride": 2}]).layers[0]["kind"] == "pool"
    assert SizeExplorer("three 3x3").layers == SizeExplorer("three 3×3").layers


def test_filters_are_what_their_names_say() -> None:
    for name, rows in FILTERS.items():
        total = np.sum(rows)
        assert total == pytest.approx(1 if name in ("blur", "sharpen") else 0, abs=1e-4), name


BAD: list[tuple[type, tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    (ConvExplorer, ("nobody",), {}, ValueError, "nobody"),
    (ConvExplorer, (), {"kernel": "sobel z"}, ValueError, "'sobel x'"),
    (ConvExplorer, (), {"kernel": np.zeros((8, 8))}, ValueError, r"\(8, 8\).*1 to 7"),
    (ConvExplorer, (), {"kernel": [1, 2]}, ValueError, r"\(2,\)"),
    (ConvExplorer, (), {"kernel": [[1, 2], [3]]}, TypeError, "rows of numbers"),
    (ConvExplorer, (), {"kernel": [[float("nan")]]}, ValueError, "finite"),
    (ConvExplorer, (), {"stride": 0}, ValueError, "stride=0; expected 1 to 6"),
    (ConvExplorer, (), {"padding": 1.5}, TypeError, "padding=1.5"),
    (ConvExplorer, (), {"dilation": True}, TypeError, "dilation=True"),
    (ConvExplorer, (), {"flip": "yes"}, TypeError, "flip='yes'"),
    (ConvExplorer, (), {"corner": (99, 0)}, ValueError, r"corner\[0\]=99"),
    (ConvExplorer, (), {"corner": (1, 2, 3)}, ValueError, "two numbers"),
    (ConvExplorer, (), {"corner": 7}, TypeError, "corner"),
    (ConvExplorer, (np.zeros((4, 4, 3)),), {}, ValueError, r"\(4, 4, 3\)"),
    (ConvExplorer, (np.full((4, 4), 300.0),), {}, ValueError, "300"),
    (ConvExplorer, (None,), {}, TypeError, "NoneType"),
    (SizeExplorer, ("resnet",), {}, ValueError, "LeNet-5"),
    (SizeExplorer, (3,), {}, TypeError, "list of layers"),
    (SizeExplorer, ([(3,)],), {}, TypeError, r"layers\[0\]"),
    (SizeExplorer, ([(3, 0)],), {}, ValueError, "stride=0"),
    (SizeExplorer, ([{"stride": 1}],), {}, ValueError, "no 'kernel'"),
    (SizeExplorer, ([{"kernel": 3, "groups": 2}],), {}, ValueError, "groups"),
    (SizeExplorer, ([{"kernel": 3, "kind": "relu"}],), {}, ValueError, "'pool'"),
    (SizeExplorer, ([(3, 1)] * 13,), {}, ValueError, "13 layers"),
    (SizeExplorer, (), {"input_size": 0}, ValueError, "input_size=0"),
    (FilterLens, ("nobody",), {}, ValueError, "nobody"),
    (FilterLens, (np.zeros((4, 4)),), {}, ValueError, "16 to 512"),
    (FilterLens, (np.full((20, 20), -1.0),), {}, ValueError, "-1"),
    (FilterLens, (), {"filters": {"even": np.zeros((2, 2))}}, ValueError, "odd"),
    (FilterLens, (), {"filters": []}, TypeError, "dict"),
    (FilterLens, (), {"filter": "nothing"}, ValueError, "'spots'"),
    (FilterLens, (), {"at": (2, 0)}, ValueError, "fractions"),
    (FilterLens, (), {"radius": 500}, ValueError, "20 to 160"),
    (widgets.GraphStepper, (3,), {}, TypeError, "int"),
    (widgets.GraphStepper, ("x +",), {}, ValueError, "cannot be drawn.*'sigmoid neuron'"),
    (widgets.GraphStepper, ("sin(x)",), {}, ValueError, r"'sin\(x\)' is none of its parts.*sigmoid"),
    (widgets.GraphStepper, ("f = x**y",), {}, ValueError, "power needs a plain number"),
    (widgets.GraphStepper, ("q = x + y; f = x * y",), {}, ValueError, "q leads nowhere"),
    (widgets.GraphStepper, ("__import__('os')",), {}, ValueError, "none of its parts"),
    (widgets.GraphStepper, ("f = x * y",), {"at": {"x": 1}}, ValueError, r"lacks \['y'\]"),
    (widgets.GraphStepper, ("f = x * x",), {"at": {"x": 1, "t": 1}}, ValueError, r"unknown \['t'\]"),
    (widgets.GraphStepper, ("f = x * x",), {"at": [1]}, TypeError, "dict of inputs"),
    (widgets.GraphStepper, ("f = x * x",), {"at": {"x": 1000}}, ValueError, "-100 to 100"),
    (widgets.GraphStepper, ("f = x * x",), {"at": {"x": "1"}}, TypeError, "expected a number"),
    (widgets.GraphStepper, (), {"step": -1}, ValueError, "step=-1"),
    (widgets.ActivationPlotter, ("swish",), {}, ValueError, "'silu'"),
    (widgets.ActivationPlotter, ([],), {}, ValueError, "one to 5"),
    (widgets.ActivationPlotter, (["relu", "relu"],), {}, ValueError, "different"),
    (widgets.ActivationPlotter, (None,), {}, TypeError, "NoneType"),
    (widgets.ActivationPlotter, (), {"x": 7}, ValueError, "x=7; expected -6 to 6"),
    (widgets.ActivationPlotter, (), {"x": float("nan")}, ValueError, "x=nan"),
    (widgets.ActivationPlotter, (), {"slope": "a"}, TypeError, "slope='a'"),
    (widgets.ActivationPlotter, (), {"layers": 0}, ValueError, "1 to 50"),
    (widgets.OptimizerExplorer, ("rosenbrock",), {}, ValueError, "'himmelblau'"),
    (widgets.OptimizerExplorer, (), {"methods": ["adam"]}, ValueError, "'nesterov'"),
    (widgets.OptimizerExplorer, (), {"methods": ()}, ValueError, "one to three"),
    (widgets.OptimizerExplorer, (), {"methods": 3}, TypeError, "expected names"),
    (widgets.OptimizerExplorer, (), {"start": (1, 2, 3)}, TypeError, "two numbers"),
    (widgets.OptimizerExplorer, ("saddle",), {"start": (0, 2)}, ValueError, r"start\[1\]=2; expected -1.8 to 1.8"),
    (widgets.OptimizerExplorer, (), {"rate": 0}, ValueError, "0.0005 to 2.5"),
    (widgets.OptimizerExplorer, (), {"momentum": 1}, ValueError, "0 to 0.99"),
    (widgets.OptimizerExplorer, (), {"condition": 0.5}, ValueError, "1 to 100"),
    (widgets.OptimizerExplorer, (), {"noise": -1}, ValueError, "noise=-1"),
    (widgets.OptimizerExplorer, (), {"seed": 1.5}, TypeError, "whole number"),
    (widgets.OptimizerExplorer, (), {"steps": 201}, ValueError, "0 to 200"),
]


@pytest.mark.parametrize(("widget", "args", "kwargs", "error", "says"), BAD)
def test_bad_arguments(
    widget: type, args: tuple[Any, ...], kwargs: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        widget(*args, **kwargs)


def test_missing_script_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.js is missing"):
        _base.script("absent.js")


def test_unbundled_import_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.js").write_text('import everything from "far-away";\n', encoding="utf-8")
    monkeypatch.setattr(_base, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"a\.js has an import"):
        _base.script("a.js")


def test_modules_appear_once_before_their_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "c.js": "export const c = 1;",
        "b.js": 'import { c } from "./c.js";\nexport const b = c;',
        "a.js": 'import { b } from "./b.js";\nimport { c } from "./c.js";\nexport default { b, c };',
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(_base, "HERE", tmp_path)
    assert [line for line in _base.script("a.js").splitlines() if line] == [
        "export const c = 1;",
        "export const b = c;",
        "export default { b, c };",
    ]


def test_too_large_a_script_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_base, "LIMIT", 1000)
    with pytest.raises(ValueError, match="expected at most 1,000"):
        _base.script("conv_explorer.js")
