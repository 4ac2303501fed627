"""YAML read as nodes, so that every complaint names file, line and column and every number is exact.

A loaded value has lost its place and is a float; a node keeps the text as it was written. Complaints are collected, so
one look at the file is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from autograder.errors import AutograderError

MOST_BYTES = 2**20
_YES, _NO = {"yes", "true", "on"}, {"no", "false", "off"}
T = TypeVar("T")


@dataclass
class Complaints:
    """What is wrong with a file, with the places."""

    file: str
    found: list[str] = field(default_factory=list)

    def at(self, node: Node, what: str) -> None:
        self.found.append(f"{self.file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}: {what}")

    def stop(self) -> None:
        """Raise AutograderError if anything is wrong."""
        if self.found:
            raise AutograderError(
                "\n".join(["the policy cannot be used:", *self.found]),
                "correct these lines; `autograder policy example` prints a file that works",
            )


def compose(path: Path) -> tuple[Node, Complaints]:
    """The file's root node; raises AutograderError when it cannot be read or is no YAML."""
    complaints = Complaints(path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AutograderError(
            f"no policy at {path}: {error.strerror}", "write one with: autograder policy example > policy.yml"
        ) from error
    if len(data) > MOST_BYTES:
        raise AutograderError(f"{path} has {len(data)} bytes; expected at most {MOST_BYTES}", "is it the right file?")
    try:
        root = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise AutograderError(f"{path} is not UTF-8 text (byte {error.start})", "save it as UTF-8") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path.name}:{mark.line + 1}:{mark.column + 1}" if mark else path.name
        problem = getattr(error, "problem", None) or str(error) or "nested too deeply"
        raise AutograderError(f"{place}: this is no YAML: {problem}", "look at that line and the one above") from error
    if root is None:
        raise AutograderError(f"{path.name}:1:1: the file is empty", "autograder policy example > policy.yml")
    return root, complaints


class Section:
    """One mapping of the file. Each reader takes a key, checks its value and gives it, or the default."""

    def __init__(self, node: Node, name: str, complaints: Complaints) -> None:
        self.node, self.name, self.complaints = node, name, complaints
        self.values: dict[str, Node] = {}
        self._asked: list[str] = []
        self._keys: dict[str, Node] = {}
        if not isinstance(node, MappingNode):
            complaints.at(node, f"{name or 'the file'} is {shown(node)}; expected keys with values")
            return
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                complaints.at(key, f"{shown(key)} is no name of a key; expected a word")
            elif key.value in self.values:
                complaints.at(key, f"{self.path(key.value)} stands here a second time; expected once")
            else:
                self.values[key.value], self._keys[key.value] = value, key

    def path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def node_of(self, key: str) -> Node:
        return self.values.get(key, self.node)

    def section(self, key: str) -> Section | None:
        value = self._value(key)
        return None if value is None else Section(value, self.path(key), self.complaints)

    def flag(self, key: str) -> bool:
        """yes or no; has to be there."""
        value = self._value(key)
        if value is None:
            self.complaints.at(self.node, f"{self.name} does not say {key}; expected {key}: yes or {key}: no")
            return False
        text = value.value.lower() if isinstance(value, ScalarNode) else ""
        if text not in _YES | _NO:
            self.wrong(key, "yes or no")
        return text in _YES

    def number(self, key: str, default: Fraction, low: int = 0, high: int = 100) -> Fraction:
        value = self._value(key)
        if value is None:
            return default
        found = as_number(value)
        if found is None or not low <= found <= high:
            self.wrong(key, f"a number from {low} to {high}")
            return default
        return found

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        value = self._value(key)
        if value is None:
            return default
        found = as_number(value)
        if found is None or found.denominator != 1 or not low <= found <= high:
            self.wrong(key, f"a whole number from {low} to {high}")
            return default
        return int(found)

    def texts(self, key: str) -> list[tuple[str, Node]]:
        """A list of words, each with its place."""
        return self.items(key, as_text, "a list of names")

    def items(self, key: str, read: Callable[[Node], T | None], expected: str) -> list[tuple[T, Node]]:
        """A list, each item read by `read` (None: wrong)."""
        value = self._value(key)
        if value is None:
            return []
        if not isinstance(value, SequenceNode):
            self.wrong(key, expected)
            return []
        made: list[tuple[T, Node]] = []
        for node in value.value:
            item = read(node)
            if item is None:
                self.complaints.at(node, f"{self.path(key)} holds {shown(node)}; expected {expected}")
            else:
                made.append((item, node))
        return made

    def file(self, key: str) -> str | None:
        value = self._value(key)
        if value is None:
            return None
        text = as_text(value)
        if not text:
            self.wrong(key, "the name of a file")
        return text

    def wrong(self, key: str, expected: str) -> None:
        node = self.node_of(key)
        self.complaints.at(node, f"{self.path(key)} is {shown(node)}; expected {expected}")

    def rest(self) -> Iterator[tuple[str, Node]]:
        """Keys that nobody has asked for, with their values; they count as asked for from now on."""
        for key, value in self.values.items():
            if key not in self._asked:
                self._asked.append(key)
                yield key, value

    def done(self) -> None:
        """Complain about keys that nobody has asked for."""
        for key in [key for key in self.values if key not in self._asked]:
            self.complaints.at(
                self._keys[key], f"{self.path(key)} is no key; expected one of {', '.join(sorted(self._asked))}"
            )

    def value(self, key: str) -> Node | None:
        return self._value(key)

    def _value(self, key: str) -> Node | None:
        if key not in self._asked:
            self._asked.append(key)
        return self.values.get(key)


def as_text(node: Node) -> str | None:
    return node.value if isinstance(node, ScalarNode) and node.value else None


def as_number(node: Node) -> Fraction | None:
    """The number exactly as it is written: 0.1 is a tenth."""
    if not isinstance(node, ScalarNode) or len(node.value) > 30:
        return None
    try:
        number = Decimal(node.value)
    except InvalidOperation:
        return None
    # The exponent first: arithmetic with 1e999999999 stops, or takes all memory as a fraction.
    if not number.is_finite() or (number and not -12 <= number.adjusted() <= 6):
        return None
    return Fraction(number)


def shown(node: Node) -> str:
    """What stands there, short."""
    if isinstance(node, ScalarNode):
        text = node.value if len(node.value) <= 40 else node.value[:39] + "…"
        return repr(text) if text else "empty"
    return "a list" if isinstance(node, SequenceNode) else "a group of keys"
