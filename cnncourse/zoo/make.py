"""Train a net by its recipe over several seeds, measure it, store it with its card."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import cnncourse
from cnncourse.train import accuracy
from cnncourse.zoo.recipes import STEPS_ON_CARD, Recipe
from cnncourse.zoo.store import HOME, pack, write


def make(recipe: Recipe, home: Path = HOME, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Train with every seed of the recipe; keep the first seed's net (not the best one's). Returns the card."""
    scores, kept, first_losses, seconds = [], None, [0.0], 0.0
    for seed in recipe.seeds:
        start = time.perf_counter()
        model, history = recipe.run(seed)
        took = time.perf_counter() - start
        scores.append(accuracy(model, recipe.test_data(), device="cpu"))
        say(f"{recipe.name}, seed {seed}: test accuracy {scores[-1]:.4f} after {took:.1f} s")
        if kept is None:
            kept, seconds, first_losses = model, took, history.step_losses[:STEPS_ON_CARD]
    assert kept is not None  # a recipe has at least one seed
    dtype, shipped = _smallest(kept, recipe)
    card = {
        "name": recipe.name,
        "about": recipe.about,
        "data": recipe.data,
        "recipe": recipe.describe(),
        "seed": recipe.seeds[0],
        "seconds": round(seconds, 1),
        "parameters": sum(p.numel() for p in kept.parameters()),
        "dtype": str(dtype).removeprefix("torch."),
        "scores": {
            "what": "share of the test digits whose largest logit is right",
            "test": shipped,
            "seeds": dict(zip(map(str, recipe.seeds), scores, strict=True)),
            "mean": statistics.fmean(scores),
            "spread": max(scores) - min(scores),
        },
        "first_losses": first_losses,
        "versions": _versions(),
    }
    write(recipe.name, pack(kept, dtype), card, home)
    return card


def rescore(recipe: Recipe, model: nn.Module) -> float:
    """The share of test examples that `model` gets right."""
    return accuracy(model, recipe.test_data(), device="cpu")


def _smallest(model: nn.Module, recipe: Recipe) -> tuple[torch.dtype, float]:
    """float16 if the score survives rounding the weights, else float32; and the score of what is stored."""
    full = rescore(recipe, model)
    rounded = recipe.build()
    rounded.load_state_dict({key: value.half().float() for key, value in model.state_dict().items()})
    score = rescore(recipe, rounded.eval())
    return (torch.float16, score) if score >= full else (torch.float32, full)


def _versions() -> dict[str, str]:
    return {
        "cnncourse": cnncourse.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
    }
