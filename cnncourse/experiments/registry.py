"""All experiments of the course. A chapter that needs some adds a module with `EXPERIMENTS`, and its name here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from cnncourse.experiments.making import Experiment

_MODULES = (
    "case_compression",
    "case_googlenet",
    "case_lenet",
    "case_resnet",
    "case_transfer",
    "case_vgg",
    "design_pooling",
    "design_training",
    "design_variants",
    "design_why",
)


@cache
def every() -> Mapping[str, Experiment]:
    """The experiments by name. Raises ValueError if two have the same."""
    found: dict[str, Experiment] = {}
    for module in _MODULES:
        for entry in import_module(f"cnncourse.experiments.{module}").EXPERIMENTS:
            if entry.name in found:
                raise ValueError(f"experiments: two are called {entry.name!r}; expected different names")
            found[entry.name] = entry
    return found


def experiment(name: str) -> Experiment:
    """The experiment called `name`. Raises ValueError for an unknown name, naming the nearest and all known ones."""
    known = every()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(str(name), known, n=2, cutoff=0.5)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(f"experiments: there is no {name!r}. {hint}Expected one of {', '.join(map(repr, known))}")
