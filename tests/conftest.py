"""What every test shares: the same random numbers each time, the devices, and reasons for what is skipped."""

from __future__ import annotations

import os
import random

import numpy
import pytest
import torch
from hypothesis import HealthCheck, settings

# Hypothesis draws the same examples on every run, so that a failure is found again; HYPOTHESIS_PROFILE=explore looks
# further, with new examples each time. Deadlines say little on a shared machine.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("course", derandomize=True, **_QUIET)
settings.register_profile("explore", max_examples=2000, **_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "course"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Every test starts from the same random numbers, whatever ran before it."""
    random.seed(0)
    numpy.random.seed(0)  # noqa: NPY002  (libraries draw from the global one)
    torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `cuda` are skipped, visibly, where there is no such device."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="needs a CUDA device; none here")
    for item in items:
        if item.get_closest_marker("cuda"):
            item.add_marker(skip)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each device that a layer must run on."""
    return torch.device(request.param)
