"""How long a model takes."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.train.measure import evaluating


def milliseconds(model: nn.Module, x: Tensor, repeat: int = 15) -> float:
    """The fastest of `repeat` forward passes on x, in milliseconds, after two that are not counted.

    Without gradient, in evaluation mode, with as many threads as torch has. The fastest, because what else a machine
    does can only make a pass longer.
    """
    times = []
    with evaluating(model), torch.no_grad():
        for _ in range(2 + whole("milliseconds: repeat", repeat, 1)):
            began = time.perf_counter()
            model(x)
            if x.is_cuda:
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
    return 1000 * min(times[2:])
