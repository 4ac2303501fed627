"""The transfer explorer: guess which way of training does best on a task, then see every seed of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from cnncourse.experiments import load
from cnncourse.experiments.case_transfer import EACH, LIKE, TASKS, UNLIKE
from cnncourse.widgets._base import as_array, one_of, script, style

_WHO = "TransferExplorer"
_MOST = 12
_WAYS = {
    "from nothing": "from nothing",
    "like, last layer": "{like}, last layer",
    "like, all layers": "{like}, all layers",
    "unlike, last layer": "{unlike}, last layer",
    "unlike, all layers": "{unlike}, all layers",
}

Scores = Mapping[str, Mapping[Any, Mapping[str, Sequence[float]]]]


class TransferExplorer(anywidget.AnyWidget):
    """Choose a task and how many labelled pictures there are, guess, and see the scores of every way over its seeds.

    `scores[task][labels][way]` are held-out accuracies, one for each seed; by default those of the course's experiment
    `transfer_labels`. A guess is as good as the best way if their ranges from the least to the greatest seed meet.
    `guessing=False` shows all scores from the beginning. `level` is what guessing gives. `task` and `labels` are chosen
    at first.

    Raises ValueError or TypeError for scores of another form or outside 0 … 1, and for a choice that is not there.
    """

    _esm = script("transfer_explorer.js")
    _css = style("transfer_explorer.css")

    tasks: traitlets.List[Any] = traitlets.List().tag(sync=True)
    counts: traitlets.List[Any] = traitlets.List().tag(sync=True)
    table: traitlets.List[Any] = traitlets.List().tag(sync=True)
    level = traitlets.Float(0.1, min=0, max=1).tag(sync=True)
    task = traitlets.Unicode().tag(sync=True)
    labels = traitlets.Unicode().tag(sync=True)
    guessing = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        scores: Scores | None = None,
        *,
        task: str | None = None,
        labels: Any = None,
        level: float = 0.1,
        guessing: bool = True,
    ) -> None:
        given = _stored() if scores is None else scores
        table = _table(given)
        tasks = list(table)
        counts = list(table[tasks[0]])
        super().__init__(
            tasks=tasks,
            counts=counts,
            table=[
                {"task": name, "labels": count, "ways": [[way, values] for way, values in ways.items()]}
                for name, parts in table.items()
                for count, ways in parts.items()
            ],
            level=level,
            task=one_of(_WHO, "task", tasks[0] if task is None else task, tasks),
            labels=one_of(_WHO, "labels", counts[0] if labels is None else str(labels), counts),
            guessing=guessing,
        )


def _stored() -> Scores:
    """What the experiment of the chapter gave, its ways named by what the net had learned before."""
    result = load("transfer_labels")

    def ways(task: str, each: int) -> dict[str, list[float]]:
        starts = {"like": f"from {LIKE[task]}", "unlike": f"from {UNLIKE[task]}"}
        arms = {name.format(**starts): f"{task}, {each}: {way}" for way, name in _WAYS.items()}
        return {name: list(result.scores(arm)) for name, arm in arms.items() if arm in result.arms}

    return {task: {each: ways(task, each) for each in EACH} for task in TASKS}


def _table(scores: Any) -> dict[str, dict[str, dict[str, list[float]]]]:
    """The scores as plain data, or an error that says where they are not."""
    found = {
        str(task): {
            str(labels): {str(way): _seeds(f"scores[{task!r}][{labels!r}][{way!r}]", v) for way, v in _mapping(ways)}
            for labels, ways in _mapping(parts)
        }
        for task, parts in _mapping(scores)
    }
    counts = {tuple(parts) for parts in found.values()}
    if len(counts) != 1:
        raise ValueError(f"{_WHO}: the tasks have different counts of labels, {sorted(counts)}; expected the same.")
    most = max(len(ways) for parts in found.values() for ways in parts.values())
    if most > _MOST:
        raise ValueError(f"{_WHO}: a task has {most} ways; expected at most {_MOST}, which fit under each other.")
    return found


def _mapping(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{_WHO}: scores hold a {type(value).__name__} where names are expected; give "
            "{task: {labels: {way: [a score for each seed]}}}."
        )
    if not value:
        raise ValueError(f"{_WHO}: scores hold an empty mapping; expected at least one task, count and way.")
    return value.items()


def _seeds(name: str, value: Any) -> list[float]:
    array = as_array(_WHO, name, value)
    if array.ndim != 1 or array.size == 0 or array.min() < 0 or array.max() > 1:
        raise ValueError(f"{_WHO}: {name} is {value!r}; expected a list of accuracies from 0 to 1, one for each seed.")
    return [float(f"{v:.5g}") for v in array]
