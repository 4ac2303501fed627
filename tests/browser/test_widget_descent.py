"""The optimiser explorer answers to mouse and keyboard, and says plainly how a run ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from svg_contrast import lowest_contrast
from widget_harness import opened, page_of

from cnncourse.widgets import OptimizerExplorer

pytestmark = pytest.mark.browser


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """show(**arguments): a page with the widget made so."""
    made = []

    def show(**arguments: Any) -> Any:
        watched = opened(chromium, page_of(OptimizerExplorer(**arguments), tmp_path), height=1400)
        made.append(watched)
        return watched.page

    yield show
    for watched in made:
        assert watched.complaints == []
        watched.page.context.close()


def row(page: Any, method: str) -> list[str]:
    return [str(text) for text in page.locator(f"tr[data-name={method}] td").all_inner_texts()]


def test_the_valley_states_its_largest_rates(show: Callable[..., Any]) -> None:
    page = show(methods=["sgd", "momentum", "nesterov"], momentum=0.9)
    assert [row(page, method)[1] for method in ("sgd", "momentum", "nesterov")] == ["0.1", "0.19", "0.0679"]
    assert "Plain SGD is stable below η = 2/λ = 0.1" in page.locator(".cnnw-told").inner_text()
    assert page.locator(".trail").count() == 3
    page.get_by_label("Condition number κ").focus()
    page.keyboard.press("End")
    assert row(page, "sgd")[1] == "0.02"
    assert row(page, "sgd")[2].startswith("diverges")


def test_too_large_a_rate_diverges_and_says_so(show: Callable[..., Any]) -> None:
    page = show(methods="sgd", rate=0.09, steps=200)
    assert row(page, "sgd")[2] == "at the minimum (0, 0)"
    assert page.locator("td.bad").count() == 0
    page.evaluate("() => { model.set('steps', 40); model.set('rate', 0.105); }")
    assert row(page, "sgd")[2] == "diverges: the steps grow"
    assert page.locator("td.ending.bad").count() == 1
    page.evaluate("model.set('rate', 1)")
    assert row(page, "sgd")[2].startswith("diverges, gone after ")


def test_arrow_keys_move_the_start(show: Callable[..., Any]) -> None:
    page = show()
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("model.get('start')") == [-8.5, 2.5]
    page.keyboard.press("Shift+ArrowUp")
    assert page.evaluate("model.get('start')") == [-8.5, 2.55]
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("model.get('start')[0]") == -10
    page.wait_for_function(
        "document.querySelector('[role=status]').textContent.startsWith('start at (\u221210, 2.55)')"
    )


def test_the_start_is_dragged(show: Callable[..., Any]) -> None:
    page = show(surface="himmelblau")
    handle = page.locator(".start circle").last.bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 200, steps=4)
    page.mouse.up()
    moved = page.locator(".start circle").last.bounding_box()
    assert moved["x"] - handle["x"] == pytest.approx(60, abs=2)
    assert moved["y"] - handle["y"] == pytest.approx(-200, abs=2)
    start = page.evaluate("model.get('start')")
    assert start[0] > 0.5
    assert start[1] > -2


def test_a_finger_drags_the_start_without_scrolling(chromium: Any, tmp_path: Path) -> None:
    watched = opened(chromium, page_of(OptimizerExplorer(), tmp_path), width=390, height=600, has_touch=True)
    page = watched.page
    page.locator(".start").scroll_into_view_if_needed()
    session = page.context.new_cdp_session(page)
    handle = page.locator(".start circle").last.bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    before = page.evaluate("window.scrollY")
    for kind, shift in (("Start", 0), ("Move", 15), ("Move", 30), ("Move", 40), ("End", None)):
        points = [] if shift is None else [{"x": x + shift, "y": y + shift}]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    moved = page.locator(".start circle").last.bounding_box()
    assert page.evaluate("window.scrollY") == before
    assert moved["x"] - handle["x"] == pytest.approx(40, abs=3)
    assert moved["y"] - handle["y"] == pytest.approx(40, abs=3)
    assert watched.complaints == []


def test_the_saddle_holds_who_comes_straight_and_noise_lets_go(show: Callable[..., Any]) -> None:
    page = show(surface="saddle", methods="sgd", steps=200)
    assert row(page, "sgd")[1] == "stuck at the saddle (0, 0): slope 0, yet no minimum"
    page.get_by_label("Noise in the gradient σ").focus()
    page.keyboard.press("ArrowRight")
    assert "saddle" not in row(page, "sgd")[1]
    page.evaluate("model.set('noise', 1)")
    before = row(page, "sgd")[0]
    page.get_by_role("button", name="Seed of the noise: more").click()
    assert row(page, "sgd")[0] != before
    page.get_by_role("button", name="Seed of the noise: less").click()
    assert row(page, "sgd")[0] == before


def test_momentum_rolls_over_the_hump(show: Callable[..., Any]) -> None:
    page = show(surface="two minima", momentum=0.9, steps=200)
    assert row(page, "sgd")[1] == "at the higher minimum (1.322, 0)"
    assert row(page, "momentum")[1] == "at a lowest minimum (\u22121.491, 0)"


def test_methods_surface_and_steps_are_chosen(show: Callable[..., Any]) -> None:
    page = show()
    page.get_by_label("Nesterov", exact=True).check()
    page.get_by_label("plain SGD", exact=True).uncheck()
    assert page.evaluate("model.get('methods')") == ["momentum", "nesterov"]
    assert page.locator(".trail").count() == 2
    page.get_by_label("Loss surface", exact=True).select_option("himmelblau")
    assert page.evaluate("[model.get('start'), model.get('rate')]") == [[0.5, -4], 0.005]
    assert not page.get_by_label("Condition number κ").is_visible()
    page.get_by_label("Steps n").focus()
    page.keyboard.press("Home")
    assert page.locator("thead").inner_text().count("loss after 0 steps") == 1
    page.get_by_role("button", name="Step", exact=True).click()
    assert page.evaluate("model.get('steps')") == 1


def test_play_walks_the_path_and_stops(show: Callable[..., Any]) -> None:
    page = show(steps=4)
    page.get_by_role("button", name="Play").click()
    assert page.get_by_role("button", name="Pause").is_visible()
    page.wait_for_function("model.get('steps') === 4 && document.querySelector('.main').textContent === 'Play'")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("model.get('steps') >= 1")
    page.get_by_role("button", name="Pause").click()
    steps = page.evaluate("model.get('steps')")
    page.wait_for_timeout(500)
    assert page.evaluate("model.get('steps')") == steps


def test_the_map_is_lowest_where_the_minimum_is(show: Callable[..., Any]) -> None:
    page = show(surface="himmelblau")
    lows = """([low, high]) => {
      const c = document.querySelector("canvas"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
      const row = (y) => Math.round((5 - y) / 10 * (c.height - 1));
      const column = (x) => Math.round((x + 6) / 12 * (c.width - 1));
      const at = ([x, y]) => d[4 * (row(y) * c.width + column(x))];
      return [at(low), at(high), at([5.9, 4.9]), at([5.9, -4.9])];
    }"""
    low, high, upper, lower = page.evaluate(lows, [[3, 2], [-5.9, -4.9]])
    assert low < high - 30
    assert lower < upper - 5  # 881 below, 1348 above
    line = page.locator(".cnnw-map-lines .level")
    assert line.count() == 15
    assert all(len(d) > 50 for d in line.evaluate_all("(all) => all.map((n) => n.getAttribute('d'))"))
    canvas, svg = page.locator("canvas").bounding_box(), page.locator(".cnnw-map-lines").bounding_box()
    assert canvas["x"] >= svg["x"]
    assert canvas["width"] / canvas["height"] == pytest.approx(12 / 10, rel=0.02)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_drawn_letters_are_legible_and_the_map_follows_the_theme(chromium: Any, tmp_path: Path, theme: str) -> None:
    page = opened(chromium, page_of(OptimizerExplorer(), tmp_path, theme=theme)).page
    assert lowest_contrast(page, ".cnnw-plot .cnnw-axes text", ".cnnw-stage") >= 4.5
    corner = "() => document.querySelector('canvas').getContext('2d').getImageData(1, 1, 1, 1).data[0]"
    assert (page.evaluate(corner) > 200) == (theme == "light")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"({corner})() < 100")
