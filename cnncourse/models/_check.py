"""What every architecture checks: its arguments when it is built, its images when it runs."""

from __future__ import annotations

from typing import Any

from torch import fx

from cnncourse.errors import whole


def check_counts(what: str, **counts: Any) -> None:
    """Raise TypeError/ValueError unless every argument is a whole number of at least 1."""
    for name, value in counts.items():
        whole(f"{what}: {name}", value, 1)


def check_chance(what: str, value: Any) -> None:
    """Raise ValueError unless `value` is a probability, 1 excluded: nothing would be left."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"{what} is {value!r}; expected a number from 0 up to, but not including, 1")


def check_images(
    x: Any, what: str, channels: int, least: int = 1, side: int | None = None, hint: str = "", name: str = "input"
) -> None:
    """Raise ValueError unless x is (N, channels, H, W) with H = W = `side`, or H, W >= `least` if there is no `side`.

    `hint` is one more sentence for the message. What follows a forward symbolically (`torch.fx`: `receptive_field`,
    `analyze`) passes a symbol without a shape; there is nothing to check, and the trace stays free of checks.
    """
    if isinstance(x, fx.Proxy):
        return
    fits = x.dim() == 4 and x.shape[1] == channels
    if fits and (min(x.shape[2:]) >= least if side is None else tuple(x.shape[2:]) == (side, side)):
        return
    expected = f"(N, {channels}, {side}, {side})" if side else f"(N, {channels}, H, W) with H, W >= {least}"
    hints = ["One image? Pass x[None]."] if x.dim() == 3 else []
    hints += ["Are the channels last? x.permute(0, 3, 1, 2)."] if x.dim() == 4 and x.shape[3] == channels else []
    raise ValueError(
        " ".join([f"{what}: {name} has shape {tuple(x.shape)}; expected {expected}.", *hints, hint]).strip()
    )
