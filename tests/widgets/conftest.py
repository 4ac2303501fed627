"""Where the widgets' arithmetic runs: node when it is there, and Chromium always the way a reader's page does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "browser"))
sys.path.append(str(Path(__file__).parent))
import javascript
import widget_harness

Run = Callable[[str, Any], Any]


@pytest.fixture(scope="session")
def in_chromium() -> Iterator[Callable[[str, str, Any], Any]]:
    """Run an expression in a blank page into which a module was inlined as a widget's is."""
    if not widget_harness.CHROMIUM.exists():
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    from cnncourse.widgets import _base

    with widget_harness.browser() as chromium:
        page = chromium.new_page()

        def run(module: str, expression: str, given: Any) -> Any:
            call = (
                "async ([source, expression, given]) => {"
                "const url = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));"
                "const m = await import(url);"
                "return new Function('m', 'given', 'return ' + expression)(m, given); }"
            )
            return page.evaluate(call, [_base.script(module), expression, given])

        yield run


@pytest.fixture(params=["node", pytest.param("chromium", marks=pytest.mark.browser)])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str, Any], Any]:
    """run(module, expression, given): the expression's value, `m` being the module."""
    if request.param == "node":
        if javascript.NODE is None:
            pytest.skip("node is not installed; the same cases run in Chromium")
        return lambda module, expression, given: javascript.by_node(module, expression, given, tmp_path)
    found: Callable[[str, str, Any], Any] = request.getfixturevalue("in_chromium")
    return found
