"""A check's result as a table: text for a terminal, HTML for a notebook (light and dark, no script, escaped)."""

from __future__ import annotations

from html import escape

from cnncourse.checks.core import CaseResult, ExerciseResult

# A badge brings its own ground, so that it can be read on light and dark pages; the words carry the meaning without it.
BADGE = "color:#ffffff;border-radius:.25em;padding:.05em .4em;background:"
RIGHT, WRONG = f"{BADGE}#1a7741", f"{BADGE}#b93329"
CELL = "border-top:1px solid currentColor;padding:.35em .8em .35em 0;text-align:left;vertical-align:top"
WIDEST = 48  # characters of a line in a table's cell
MONO = "font-family:monospace;white-space:pre;margin:0;color:inherit;background:transparent;border:0;padding:0"


def headline(result: ExerciseResult) -> str:
    """How many of the cases pass, and the hint."""
    passed = sum(c.passed for c in result.cases)
    if passed == len(result.cases):
        return f"{result.name}: all {passed} public cases pass."
    return f"{result.name}: {passed} of {len(result.cases)} public cases pass. {result.hint}"


def notes(result: ExerciseResult) -> list[str]:
    """What is worth saying although it costs no points."""
    named = list(dict.fromkeys(name for case in result.cases for name in case.modified))
    if not named:
        return []
    changed = ", ".join(named)
    return [f"Note: your function changes its input ({changed}) in place. Work on a copy: callers still need theirs."]


def as_text(result: ExerciseResult) -> str:
    """The table as text."""
    lines = [headline(result)]
    for case in result.cases:
        lines.append(f"  {'pass' if case.passed else 'FAIL'}  {case.name}")
        if not case.passed:
            lines += [_block("got", case.got), _block("expected", case.expected)]
            if case.detail and case.detail != result.hint:
                lines.append(f"        {case.detail}")
    return "\n".join(lines + notes(result))


def _block(label: str, value: str) -> str:
    first, *rest = value.splitlines() or [""]
    return "\n".join([f"        {label + ':':<10}{first}", *(" " * 18 + line for line in rest)])


def as_html(result: ExerciseResult) -> str:
    """The table as HTML, with inline styles only, so that it survives sanitizing."""
    done = all(c.passed for c in result.cases)
    titles = ("Case", "Got", "Expected", "Verdict")
    head = "".join(f'<th scope="col" style="{CELL};border-top:0">{t}</th>' for t in titles)
    mark = f'<strong style="{RIGHT if done else WRONG}">{"✓" if done else "✗"}</strong>'
    rows = "".join(_html_row(case, result.hint) for case in result.cases)
    after = "".join(f"<p>{escape(note)}</p>" for note in notes(result))
    return (
        f'<div style="color:inherit"><p>{mark} '
        f"{escape(headline(result))}</p>"
        f'<table style="border-collapse:collapse;color:inherit;background:transparent"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{after}</div>"
    )


def _html_value(text: str) -> str:
    """A small tensor keeps its columns; a long line, such as an error's message, is broken so that the table fits."""
    long = max(map(len, text.splitlines()), default=0) > WIDEST
    style = MONO.replace("white-space:pre", f"white-space:pre-wrap;max-width:{WIDEST}ch") if long else MONO
    return f'<pre style="{style}">{escape(text)}</pre>'


def _html_row(case: CaseResult, hint: str) -> str:
    badge, word = (RIGHT, "pass") if case.passed else (WRONG, "fail")
    detail = f"<br>{escape(case.detail)}" if case.detail and case.detail != hint else ""
    return (
        f'<tr style="background:transparent"><td style="{CELL}">{escape(case.name)}</td>'
        f'<td style="{CELL}">{_html_value(case.got)}</td><td style="{CELL}">{_html_value(case.expected)}</td>'
        f'<td style="{CELL}"><strong style="{badge}">{word}</strong>{detail}</td></tr>'
    )
