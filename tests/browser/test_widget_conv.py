"""The convolution explorer answers to mouse, finger and keyboard, and shows what torch computes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from widget_harness import opened, page_of

from cnncourse.widgets import KERNELS, ConvExplorer

pytestmark = pytest.mark.browser
PATCH = np.random.default_rng(3).integers(0, 256, (9, 11)).astype(np.uint8)


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    watched = opened(chromium, page_of(ConvExplorer(PATCH, kernel="laplacian"), tmp_path), height=1400, has_touch=True)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def where(page: Any) -> str:
    """'y[i, j]' of the position shown."""
    return str(page.locator(".cnnw-terms b").first.inner_text())


def shown_sum(page: Any) -> float:
    return float(page.locator(".cnnw-sum").inner_text().replace("\u2212", "-"))


def shown_map(page: Any) -> list[float]:
    texts = page.locator("svg.role-output text").all_text_contents()
    return [float(text.replace("\u2212", "-")) for text in texts if text]


def expected(kernel: Any = KERNELS["laplacian"], **options: int) -> torch.Tensor:
    x = torch.from_numpy(PATCH).double()
    return F.conv2d(x[None, None], torch.tensor(kernel, dtype=torch.float64)[None, None], **options)[0, 0]


def test_arrow_keys_move_the_window(page: Any) -> None:
    page.locator("svg.role-input").focus()
    page.keyboard.press("Home")
    assert where(page) == "y[0, 0]"
    for key, place in {
        "ArrowRight": "y[0, 1]",
        "ArrowDown": "y[1, 1]",
        "ArrowLeft": "y[1, 0]",
        "End": "y[6, 8]",
    }.items():
        page.keyboard.press(key)
        assert where(page) == place
    page.keyboard.press("ArrowDown")
    assert where(page) == "y[6, 8]"
    assert shown_sum(page) == expected()[6, 8].item()


def test_mouse_drags_the_window(page: Any) -> None:
    box = page.locator("svg.role-input").bounding_box()
    cell = box["width"] / 11
    page.mouse.move(box["x"] + 1.5 * cell, box["y"] + 1.5 * cell)
    page.mouse.down()
    assert where(page) == "y[0, 0]"
    page.mouse.move(box["x"] + 5.5 * cell, box["y"] + 3.5 * cell, steps=4)
    assert where(page) == "y[2, 4]"
    page.mouse.up()
    page.mouse.move(box["x"] + 1.5 * cell, box["y"] + 1.5 * cell)
    assert where(page) == "y[2, 4]"
    assert shown_sum(page) == expected()[2, 4].item()


def test_a_tap_moves_the_window(page: Any) -> None:
    box = page.locator("svg.role-output").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 3.5 / 9, box["y"] + box["height"] * 5.5 / 7)
    assert where(page) == "y[5, 3]"


def test_the_map_equals_torch(page: Any) -> None:
    page.get_by_role("button", name="Fill").click()
    assert shown_map(page) == expected().round().flatten().tolist()
    page.get_by_label("Kernel", exact=True).select_option("sobel y")
    assert shown_map(page) == expected(KERNELS["sobel y"]).flatten().tolist()


@pytest.mark.parametrize(
    ("label", "option", "size"), [("Stride S", "stride", "4 × 5"), ("Dilation D", "dilation", "5 × 7")]
)
def test_options_change_the_map(page: Any, label: str, option: str, size: str) -> None:
    page.get_by_label(label, exact=True).fill("2")
    page.keyboard.press("Enter")
    assert size in page.locator("h4.role-output").first.inner_text()
    assert shown_map(page) == expected(**{option: 2}).flatten().tolist()
    assert page.evaluate(f"model.get('{option}')") == 2


def test_padding_shows_zeros(page: Any) -> None:
    page.get_by_role("button", name="Padding: more").click()
    assert page.locator("svg.role-input rect.pad").count() == 11 * 13 - 9 * 11
    assert "padded to 11 × 13" in page.locator("h4.role-input").first.inner_text()
    assert shown_map(page) == expected(padding=1).flatten().tolist()
    page.locator("svg.role-input").focus()
    page.keyboard.press("Home")
    assert page.locator(".cnnw-matrix.role-input .pad").count() == 5
    assert "H′ = ⌊(9 + 2·1 − 1·(3 − 1) − 1) / 1⌋ + 1 = 9" in page.locator(".cnnw-formula").inner_text()


def test_flip_turns_the_kernel(page: Any) -> None:
    page.get_by_label("Kernel", exact=True).select_option("emboss")
    page.get_by_role("button", name="Fill").click()
    page.get_by_role("radio", name="convolution", exact=True).check()
    assert shown_map(page) == expected(np.rot90(KERNELS["emboss"], 2).tolist()).flatten().tolist()
    assert page.get_by_label("weight, row 1, column 1").input_value() == "2"
    page.get_by_label("weight, row 1, column 1").fill("7")
    page.keyboard.press("Enter")
    assert page.evaluate("model.get('kernel')")[2][2] == 7


def test_typing_a_kernel(page: Any) -> None:
    first = page.get_by_label("weight, row 1, column 1")
    first.click()
    page.keyboard.type("1/2")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('kernel')")[0][0] == 0.5
    assert first.input_value() == "1/2"
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    assert page.get_by_label("weight, row 1, column 2").get_attribute("aria-invalid") == "true"
    page.keyboard.press("PageUp")
    assert page.evaluate("model.get('kernel')")[0][1] == 1
    assert page.get_by_label("Kernel", exact=True).input_value() == "own"


def test_drawing_a_kernel(page: Any) -> None:
    page.get_by_role("button", name="All zero").click()
    page.get_by_role("radio", name="+1").check()
    cells = [page.get_by_label(f"weight, row 2, column {c}").bounding_box() for c in (1, 3)]
    middle = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in cells]
    page.mouse.move(*middle[0])
    page.mouse.down()
    page.mouse.move(*middle[1], steps=12)
    page.mouse.up()
    assert page.evaluate("model.get('kernel')") == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]


def test_a_larger_kernel_keeps_the_middle(page: Any) -> None:
    page.get_by_role("button", name="Side: more").click()
    page.get_by_role("button", name="Side: more").click()
    kernel = page.evaluate("model.get('kernel')")
    assert [row[1:4] for row in kernel[1:4]] == KERNELS["laplacian"]
    assert np.abs(kernel).sum() == np.abs(KERNELS["laplacian"]).sum()


def test_a_window_that_does_not_fit_is_explained(page: Any) -> None:
    page.get_by_label("Dilation D", exact=True).fill("6")
    page.keyboard.press("Enter")
    told = page.get_by_role("alert").inner_text()
    assert "does not fit" in told
    assert "span 13 pixels, the padded image has 9" in told
    page.locator("svg.role-input").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_label("Padding P", exact=True).fill("2")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == ""
    assert shown_map(page) == expected(dilation=6, padding=2).flatten().tolist()


def test_play_fills_the_map_and_stops(page: Any) -> None:
    page.get_by_label("Stride S", exact=True).fill("6")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Clear").click()
    assert len(shown_map(page)) == 1
    page.get_by_role("button", name="Step").click()
    assert len(shown_map(page)) == 2
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.cnnw-button.main').textContent === 'Play'", timeout=5000)
    assert shown_map(page) == expected(stride=6).flatten().tolist()


def test_space_plays_and_pauses(page: Any) -> None:
    page.locator("svg.role-input").focus()
    page.keyboard.press(" ")
    assert page.locator(".cnnw-button.main").inner_text() == "Pause"
    page.keyboard.press(" ")
    assert page.locator(".cnnw-button.main").inner_text() == "Play"


def test_pixels_out_of_reach_are_faded(page: Any) -> None:
    page.get_by_label("Stride S", exact=True).fill("5")
    page.keyboard.press("Enter")
    assert page.locator("svg.role-input rect.lost").count() == 9 * 11 - 8 * 8


def test_python_changes_the_figure(page: Any) -> None:
    page.evaluate("model.set('stride', 3)")
    assert page.get_by_label("Stride S", exact=True).input_value() == "3"
    page.evaluate("model.set('kernel', [[1]])")
    assert page.locator(".cnnw-matrix.role-filter input").count() == 1


def test_the_frame_on_the_photograph_moves_the_patch(chromium: Any, tmp_path: Path) -> None:
    page = opened(chromium, page_of(ConvExplorer(), tmp_path), height=1400).page
    before = page.locator("svg.role-input text").all_text_contents()
    page.locator(".cnnw-photo").focus()
    page.keyboard.press("ArrowRight")
    after = page.locator("svg.role-input text").all_text_contents()
    assert page.evaluate("model.get('corner')") == [13, 22]
    assert after[0:11] == before[1:12]
    box = page.locator(".cnnw-photo").bounding_box()
    page.mouse.click(box["x"] + 8, box["y"] + 8)
    assert page.evaluate("model.get('corner')") == [0, 0]


def test_reduced_motion_moves_without_sliding(chromium: Any, tmp_path: Path) -> None:
    page = opened(chromium, page_of(ConvExplorer(), tmp_path), reduced_motion="reduce").page
    found = page.evaluate("getComputedStyle(document.querySelector('svg.role-input .cnnw-marks')).transitionProperty")
    assert found == "none"


def drag_by_finger(page: Any, mark: Any, shift: int) -> None:
    session = page.context.new_cdp_session(page)
    box = mark.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for part in (0, 0.4, 0.8, 1):
        kind = "touchMove" if part else "touchStart"
        points = [{"x": x + part * shift, "y": y + part * shift}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_drags_window_and_crop_without_scrolling(chromium: Any, tmp_path: Path) -> None:
    watched = opened(chromium, page_of(ConvExplorer(), tmp_path), width=390, height=600, has_touch=True)
    page = watched.page
    window = page.locator("svg.role-input rect.frame").first
    crop = page.locator(".cnnw-crop").first
    for mark in (window, crop):
        mark.scroll_into_view_if_needed()
        scrolled, before = page.evaluate("window.scrollY"), mark.bounding_box()
        drag_by_finger(page, mark, 60)
        after = mark.bounding_box()
        assert page.evaluate("window.scrollY") == scrolled
        assert after["x"] - before["x"] > 30
        assert after["y"] - before["y"] > 30
    assert watched.complaints == []
    page.context.close()
