"""The graph stepper answers to mouse and keyboard, and says in words what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from svg_contrast import lowest_contrast
from widget_harness import opened, page_of

from cnncourse.widgets import GraphStepper
from cnncourse.widgets.graph_stepper import PRESETS

pytestmark = pytest.mark.browser
PLAYER = "button.cnnw-button"


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    watched = opened(chromium, page_of(GraphStepper(), tmp_path), height=1000)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def card(page: Any, name: str) -> list[str]:
    """Value and gradient on a node's card."""
    return [page.locator(f"[data-name={name}] .{part}").text_content() for part in ("value", "gradient")]


def told(page: Any) -> str:
    parts = [page.locator(f".cnnw-{part}").inner_text() for part in ("phase", "line", "told")]
    return " | ".join(parts).replace("\u2060", "")


def press(page: Any, name: str, times: int = 1) -> None:
    for _ in range(times):
        page.get_by_role("button", name=name, exact=True).click()


def test_starts_with_the_inputs_alone(page: Any) -> None:
    assert [card(page, name) for name in "xyz"] == [["\u22122", ""], ["5", ""], ["\u22124", ""]]
    assert [card(page, name) for name in "qf"] == [["·", ""], ["·", ""]]
    assert page.locator(".pill").count() == 0
    assert page.get_by_role("button", name="Back", exact=True).is_disabled()


def test_steps_forward_and_backward_with_buttons(page: Any) -> None:
    press(page, "Step")
    assert card(page, "q") == ["3", ""]
    assert told(page).startswith("Forward | q = x + y = (\u22122) + 5 = 3 | ")
    assert page.locator(".edge.feeds").count() == 2
    assert page.locator(".local").all_text_contents() == ["1", "1"]
    press(page, "Step", 2)
    assert card(page, "f") == ["\u221212", "1"]
    assert told(page).startswith("Backward | ∂f/∂f = 1")
    press(page, "Step")
    assert told(page) == (
        "Backward | ∂f/∂q = 1 × (\u22124) = \u22124 | What arrives at the gate f, ∂f/∂f = 1, times its local "
        "derivative ∂f/∂q = z = \u22124."
    )
    assert card(page, "q") == ["3", "\u22124"]
    assert page.locator(".edge.now").count() == 1
    press(page, "Step", 3)
    assert [card(page, name)[1] for name in "xyzqf"] == ["\u22124", "\u22124", "3", "\u22124", "1"]
    assert "Done: ∂f/∂x = \u22124, ∂f/∂y = \u22124, ∂f/∂z = 3." in told(page)
    assert told(page).endswith("Try it: raise x by 0.01, and f goes from \u221212 to \u221212.04.")
    assert page.get_by_role("button", name="Step", exact=True).is_disabled()
    press(page, "Back")
    assert card(page, "y") == ["5", ""]
    assert page.evaluate("model.get('step')") == 6


def test_keys_step_too(page: Any) -> None:
    page.get_by_role("application").focus()
    for key in ("ArrowRight", "ArrowDown", " ", "ArrowRight"):
        page.keyboard.press(key)
    assert page.locator(".cnnw-reading").inner_text() == "4 of 7"
    page.keyboard.press("ArrowLeft")
    assert page.locator(".cnnw-reading").inner_text() == "3 of 7"
    page.keyboard.press("End")
    assert card(page, "x")[1] == "\u22124"
    page.keyboard.press("ArrowRight")
    assert page.locator(".cnnw-reading").inner_text() == "7 of 7"
    page.keyboard.press("Home")
    assert card(page, "q") == ["·", ""]
    page.get_by_label("Step", exact=True).and_(page.locator("input")).focus()
    page.keyboard.press("ArrowRight")
    assert card(page, "q") == ["3", ""]


def test_the_step_is_spoken(page: Any) -> None:
    press(page, "Step", 4)
    page.wait_for_function("document.querySelector('[role=status]').textContent.includes('∂f/∂q = 1 × (\u22124)')")
    heard = page.locator(".cnnw-netbox .cnnw-unseen").text_content()
    assert "q, gate + of x, y: value 3, gradient \u22124" in heard
    assert "input z: value \u22124;" in heard


def test_inputs_are_editable_and_everything_follows(page: Any) -> None:
    press(page, "End \u21e5")
    page.get_by_label("z", exact=True).fill("1/2")
    page.keyboard.press("Enter")
    assert card(page, "f") == ["1.5", "1"]
    assert card(page, "x")[1] == "0.5"
    page.get_by_label("x", exact=True).focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("model.get('inputs')") == {"x": -1.5, "y": 5, "z": 0.5}
    assert card(page, "q")[0] == "3.5"
    assert page.get_by_label("Example").input_value() == "own"
    field = page.get_by_label("y", exact=True)
    field.fill("many")
    field.press("Enter")
    assert field.get_attribute("aria-invalid") == "true"
    field.blur()
    assert (field.input_value(), field.get_attribute("aria-invalid")) == ("5", None)


