"""What every widget owes its reader: quiet, themed, narrow enough, labelled, reachable by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from widget_harness import embedded_page, opened, page_of

from cnncourse import widgets

pytestmark = pytest.mark.browser
ALL = tuple(name for name in widgets.__all__ if not name.isupper())
VENDORED = Path(__file__).parents[2] / "book" / "_vendor" / "vendor" / "widgets"

# Every text that stands on the page and its contrast with what lies behind it.
CONTRASTS = """() => {
  const rgb = (text) => { const p = text.match(/[\\d.]+/g).map(Number); return p.length < 4 ? [...p, 1] : p; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const c = rgb(getComputedStyle(n).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.querySelector(".cnnw"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const unseen = node.closest(".cnnw-unseen, svg, [hidden], option, :disabled") || !node.getClientRects().length;
    if (!walker.currentNode.textContent.trim() || unseen) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    found.push([walker.currentNode.textContent.trim(), (a + 0.05) / (b + 0.05)]);
  }
  return found;
}"""


def made(which: str) -> Any:
    return getattr(widgets, which)()


@pytest.fixture(scope="module", params=ALL)
def shared(request: pytest.FixtureRequest, chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A widget in the light theme, for the tests that only look."""
    watched = opened(chromium, page_of(made(request.param), tmp_path_factory.mktemp("shared")), keep=True)
    yield watched
    watched.page.context.close()


def overhanging(page: Any) -> Any:
    """What reaches beyond the widget's right edge."""
    return page.evaluate(
        "() => { const edge = document.querySelector('.cnnw').getBoundingClientRect().right;"
        "return [...document.querySelectorAll('.cnnw *')].filter((n) => !n.closest('.cnnw-unseen, svg, .cnnw-glass'))"
        ".filter((n) => n.getBoundingClientRect().right > edge).map((n) => n.outerHTML.slice(0, 80)); }"
    )


def test_quiet_and_never_wider_than_the_page(shared: Any) -> None:
    for width in (390, 320, 800):
        shared.page.set_viewport_size({"width": width, "height": 900})
        shared.page.wait_for_timeout(60)  # it draws anew
        assert shared.page.evaluate("document.documentElement.scrollWidth") <= width
        assert overhanging(shared.page) == []
    assert shared.complaints == []


def test_every_control_has_a_name(shared: Any) -> None:
    session = shared.page.context.new_cdp_session(shared.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "spinbutton", "textbox", "radio", "checkbox", "combobox", "slider", "application", "group"}
    seen = [n for n in nodes if n.get("role", {}).get("value") in controls and not n["ignored"]]
    assert len(seen) >= 5
    assert [n["role"]["value"] for n in seen if not n.get("name", {}).get("value", "").strip()] == []


def illegible(page: Any, theme: str) -> list[Any]:
    """Texts of too little contrast."""
    assert page.get_attribute(".cnnw", "data-look") == theme
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 10
    return [pair for pair in contrasts if pair[1] < 4.5]


def test_text_is_legible_in_the_light(shared: Any) -> None:
    assert illegible(shared.page, "light") == []


@pytest.mark.parametrize("which", ALL)
def test_text_is_legible_in_the_dark(chromium: Any, tmp_path: Path, which: str) -> None:
    assert illegible(opened(chromium, page_of(made(which), tmp_path, theme="dark")).page, "dark") == []


def test_tab_reaches_everything_and_shows_where_it_is(shared: Any) -> None:
    ring = (
        "() => { const n = document.activeElement; if (n === document.body) return null;"
        "const shown = n.type === 'radio' || n.type === 'checkbox' ? n.closest('label') : n;"
        "const s = getComputedStyle(shown);"
        "return [n.outerHTML.slice(0, 90), s.outlineStyle, parseFloat(s.outlineWidth)]; }"
    )
    reached = []
    for _ in range(120):
        shared.page.keyboard.press("Tab")
        state = shared.page.evaluate(ring)
        if state is None:
            break
        reached.append(state)
    assert len(reached) >= 4
    assert [one for one in reached if one[1] == "none" or one[2] < 1] == []


@pytest.mark.parametrize("which", ALL)
def test_theme_follows_every_host(chromium: Any, tmp_path: Path, which: str) -> None:
    watched = opened(chromium, page_of(made(which), tmp_path))
    look = "document.querySelector('.cnnw').dataset.look"
    hosts = {
        "delete html.dataset.theme, body.dataset.jpThemeLight = 'false'": "dark",
        "body.dataset.jpThemeLight = 'true'": "light",
        "delete body.dataset.jpThemeLight, html.setAttribute('theme', 'dark')": "dark",
        "html.removeAttribute('theme'), body.className = 'vscode-dark'": "dark",
        "body.className = 'vscode-light'": "light",
        "html.dataset.theme = 'dark'": "dark",
    }
    for change, expected in hosts.items():
        watched.page.evaluate(f"() => {{ const html = document.documentElement, body = document.body; {change}; }}")
        watched.page.wait_for_function(f"{look} === '{expected}'", timeout=3000)
    watched.page.evaluate("() => { delete document.documentElement.dataset.theme; document.body.className = ''; }")
    watched.page.emulate_media(color_scheme="dark")
    watched.page.wait_for_function(f"{look} === 'dark'", timeout=3000)


@pytest.mark.parametrize("which", ALL)
def test_fingers_find_their_targets(chromium: Any, tmp_path: Path, which: str) -> None:
    watched = opened(chromium, page_of(made(which), tmp_path), width=390, has_touch=True)
    small = watched.page.evaluate(
        "[...document.querySelectorAll('.cnnw button, .cnnw select, .cnnw-choices label')]"
        ".map((n) => [n.getAttribute('aria-label') || n.textContent, n.getBoundingClientRect()])"
        ".filter(([, box]) => box.width && (box.width < 20 || box.height < 24)).map(([text]) => text)"
    )
    assert small == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert overhanging(watched.page) == []


@pytest.mark.parametrize("which", ALL)
def test_leaving_takes_every_listener_along(chromium: Any, tmp_path: Path, which: str) -> None:
    watched = opened(chromium, page_of(made(which), tmp_path))
    watched.page.evaluate("() => { window.leave(); document.documentElement.dataset.theme = 'dark'; }")
    watched.page.wait_for_timeout(100)
    assert watched.page.get_attribute(".cnnw", "data-look") == "light"
    assert watched.page.evaluate("model.listeners()") == 0
    assert watched.complaints == []


@pytest.mark.parametrize("which", ALL)
def test_two_on_a_page_do_not_share_names(chromium: Any, tmp_path: Path, which: str) -> None:
    watched = opened(chromium, page_of(made(which), tmp_path))
    watched.page.evaluate(
        "() => module.render({ model, el: document.body.appendChild(document.createElement('div')) })"
    )
    ids = watched.page.evaluate("[...document.querySelectorAll('[id]')].map((n) => n.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.skipif(not VENDORED.exists(), reason="book/_vendor/vendor/widgets is not made yet")
def test_all_run_in_a_static_page_from_a_file(chromium: Any, tmp_path: Path) -> None:
    path = embedded_page([made(which) for which in ALL], tmp_path, VENDORED)
    watched = opened(chromium, path, ready=f"document.querySelectorAll('.cnnw[data-look]').length === {len(ALL)}")
    watched.page.wait_for_selector(".cnnw.lens.ready")
    watched.page.locator(".cnnw.conv").get_by_label("Stride S", exact=True).fill("2")
    watched.page.keyboard.press("Enter")
    assert "5 × 5" in watched.page.locator(".cnnw.conv h4.role-output").first.inner_text()
    loader = "strict mode: use allowUnionTypes"  # a warning that the vendored loader gives about itself
    assert [text for text in watched.complaints if not text.startswith(loader)] == []
