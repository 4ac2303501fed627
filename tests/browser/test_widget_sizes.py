"""The size explorer answers to mouse and keyboard, and counts as the package counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from widget_harness import opened, page_of

from cnncourse.widgets import SizeExplorer

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    watched = opened(chromium, page_of(SizeExplorer("two 3×3"), tmp_path), height=1200)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def rows(page: Any) -> list[list[str]]:
    """Output size, receptive field, jump of each layer."""
    return [row.locator("td.cnnw-count").all_inner_texts() for row in page.locator("tbody tr").all()]


def told(page: Any) -> str:
    return str(page.locator(".cnnw-told").inner_text())


def test_starts_with_a_unit_in_the_middle(page: Any) -> None:
    assert rows(page) == [["14", "3", "1"], ["12", "5", "1"]]
    assert told(page) == "Unit 5 of layer 2 sees 5 input units, 5 to 9. The next unit looks 1 further right."
    assert page.locator(".lit rect.seen").count() == 5
    assert page.locator(".lit rect.between").count() == 3


@pytest.mark.parametrize(
    ("stack", "last"),
    [("LeNet-5", ["1", "32", "4"]), ("strided stem", ["16", "11", "4"]), ("dilated 1-2-4", ["24", "15", "1"])],
)
def test_stacks_by_name(page: Any, stack: str, last: list[str]) -> None:
    page.get_by_label("Stack").select_option(stack)
    assert rows(page)[-1] == last
    assert page.locator(".lit rect.seen").count() == int(last[1])


def test_arrow_keys_choose_units_and_layers(page: Any) -> None:
    page.locator(".cnnw-layers").focus()
    page.keyboard.press("ArrowLeft")
    assert told(page).startswith("Unit 4 of layer 2 sees 5 input units, 4 to 8")
    page.keyboard.press("ArrowUp")
    assert told(page).startswith("Unit 5 of layer 1 sees 3 input units, 5 to 7")
    page.keyboard.press("ArrowUp")
    assert told(page).startswith("Input unit 6 sees itself alone")
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert told(page).startswith("Input unit 0 ")


def test_the_pointer_chooses_a_unit(page: Any) -> None:
    box = page.locator(".units rect").nth(16 + 14).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert told(page).startswith("Unit 0 of layer 2 sees 5 input units, 0 to 4")


def test_editing_a_layer(page: Any) -> None:
    page.get_by_label("layer 1, stride", exact=True).fill("2")
    page.keyboard.press("Enter")
    assert rows(page) == [["7", "3", "2"], ["5", "7", "2"]]
    page.get_by_role("button", name="layer 2, dilation: more").click()
    assert rows(page)[1] == ["3", "11", "2"]
    page.get_by_role("button", name="layer 1, padding: more").click()
    assert rows(page)[1] == ["4", "11", "2"]
    assert page.locator(".units rect.ghost").count() == 2
    page.locator(".cnnw-layers").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    assert "\u22121 to 9 (padding included)" in told(page)
    assert page.get_by_label("Stack").input_value() == "own"
    assert page.evaluate("model.get('layers')[1].dilation") == 2


def test_adding_and_removing_layers(page: Any) -> None:
    page.get_by_role("button", name="+ pooling").click()
    assert rows(page)[2] == ["6", "6", "2"]
    page.get_by_role("button", name="+ convolution").click()
    assert rows(page)[3] == ["4", "10", "2"]
    page.get_by_role("button", name="remove layer 1").click()
    assert rows(page) == [["14", "3", "1"], ["7", "4", "2"], ["5", "8", "2"]]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "remove layer 1"
    for _ in range(3):
        page.get_by_role("button", name="remove layer 1").click()
    assert rows(page) == []
    assert told(page).startswith("Input unit 7 sees itself alone")
    for _ in range(12):
        page.get_by_role("button", name="+ convolution").click()
    assert page.get_by_role("button", name="+ convolution").is_disabled()


def test_a_layer_that_does_not_fit_is_explained(page: Any) -> None:
    page.get_by_label("Input units n").fill("6")
    page.keyboard.press("Enter")
    page.get_by_label("layer 2, kernel", exact=True).fill("7")
    page.keyboard.press("Enter")
    message = page.get_by_role("alert").inner_text()
    assert "Layer 2 does not fit: its window spans 7 units, and only 4 arrive" in message
    assert "pad by 2" in message
    assert rows(page) == [["4", "3", "1"], ["—", "—", "—"]]
    page.get_by_label("layer 2, padding", exact=True).fill("2")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == ""
    assert rows(page)[1] == ["2", "9", "1"]


def test_python_changes_the_figure(page: Any) -> None:
    page.evaluate("model.set('layers', [{kind: 'pool', kernel: 2, stride: 2, padding: 0, dilation: 1}])")
    assert rows(page) == [["8", "2", "2"]]
    page.evaluate("model.set('input_size', 20)")
    assert rows(page) == [["10", "2", "2"]]


def test_the_drawing_follows_the_width(page: Any) -> None:
    page.set_viewport_size({"width": 340, "height": 900})
    page.wait_for_function("document.querySelector('.cnnw-layers').viewBox.baseVal.width < 330", timeout=5000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 340
