"""Where the widgets' arithmetic runs: node when it is there, and Chromium always the way a reader's page does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "browser"))
sys.path.append(str(Path(__file__).parent))
import javascript
import widget_harness

_CALL = """async ([source, expression, given]) => {
  const m = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  return new Function("m", "given", "return " + expression)(m, given);
}"""
Run = Callable[[str, Any], Any]


@pytest.fixture(scope="session")
def in_chromium() -> Iterator[Callable[[str, str, Any], Any]]:
    """Run an expression in a blank page into which a module was inlined as a widget's is."""
    if not widget_harness.CHROMIUM.exists():
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    from cnncourse.widgets import _base

    # In a thread of its own: playwright refuses a second browser in a thread that has one, as tests/browser does.
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:
        chromium = thread.submit(stack.enter_context, widget_harness.browser()).result()
        page = thread.submit(chromium.new_page).result()

        def run(module: str, expression: str, given: Any) -> Any:
            return thread.submit(page.evaluate, _CALL, [_base.script(module), expression, given]).result()

        yield run
        thread.submit(stack.close).result()


@pytest.fixture(params=["node", pytest.param("chromium", marks=pytest.mark.browser)])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str, Any], Any]:
    """run(module, expression, given): the expression's value, `m` being the module."""
    if request.param == "node":
        if javascript.NODE is None:
            pytest.skip("node is not installed; the same cases run in Chromium")
        return lambda module, expression, given: javascript.by_node(module, expression, given, tmp_path)
    found: Callable[[str, str, Any], Any] = request.getfixturevalue("in_chromium")
    return found
