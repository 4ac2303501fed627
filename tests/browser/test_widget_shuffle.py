"""The pixel shuffle answers to mouse and keyboard, and says what stays the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from widget_harness import opened, page_of

from cnncourse.widgets import PixelShuffle

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    watched = opened(chromium, page_of(PixelShuffle(picture=3), tmp_path), height=1100)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def scores(page: Any) -> list[str]:
    return [str(text) for text in page.locator(".bars .cnnw-value").all_inner_texts()]


def verdicts(page: Any) -> list[str]:
    return [str(text) for text in page.locator(".facts .cnnw-verdict").all_inner_texts()]


def move(page: Any, count: int) -> None:
    page.get_by_label("Pixels moved").evaluate(
        "(node, count) => { node.value = count; node.dispatchEvent(new Event('input', {bubbles: true})); }", count
    )


def test_nothing_is_moved_at_first(page: Any) -> None:
    assert verdicts(page) == ["same"] * 4
    assert page.locator(".bars tr.first th").inner_text() == "3"
    made = PixelShuffle()
    expected = sum(a * b for a, b in zip(made.images[3], made.weights[7], strict=True)) + made.bias[7]
    assert float(scores(page)[7].replace("\u2212", "-")) == pytest.approx(expected, abs=0.005)


def test_moved_together_the_scores_stay_and_the_filter_notices(page: Any) -> None:
    before = scores(page)
    move(page, 64)
    assert scores(page) == before
    assert verdicts(page) == ["same", "same", "changed", "changed"]
    page.get_by_role("button", name="Another order").click()
    assert scores(page) == before


def test_moved_alone_the_scores_change_and_come_back(page: Any) -> None:
    before = scores(page)
    page.get_by_label("move the weights in the same way").uncheck()
    move(page, 64)
    assert scores(page) != before
    assert verdicts(page) == ["same", "changed", "changed", "changed"]
    assert page.evaluate("[model.get('moved'), model.get('together')]") == [64, False]
    page.wait_for_function("document.querySelector('[role=status]').textContent.includes('scores are changed')")
    move(page, 0)
    assert scores(page) == before


def test_keyboard_moves_the_slider_and_the_chosen_pixel(page: Any) -> None:
    page.get_by_label("Pixels moved").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.locator(".cnnw-slide output").inner_text() == "3 of 64"
    page.locator(".cnnw-grid.role-input").focus()
    for key in ["ArrowUp"] * 9 + ["ArrowRight"]:
        page.keyboard.press(key)
    assert page.locator(".cnnw-told").inner_text().startswith("Row 0, column 5: this pixel ")


def test_another_picture_and_changes_from_python(page: Any) -> None:
    page.get_by_label("Picture", exact=True).select_option("8")
    assert page.evaluate("model.get('picture')") == 8
    assert page.locator(".bars tr.first th").inner_text() == "8"
    page.evaluate("model.set('moved', 10)")
    assert page.locator(".cnnw-slide output").inner_text() == "10 of 64"
    heard = page.evaluate("model.listeners()")
    page.evaluate("leave()")
    assert heard > 0
    assert page.evaluate("model.listeners()") == 0
