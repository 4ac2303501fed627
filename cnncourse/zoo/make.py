"""Train a net by its recipe over several seeds, measure it, store it with its card."""

from __future__ import annotations

import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as parse_weights
from safetensors.torch import save as pack_weights
from torch import Tensor, nn

import cnncourse
from cnncourse.train import accuracy
from cnncourse.zoo.nets import recipe as find
from cnncourse.zoo.recipes import STEPS_ON_CARD, Recipe
from cnncourse.zoo.store import HOME, pack, read_weights, write


@dataclass(frozen=True)
class Trained:
    """What one seed gave: weights as safetensors, the curves, the scores and the seconds."""

    seed: int
    weights: bytes
    step_losses: list[float]
    losses: list[float]
    scores: dict[str, float]
    seconds: float


def make(recipe: Recipe, home: Path = HOME, say: Callable[[str], None] = print, workers: int = 1) -> dict[str, Any]:
    """Train with every seed of the recipe, `workers` at a time; keep the first seed's net (not the best one's).

    Returns the card.
    """
    runs = _train_all(recipe, home, say, workers)
    kept = recipe.build()
    kept.load_state_dict(parse_weights(runs[0].weights))
    dtype, shipped = _smallest(kept.eval(), recipe)
    card = {
        "name": recipe.name,
        "about": recipe.about,
        "data": recipe.data,
        "recipe": recipe.describe(),
        "seed": recipe.seeds[0],
        "seconds": round(runs[0].seconds, 1),
        "parameters": sum(p.numel() for p in kept.parameters()),
        "dtype": str(dtype).removeprefix("torch."),
        "scores": {key: _score(recipe, key, shipped[key], runs) for key in shipped},
        "first_losses": runs[0].step_losses[:STEPS_ON_CARD],
        "epoch_losses": {str(run.seed): run.losses for run in runs},
        "versions": _versions(),
    }
    return write(recipe.name, pack(kept, dtype), card, home)


def _score(recipe: Recipe, key: str, shipped: float, runs: list[Trained]) -> dict[str, Any]:
    scores = [run.scores[key] for run in runs]
    attack = (recipe.attacks or {}).get(key)
    what = "share of the test images whose largest logit is right"
    return {
        "what": what if attack is None else f"the same, of the first {recipe.attacked}, after {attack}",
        "test": shipped,
        "seeds": {str(run.seed): score for run, score in zip(runs, scores, strict=True)},
        "mean": statistics.fmean(scores),
        "spread": max(scores) - min(scores),
    }


def _train_all(recipe: Recipe, home: Path, say: Callable[[str], None], workers: int) -> list[Trained]:
    start = None if recipe.starts_from is None else read_weights(recipe.starts_from, home)
    jobs = [(recipe, seed, start) for seed in recipe.seeds]
    runs = []
    if workers == 1:
        for job in jobs:
            runs.append(_train(*job))
            say(_told(recipe, runs[-1]))
        return runs
    # By name, because a recipe holds functions, which do not travel to another process.
    find(recipe.name)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for run in pool.map(_train_by_name, [recipe.name] * len(jobs), recipe.seeds, [start] * len(jobs)):
            runs.append(run)
            say(_told(recipe, run))
    return runs


def _train_by_name(name: str, seed: int, start: Mapping[str, Tensor] | None) -> Trained:
    return _train(find(name), seed, start)


def _train(recipe: Recipe, seed: int, start: Mapping[str, Tensor] | None) -> Trained:
    began = time.perf_counter()
    model, history = recipe.run(seed, start=start, progress=True)
    took = time.perf_counter() - began
    weights = pack_weights({key: value.contiguous() for key, value in model.state_dict().items()})
    return Trained(seed, weights, history.step_losses, history.losses, rescore(recipe, model), took)


def _told(recipe: Recipe, run: Trained) -> str:
    scores = ", ".join(f"{key} {value:.4f}" for key, value in run.scores.items())
    return f"{recipe.name}, seed {run.seed}: {scores} after {run.seconds:.1f} s"


def rescore(recipe: Recipe, model: nn.Module) -> dict[str, float]:
    """The share of test images that `model` gets right, as they are ("clean") and after each attack of the recipe."""
    data = recipe.test_data()
    scores = {"clean": accuracy(model, data, device="cpu")}
    for name, attack in (recipe.attacks or {}).items():
        images, labels = data.images[: recipe.attacked], data.labels[: recipe.attacked]
        scores[name] = accuracy(model, (attack(model, images, labels), labels), device="cpu")
    return scores


def _smallest(model: nn.Module, recipe: Recipe) -> tuple[torch.dtype, dict[str, float]]:
    """float16 if the clean score survives rounding the weights, else float32; and the scores of what is stored."""
    full = rescore(recipe, model)
    rounded = recipe.build()
    state = model.state_dict().items()
    rounded.load_state_dict({key: v.half().float() if v.is_floating_point() else v for key, v in state})
    scores = rescore(recipe, rounded.eval())
    return (torch.float16, scores) if scores["clean"] >= full["clean"] else (torch.float32, full)


def _versions() -> dict[str, str]:
    return {
        "cnncourse": cnncourse.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
    }
