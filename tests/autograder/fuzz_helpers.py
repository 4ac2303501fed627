"""Notebooks damaged in every way that a machine can think of, the same ones for the same number."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from autograder.lessons import LessonSource
from autograder.release import released
from autograder.simulate import Classroom

Change = Callable[[random.Random, Any], None]

# Text that no JSON writer of ours would write; it stands in the tree as a mark and is put in at the end.
RAW = {
    "@@nan@@": "NaN",
    "@@inf@@": "-Infinity",
    "@@big@@": "9" * 5000,
    "@@float@@": "1e999",
    "@@minus@@": "-0",
    "@@half@@": '"\\ud800 half"',
    "@@deep@@": "[" * 5000 + "]" * 5000,
    "@@less deep@@": '{"a":' * 50 + "1" + "}" * 50,
    "@@twice@@": '{"cell_type": "code", "source": "1", "source": "mine = 2", "cell_type": "markdown"}',
}
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 0.5, "", "\0", "\u202ex", "code", "markdown", "raw", "x" * 5000, [], {}, [[]]),
    *({"": None}, ["a", 1, None], {"nbgrader": {"grade_id": ["check_conv2d"]}}, *RAW),
)


class Fuzzer:
    """Makes damaged copies of a lesson's released notebook, untouched ("blank") or solved."""

    def __init__(self, source: LessonSource) -> None:
        self.blank = json.dumps(released(source), indent=1)
        self.solved = json.dumps(Classroom(source, 0).student("x", "right").notebook, indent=1)
        self.tests = {str(cell.grade_id) for _, cell in source.test_cells()}

    def make(self, number: int) -> tuple[str, bytes]:
        """(kind, bytes of the file). "blank": nothing in it earns points. "tests": only test cells are damaged."""
        shuffle = random.Random(f"damaged notebook {number}")
        kind = ("any", "blank", "any", "tests")[number % 4]
        if kind == "tests":
            return kind, self._tests(shuffle)
        text = self.blank if kind == "blank" else self.solved
        if shuffle.random() < 0.15:
            return kind, _bytes(shuffle, text.encode())
        tree = json.loads(text)
        for _ in range(shuffle.choice((1, 1, 2, 3, 8))):
            shuffle.choice(CHANGES)(shuffle, tree)
        data = _text(tree)
        return kind, _encoded(shuffle, data) if shuffle.random() < 0.2 else data

    def _tests(self, shuffle: random.Random) -> bytes:
        tree = json.loads(self.solved)
        cells = [c for c in tree["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") in self.tests]
        for cell in cells:
            shuffle.choice(TEST_CHANGES)(shuffle, cell)
        return _text(tree)


