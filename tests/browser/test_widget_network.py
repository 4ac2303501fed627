"""The network browser walks by key and pointer, frames what a unit sees, and follows Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from widget_harness import opened, page_of

from cnncourse import analyze, models
from cnncourse.widgets import NetworkBrowser

pytestmark = pytest.mark.browser
WALK, VIEW = "svg.cnnw-walk", "svg.cnnw-view"


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    browser = NetworkBrowser(["lenet5", "alexnet_2012", "alphago_policy"])
    watched = opened(chromium, page_of(browser, tmp_path), height=1200, has_touch=True)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def got(page: Any, name: str) -> Any:
    return page.evaluate(f"model.get('{name}')")


def frame(page: Any) -> list[float]:
    return [float(page.locator("rect.cnnw-seen").get_attribute(name)) for name in ("y", "x", "height", "width")]


def heights(page: Any) -> list[float]:
    return [float(bar.get_attribute("height")) for bar in page.locator(".cnnw-bars rect").all()]


def test_arrow_keys_walk_through_the_layers(page: Any) -> None:
    page.locator(WALK).focus()
    names = [got(page, "layer")]
    for _ in range(9):
        page.keyboard.press("ArrowRight")
        names.append(got(page, "layer"))
    assert names == ["c1", "s2", "c3", "s4", "c5", "flatten()", "f6", "output", "output", "output"]
    assert page.locator(WALK).get_attribute("aria-valuenow") == "8"
    page.keyboard.press("ArrowLeft")
    assert page.locator(".cnnw-card h4").inner_text() == "f6"
    page.keyboard.press("Home")
    assert got(page, "layer") == "c1"
    assert page.get_by_role("button", name="Previous").is_disabled()
    page.get_by_role("button", name="Next").click()
    assert got(page, "layer") == "s2"


def test_bars_are_what_analyze_counts(page: Any) -> None:
    with torch.device("meta"):
        analysis = analyze(models.lenet5(), (1, 32, 32))
    rows = [analysis[name] for name in ("c1", "s2", "c3", "s4", "c5", "flatten()", "f6", "output")]
    macs = [row.macs for row in rows]
    assert [h / max(heights(page)) for h in heights(page)] == pytest.approx([n / max(macs) for n in macs], abs=0.02)
    page.get_by_label("parameters", exact=True).check()
    counts = [row.parameters for row in rows]
    assert [h / max(heights(page)) for h in heights(page)] == pytest.approx([n / max(counts) for n in counts], abs=0.02)
    assert got(page, "cost") == "parameters"
    assert "61.71 k parameters" in page.locator(".cnnw-total").inner_text()
    assert [text.inner_text() for text in page.locator(".cnnw-value").all()] == ["117.6 k", "156", "37.63 kB"]


def test_the_frame_is_the_receptive_field_of_the_unit(page: Any) -> None:
    page.locator(".cnnw-field select").nth(1).select_option("c3")
    assert frame(page) == [10, 10, 14, 14]  # the middle one of 10 × 10, jump 2
    page.locator(VIEW).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    assert (got(page, "unit"), frame(page)) == ([4, 6], [8, 12, 14, 14])
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    assert (got(page, "unit"), frame(page)) == ([4, 0], [8, 0, 14, 14])
    page.keyboard.press("Home")
    assert (got(page, "unit"), frame(page)) == ([], [10, 10, 14, 14])


def test_the_pointer_chooses_the_unit_below_it(page: Any) -> None:
    page.locator(".cnnw-field select").nth(0).select_option("AlexNet, 2012")
    box = page.locator(VIEW).bounding_box()
    pixel = box["width"] / (227 * 1.32)
    page.mouse.click(box["x"] + (0.16 * 227 + 21.5) * pixel, box["y"] + (0.16 * 227 + 201.5) * pixel)
    assert got(page, "unit") == [49, 4]
    assert frame(page) == [196, 16, 11, 11]
    assert "Unit (49, 4) of 55 × 55 sees 11 × 11 pixels" in page.locator(".cnnw-said").inner_text()


def test_what_lies_outside_is_called_padding(page: Any) -> None:
    page.locator(".cnnw-field select").nth(0).select_option("AlphaGo's policy network, 2016")
    assert "board" in page.locator(".cnnw-sight h4").inner_text()
    page.locator(VIEW).focus()
    for _ in range(9):
        page.keyboard.press("ArrowUp")
    assert frame(page) == [-2, 7, 5, 5]
    assert "rows 0 to 2, columns 7 to 11, the rest is padding" in page.locator(".cnnw-said").inner_text()


def test_a_fully_connected_layer_sees_everything(page: Any) -> None:
    page.locator(WALK).focus()
    page.keyboard.press("End")
    assert frame(page) == [0, 0, 32, 32]
    assert page.locator(".cnnw-said").inner_text() == "Each of the 10 units sees the whole input, 32 × 32."
    assert "the end" in page.locator(".cnnw-wires").inner_text()


def test_pointing_at_a_bar_goes_there(page: Any) -> None:
    box = page.locator(WALK).bounding_box()
    page.mouse.click(box["x"] + 2.5 / 8 * box["width"], box["y"] + 5)
    assert got(page, "layer") == "c3"


def test_python_chooses_network_and_layer(page: Any) -> None:
    page.evaluate("() => { model.set('network', 'AlexNet, 2012'); model.set('layer', 'features.conv2'); }")
    assert page.locator(".cnnw-card h4").inner_text() == "features.conv2"
    assert "gives 256 × 27 × 27" in page.locator(".cnnw-gives").inner_text()
    page.evaluate("model.set('network', 'no such net')")
    assert page.locator(".cnnw-card h4").inner_text() == "features.conv2"
