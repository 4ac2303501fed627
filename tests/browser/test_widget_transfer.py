"""The transfer explorer hides scores until there is a guess, and says no more than the seeds do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from widget_harness import opened, page_of

from cnncourse.widgets import TransferExplorer

pytestmark = pytest.mark.browser
Show = Callable[..., Any]
SCORES = {
    "shapes": {
        5: {"one": [0.2, 0.4], "other": [0.5, 0.6], "third": [0.4, 0.55]},
        20: {"one": [0.7], "other": [0.65], "third": [0.1]},
    },
    "letters": {
        5: {"one": [0.3], "other": [0.2], "third": [0.2]},
        20: {"one": [1.0], "other": [0.0], "third": [0.5]},
    },
}


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Show]:
    seen = []

    def one(widget: Any, theme: str = "light") -> Any:
        seen.append(opened(chromium, page_of(widget, tmp_path, theme=theme)))
        return seen[-1].page

    yield one
    assert [watched.complaints for watched in seen] == [[]] * len(seen)
    for watched in seen:
        watched.page.context.close()


def scores(page: Any) -> list[str]:
    return list(page.locator(".cnnw-score").all_inner_texts())


def told(page: Any) -> str:
    return str(page.locator(".cnnw-told").inner_text())


def test_nothing_is_shown_before_the_guess(show: Show) -> None:
    page = show(TransferExplorer(SCORES))
    assert scores(page) == ["?"] * 3
    assert page.locator(".seed").count() == 0
    assert page.get_by_role("button", name="Guess again").is_disabled()
    page.get_by_role("radio", name="third").check()
    assert scores(page) == ["0.30 (0.20 to 0.40)", "0.55 (0.50 to 0.60)", "0.48 (0.40 to 0.55)"]
    assert page.locator(".seed").count() == 6
    assert told(page).startswith("other has the highest mean, but third reaches into its seeds")
    page.wait_for_function(
        "document.querySelector('[role=status]').textContent.startsWith('other has the highest mean')"
    )


def test_each_task_and_count_has_a_guess_of_its_own(show: Show) -> None:
    page = show(TransferExplorer(SCORES))
    page.get_by_role("radio", name="other").check()
    assert told(page) == "other has the highest mean. You said so."
    page.get_by_role("radio", name="20", exact=True).check()
    assert scores(page) == ["?"] * 3
    page.get_by_role("radio", name="third").check()
    assert told(page) == "one has the highest mean; every seed of third stays below all of its seeds."
    page.get_by_role("radio", name="5", exact=True).check()
    assert told(page) == "other has the highest mean. You said so."
    page.get_by_role("button", name="Guess again").click()
    assert scores(page) == ["?"] * 3


def test_dots_stand_where_the_scores_say(show: Show) -> None:
    page = show(TransferExplorer(SCORES, task="letters", labels=20, guessing=False))
    places = page.evaluate(
        "[...document.querySelectorAll('.cnnw-way')].map((row) => { const box = row.querySelector('.cnnw-scale')"
        ".getBoundingClientRect(), dot = row.querySelector('.seed').getBoundingClientRect();"
        "return ((dot.left + dot.right) / 2 - box.left) / box.width; })"
    )
    assert places == pytest.approx([1, 0, 0.5], abs=0.01)


def test_keyboard_guesses_and_keeps_its_place(show: Show) -> None:
    page = show(TransferExplorer(SCORES))
    page.locator(".cnnw-way input").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "1"
    assert told(page) == "other has the highest mean. You said so."
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "2"


def test_show_all_needs_no_guess_and_the_kernel_can_choose(show: Show) -> None:
    page = show(TransferExplorer(SCORES))
    page.get_by_role("button", name="Show all").click()
    assert page.evaluate("model.get('guessing')") is False
    assert told(page) == "other has the highest mean."
    page.evaluate("model.set('task', 'letters')")
    assert scores(page)[0] == "0.30 (0.30 to 0.30)"
