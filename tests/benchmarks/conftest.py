"""What the benchmarks share: two threads, the device, and how a step is timed beside its peer's.

The files are called bench_*, so that the ordinary tests do not collect them: a time is no property to assert on a
shared machine. `make bench` runs them all and writes book/costs.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

PEER = "torch"


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def timed(benchmark: Any, device: torch.device) -> Callable[..., None]:
    """`timed(group, name, step, aim)`: time `step()`, one row of the table; in a group the peer is called "torch".

    `aim` is the largest ratio to the peer's time that the project allows itself. Work on a GPU is waited for.
    """

    def run(group: str, name: str, step: Callable[[], Any], aim: float | None = None, rounds: int = 25) -> None:
        def waited() -> None:
            step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        benchmark.group = f"{group} [{device.type}]"
        benchmark.extra_info.update(who=name, aim=aim, device=device.type)
        benchmark.pedantic(waited, rounds=rounds, warmup_rounds=3)

    return run
