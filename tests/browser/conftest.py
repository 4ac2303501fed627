"""The built book in Chromium, from file:// and over http. Skipped, with the reason, where one of the two is missing."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from site_visits import Visit, Visits
from widget_harness import close_opened

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
LOOKS = ("light", "dark")


def page_names() -> list[str]:
    """Names of the built pages, such as design/convolution; empty when the book is not built."""
    names = [file.relative_to(SITE).with_suffix("").as_posix() for file in SITE.rglob("*.html")]
    return sorted(name for name in names if name not in NOT_PAGES and name.split("/")[0] not in NOT_BOOK)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `name` runs once a page; one that takes `opened`, once a page and look."""
    names = page_names() or ["not-built"]
    if "opened" in metafunc.fixturenames:
        looks = [(name, look) for name in names for look in LOOKS]
        metafunc.parametrize("opened", looks, ids="-".join, indirect=True, scope="module")
    elif "name" in metafunc.fixturenames:
        metafunc.parametrize("name", names)


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


@pytest.fixture
def visit(chromium: Any, site: Path) -> Iterator[Callable[..., Visit]]:
    """`Visits`, closed after the test."""
    visits = Visits(chromium, site)
    yield visits
    visits.close()


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    """Pages of widgets are closed after each test."""
    yield
    close_opened()
