"""Styles: two pictures that differ in what style transfer looks at, the same on every call."""

from __future__ import annotations

import pytest
import torch

from cnncourse.data import STYLES, style


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("size", [16, 97, 256])
def test_form_and_range(name: str, size: int) -> None:
    x = style(name, size)
    assert (tuple(x.shape), x.dtype) == ((3, size, size), torch.float32)
    assert 0 <= float(x.min()) < 0.2
    assert 0.75 < float(x.max()) <= 1
    assert float((x.amax(0) - x.amin(0)).mean()) > 0.2, "colourful"


@pytest.mark.parametrize("name", STYLES)
def test_the_same_again_fresh_and_other_seeds_differ(name: str) -> None:
    first = style(name, 64)
    first.zero_()
    assert float(style(name, 64).max()) > 0
    assert torch.equal(style(name, 64), style(name, 64))
    assert float((style(name, 64) - style(name, 64, seed=1)).abs().mean()) > 0.05


def gram(x: torch.Tensor) -> torch.Tensor:
    """What Gatys' style loss compares, for fixed features: colours and their differences at distances 1, 2, 4 and 8."""
    steps = [x - x.roll(d, dims) for d in (1, 2, 4, 8) for dims in (1, 2)]
    features = torch.cat([x - x.mean((1, 2), keepdim=True), *steps]).flatten(1)
    return features @ features.T / features.shape[1]


def test_style_is_the_same_all_over_and_differs_between_the_two() -> None:
    swirl, mosaic = (style(name, 256) for name in STYLES)
    again = [style(name, 256, seed=1) for name in STYLES]
    apart = float((gram(swirl) - gram(mosaic)).norm())
    for one, other in zip((swirl, mosaic), again, strict=True):
        assert float((gram(one) - gram(other)).norm()) < 0.5 * apart


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(("wave",), ValueError), (("swirl", 8), ValueError), (("swirl", 64, -1), ValueError), (("swirl", 6.5), TypeError)],
)
def test_bad_arguments(arguments: tuple[object, ...], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"style: .* is .*; expected"):
        style(*arguments)  # type: ignore[arg-type]
