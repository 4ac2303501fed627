"""The lens follows the pointer and the arrow keys, and shows what torch computes on the decoded photograph."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from widget_harness import opened, page_of

from cnncourse.widgets import FILTERS, FilterLens

pytestmark = pytest.mark.browser
READY = "document.querySelector('.cnnw.lens.ready') !== null"


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    watched = opened(chromium, page_of(FilterLens(), tmp_path), ready=READY)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def place(page: Any) -> list[float]:
    """Centre of the lens, as shares of the picture."""
    ask = (
        "() => { const box = (s) => document.querySelector(s).getBoundingClientRect();"
        "const [a, b] = [box('.cnnw-glass'), box('.cnnw-scene-box')];"
        "return [(a.left + a.width / 2 - b.left) / b.width, (a.top + a.height / 2 - b.top) / b.height]; }"
    )
    return list(page.evaluate(ask))


def test_the_pointer_moves_the_lens(page: Any) -> None:
    box = page.locator(".cnnw-scene-box").bounding_box()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"])
    assert place(page) == pytest.approx([0.7, 0.6], abs=0.01)
    page.mouse.move(2, 2)
    assert place(page) == pytest.approx([0.7, 0.6], abs=0.2)


def test_a_finger_moves_the_lens(chromium: Any, tmp_path: Path) -> None:
    page = opened(chromium, page_of(FilterLens(), tmp_path), width=390, has_touch=True, ready=READY).page
    box = page.locator(".cnnw-scene-box").bounding_box()
    page.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + 0.8 * box["height"])
    assert place(page) == pytest.approx([0.2, 0.8], abs=0.01)


def test_the_keyboard_moves_and_sizes_the_lens(page: Any) -> None:
    x, y = place(page)
    page.locator(".cnnw-scene-box").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert place(page)[0] > x
    assert place(page)[1] > y + 0.05
    wide = page.locator(".cnnw-glass").bounding_box()["width"]
    page.keyboard.press("-")
    assert page.locator(".cnnw-glass").bounding_box()["width"] < wide
    for _ in range(80):
        page.keyboard.press("Shift+ArrowLeft")
    assert place(page)[0] == pytest.approx(0, abs=0.01)


def test_the_lens_shows_only_its_disc(page: Any) -> None:
    clip = page.evaluate("document.querySelector('.cnnw-answer').style.clipPath")
    assert clip.startswith("circle(")
    glass = page.locator(".cnnw-glass").bounding_box()["width"]
    shown = page.evaluate(
        "() => { const n = document.querySelector('.cnnw-answer'), share = parseFloat(n.style.clipPath.slice(7)) / 100;"
        "return 2 * share * Math.hypot(n.clientWidth, n.clientHeight) / Math.SQRT2; }"
    )
    assert shown == pytest.approx(glass, rel=0.01)
    page.get_by_label("whole picture").check()
    assert page.evaluate("document.querySelector('.cnnw-answer').style.clipPath") == "none"


@pytest.mark.parametrize("which", FILTERS)
def test_the_answer_equals_torch(page: Any, which: str) -> None:
    photo = FilterLens().photo
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(photo.split(",")[1]))), dtype=np.float64)
    weights = torch.tensor(FILTERS[which], dtype=torch.float64)
    grey = torch.from_numpy(pixels @ np.array([0.299, 0.587, 0.114]))
    padded = F.pad(grey[None, None], (weights.shape[0] // 2,) * 4, mode="replicate")
    answer = F.conv2d(padded, weights[None, None])[0, 0]
    page.get_by_role("radio", name=which).check()
    for x, y in ((0.1, 0.2), (0.36, 0.4), (0.62, 0.81)):
        box = page.locator(".cnnw-scene-box").bounding_box()
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        told = page.locator(".cnnw-told").inner_text()
        row, column = (int(told.split(word)[1].split()[0].strip(",")) for word in ("row ", "column "))
        shown = float(page.locator(".cnnw-value").inner_text().replace("\u2212", "-"))
        # Two JPEG decoders may differ by a level or two; shown numbers are whole.
        assert shown == pytest.approx(answer[row, column].item(), abs=2.5)
    assert page.evaluate("model.get('filter')") == which


def test_choosing_a_filter_changes_the_picture(page: Any) -> None:
    pictures = set()
    for which in FILTERS:
        page.get_by_role("radio", name=which).check()
        pictures.add(page.evaluate("document.querySelector('.cnnw-answer').toDataURL()"))
    assert len(pictures) == len(FILTERS)


def test_filters_walk_by_arrow_keys(page: Any) -> None:
    page.get_by_role("radio", name="vertical edges").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('filter')") == "horizontal edges"


def test_python_changes_the_figure(page: Any) -> None:
    page.evaluate("model.set('filter', 'blur')")
    assert page.get_by_role("radio", name="blur").is_checked()
