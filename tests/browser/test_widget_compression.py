"""The compression explorer answers to its sliders, its buttons and the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from widget_harness import opened, page_of

from cnncourse.widgets import CompressionExplorer

pytestmark = pytest.mark.browser
GRID = CompressionExplorer().grid


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    made = []

    def show(**arguments: Any) -> Any:
        watched = opened(chromium, page_of(CompressionExplorer(**arguments), tmp_path), height=1100)
        made.append(watched)
        return watched.page

    yield show
    for watched in made:
        assert watched.complaints == []
        watched.page.context.close()


def readings(page: Any) -> list[str]:
    return [str(text) for text in page.locator(".cnnw-read strong").all_inner_texts()]


def stored(i: int, j: int) -> tuple[str, str, str]:
    right = round(GRID["accuracy"][i][j] * GRID["images"])
    return f"{right} of {GRID['images']}", f"{GRID['bytes'][i][j]:,}", f"{GRID['deflated'][i][j]:,}"


def test_sliders_by_keyboard_show_what_is_stored(show: Callable[..., Any]) -> None:
    page = show()
    page.get_by_label("Cut the smallest").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.get_by_label("Bits for each other weight").focus()
    page.keyboard.press("End")
    assert (page.evaluate("model.get('cut')"), page.evaluate("model.get('bits')")) == (0.8, 2)
    right, size, deflated = stored(3, 6)
    shown = readings(page)
    assert (shown[0], shown[1], shown[3]) == (right, size, deflated)
    assert float(shown[2]) == pytest.approx(GRID["bytes"][0][0] / GRID["bytes"][3][6], rel=0.05)
    page.wait_for_function("document.querySelector('[role=status]').textContent.includes('80 % of the weights cut')")


def test_the_filters_lose_values_as_the_bits_go(show: Callable[..., Any]) -> None:
    page = show(cut=0.5, bits=2)
    notes = page.locator(".cnnw-bank .cnnw-note").all_inner_texts()
    assert notes[0].startswith("148 different values, 0 of 150")
    assert notes[1].startswith("3 different values")
    assert (
        len(
            set(
                page.locator(".cnnw-bank")
                .nth(1)
                .locator("rect")
                .evaluate_all("all => all.map((r) => r.getAttribute('fill'))")
            )
        )
        == 3
    )


def test_buttons_and_layers(show: Callable[..., Any]) -> None:
    page = show(cut=0.95, bits=2)
    page.get_by_role("button", name="As trained").click()
    assert readings(page)[0] == stored(0, 0)[0]
    page.get_by_role("button", name="Smallest that loses little").click()
    right = int(readings(page)[0].split()[0])
    assert right >= GRID["accuracy"][0][0] * GRID["images"] - 0.01 * GRID["images"]
    good = [
        size for scores, sizes in zip(GRID["accuracy"], GRID["bytes"], strict=True)
        for score, size in zip(scores, sizes, strict=True) if score >= GRID["accuracy"][0][0] - 0.01 - 1e-9
    ]  # fmt: skip
    assert readings(page)[1] == f"{min(good):,}"
    histogram = page.locator(".cnnw-plot").first
    assert histogram.get_attribute("aria-label").startswith("48,000 weights of c5")
    page.get_by_label("Weights shown below").select_option(index=0)
    assert histogram.get_attribute("aria-label").startswith("150 weights of c1")
    page.evaluate("() => { model.set('cut', 0.5); model.set('bits', 32); }")
    assert readings(page)[1] == stored(1, 0)[1]
