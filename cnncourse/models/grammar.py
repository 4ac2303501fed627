"""The lectures' notation for a network, read: `[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX`.

    net     = part ("-" part)*
    part    = (word | "(" net ")" | "[" net "]") ("*" times)? "?"?
    times   = a whole number, or a name whose number is given beside the text
    word    = CONV, RELU, POOL, FC, SOFTMAX, ... (`WORDS`)

This file turns the text into a flat list of words; `from_grammar`, in its own file, turns the list into layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import repeat
from typing import NoReturn

from cnncourse.errors import whole

WORDS = {
    "INPUT": "the image; may stand first, for the reader",
    "CONV": "convolution",
    "RELU": "max(0, x)",
    "TANH": "hyperbolic tangent",
    "SIGMOID": "1 / (1 + exp(-x))",
    "POOL": "max pooling",
    "MAXPOOL": "max pooling",
    "AVGPOOL": "average pooling",
    "GAP": "average over the whole map",
    "NORM": "local response normalisation",
    "LRN": "local response normalisation",
    "BN": "batch normalisation",
    "DROPOUT": "dropout",
    "FC": "fully connected layer",
    "SOFTMAX": "the end: one number for each class",
}
MOST_LAYERS = 1000
_CLOSING = {"(": ")", "[": "]"}
_SPACE = re.compile(r"\s*")
_SEPARATOR = re.compile(r"->|[-–—→]")
_OPENING = re.compile(r"[(\[]")
_WORD = re.compile(r"[A-Za-z]+?(?=[xX]\s*\d)|[A-Za-z]+")  # the x of CONVx2 means times
_TIMES = re.compile(r"[*×·xX]")
_NUMBER = re.compile(r"[0-9]+")
_NAME = re.compile(r"[A-Za-z]\w*")
_MAYBE = re.compile(r"\?")


@dataclass(frozen=True)
class Word:
    """One layer to be: its name in capitals, and where in the text it stands."""

    name: str
    at: int


@dataclass(frozen=True)
class Part:
    """A word or a bracket, how often it stands there, whether a ? follows; and where the number and the ? are."""

    inside: Word | tuple[Part, ...]
    times: int
    times_at: int
    optional: bool
    optional_at: int

    def length(self) -> int:
        """The number of words with every repetition written out."""
        return self.times * (1 if isinstance(self.inside, Word) else sum(part.length() for part in self.inside))


def fail(text: str, at: int, message: str) -> NoReturn:
    """Raise ValueError with the message, the text, and a caret under the character `at`."""
    line = re.sub(r"\s", " ", text)
    raise ValueError(f"from_grammar: {message}\n    {line}\n    {' ' * at}^")


def expand(text: str, numbers: Mapping[str, int], optional: bool | Sequence[bool] = True) -> list[Word]:
    """The words of `text` in order, repetitions written out.

    `numbers` holds the number of each name behind a `*`; it may be 0. `optional` says whether a part with a ? is
    there: one answer for all, or one for each in the order in which they are met, repetitions written out.

    Raises ValueError that shows the text with a caret under the character where it cannot be read.
    """
    if not isinstance(text, str):
        raise TypeError(f"from_grammar: text is a {type(text).__name__}; expected a string such as '[CONV-POOL]*2-FC'")
    reader = _Reader(text, numbers)
    parts = reader.read()
    if unused := sorted(set(numbers) - reader.used):
        raise ValueError(
            f"from_grammar: a number is given for {', '.join(unused)}, but {text!r} has no "
            f"{', '.join('*' + name for name in unused)}; expected names that stand behind a *, or other arguments"
        )
    answers: Iterator[bool] = repeat(optional) if isinstance(optional, bool) else iter(optional)
    words = list(_written_out(parts, answers, text))
    if not isinstance(optional, bool) and list(answers):
        raise ValueError(
            f"from_grammar: optional is {optional!r}, more than is asked; expected one answer each time that a ? is "
            f"met in {text!r}"
        )
    if not words:
        fail(text, 0, "no layer is left; expected at least one. Raise a number behind a *, or keep a part with ?")
    return words


def _written_out(parts: Sequence[Part], answers: Iterator[bool], text: str) -> Iterator[Word]:
    for part in parts:
        for _ in range(part.times):
            if part.optional:
                there = next(answers, None)
                if there is None:
                    fail(
                        text,
                        part.optional_at,
                        "optional has no answer left for this ?; expected one each time it is met",
                    )
                if not there:
                    continue
            if isinstance(part.inside, Word):
                yield part.inside
            else:
                yield from _written_out(part.inside, answers, text)


class _Reader:
    """Reads the text from left to right."""

    def __init__(self, text: str, numbers: Mapping[str, int]) -> None:
        self.text, self.numbers = text, numbers
        self.used: set[str] = set()
        self.at = 0

    def read(self) -> tuple[Part, ...]:
        """The whole text."""
        parts = self._net()
        if self.at < len(self.text):
            found = self.text[self.at]
            if found in ")]":
                self._fail(f"{found!r} closes nothing; expected an opening bracket before it")
            self._fail(f"{found!r} is not expected here; expected '-' and the next layer, '*' or '?'")
        if (length := sum(part.length() for part in parts)) > MOST_LAYERS:
            longest = max(parts, key=Part.length)
            self._fail(f"{length:,} layers; expected at most {MOST_LAYERS:,}. Lower the number here", longest.times_at)
        return parts

    def _net(self) -> tuple[Part, ...]:
        """Parts up to the end or a closing bracket."""
        parts = [self._part()]
        while self._take(_SEPARATOR):
            parts.append(self._part())
        return tuple(parts)

    def _part(self) -> Part:
        bracket = self._take(_OPENING)
        inside = self._word() if bracket is None else self._inside(bracket)
        repeated = self._take(_TIMES) is not None
        times_at = self.at
        times = self._times() if repeated else 1
        optional_at = self.at
        return Part(inside, times, times_at, self._take(_MAYBE) is not None, optional_at)

    def _word(self) -> Word:
        """A word; the error for whatever else stands there."""
        self._skip()
        at = self.at
        word = self._take(_WORD)
        if word is None:
            found = repr(self.text[at]) if at < len(self.text) else "the end"
            self._fail(f"{found}, where a layer or an opening bracket is expected: {', '.join(WORDS)}, ( or [", at)
        name = word.upper()
        if name not in WORDS:
            near = get_close_matches(name, WORDS, n=1, cutoff=0.5)
            offer = f"did you mean {near[0]}? " if near else ""
            self._fail(f"unknown layer {word!r}; {offer}expected one of {', '.join(WORDS)}", at)
        return Word(name, at)

    def _inside(self, bracket: str) -> tuple[Part, ...]:
        """What stands in a bracket, and its other half."""
        opened = self.at - 1
        while self.text[opened] != bracket:  # spaces behind it are skipped already
            opened -= 1
        parts = self._net()
        if self.at >= len(self.text):
            self._fail(f"{bracket!r} is never closed; expected {_CLOSING[bracket]!r} behind it", opened)
        found = self.text[self.at]
        if found != _CLOSING[bracket]:
            at_fault = "closes another bracket" if found in ")]" else "is not expected here"
            self._fail(f"{found!r} {at_fault}; expected {_CLOSING[bracket]!r}, which closes {bracket!r}, or '-'")
        self.at += 1
        self._skip()
        return parts

    def _times(self) -> int:
        """The number behind a *, typed or named."""
        at = self.at
        if (typed := self._take(_NUMBER)) is not None:
            if len(typed) > 9 or not 0 < int(typed) <= MOST_LAYERS:
                self._fail(f"{typed} times; expected 1 to {MOST_LAYERS:,}. Leave out what is not there", at)
            return int(typed)
        name = self._take(_NAME)
        if name is None:
            self._fail("no number behind the *; expected one, such as *2, or a name such as *N", at)
        if name not in self.numbers:
            self._fail(f"no number is given for {name}; expected from_grammar(..., {name}=2)", at)
        self.used.add(name)
        times = whole(f"from_grammar: {name}", self.numbers[name], 0)
        if times > MOST_LAYERS:
            self._fail(f"{name}={times:,} times; expected at most {MOST_LAYERS:,}", at)
        return times

    def _skip(self) -> None:
        if (match := _SPACE.match(self.text, self.at)) is not None:
            self.at = match.end()

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        """The next piece of text if it matches, else None; spaces around it are skipped."""
        self._skip()
        if (match := pattern.match(self.text, self.at)) is None:
            return None
        self.at = match.end()
        self._skip()
        return match[0]

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        fail(self.text, self.at if at is None else at, message)