def test_a_node_used_twice_adds_up(page: Any) -> None:
    page.get_by_label("Example").select_option("used twice")
    press(page, "Step", 5)
    assert card(page, "x") == ["3", "2"]
    press(page, "Step")
    assert card(page, "x") == ["3", "5"]
    assert "∂f/∂x = 2 + 3 × 1 = 2 + 3 = 5" in told(page)
    assert "the paths add up" in told(page)


@pytest.mark.parametrize("example", ["sigmoid neuron", "sigmoid as one gate"])
def test_a_sigmoid_neuron_taken_apart_or_not_has_the_same_gradients(page: Any, example: str) -> None:
    page.get_by_label("Example").select_option(example)
    press(page, "End \u21e5")
    gradients = [card(page, name)[1] for name in ("w1", "x1", "w2", "x2", "b")]
    assert gradients == ["0.489", "0.122", "0.244", "\u22120.367", "0.244"]


def test_an_expression_of_ones_own(page: Any) -> None:
    field = page.get_by_label("Expression")
    field.fill("f = (x - 2)**2 + max(x, y)")
    field.press("Enter")
    assert page.evaluate("model.get('inputs')") == {"x": -2, "y": 5}
    press(page, "End \u21e5")
    assert [card(page, name)[1] for name in "xy"] == ["\u22128", "1"]
    field.fill("f = x +")
    field.press("Enter")
    assert page.get_by_role("alert").inner_text() == "This cannot be drawn: something is missing at the end."
    assert card(page, "x")[1] == "\u22128"
    field.fill("f = log(x)")
    field.press("Enter")
    assert "no finite value" in page.get_by_role("alert").inner_text()
    page.get_by_label("x", exact=True).fill("1")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == ""


def test_a_click_on_a_card_goes_to_its_step(page: Any) -> None:
    page.locator("[data-name=f]").click()
    assert told(page).startswith("Forward | f = q × z")
    page.locator("[data-name=x]").click()
    assert told(page).startswith("Backward | ∂f/∂x")
    page.locator("[data-name=f]").click()
    assert told(page).startswith("Backward | ∂f/∂f = 1")


def test_python_changes_the_figure(page: Any) -> None:
    page.evaluate("() => { model.set('inputs', {x: 1, y: 1, z: 1}); model.set('step', 7); }")
    assert card(page, "f") == ["2", "1"]
    page.evaluate("() => model.set('expression', 'f = x * y')")
    assert page.locator(".card").count() == 3


@pytest.mark.parametrize("width", [340, 390, 800])
def test_cards_stay_apart_and_inside_at_every_width(chromium: Any, tmp_path: Path, width: int) -> None:
    crowded = "f = (a*b + c*d)*tanh(a) + max(a*b, exp(c))"
    for name in (*PRESETS, *([crowded] if width == 800 else [])):
        at = {"a": 1, "b": 2, "c": -1, "d": 0.5} if name == crowded else None
        watched = opened(chromium, page_of(GraphStepper(name, at, step=30), tmp_path), width=width)
        boxes = watched.page.evaluate(
            "[...document.querySelectorAll('.card .body')].map((n) => { const b = n.getBoundingClientRect();"
            " return [b.left, b.top, b.right, b.bottom]; })"
        )
        edge = watched.page.evaluate("document.querySelector('.cnnw-net').getBoundingClientRect().toJSON()")
        assert all(b[0] >= edge["left"] - 1 and b[2] <= edge["right"] + 1 and b[3] <= edge["bottom"] + 1 for b in boxes)
        pills = watched.page.evaluate(
            "[...document.querySelectorAll('.pill')].map((n) => { const b = n.getBoundingClientRect();"
            " return [b.left, b.top, b.right, b.bottom]; })"
        )
        for k, a in enumerate(pills):
            for b in pills[:k]:
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (name, a, b)
        for k, a in enumerate(boxes):
            for b in boxes[:k]:
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        wide = watched.page.evaluate(
            "[...document.querySelectorAll('.card :is(.value, .gradient)')]"
            ".filter((n) => n.getBBox().width > n.closest('.card').querySelector('.body').getBBox().width - 6)"
            ".map((n) => n.textContent)"
        )
        assert wide == []
        watched.page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_drawn_letters_are_legible(chromium: Any, tmp_path: Path, theme: str) -> None:
    page = opened(chromium, page_of(GraphStepper(step=4), tmp_path, theme=theme)).page
    for texts in (".value", ".gradient"):
        assert lowest_contrast(page, f".cnnw-net {texts}", ".cnnw-net .paper") >= 4.5
    for kind in ("input", "gate", "output"):
        texts = f".cnnw-net .{kind} :is(.name, .sign)"
        assert lowest_contrast(page, texts, f".cnnw-net .{kind} .head") >= 4.5
    assert lowest_contrast(page, ".edge:not(.now) .local", ".edge:not(.now) .pill") >= 4.5
    assert lowest_contrast(page, ".edge.now .local", ".edge.now .pill") >= 4.5
