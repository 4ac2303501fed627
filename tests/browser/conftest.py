"""The built book in Chromium, from file:// and over http. Skipped, with the reason, where one of the two is missing."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOT_PAGES = {"genindex", "search", "py-modindex", "prf-prf"}
NOT_BOOK = {"_static", "_sources", "vendor"}
DESK = {"width": 1360, "height": 900}


def page_names() -> list[str]:
    """Names of the built pages, such as design/convolution; empty when the book is not built."""
    names = [file.relative_to(SITE).with_suffix("").as_posix() for file in SITE.rglob("*.html")]
    return sorted(name for name in names if name not in NOT_PAGES and name.split("/")[0] not in NOT_BOOK)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `name` runs once a page."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", page_names() or ["not-built"])


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built book."""
    if not (SITE / "index.html").is_file():
        pytest.skip("the book is not built: run `make book`")
    return SITE


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The book, served over http from this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests of a process."""
    if CHROMIUM is None:
        pytest.skip("no Chromium found: sudo apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """An open page and what went wrong on it."""

    page: Any
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Wait until formulas are set and widgets drawn, then look at the whole page once."""
        self.page.evaluate("() => window.MathJax?.startup?.promise")
        if self.page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count():
            self.page.locator(".widget-subarea > *:not(script)").first.wait_for(timeout=15_000)
        self.page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
        self.page.wait_for_timeout(250)


@pytest.fixture
def visit(chromium: Any, site: Path) -> Iterator[Callable[..., Visit]]:
    """visit(name, theme=…, viewport=…, base=…) opens a page and watches what it asks for and complains about."""
    contexts = []

    def open_page(
        name: str, *, theme: str = "light", viewport: dict[str, int] = DESK, base: str | None = None, query: str = ""
    ) -> Visit:
        context = chromium.new_context(viewport=viewport, color_scheme=theme, reduced_motion="reduce")
        contexts.append(context)
        seen = Visit(context.new_page())
        root = base or site.as_uri()

        def request(call: Any) -> None:
            if not call.url.startswith((root, "data:", "blob:")):
                seen.outside.append(call.url)

        seen.page.on("request", request)
        seen.page.on("requestfailed", lambda call: seen.errors.append(f"failed: {call.url}"))

        def response(answer: Any) -> None:
            if answer.status >= 400:
                seen.errors.append(f"{answer.status}: {answer.url}")

        seen.page.on("response", response)
        seen.page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.goto(f"{root}/{name}.html{query}")
        return seen

    yield open_page
    for context in contexts:
        context.close()
