"""Each page of the built book: silent, self-sufficient, legible, navigable."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from site_visits import DESK, Visits

pytestmark = [pytest.mark.browser, pytest.mark.book]

PHONE = {"width": 390, "height": 844}
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest, chromium: Any, site: Path, address: str) -> Iterator[SimpleNamespace]:
    """A page in one look, loaded once for all that is asked of it: light from a file, dark over http."""
    name, look = request.param
    visits = Visits(chromium, site)
    seen = visits(name, theme=look, base=address if look == "dark" else None)
    seen.settle()
    yield SimpleNamespace(name=name, look=look, seen=seen, page=seen.page)
    visits.close()


def test_page_is_self_sufficient_and_silent(opened: SimpleNamespace) -> None:
    assert opened.seen.outside == []
    assert opened.seen.errors == []


def test_text_has_contrast(opened: SimpleNamespace) -> None:
    assert opened.page.evaluate("document.documentElement.dataset.theme") == opened.look
    assert opened.page.evaluate(CONTRAST) == []


def test_contrast_check_notices_grey_on_grey(visit: Callable[..., Any]) -> None:
    seen = visit("index")
    seen.page.add_style_tag(content=".bd-article p { color: #999 !important }")
    assert seen.page.evaluate(CONTRAST)


def test_phone_has_no_sideways_scrolling(opened: SimpleNamespace) -> None:
    opened.page.set_viewport_size(PHONE)
    opened.seen.settle()
    wide = opened.page.evaluate("document.documentElement.scrollWidth")
    opened.page.set_viewport_size(DESK)
    assert wide <= PHONE["width"]


def test_pictures_say_what_they_show(opened: SimpleNamespace) -> None:
    pictures = opened.page.evaluate(
        """() => [...document.querySelectorAll("img, svg[role=img]")]
        .filter((e) => !e.closest(".navbar-brand, [aria-hidden=true]"))
        .map((e) => e.getAttribute(e.tagName === "IMG" ? "alt" : "aria-label")
             || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent)"""
    )
    assert [alt for alt in pictures if not alt or re.search(r"\.(png|svg|jpe?g)$", alt)] == []


def test_headings_step_down_one_at_a_time(opened: SimpleNamespace) -> None:
    levels = opened.page.evaluate(
        """() => [...document.querySelectorAll("article h1, article h2, article h3, article h4, article h5")]
        .filter((e) => !e.closest(".widget-subarea, .onlyprint")).map((e) => Number(e.tagName[1]))"""
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_notebook_can_be_taken_along(opened: SimpleNamespace) -> None:
    with opened.page.expect_download() as download:
        opened.page.locator("a.coursebook-download").click()
    assert download.value.suggested_filename == f"{opened.name.split('/')[-1]}.ipynb"
    notebook = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert notebook["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ("id", "name") and value:
                self.ids.add(value)
            if key in ("href", "src") and value is not None:
                self.targets.add(value)


@cache
def parsed(file: Path) -> _Page:
    """The ids and targets of a page."""
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def test_links_lead_somewhere(site: Path, name: str) -> None:
    file = site / f"{name}.html"
    broken = []
    for target in parsed(file).targets:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc or target in ("", "#"):
            continue
        other = (file.parent / unquote(parts.path)).resolve() if parts.path else file
        anchor = unquote(parts.fragment) if other.suffix == ".html" else ""
        if not other.is_file() or (anchor and anchor not in parsed(other).ids):
            broken.append(target)
    assert broken == []


def test_theme_can_be_chosen_and_is_kept(visit: Callable[..., Any], address: str) -> None:
    seen = visit("index", theme="light", base=address)
    for _ in range(3):
        if seen.page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
        seen.page.locator(".theme-switch-button:visible").first.click()
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
    seen.page.goto(f"{address}/start.html")
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_code_can_be_folded_away_by_keyboard_and_stays_so(visit: Callable[..., Any], address: str) -> None:
    seen = visit("notation", base=address)
    code = seen.page.locator("div.cell_input").first
    button = seen.page.locator(".coursebook-code-toggle")
    assert code.is_visible()
    assert button.inner_text().strip() == "Hide code"
    button.focus()
    seen.page.keyboard.press("Enter")
    assert not code.is_visible()
    assert button.get_attribute("aria-pressed") == "true"
    seen.page.goto(f"{address}/start.html")
    assert not seen.page.locator("div.cell_input").first.is_visible()
    seen.page.locator(".coursebook-code-toggle").click()
    assert seen.page.locator("div.cell_input").first.is_visible()


def test_search_finds_a_word(visit: Callable[..., Any], address: str) -> None:
    seen = visit("search", query="?q=bottleneck", base=address)
    hit = seen.page.locator("#search-results a", has_text="ledger").first
    hit.wait_for(timeout=10_000)
    assert "ledger" in (hit.get_attribute("href") or "")
    assert seen.errors == []


def test_formulas_are_set(visit: Callable[..., Any]) -> None:
    seen = visit("notation")
    seen.settle()
    assert seen.page.locator("mjx-container").count() > 20
    assert seen.page.locator("mjx-merror").count() == 0


def test_first_page_has_a_live_figure(visit: Callable[..., Any]) -> None:
    seen = visit("index")
    seen.settle()
    box = seen.page.locator(".widget-subarea").first.bounding_box()
    assert box is not None
    assert box["height"] > 200


def test_ledger_shows_what_it_computed(visit: Callable[..., Any]) -> None:
    text = visit("ledger").page.locator("article").inner_text()
    assert "34,848" in text
    assert "105,415,200" in text
    assert "{glue" not in text
