"""Convolutional networks, explained and built by hand: the package behind the course.

Submodules load on first use, so `import cnncourse` is instant and a part that is not installed (or is withheld while
a lesson is graded) is missed only by code that asks for it.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_SUBMODULES = ("checks", "data", "features", "fooling", "layers", "models", "plot", "train", "widgets", "zoo")
_NAMES = {
    "seed_everything": "device",
    "pick_device": "device",
    "analyze": "analysis",
    "receptive_field": "receptive",
    "measured_receptive_field": "receptive",
    "effective_receptive_field": "effective",
    "swap": "swapping",
    "to_reference": "swapping",
}
__all__ = ["__version__", *_SUBMODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"cnncourse.{_NAMES[name]}"), name)
    if name in _SUBMODULES:
        return importlib.import_module(f"cnncourse.{name}")
    raise AttributeError(f"module 'cnncourse' has no attribute {name!r}; it has {', '.join(sorted(__all__))}")


def __dir__() -> list[str]:
    return sorted(__all__)
