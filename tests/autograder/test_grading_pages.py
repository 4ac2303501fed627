"""Pages and tables: nothing that a student wrote acts in them."""

from __future__ import annotations

import base64
import csv
import struct
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from autograder.copies import defused
from autograder.errors import AutograderError
from autograder.export import _csv, export, safe
from autograder.feedback import markdown
from autograder.outputs import clean_outputs, clean_png, clean_text
from autograder.pages import duration, environment, histogram, points, stacked_bar, state
from autograder.sandbox import CellResult


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](https://example.org/spy.png)",
        "<https://example.org>",
        '<a href="https://example.org">x</a>',
        "<svg/onload=alert(1)>",
        "[x][1]\n\n[1]: javascript:alert(1)",
    ],
)
def test_an_answer_cannot_act(text: str) -> None:
    page = str(markdown(text))
    assert "<script" not in page
    assert "<img" not in page
    assert "<svg" not in page
    assert "<a" not in page
    shown = defused(text)
    assert "<script" not in shown
    assert "<img" not in shown
    assert "javascript:" not in shown


def test_markdown_still_is_markdown() -> None:
    assert markdown("**a** `b < c`") == Markup("<p><strong>a</strong> <code>b &lt; c</code></p>\n")


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\n=1", "＝1"])
def test_no_cell_of_a_table_is_a_formula(value: str) -> None:
    assert safe(value).startswith("'")
    ((cell,),) = list(csv.reader(_csv([[value]]).splitlines()))
    assert cell.startswith("'")


@pytest.mark.parametrize(
    ("value", "text"), [(-1.5, "-1.5"), (3, "3"), (18.041237, "18.041237"), ("ada", "ada"), (None, "")]
)
def test_numbers_and_names_stay_as_they_are(value: Any, text: str) -> None:
    assert safe(value) == text


def test_export_without_grades_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AutograderError, match="no gradebook"):
        export(tmp_path, "moodle")
    with pytest.raises(AutograderError, match="no format"):
        export(tmp_path, "excel")


def png(width: int, height: int) -> str:
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\0" * 20
    ).decode()


@pytest.mark.parametrize(
    "data", [None, 3, "no base64!", base64.b64encode(b"GIF89a" * 10).decode(), png(0, 5), png(10**6, 5)]
)
def test_what_is_no_sane_png_is_dropped(data: Any) -> None:
    assert clean_png(data) is None


def test_outputs_are_text_and_png_only() -> None:
    good = png(4, 4)
    data = {"text/html": "<script>", "image/svg+xml": "<svg>", "text/plain": "a\x1b[31mb", "image/png": good}
    result = CellResult(False, "ValueError: x", "out\x00", "", [{"output_type": "display_data", "data": data}, "junk"])  # type: ignore[list-item]
    found = clean_outputs(result)
    assert found[0] == {"output_type": "stream", "name": "stdout", "text": "out"}
    assert found[1]["data"] == {"image/png": good, "text/plain": "ab"}
    assert found[2]["evalue"] == "ValueError: x"


def test_long_text_is_cut_and_says_so() -> None:
    assert clean_text("x" * 100, 10) == "x" * 10 + "\n… (cut here)"


def test_words() -> None:
    assert [points(v) for v in (3.0, 2.5, 2.666666, 0.0)] == ["3", "2.5", "2.67", "0"]
    assert duration(50) == "50 seconds"
    assert duration(3600) == "1 hour"
    assert duration(200_000) == "2.3 days"
    assert state({"verdict": "fail", "score": 1}) == "part"
    assert state({"verdict": "fail", "score": 0}) == "fail"


def test_charts_count_right() -> None:
    chart = histogram([0.0, 0.05, 0.999, 1.0])
    assert "0 to 10 %: 2" in chart
    assert "90 to 100 %: 2" in chart
    assert 'aria-label="&lt;b&gt;"' in stacked_bar([("pass", 1.0)], "<b>")


def test_templates_escape_and_refuse_missing_names() -> None:
    assert environment().from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
    with pytest.raises(Exception, match="undefined"):
        environment().from_string("{{ x }}").render()
