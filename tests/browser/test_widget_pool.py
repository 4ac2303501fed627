"""The pooling explorer answers to keys and pointer, and counts what torch counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from widget_harness import opened, page_of

from cnncourse.widgets import KERNELS, PoolExplorer

pytestmark = pytest.mark.browser
PHOTO = np.random.default_rng(5).integers(0, 4, (40, 40)).astype(np.uint8) * 60  # few grey levels: some values stay


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    watched = opened(chromium, page_of(PoolExplorer(PHOTO, kernel="sobel x"), tmp_path), height=1200, has_touch=True)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def maps(down: int, right: int, kind: str = "max", k: int = 2, s: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.from_numpy(PHOTO[11 + down : 29 + down, 11 + right : 29 + right].astype(np.float64))[None, None]
    y = F.conv2d(x, torch.tensor(KERNELS["sobel x"], dtype=torch.float64)[None, None]).abs()
    return y[0, 0], (F.max_pool2d if kind == "max" else F.avg_pool2d)(y, k, s)[0, 0]


def counts(page: Any) -> list[str]:
    return [text.split(" values")[0] for text in page.locator(".cnnw-count").all_text_contents()]


def expected(down: int, right: int, **options: Any) -> list[str]:
    pairs = zip(maps(0, 0, **options), maps(down, right, **options), strict=True)
    return [f"{int((a != b).sum())} of {a.numel()}" for a, b in pairs]


def shift(page: Any) -> list[int]:
    found: list[int] = page.evaluate("model.get('shift')")
    return found


def test_arrow_keys_move_the_camera_and_changes_are_counted(page: Any) -> None:
    assert counts(page) == ["0 of 256", "0 of 64"]
    page.locator("svg.role-camera").focus()
    page.keyboard.press("ArrowRight")
    assert shift(page) == [0, 1]
    assert counts(page) == expected(0, 1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert counts(page) == expected(2, 1)
    page.keyboard.press("Home")
    assert shift(page) == [0, 0]
    assert counts(page) == ["0 of 256", "0 of 64"]


def test_as_many_marks_as_values_stayed(page: Any) -> None:
    page.get_by_label("Shift right", exact=True).fill("1")
    page.keyboard.press("Enter")
    changed, total = map(int, counts(page)[1].split(" of "))
    marks = page.locator("svg.role-output text").all_text_contents()
    assert marks.count("=") == total - changed > 0


def test_the_pointer_drags_the_picture(page: Any) -> None:
    box = page.locator("svg.role-camera").bounding_box()
    cell = box["width"] / 18
    page.mouse.move(box["x"] + 9.5 * cell, box["y"] + 9.5 * cell)
    page.mouse.down()
    page.mouse.move(box["x"] + 7.5 * cell, box["y"] + 12.5 * cell, steps=4)
    page.mouse.up()
    assert shift(page) == [-3, 2]  # the picture follows the pointer, the camera goes the other way
    assert counts(page) == expected(-3, 2)
    page.mouse.move(box["x"] + 2.5 * cell, box["y"] + 2.5 * cell)
    assert shift(page) == [-3, 2]


def test_the_camera_stops_at_eight_pixels(page: Any) -> None:
    page.locator("svg.role-camera").focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    assert shift(page) == [0, -8]
    assert counts(page) == expected(0, -8)


def test_pooled_numbers_equal_torch(page: Any) -> None:
    page.get_by_label("numbers", exact=True).check()
    texts = page.locator("svg.role-output text").all_text_contents()
    assert [float(t) for t in texts] == maps(0, 0)[1].flatten().tolist()
    page.get_by_label("average", exact=True).check()
    page.get_by_label("Window K", exact=True).fill("4")
    page.keyboard.press("Enter")
    texts = page.locator("svg.role-output text").all_text_contents()
    averages = maps(0, 0, kind="average", k=4)[1].flatten()
    np.testing.assert_allclose([float(t) for t in texts], averages, atol=0.5 + 1e-9)


def test_a_value_shows_its_window_and_winner(page: Any) -> None:
    page.locator("svg.role-output").focus()
    for _ in range(9):
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    y, pooled = maps(0, 0)
    assert page.locator(".cnnw-inside").inner_text().endswith(f"= {pooled[0, 1]:g}")
    row, column = divmod(int(y[0:2, 2:4].argmax()), 2)
    mark = page.locator("svg.role-input rect.winner")
    assert [mark.get_attribute("y"), mark.get_attribute("x")] == [str(10 * row), str(10 * (2 + column))]


def test_a_shift_by_the_stride_moves_the_pooled_map_along(page: Any) -> None:
    page.get_by_label("Shift down", exact=True).fill("2")
    page.keyboard.press("Enter")
    assert page.locator(".cnnw-along").inner_text().count("difference is 0") == 2
    page.get_by_label("Shift down", exact=True).fill("1")
    page.keyboard.press("Enter")
    assert "no multiple of 2" in page.locator(".cnnw-along").inner_text()


def test_a_window_that_does_not_fit_says_so(chromium: Any, tmp_path: Path) -> None:
    watched = opened(chromium, page_of(PoolExplorer(PHOTO, size=10, kind="blurred", window=6), tmp_path))
    assert "does not fit" not in watched.page.locator(".cnnw-error").inner_text()
    watched = opened(chromium, page_of(PoolExplorer(PHOTO[:10, :10], size=10, window=6), tmp_path))
    watched.page.locator("svg.role-camera").focus()
    watched.page.keyboard.press("ArrowRight")
    assert shift(watched.page) == [0, 0]  # no room to move
    assert watched.complaints == []


def test_python_moves_the_camera(page: Any) -> None:
    page.evaluate("model.set('shift', [1, -2])")
    assert counts(page) == expected(1, -2)
