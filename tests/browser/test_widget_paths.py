"""The residual path explorer answers to mouse and keyboard, and counts what it draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from svg_contrast import lowest_contrast
from widget_harness import opened, page_of

from cnncourse.widgets import ResidualPaths

pytestmark = pytest.mark.browser
Show = Callable[..., Any]


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Show]:
    seen = []

    def one(widget: Any, theme: str = "light") -> Any:
        seen.append(opened(chromium, page_of(widget, tmp_path, theme=theme), height=1100))
        return seen[-1].page

    yield one
    assert [watched.complaints for watched in seen] == [[]] * len(seen)
    for watched in seen:
        watched.page.context.close()


def facts(page: Any) -> dict[str, list[str]]:
    rows = page.locator(".cnnw-table tbody tr:visible").all()
    return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows}


def test_dropping_a_block_halves_the_paths_and_takes_the_chains_only_one(show: Show) -> None:
    page = show(ResidualPaths())
    assert page.locator(".way").count() == 8
    assert facts(page)["left of them"] == ["8", "1"]
    page.get_by_role("button", name="drop block 2").click()
    assert facts(page)["left of them"] == ["4", "0"]
    assert facts(page)["share that is left"] == ["50 %", "0 %"]
    assert page.locator(".way.broken").count() == 4
    assert page.locator(".block.off").count() == 1
    assert page.evaluate("model.get('dropped')") == [2]
    page.wait_for_function("document.querySelector('[role=status]').textContent.startsWith('4 of 8 paths are left')")
    page.get_by_role("button", name="drop block 3").click()
    assert facts(page)["left of them"] == ["2", "0"]
    page.get_by_role("button", name="drop none").click()
    assert facts(page)["left of them"] == ["8", "1"]


def test_bars_are_as_high_as_their_shares(show: Show) -> None:
    page = show(ResidualPaths(4, dropped=(1,)))
    heights = page.evaluate(
        "['.left', '.all'].map((k) => [...document.querySelectorAll(k)].map((n) => n.height.baseVal.value))"
    )
    assert heights[0] == pytest.approx([heights[1][0] * v for v in (1, 3, 3, 1, 0)], rel=1e-3)
    assert heights[1] == pytest.approx([heights[1][0] * v for v in (1, 4, 6, 4, 1)], rel=1e-3)


def test_keyboard_and_mouse_choose_a_path(show: Show) -> None:
    page = show(ResidualPaths(3, dropped=(2,)))
    told = page.locator(".cnnw-told")
    assert told.inner_text() == "Path 1 of 8 takes every short cut. It is whole."
    page.get_by_role("slider", name="Path").focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    assert told.inner_text().startswith("Path 3 of 8 passes block 2 and takes the short cut around the others.")
    assert told.inner_text().endswith("It is broken: block 2 is dropped.")
    page.keyboard.press("End")
    assert told.inner_text().startswith("Path 8 of 8 passes all 3 blocks.")
    page.locator(".way").nth(5).click()
    assert "Path 6 of 8 passes blocks 1 and 3 " in told.inner_text()
    assert page.get_by_role("slider", name="Path").get_attribute("aria-valuenow") == "6"


def test_many_blocks_are_counted_and_a_factor_makes_paths_short(show: Show) -> None:
    page = show(ResidualPaths(54))
    assert "18,014,398,509,481,984 paths are too many to draw" in page.locator(".cnnw-told").inner_text()
    assert page.locator(".cnnw-ways").is_hidden()
    mean = "blocks on a path that is left, mean"
    assert facts(page)[mean][0] == "27"
    page.get_by_label("a factor for each block").check()
    assert float(facts(page)[mean][0]) == pytest.approx(54 * 0.5 / 1.5, abs=0.01)
    assert "strength that is left" in facts(page)
    page.get_by_role("slider", name="Factor").focus()
    page.keyboard.press("Home")
    assert float(facts(page)[mean][0]) == pytest.approx(54 * 0.05 / 1.05, abs=0.01)


def test_measured_strengths_belong_to_their_number_of_blocks(show: Show) -> None:
    page = show(ResidualPaths(2, measured=[0, 1, 2], dropped=(2,)))
    assert facts(page)["strength that is left"][0] == "25 %"  # one way of length 1 of 2·1 + 1·2
    page.get_by_role("button", name="Blocks: more").click()
    assert page.evaluate("[model.get('blocks'), model.get('weight')]") == [3, "equal"]
    assert "Measured was a net of 2 blocks" in page.locator(".cnnw-note").inner_text()
    page.get_by_label("as measured").click()
    assert page.evaluate("model.get('weight')") == "equal"


def test_fewer_blocks_forget_what_was_dropped_behind_them(show: Show) -> None:
    page = show(ResidualPaths(3, dropped=(1, 3)))
    page.get_by_role("button", name="Blocks: less").click()
    assert page.evaluate("[model.get('blocks'), model.get('dropped')]") == [2, [1]]
    page.evaluate("model.set('dropped', [1, 2])")
    assert facts(page)["left of them"] == ["1", "0"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_on_the_blocks_can_be_read(show: Show, theme: str) -> None:
    page = show(ResidualPaths(4, dropped=(1,)), theme)
    assert lowest_contrast(page, ".name.off", ".block.off") > 4.5
    assert lowest_contrast(page, ".name:not(.off)", ".block:not(.off)") > 4.5
