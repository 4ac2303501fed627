"""Where the numbers are computed, and how a run is made repeatable."""

from __future__ import annotations

import random

import numpy as np
import torch

_MAX_SEED = 2**32 - 1


def seed_everything(seed: int = 0) -> None:
    """Seed Python's, NumPy's and torch's generators (every device), so that the same cell gives the same numbers.

    On one machine with one number of threads the numbers are then equal to the last bit. Another processor, another
    thread count or a GPU may add in another order and differ in the last digits.

    Raises TypeError if `seed` is not an int, ValueError if it is outside 0 … 2**32 − 1 (what NumPy accepts).
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed_everything: seed is {seed!r} ({type(seed).__name__}); expected an int, such as 0")
    if not 0 <= seed <= _MAX_SEED:
        raise ValueError(f"seed_everything: seed is {seed}; expected 0 ≤ seed ≤ {_MAX_SEED}")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (libraries that draw from the global generator must repeat too)
    torch.manual_seed(seed)


def pick_device(name: str | torch.device = "auto") -> torch.device:
    """The device to compute on: `"auto"` takes a CUDA GPU, else Apple's MPS, else the CPU.

    Any other name is passed to `torch.device` ("cpu", "cuda", "cuda:1", "mps") and must be usable on this machine.

    Raises TypeError for something that is not a name, ValueError for an unknown name or a device that is not here.
    """
    if isinstance(name, str) and name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if not isinstance(name, (str, torch.device)):
        raise TypeError(
            f"pick_device: name is {name!r} ({type(name).__name__}); expected a string such as 'auto', 'cpu' or 'cuda'"
        )
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"pick_device: {name!r} is no device that torch knows; expected 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
        ) from None
    _must_be_here(device)
    return device


def _must_be_here(device: torch.device) -> None:
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise ValueError(
                f"pick_device: {str(device)!r} was asked for, but torch sees {count} CUDA device(s) here; "
                f"use 'auto' or 'cpu', or install a CUDA build of torch"
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("pick_device: 'mps' was asked for, but torch finds no Apple GPU here; use 'auto' or 'cpu'")