def _nodes(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            yield node, key
            if isinstance(node[key], (dict, list)):
                waiting.append(node[key])


def _pick(shuffle: random.Random, tree: Any) -> tuple[Any, Any]:
    """A place in the tree; now and then one near the top, where most is at stake."""
    nodes = list(_nodes(tree))
    near = [(node, key) for node, key in nodes if node is tree or node is tree.get("cells")]
    return shuffle.choice(near if near and shuffle.random() < 0.15 else nodes)


def _drop(shuffle: random.Random, tree: Any) -> None:
    node, key = _pick(shuffle, tree)
    del node[key]


def _retype(shuffle: random.Random, tree: Any) -> None:
    node, key = _pick(shuffle, tree)
    node[key] = copy.deepcopy(shuffle.choice(VALUES))


def _double(shuffle: random.Random, tree: Any) -> None:
    node, key = _pick(shuffle, tree)
    if isinstance(node, list):
        node.insert(key, copy.deepcopy(node[key]))
    else:
        node[f"{key}\0"] = copy.deepcopy(node[key])


def _swap(shuffle: random.Random, tree: Any) -> None:
    (one, i), (other, j) = _pick(shuffle, tree), _pick(shuffle, tree)
    one[i], other[j] = copy.deepcopy(other[j]), copy.deepcopy(one[i])


def _wrap(shuffle: random.Random, tree: Any) -> None:
    node, key = _pick(shuffle, tree)
    node[key] = shuffle.choice(([node[key]], {"a": node[key]}, str(node[key])[:100]))


def _cells(tree: Any) -> list[Any]:
    cells = tree.get("cells")
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _shuffle_cells(shuffle: random.Random, tree: Any) -> None:
    if isinstance(tree.get("cells"), list):
        shuffle.shuffle(tree["cells"])


def _same_ids(shuffle: random.Random, tree: Any) -> None:
    for cell in _cells(tree):
        cell["id"] = shuffle.choice(("same", cell.get("id")))


def _grade_ids(shuffle: random.Random, tree: Any) -> None:
    """Cells that claim to be other cells."""
    owned = [c["metadata"]["nbgrader"] for c in _cells(tree) if _has_grade_id(c)]
    names = [meta.get("grade_id") for meta in owned]
    shuffle.shuffle(names)
    for meta, name in zip(owned, names, strict=True):
        meta["grade_id"] = name if shuffle.random() < 0.7 else shuffle.choice(VALUES)


def _has_grade_id(cell: Any) -> bool:
    return isinstance(cell.get("metadata"), dict) and isinstance(cell["metadata"].get("nbgrader"), dict)


def _cells_as_dict(shuffle: random.Random, tree: Any) -> None:
    tree["cells"] = {str(i): cell for i, cell in enumerate(_cells(tree))}


def _strange_source(shuffle: random.Random, tree: Any) -> None:
    for cell in shuffle.sample(_cells(tree), min(3, len(_cells(tree)))):
        strange = shuffle.choice(
            ("\ud800", "\0", "\x1b[2J", "%%bash\nls", "(" * 4000, "a\r\nb\rc", "\ufeffx = 1", "é" * 9)
        )
        cell["source"] = shuffle.choice((strange, [strange, "x = 1\n"], [["x"]], {"0": strange}, 3))


def _many_cells(shuffle: random.Random, tree: Any) -> None:
    if isinstance(tree.get("cells"), list):
        tree["cells"] += [{"cell_type": "code", "source": f"x = {i}"} for i in range(shuffle.choice((50, 2500)))]


CHANGES: tuple[Change, ...] = (
    *(_drop, _retype, _double, _swap, _wrap, _drop, _retype, _double, _swap),
    *(_shuffle_cells, _same_ids, _grade_ids, _cells_as_dict, _strange_source, _many_cells),
)


def _new_source(shuffle: random.Random, cell: Any) -> None:
    cell["source"] = shuffle.choice(("", "pass", "score = 100", ["print('pass')\n"], "check = lambda *a: True"))


def _new_points(shuffle: random.Random, cell: Any) -> None:
    cell["metadata"]["nbgrader"].update(shuffle.choice(({"points": 1000}, {"points": None}, {"solution": True})))
    cell["metadata"]["nbgrader"].update(shuffle.choice(({"grade": False}, {"locked": False}, {"schema_version": "x"})))


def _new_type(shuffle: random.Random, cell: Any) -> None:
    cell["cell_type"] = shuffle.choice(("markdown", "raw"))


def _no_metadata(shuffle: random.Random, cell: Any) -> None:
    cell["metadata"] = shuffle.choice(({}, None, [], "x", {"tags": ["skip-execution", "skip-grading"]}))


def _outputs(shuffle: random.Random, cell: Any) -> None:
    cell["outputs"] = shuffle.choice(([{"output_type": "stream", "text": "all points"}], None, {}, [[[]]], "x"))


TEST_CHANGES: tuple[Change, ...] = (_new_source, _new_points, _new_type, _no_metadata, _outputs)


def _text(tree: Any) -> bytes:
    text = json.dumps(tree, indent=1)
    for mark, raw in RAW.items():
        text = text.replace(json.dumps(mark), raw)
    return text.encode("utf-8")


def _bytes(shuffle: random.Random, data: bytes) -> bytes:
    """Damage that knows nothing of JSON."""
    made = bytearray(data)
    for _ in range(shuffle.choice((1, 2, 10, 200))):
        at = shuffle.randrange(len(made) + 1)
        kind = shuffle.randrange(6)
        if kind == 0:
            made[at : at + 1] = bytes([shuffle.randrange(256)])
        elif kind == 1:
            del made[at : at + shuffle.randint(1, 300)]
        elif kind == 2:
            made[at:at] = shuffle.randbytes(shuffle.randint(1, 40))
        elif kind == 3:
            made[at:at] = made[at : at + shuffle.randint(1, 2000)]
        elif kind == 4:
            made[at:at] = shuffle.choice((b"\0", b'"', b"{", b"]", b",", b"\\", b"\\u0000", b"\xed\xa0\x80"))
        elif shuffle.random() < 0.2:
            del made[at:]
    return bytes(made)


def _encoded(shuffle: random.Random, data: bytes) -> bytes:
    """The same text as some editor or mail program would leave it."""
    text = data.decode("utf-8", "surrogatepass")
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: b"\xef\xbb\xbf" + data,
        lambda: text.encode("utf-16", "surrogatepass"),
        lambda: text.encode("utf-32-le", "surrogatepass"),
        lambda: text.replace("e", "é").encode("latin-1", "replace"),
        lambda: data.replace(b"\n", b"\r\n"),
        lambda: data.replace(b"\n", b"\r"),
        lambda: data + b"\0" * 100,
        lambda: data + data,
        lambda: b"\n\n" + data + b"\n<!-- -->",
    )
    return shuffle.choice(ways)()
