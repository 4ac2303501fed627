"""What feedback and report share: words and marks for verdicts, numbers, small charts as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"

# verdict: (word for the student, mark beside it, CSS class). Never by colour alone.
WORDS = {
    "pass": ("all points", "✓", "pass"),
    "part": ("some points", "◐", "part"),
    "fail": ("not right yet", "✗", "fail"),
    "error": ("stops with an error", "!", "error"),
    "limit": ("takes too long or too much", "⏱", "limit"),
    "missing": ("not there", "–", "missing"),
}
ORDER = ("pass", "part", "fail", "stop", "missing")


def environment() -> Environment:
    """Templates with every value escaped; a name that is not given is an error."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["points"] = points
    return env


@lru_cache(maxsize=1)
def css() -> Markup:
    """The shared style sheet, ours and so not escaped."""
    return Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))


def points(value: float) -> str:
    """3, 2.5, 2.67: at most two places, no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def spoken(name: str) -> str:
    """`padding_once` as words: Padding once."""
    return name.replace("_", " ").capitalize()


def state(exercise: dict[str, Any]) -> str:
    """The verdict as people see it: a failed exercise with points left is "part"."""
    verdict = str(exercise["verdict"])
    if verdict == "fail" and exercise["score"] > 0:
        return "part"
    return verdict if verdict in WORDS else "missing"


def duration(seconds: float) -> str:
    """2 days, 3 hours, 5 minutes: the largest unit that says enough."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = round(seconds / size, 1) if unit == "day" else round(seconds / size)
            return f"{count:g} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:.0f} seconds"


def stacked_bar(parts: Sequence[tuple[str, float]], label: str) -> Markup:
    """A bar of parts (CSS class, amount) over the width of its place."""
    total = sum(amount for _, amount in parts) or 1.0
    x, pieces = 0.0, []
    for name, amount in parts:
        if amount > 0:
            width = 100 * amount / total
            pieces.append(
                Markup('<rect class="fill-{}" x="{}" width="{}" height="10"/>').format(
                    name, round(x, 3), round(max(width - 0.4, 0.2), 3)
                )
            )
            x += width
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="fill-track" width="100" height="10"/>{}</svg>'
    ).format(label, Markup("").join(pieces))


def histogram(shares: Sequence[float], bins: int = 10) -> Markup:
    """How many students have which share of the points: `bins` columns from 0 to 100 %, counts written on them.

    A share of exactly 1 stands in the last column; every other share s in column floor(s * bins).
    """
    counts = [0] * bins
    for share in shares:
        counts[min(int(share * bins), bins - 1)] += 1
    width, height, left, top, base = 420, 200, 22, 22, 150
    step = (width - 2 * left) / bins
    highest = max([*counts, 1])
    pieces = [Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(left, width - left, base, base)]
    for i, count in enumerate(counts):
        tall = (base - top) * count / highest
        x = left + i * step
        if count:
            pieces.append(
                Markup(
                    '<rect class="fill-accent" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="3"/>'
                ).format(x + 3, base - tall, step - 6, tall)
            )
            pieces.append(
                Markup('<text class="strong" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
                    x + step / 2, base - tall - 6, count
                )
            )
    for i in range(0, bins + 1, 2):
        pieces.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{} %</text>').format(
                left + i * step, base + 18, 100 * i // bins
            )
        )
    pieces.append(
        Markup('<text x="{}" y="{}" text-anchor="middle">share of the points; number of students</text>').format(
            width / 2, base + 40
        )
    )
    said = ", ".join(f"{100 * i // bins} to {100 * (i + 1) // bins} %: {c}" for i, c in enumerate(counts) if c)
    return Markup(
        '<svg viewBox="0 0 {} {}" class="chart" role="img" aria-label="Students by share of the points: {}">{}</svg>'
    ).format(width, height, said, Markup("").join(pieces))
