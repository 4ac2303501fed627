"""The activation plotter is read with mouse and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from svg_contrast import lowest_contrast
from widget_harness import opened, page_of

from cnncourse.widgets import ActivationPlotter

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    watched = opened(chromium, page_of(ActivationPlotter(), tmp_path), height=1300)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def row(page: Any, name: str) -> list[str]:
    """Value, slope, slope after n layers."""
    cells = page.locator(f"tr[data-name={name}] td[data-label]").all_inner_texts()
    return [str(text) for text in cells]


def test_reads_values_and_slopes_at_the_cursor(page: Any) -> None:
    assert row(page, "relu") == ["2", "1", "1"]
    assert row(page, "sigmoid") == ["0.881", "0.105", "1.63·10⁻¹⁰"]
    assert page.locator(".cnnw-readable").first.locator(".curve").count() == 3
    said = page.locator(".cnnw-told").inner_text()
    assert said.startswith("Sent back through 10 layers at x = 2, a gradient of 1 arrives as 1.6·10⁻¹⁰ (sigmoid)")


def test_arrow_keys_move_the_cursor(page: Any) -> None:
    plot = page.get_by_role("slider", name="slope f\u2032(x): cursor x")
    plot.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.locator(".cnnw-where").inner_text() == "x = 2.3"
    page.keyboard.press("Shift+ArrowLeft")
    assert page.locator(".cnnw-where").inner_text() == "x = 1.3"
    page.keyboard.press("Home")
    assert row(page, "relu") == ["0", "0", "0"]
    assert plot.get_attribute("aria-valuenow") == "-6"
    assert "x = \u22126: sigmoid 0.00247" in plot.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("model.get('x')") == -6
    page.keyboard.press("End")
    assert page.evaluate("model.get('x')") == 6


def test_dragging_moves_the_cursor(page: Any) -> None:
    box = page.locator(".cnnw-readable").first.bounding_box()
    left, right = box["x"] + 44, box["x"] + box["width"] - 14
    page.mouse.move(left, box["y"] + 100)
    assert page.evaluate("model.get('x')") == 2
    page.mouse.down()
    page.mouse.move((left + right) / 2, box["y"] + 100)
    assert page.evaluate("model.get('x')") == pytest.approx(0, abs=0.05)
    page.mouse.move(right, box["y"] + 100)
    page.mouse.up()
    assert page.evaluate("model.get('x')") == pytest.approx(6, abs=0.05)
    page.mouse.move(left, box["y"] + 100)
    assert page.evaluate("model.get('x')") == pytest.approx(6, abs=0.05)


def test_a_finger_moves_the_cursor(chromium: Any, tmp_path: Path) -> None:
    page = opened(chromium, page_of(ActivationPlotter(), tmp_path), width=390, height=700, has_touch=True).page
    session = page.context.new_cdp_session(page)
    box = page.locator(".cnnw-readable").first.bounding_box()
    middle = box["x"] + (44 + box["width"] - 14) / 2
    for kind, x in (
        ("Start", middle),
        ("Move", middle + 20),
        ("Move", middle + 60),
        ("Move", middle + 90),
        ("End", None),
    ):
        points = [] if x is None else [{"x": x, "y": box["y"] + 120}]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    expected = 90 / (box["width"] - 58) * 12
    assert page.evaluate("model.get('x')") == pytest.approx(expected, abs=0.1)


def test_functions_are_picked_and_put_away(page: Any) -> None:
    page.get_by_label("tanh", exact=True).uncheck()
    page.get_by_label("SELU", exact=True).check()
    assert page.evaluate("model.get('functions')") == ["sigmoid", "relu", "selu"]
    assert page.locator("tbody tr").count() == 3
    # ReLU keeps its colour; the free one goes to the newcomer.
    assert page.locator("tr[data-name=relu] .slot-2").count() == 1
    assert page.locator("tr[data-name=selu] .slot-1").count() == 1
    page.get_by_label("GELU", exact=True).check()
    page.get_by_label("SiLU (Swish)", exact=True).check()
    assert page.get_by_label("softplus", exact=True).is_disabled()
    for name in ("sigmoid", "ReLU", "SELU", "GELU"):
        page.get_by_label(name, exact=True).uncheck()
    assert page.get_by_label("SiLU (Swish)", exact=True).is_disabled()
    assert page.get_by_label("softplus", exact=True).is_enabled()
    assert page.locator("tbody tr").count() == 1


def test_prelu_brings_its_slope(page: Any) -> None:
    slope = page.get_by_label("PReLU\u2019s slope below 0 a")
    assert not slope.is_visible()
    page.get_by_label("PReLU", exact=True).check()
    page.evaluate("model.set('x', -2)")
    assert row(page, "prelu") == ["\u22120.5", "0.25", "9.54·10⁻⁷"]
    slope.focus()
    page.keyboard.press("End")
    assert row(page, "prelu") == ["\u22122", "1", "1"]


def test_more_layers_leave_less(page: Any) -> None:
    layers = page.get_by_label("Layers in a row n")
    layers.focus()
    page.keyboard.press("Home")
    assert row(page, "tanh") == ["0.964", "0.0707", "0.0707"]
    assert page.locator(".cnnw-told").inner_text().startswith("Sent back through one layer")
    page.keyboard.press("End")
    assert page.evaluate("model.get('layers')") == 50
    assert row(page, "relu")[2] == "1"


def test_curves_break_where_the_slope_jumps(page: Any) -> None:
    slopes = page.locator(".cnnw-readable").nth(1)
    assert slopes.locator(".curve.slot-2").get_attribute("d").count("M") == 2
    assert slopes.locator(".curve.slot-0").get_attribute("d").count("M") == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_drawn_letters_and_lines_are_legible(chromium: Any, tmp_path: Path, theme: str) -> None:
    made = ActivationPlotter(["sigmoid", "tanh", "relu", "gelu", "silu"])
    page = opened(chromium, page_of(made, tmp_path, theme=theme)).page
    assert lowest_contrast(page, ".cnnw-plot text", ".cnnw-stage") >= 4.5
    strokes = page.evaluate(
        "[...document.querySelectorAll('.cnnw-readable .curve')].map((n) => getComputedStyle(n).stroke)"
    )
    assert len(set(strokes)) == 5
    dashes = page.evaluate(
        "[...document.querySelectorAll('.cnnw-readable .curve')].map((n) => getComputedStyle(n).strokeDasharray)"
    )
    assert len(set(dashes)) == 5
