"""Hidden cases of lesson 01: shapes whose sides, strides and paddings all differ."""

from __future__ import annotations

import random

from cnncourse.checks import Case


def cases(exercise: str, seed: int) -> list[Case]:
    """The hidden cases of `exercise` for `seed`."""
    rng = random.Random(f"01_convolution/{exercise}/{seed}")
    return _MAKERS[exercise](rng)


def _output_size(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        kernel, stride, padding, dilation = rng.randint(2, 5), rng.randint(2, 5), rng.randint(1, 4), rng.randint(2, 3)
        size = dilation * (kernel - 1) + 1 + rng.randint(10, 40)
        # The last window does not fit: what is left over is neither 0 nor less than half a step.
        left = (size + 2 * padding - dilation * (kernel - 1) - 1) % stride
        size += stride - 1 - left
        made.append(Case(f"random {k + 1}", (size, kernel, stride, padding, dilation)))
    return made


_MAKERS = {"output_size": _output_size}
