"""The architecture calculator answers to typing, mouse and keyboard; its first example is the lectures' exercise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from widget_harness import opened, page_of

from cnncourse.widgets import ArchitectureCalculator

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    watched = opened(chromium, page_of(ArchitectureCalculator(), tmp_path), height=1200)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def table(page: Any) -> dict[str, list[str]]:
    """Output, units, weights, multiply-adds and field of each row."""
    script = """() => [...document.querySelectorAll('.cnnw-sums tbody tr:not(.cnnw-more)')]
      .map((row) => [...row.children].map((cell) => cell.textContent))"""
    return {row[0]: row[1:] for row in page.evaluate(script)}


def write(page: Any, text: str) -> None:
    page.get_by_label("Network", exact=True).fill(text)


def test_the_exercise_is_the_lectures(page: Any) -> None:
    assert page.get_by_label("Example").input_value() == "the lectures' exercise"
    assert table(page) == {
        "input": ["3 × 256 × 256", "196,608", "0", "0", "1 × 1"],
        "conv1_1": ["16 × 256 × 256", "1,048,576", "768", "50,331,648", "4 × 4"],
        "pool1": ["16 × 64 × 64", "65,536", "0", "0", "7 × 7"],
        "conv2_1": ["32 × 64 × 64", "131,072", "8,192", "33,554,432", "19 × 19"],
        "pool2": ["32 × 16 × 16", "8,192", "0", "0", "31 × 31"],
        "flatten": ["8192", "8,192", "0", "0", "all"],
        "logits": ["10", "10", "81,920", "81,920", "all"],
    }
    assert "90,880 weights and 58 biases, together 90,938" in page.locator("tfoot").inner_text()


def test_typing_changes_the_table(page: Any) -> None:
    write(page, "[CONV-POOL]*3-FC-SOFTMAX")
    rows = table(page)
    assert rows["conv3_1"][0] == "64 × 16 × 16"
    assert rows["pool3"][0] == "64 × 4 × 4"
    assert rows["logits"][2] == "10,240"
    assert page.get_by_label("Example").input_value() == "own"
    assert page.evaluate("model.get('layers').length") == 8


def test_a_text_that_cannot_be_read_is_marked_and_the_table_stays(page: Any) -> None:
    before = table(page)
    write(page, "[CONV-POOOL]*2-FC")
    assert "POOOL is no layer that is known here" in page.get_by_role("alert").inner_text()
    assert page.locator("mark").inner_text() == "P"
    assert page.get_by_label("Network", exact=True).get_attribute("aria-invalid") == "true"
    assert table(page) == before
    assert page.evaluate("model.get('text')") == "[CONV-POOL]*2-FC-SOFTMAX"
    write(page, "[CONV-POOL]*2-FC")
    assert page.get_by_role("alert").inner_text() == ""
    assert page.locator("mark").count() == 0


def test_names_behind_a_star_and_parts_that_may_be_missing(page: Any) -> None:
    page.get_by_label("Example").select_option("the lectures' pattern")
    assert "conv3_2" in table(page)
    page.get_by_role("button", name="M times: less").click()
    assert "conv2_2" in table(page)
    assert "conv3_1" not in table(page)
    page.get_by_label("parts with ? are there").uncheck()
    assert "pool1" not in table(page)
    assert "optional=False, N=2, M=2, K=1" in page.locator(".cnnw-python").inner_text()


def test_a_layer_opens_and_its_numbers_can_be_changed(page: Any) -> None:
    page.get_by_role("button", name="conv1_1").click()
    assert "16 filters of 3 × 4 × 4 = 48, so 768; and 16 biases" in page.locator(".cnnw-accounts").inner_text()
    page.get_by_role("button", name="Filters: more").click()
    assert table(page)["conv1_1"][2] == "816"
    assert table(page)["conv2_1"][2] == "8,704"
    page.get_by_label("padding “same”").uncheck()
    assert table(page)["conv1_1"][0] == "17 × 257 × 257"
    page.get_by_role("button", name="Kernel: less").click()
    assert table(page)["conv1_1"][0] == "17 × 256 × 256"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.cnnw-more') !== null")


def test_groups_offer_what_divides(page: Any) -> None:
    page.get_by_role("button", name="conv1_1").click()
    assert page.get_by_label("Groups").locator("option").all_inner_texts() == ["1"]
    page.get_by_role("button", name="conv2_1").click()
    groups = page.get_by_label("Groups")
    assert groups.locator("option").all_inner_texts() == ["1", "2", "4", "8", "16, depthwise"]
    groups.select_option("16")
    assert table(page)["conv2_1"][2] == "512"


def test_layers_are_added_moved_and_removed(page: Any) -> None:
    page.get_by_role("button", name="conv1_1").click()
    page.get_by_label("New layer").select_option("RELU")
    page.get_by_role("button", name="Add behind").click()
    assert list(table(page))[:4] == ["input", "conv1_1", "relu1_1", "pool1"]
    assert page.get_by_label("Network", exact=True).input_value() == "CONV-RELU-POOL-CONV-POOL-FC-SOFTMAX"
    assert page.evaluate("document.activeElement.textContent") == "relu1_1"
    page.get_by_role("button", name="Down", exact=True).click()
    assert list(table(page))[:4] == ["input", "conv1_1", "pool1", "relu2_0"]
    page.get_by_role("button", name="Remove", exact=True).click()
    assert page.get_by_label("Network", exact=True).input_value() == "(CONV-POOL)*2-FC-SOFTMAX"
    page.get_by_role("button", name="logits").click()
    page.get_by_role("button", name="Up", exact=True).click()
    assert "POOL stands behind FC" in page.get_by_role("alert").inner_text()


def test_what_does_not_fit_is_explained(page: Any) -> None:
    for label in ("Height H", "Width W"):
        page.get_by_label(label, exact=True).fill("8")
        page.keyboard.press("Enter")
    assert (
        "Layer 4 does not fit. The map is 2 × 2 here, smaller than the window 4 × 4"
        in page.get_by_role("alert").inner_text()
    )
    assert table(page)["pool"] == ["—"] * 5
    assert page.locator(".cnnw-python").inner_text() == ""
    assert page.locator("tr.misfit").count() == 1


def test_python_changes_the_figure(page: Any) -> None:
    page.evaluate("model.set('text', 'CONV-GAP-SOFTMAX')")
    assert list(table(page)) == ["input", "conv1_1", "gap", "flatten", "logits"]
    page.evaluate("model.set('layers', [{kind: 'RELU'}, {kind: 'FC', units: 3}])")
    assert page.get_by_label("Network", exact=True).input_value() == "RELU-FC"
    page.evaluate("model.set('num_classes', 7)")
    assert table(page)["logits"][0] == "7"
