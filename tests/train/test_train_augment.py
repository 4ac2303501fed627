"""Augmentations: what must hold for every image, generator and size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cnncourse.train import colour_axes, colour_cast, compose, crop, cutout, flip, geometric, jitter

AXES = torch.tensor([[0.3, 0.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.1]])
ALL: dict[str, Callable[..., Tensor]] = {
    "flip": flip,
    "crop": partial(crop, size=(3, 2), padding=1),
    "colour": partial(colour_cast, axes=AXES, sigma=0.5, brightness=0.5, contrast=0.5, saturation=0.5),
    "jitter": jitter,
    "cutout": partial(cutout, size=3, count=2, value=0.5),
    "compose": compose(flip, partial(crop, padding=2), partial(cutout, size=2)),
}


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 6, c: int = 3, h: int = 7, w: int = 5, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(n, c, h, w, generator=drawn(1), dtype=dtype)


@pytest.mark.parametrize("name", ALL)
@given(shape=st.tuples(st.integers(0, 5), st.just(3), st.integers(3, 8), st.integers(3, 8)), seed=st.integers(0, 10**6),
       double=st.booleans())  # fmt: skip
@settings(max_examples=25)
def test_values_stay_in_range_and_the_generator_decides(
    name: str, shape: tuple[int, int, int, int], seed: int, double: bool
) -> None:
    x = pictures(*shape, dtype=torch.float64 if double else torch.float32)
    kept, common = x.clone(), torch.get_rng_state()
    one, two = (ALL[name](x, generator=drawn(seed)) for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(x, kept)
    assert torch.equal(torch.get_rng_state(), common)
    assert (one.dtype, one.shape[:2], one.device) == (x.dtype, x.shape[:2], x.device)
    assert bool(((one >= 0) & (one <= 1)).all())


@pytest.mark.parametrize("name", ALL)
def test_without_a_generator_the_global_one_decides(name: str) -> None:
    x = pictures()
    torch.manual_seed(5)
    one, other = ALL[name](x), ALL[name](x)
    torch.manual_seed(5)
    assert torch.equal(ALL[name](x), one)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", ALL)
def test_every_image_has_its_own_change(name: str) -> None:
    x = pictures(1).expand(30, -1, -1, -1)
    assert len(ALL[name](x, generator=drawn(3)).flatten(1).unique(dim=0)) > 1


@pytest.mark.parametrize("name", ALL)
def test_every_device_and_layout(name: str, device: torch.device) -> None:
    x = pictures()
    expected = ALL[name](x, generator=drawn())
    layouts = (x, x.to(memory_format=torch.channels_last), x.mT.contiguous().mT)
    for y in layouts:
        torch.testing.assert_close(ALL[name](y.to(device), generator=drawn()).cpu(), expected)


def test_flipping_twice_is_nothing_and_half_are_flipped() -> None:
    x = pictures(400)
    y = flip(x, generator=drawn())
    assert torch.equal(flip(y, generator=drawn()), x)
    same, mirrored = ((y == z).flatten(1).all(1) for z in (x, x.flip(3)))
    assert bool((same ^ mirrored).all())
    assert 150 < int(mirrored.sum()) < 250
    assert torch.equal(flip(x, p=1.0), x.flip(3))
    assert torch.equal(flip(x, p=0.0), x)


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.integers(1, 6), st.integers(0, 3), st.integers(0, 99)
)
def test_a_crop_is_a_window_of_the_padded_image(h: int, w: int, a: int, b: int, padding: int, seed: int) -> None:
    a, b = min(a, h + 2 * padding), min(b, w + 2 * padding)
    x = torch.arange(1.0, 1 + 2 * 3 * h * w).reshape(2, 3, h, w)
    y = crop(x, (a, b), padding=padding, generator=drawn(seed))
    padded = torch.zeros(2, 3, h + 2 * padding, w + 2 * padding)
    padded[:, :, padding : padding + h, padding : padding + w] = x
    windows = padded.unfold(2, a, 1).unfold(3, b, 1)  # (N, C, places, places, a, b)
    for image in range(2):
        matches = (windows[image] == y[image][:, None, None]).all(-1).all(-1).all(0)
        assert bool(matches.any())


def test_every_crop_is_equally_likely_and_the_default_keeps_the_size() -> None:
    x = torch.arange(12.0).reshape(1, 1, 3, 4).expand(6000, -1, -1, -1)
    corners = crop(x, 2, generator=drawn())[:, 0, 0, 0]
    counts = torch.stack([(corners == k).sum() for k in (0, 1, 2, 4, 5, 6)])
    assert int(counts.sum()) == 6000
    assert 850 < int(counts.min()) <= int(counts.max()) < 1150
    assert crop(x, padding=4).shape == x.shape
    assert torch.equal(crop(x), x)


def test_colour_axes_are_the_covariance() -> None:
    """The axes V diag(λ) with orthonormal V give back the covariance as V diag(λ) Vᵀ."""
    x = pictures(20, h=9, w=8, dtype=torch.float64)
    x[:, 1] = (x[:, 0] + x[:, 1]) / 2
    axes = colour_axes(x)
    lengths = axes.norm(dim=0)
    directions = axes / lengths
    pixels = x.permute(0, 2, 3, 1).reshape(-1, 3).numpy()
    import numpy as np

    torch.testing.assert_close(directions @ torch.diag(lengths) @ directions.T, torch.from_numpy(np.cov(pixels.T)))
    torch.testing.assert_close(directions.T @ directions, torch.eye(3, dtype=torch.float64))
    assert lengths.tolist() == sorted(lengths.tolist(), reverse=True)


def test_a_colour_cast_adds_one_colour_along_the_axes() -> None:
    x = torch.full((500, 3, 4, 5), 0.5)
    moved = colour_cast(x, axes=AXES, generator=drawn()) - x
    assert float((moved - moved[:, :, :1, :1]).abs().max()) == 0
    torch.testing.assert_close(moved[:, :, 0, 0].std(0), 0.1 * AXES.diag(), rtol=0.15, atol=0)
    assert torch.equal(colour_cast(x), x)


def test_brightness_contrast_and_saturation_by_their_formulas() -> None:
    x = pictures(40) * 0.4 + 0.2
    factor = lambda y, neutral: ((y - neutral) / (x - neutral)).flatten(1)  # noqa: E731
    grey = (0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2])[:, None]
    neutrals = {"brightness": torch.zeros(1), "contrast": grey.mean(dim=(1, 2, 3), keepdim=True), "saturation": grey}
    for name, neutral in neutrals.items():
        y = colour_cast(x, **{name: 0.25}, generator=drawn())  # type: ignore[arg-type]
        found = factor(y, neutral)
        one = found.median(dim=1).values
        assert float(((y - neutral) - (x - neutral) * one[:, None, None, None]).abs().max()) < 1e-5
        assert float(one.min()) >= 0.75 - 1e-4
        assert float(one.max()) <= 1.25 + 1e-4
        assert float(one.std()) > 0.1
    single = pictures(3, c=1)
    assert torch.equal(colour_cast(single, saturation=0.9), single)
    assert colour_cast(single, contrast=0.5, brightness=0.5).shape == single.shape


@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 6), st.integers(0, 999))
def test_cutout_paints_a_square_that_may_stick_out(side: int, h: int, w: int, seed: int) -> None:
    painted = cutout(torch.zeros(3, 2, h, w), side, value=1.0, generator=drawn(seed))
    assert torch.equal(painted[:, 0], painted[:, 1])
    for image in painted[:, 0]:
        rows, columns = image.amax(1).nonzero().flatten(), image.amax(0).nonzero().flatten()
        assert 1 <= len(rows) <= min(side, h)
        assert 1 <= len(columns) <= min(side, w)
        expected = torch.zeros(h, w)
        expected[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
        assert torch.equal(image, expected)
        for found, length in ((rows, h), (columns, w)):
            assert len(found) == side or found[0] == 0 or found[-1] == length - 1


def test_cutout_covers_every_pixel_now_and_then() -> None:
    hidden = cutout(torch.zeros(4000, 1, 6, 6), 2, value=1.0, generator=drawn()).mean(0)[0]
    # A square of side 2 covers a pixel from 4 of the 36 centres, on the lower and right edges from 2, in the corner 1.
    expected = torch.full((6, 6), 4 / 36)
    expected[-1, :], expected[:, -1] = 2 / 36, 2 / 36
    expected[-1, -1] = 1 / 36
    torch.testing.assert_close(hidden, expected, rtol=0, atol=0.02)


def test_compose_does_one_after_the_other() -> None:
    x, both = pictures(), compose(partial(flip, p=1.0), partial(crop, padding=2))
    assert torch.equal(both(x, generator=drawn(2)), _same(x))
    assert geometric is jitter


def _same(x: Tensor) -> Tensor:
    draw = drawn(2)
    flipped = flip(x, p=1.0, generator=draw)
    return crop(flipped, padding=2, generator=draw)


X = pictures(2)
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "one image": (lambda: flip(X[0]), r"flip: images have shape \(3, 7, 5\); expected \(N, C, H, W\)"),
    "bytes": (lambda: crop((X * 255).byte()), "torch.uint8; expected floats"),
    "list": (lambda: cutout([1], 2), "images are a list"),  # type: ignore[arg-type]
    "p": (lambda: flip(X, p=1.5), "p is 1.5; expected a probability"),
    "window": (lambda: crop(X, 8), "8×8 does not lie in images of 7×5"),
    "padding": (lambda: crop(X, padding=-1), "padding is -1"),
    "sigma": (lambda: colour_cast(X, sigma=-0.1), "sigma is -0.1"),
    "axes": (lambda: colour_cast(X, axes=torch.ones(3)), r"axes have shape \(3,\); expected \(3, 3\)"),
    "grey axes": (lambda: colour_cast(X[:, :1], axes=AXES), "1 channels; expected 3"),
    "two channels": (lambda: colour_cast(X[:, :2], contrast=0.1), "2 channels; expected 3"),
    "axes of grey": (lambda: colour_axes(X[:, :1]), "1 channels; expected 3"),
    "axes of nothing": (lambda: colour_axes(X[:0]), "at least two pixels"),
    "side": (lambda: cutout(X, 0), "size is 0"),
    "value": (lambda: cutout(X, 1, value=2.0), "value is 2.0"),
    "no steps": (lambda: compose(), "expected functions of a batch"),
    "no function": (lambda: compose(flip, 3), "expected functions of a batch"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        call()
