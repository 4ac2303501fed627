"""No page tells what a hidden case asks or expects, whatever student code does with the inputs that it sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from grading_helpers import LESSON, LESSONS, SEED
from similarity_helpers import answers
from test_similarity import hand_in

from autograder.feedback import write_feedback
from autograder.hidden import hidden_cases
from autograder.lessons import LessonSource
from autograder.report import write_report
from autograder.run import Options, grade_class
from autograder.simulate import solution
from cnncourse.checks import load
from cnncourse.checks.core import prepare
from cnncourse.checks.values import brief

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

KEEP = "SEEN = []\n\n\ndef tell(*values):\n    SEEN.append(repr(values))\n    return values\n"
NUMBERS = re.compile(r"\d+\.\d+(?:e[+-]?\d+)?|\(\d+, \d+, \d+, \d+\)")
# What each does with the inputs of its calls: {name} is the function, kept under another name beside it.
SPIES = {
    "prints": "print(tell(args, kwargs))\n    return {name}_right(*args, **kwargs)",
    "raises": "raise ValueError(str(tell(args, kwargs)))",
    "returns": "return str(tell(args, kwargs))",
    "draws": "display(tell(args, kwargs))\n    return {name}_right(*args, **kwargs) * 2",
    "almost": "y = {name}_right(*args, **kwargs)\n    return y[..., :-1] if hasattr(y, 'shape') and y.dim() else y",
    "own": "raise type('x' + str(tell(args, kwargs))[:60], (Exception,), {{}})(str(args))",
}


def plain(value: Any) -> Iterator[float]:
    """All numbers in a case."""
    if isinstance(value, torch.Tensor):
        yield from value.double().flatten().tolist()
    elif isinstance(value, dict):
        yield from plain(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from plain(inner)
    elif isinstance(value, float):
        yield value


def shapes(value: Any) -> Iterator[str]:
    """All shapes of four axes, as Python writes them."""
    if isinstance(value, torch.Tensor) and value.dim() == 4:
        yield str(tuple(value.shape))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from shapes(inner)


def secrets(known: str) -> set[str]:
    """What hidden cases hold, in the forms in which a page could say it, less what the students' notebook says."""
    found: set[str] = set()
    for exercise in load(LESSON).exercises:
        cases = hidden_cases(LESSON, exercise.name, SEED)
        prepared = prepare(exercise, cases)
        for case, expected in zip(cases, prepared.expected, strict=True):
            for number in plain([case.args, case.kwargs, expected]):
                forms = {f"{number:.{digits}f}" for digits in (3, 4, 6)} | {f"{number:.4g}", repr(number)}
                found |= {form.lstrip("-") for form in forms if len(re.sub(r"\D", "", form).strip("0")) >= 4}
            found |= set(shapes([*case.args, expected]))
            if len(case.name) > 12:
                found.add(case.name)
    return {text for text in found if text not in known}


@pytest.fixture(scope="module")
def spied(source: LessonSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six students who do with the inputs what they can, and one who is right."""
    folder = tmp_path_factory.mktemp("spies")
    right = {e.name: solution(source, e.name) for e in load(LESSON).exercises}
    for who, body in SPIES.items():
        code = {
            name: text.replace(f"def {name}(", f"def {name}_right(")
            + f"\n\n\ndef {name}(*args, **kwargs):\n    {body.format(name=name)}\n"
            for name, text in right.items()
        }
        hand_in(folder / "submitted", who, code, added=KEEP)
    hand_in(folder / "submitted", "honest", {**right, "conv2d": answers(1)["conv2d"]})
    grade_class(Options(LESSON, folder / "submitted", folder / "out", workers=2, seed=SEED, lessons=LESSONS))
    return folder / "out"


def pages(out: Path, source: LessonSource) -> dict[str, str]:
    """Everything that people get to read, without the bytes of pictures."""
    assert len(write_feedback(out, source).pages) == len(SPIES) + 1
    write_report(out, source)
    found = [p for part in ("feedback", "report", "autograded") for p in (out / part).rglob("*") if p.is_file()]
    found += [out / "results.json"]
    return {str(p.relative_to(out)): re.sub(r"base64,[A-Za-z0-9+/=]+", "", p.read_text()) for p in found}


def leaked(text: str, hidden: set[str], known: str) -> set[str]:
    """What a text says of hidden cases beyond what is known; style sheets and times may look like anything."""
    text = re.sub(r"(?s)<style>.*?</style>|\"seconds\": [\d.]+", "", text)
    said = set(NUMBERS.findall(text)) - set(NUMBERS.findall(known)) - {f"{tenths / 10:.1f}" for tenths in range(9999)}
    return (said & hidden) | {word for word in hidden if word[0].isalpha() and word in text}


@pytest.fixture(scope="module")
def known(source: LessonSource) -> str:
    """What students may read: the notebook, the cases of its checks and what they expect, the hints."""
    exercises = load(LESSON).exercises
    texts = [cell.source for cell in source.cells]
    texts += [str(case) for exercise in exercises for case in exercise.public()]
    texts += [mistake.hint for exercise in exercises for mistake in exercise.mistakes]
    return "\n".join([*texts, *(brief(v) for e in exercises for v in prepare(e, e.public()).expected)])


def test_no_page_holds_anything_of_a_hidden_case(spied: Path, source: LessonSource, known: str) -> None:
    hidden = secrets(known)
    assert len(hidden) > 2000
    for name, text in pages(spied, source).items():
        found = leaked(text, hidden, known)
        assert not found, name


def test_the_search_finds_what_a_page_would_say(spied: Path, source: LessonSource, known: str) -> None:
    hidden = secrets(known)
    pages(spied, source)
    page = (spied / "feedback" / "raises" / LESSON / f"{LESSON}.html").read_text()
    assert "ValueError" in page  # the kind of an error is told, its text is not
    case = hidden_cases(LESSON, "conv2d", SEED)[0]
    x = case.args[0]
    for slip in (f"{float(x.flatten()[0]):.4f}", f"got shape {tuple(x.shape)}", str(x.flatten().tolist()[:3])):
        assert leaked(page + slip, hidden, known), slip
