"""Engineered features against scikit-image, NumPy, scikit-learn and slow loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import skimage.feature
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cnncourse import features
from cnncourse.data import load_photo

F64 = torch.float64


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=F64)


# ---------------------------------------------------------------- gradients


def test_gradients_are_numpys_inside_and_zero_on_the_border(device: torch.device) -> None:
    x = noise(2, 3, 7, 9)
    dy, dx = (g.cpu() for g in features.image_gradients(x.to(device)))
    expected = np.gradient(x.numpy(), axis=(2, 3))
    torch.testing.assert_close(dy[:, :, 1:-1], torch.from_numpy(expected[0])[:, :, 1:-1])
    torch.testing.assert_close(dx[:, :, :, 1:-1], torch.from_numpy(expected[1])[:, :, :, 1:-1])
    assert not dy[:, :, [0, -1]].any()
    assert not dx[:, :, :, [0, -1]].any()


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (5, 2), (3, 3), (0, 4)])
def test_gradients_of_small_pictures(size: tuple[int, int]) -> None:
    dy, dx = features.image_gradients(noise(1, *size))
    assert dy.shape == dx.shape == (1, *size)
    assert bool(dy.any()) == (size[0] > 2)
    assert bool(dx.any()) == (size[1] > 2 and size[0] > 0)


# ---------------------------------------------------------------- HOG


@given(
    st.tuples(st.integers(24, 41), st.integers(24, 41)),
    st.integers(1, 12),
    st.tuples(st.integers(3, 8), st.integers(3, 8)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from(["L1", "L1-sqrt", "L2", "L2-Hys"]),
    st.booleans(),
    st.sampled_from([1, 3]),
)
def test_hog_is_skimages(
    size: tuple[int, int],
    bins: int,
    cell: tuple[int, int],
    block: tuple[int, int],
    norm: str,
    root: bool,
    channels: int,
) -> None:
    x = noise(channels, *size)
    options: dict[str, Any] = {"orientations": bins, "pixels_per_cell": cell, "cells_per_block": block}
    options |= {"block_norm": norm, "transform_sqrt": root, "feature_vector": False}
    expected = skimage.feature.hog(x.numpy(), channel_axis=0, **options)
    got = features.hog(x, **options)
    torch.testing.assert_close(got, torch.from_numpy(expected), atol=2e-6, rtol=0)  # skimage sums in float32


def test_hog_of_photographs_is_skimages() -> None:
    for name, gray in (("chelsea", True), ("coffee", False)):
        x = (load_photo(name, size=128, gray=gray).double() * 255).round()  # whole: channels that tie, tie exactly
        x = x[:, :, :125]  # the picture reaches beyond the last whole cell
        expected, picture = skimage.feature.hog(x.numpy(), channel_axis=0, visualize=True)
        got, drawn = features.hog(x, visualize=True)
        torch.testing.assert_close(got, torch.from_numpy(expected), atol=2e-6, rtol=0)
        torch.testing.assert_close(drawn, torch.from_numpy(picture), atol=2e-4, rtol=0)  # values up to 100


def test_hog_takes_batches_devices_and_views(device: torch.device) -> None:
    x = noise(3, 2, 40, 34).float().to(device)
    whole = features.hog(x)
    for image, row in zip(x, whole, strict=True):
        torch.testing.assert_close(features.hog(image), row)
    torch.testing.assert_close(features.hog(x.flip(3).flip(3).transpose(2, 3).transpose(2, 3)), whole)
    assert features.hog(x[:0]).shape == (0, whole.shape[1])
    assert features.hog(x[:0], visualize=True)[1].shape == (0, 40, 34)


def test_linear_binning_shares_each_vote_and_lets_gradients_through() -> None:
    x = noise(1, 16, 16)
    soft = features.hog(x, 5, 4, 2, block_norm="L1", feature_vector=False, binning="linear")
    hard = features.hog(x, 5, 4, 2, block_norm="L1", feature_vector=False)
    torch.testing.assert_close(soft.sum((2, 3, 4)), hard.sum((2, 3, 4)))
    assert not torch.allclose(soft, hard)
    y, g = soft[1, 1, 0, 1], torch.zeros(5, dtype=F64)  # the cell at row 1, column 2, by hand
    dy, dx = features.image_gradients(x)
    for i in range(4, 8):
        for j in range(8, 12):
            m, degrees = math.hypot(dy[0, i, j], dx[0, i, j]), math.degrees(math.atan2(dy[0, i, j], dx[0, i, j])) % 180
            below = math.floor(degrees / 36 - 0.5)
            share = degrees / 36 - 0.5 - below
            g[below % 5] += m * (1 - share)
            g[(below + 1) % 5] += m * share
    torch.testing.assert_close(y / y.sum(), g / g.sum())
    small = noise(1, 6, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: features.hog(z, 3, 2, 2, binning="linear"), small)
    assert torch.autograd.gradcheck(lambda z: features.hog(z, 3, 2, 2, block_norm="L1-sqrt", binning="linear"), small)


def test_a_flat_picture_has_neither_hog_nor_nan_gradients() -> None:
    for norm in ("L1", "L1-sqrt", "L2", "L2-Hys"):
        x = torch.full((1, 24, 24), 0.5, requires_grad=True)
        y = features.hog(x, block_norm=norm, binning="linear")
        y.sum().backward()
        assert not y.any()
        assert torch.isfinite(x.grad).all()  # type: ignore[arg-type]


# ---------------------------------------------------------------- descriptors


def slow_descriptors(x: Tensor, bins: int, cells: int, side: int, stride: int, clip: float, eps: float) -> Tensor:
    """One image, loops only."""
    channels, height, width = x.shape
    grid = [(n - cells * side) // stride + 1 for n in (height, width)]
    out = torch.zeros(channels, bins, cells, cells, *grid, dtype=x.dtype)

    def pixel(c: int, i: int, j: int) -> float:
        return float(x[c, min(max(i, 0), height - 1), min(max(j, 0), width - 1)])

    for c, k, r, s, i, j in np.ndindex(*out.shape):
        angle = 2 * math.pi * k / bins
        for a in range(i * stride + r * side, i * stride + (r + 1) * side):
            for b in range(j * stride + s * side, j * stride + (s + 1) * side):
                dx, dy = (pixel(c, a, b + 1) - pixel(c, a, b - 1)) / 2, (pixel(c, a + 1, b) - pixel(c, a - 1, b)) / 2
                out[c, k, r, s, i, j] += max(0.0, math.cos(angle) * dx + math.sin(angle) * dy) / side**2
    v = out.flatten(1, 3)
    v = (v / (v.square().sum(1, keepdim=True) + eps**2).sqrt()).clamp(max=clip)
    v = v / (v.square().sum(1, keepdim=True) + eps**2).sqrt()
    return v.flatten(0, 1)


@pytest.mark.parametrize(
    ("bins", "cells", "side", "stride"), [(8, 2, 3, 3), (3, 2, 2, 3), (4, 1, 4, 2), (5, 3, 2, 4), (1, 2, 4, 6)]
)
def test_descriptors_are_what_loops_make(bins: int, cells: int, side: int, stride: int) -> None:
    x = noise(2, 13, 11)
    got = features.dense_descriptors(x, bins, cells, side, stride, clip=0.3, eps=0.01)
    torch.testing.assert_close(got, slow_descriptors(x, bins, cells, side, stride, 0.3, 0.01))


def test_a_descriptor_has_unit_length_and_no_idea_of_contrast(device: torch.device) -> None:
    x = load_photo("brick", size=64, gray=True, dtype=F64, device=device)[None]
    maps = features.dense_descriptors(x, eps=0.0)
    assert maps.shape == (1, 128, 13, 13)
    torch.testing.assert_close(maps.square().sum(1), torch.ones_like(maps[:, 0]))
    torch.testing.assert_close(features.dense_descriptors(x / 3 + 0.2, eps=0.0), maps)
    assert not features.dense_descriptors(torch.zeros_like(x), eps=0.0).any()
    assert maps.device.type == device.type


def test_turning_the_picture_by_a_quarter_moves_the_orientations_on() -> None:
    x = noise(1, 9, 9)
    turned = features.oriented_responses(x.rot90(1, (1, 2)), 8).rot90(-1, (1, 2))
    torch.testing.assert_close(turned.roll(2, 0), features.oriented_responses(x, 8))


def test_descriptors_batch_empty_and_gradient() -> None:
    x = noise(2, 3, 9, 8)
    maps = features.dense_descriptors(x, 4, 2, 3)
    torch.testing.assert_close(features.dense_descriptors(x[1], 4, 2, 3), maps[1])
    assert features.dense_descriptors(x[:0], 4, 2, 3).shape == (0, *maps.shape[1:])
    assert features.oriented_responses(x[:0], 4).shape == (0, 12, 9, 8)
    assert torch.autograd.gradcheck(lambda z: features.dense_descriptors(z, 4, 2, 3), x[:1].requires_grad_())


# ---------------------------------------------------------------- words and pyramid


def test_words_are_the_nearest(device: torch.device) -> None:
    maps, words = noise(2, 5, 4, 3), noise(7, 5)
    got = features.visual_words(maps.to(device), words).cpu()
    distance = torch.cdist(maps.movedim(1, -1), words)  # (2, 4, 3, 7)
    assert torch.equal(got.argmax(1), distance.argmin(-1))
    assert torch.equal(got.sum(1), torch.ones(2, 4, 3, dtype=F64))
    same = torch.zeros(3, 5, dtype=F64)
    assert torch.equal(features.visual_words(maps, same)[:, 0], torch.ones(2, 4, 3, dtype=F64)), "the first of equals"


def test_fitted_words_are_the_centres_of_clusters() -> None:
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = centres.repeat(40, 1) + torch.randn(120, 2) / 10
    maps = points.T.reshape(1, 2, 12, 10)
    words = features.fit_words(maps, 3)
    assert words.dtype == torch.float32
    near = torch.cdist(centres, words).min(1)
    assert near.values.max() < 0.2
    assert sorted(near.indices.tolist()) == [0, 1, 2]
    assert torch.equal(words, features.fit_words(maps, 3))
    assert not torch.equal(words, features.fit_words(maps, 3, at_most=30))


def test_the_pyramid_pools_each_cell_once() -> None:
    maps = noise(2, 3, 7, 5)
    got = features.spatial_pyramid(maps, 3, weighted=False).reshape(2, 21, 3)
    expected = torch.zeros(2, 21, 3, dtype=F64)
    for i, j in np.ndindex(7, 5):
        for level, start in ((0, 0), (1, 1), (2, 5)):
            cells = 2**level
            expected[:, start + (i * cells // 7) * cells + j * cells // 5] += maps[:, :, i, j]
    torch.testing.assert_close(got, expected)
    highest = features.spatial_pyramid(maps, 2, "max", weighted=False).reshape(2, 5, 3)
    torch.testing.assert_close(highest[:, 0], maps.amax((2, 3)))
    torch.testing.assert_close(highest[:, 4], maps[:, :, 4:, 3:].amax((2, 3)))
    assert features.spatial_pyramid(maps[:0], 2).shape == (0, 15)


def test_two_weighted_pyramids_intersect_as_the_pyramid_match_says() -> None:
    a, b = (torch.nn.functional.one_hot(torch.randint(4, (8, 8)), 4).movedim(-1, 0)[None].double() for _ in range(2))

    def shared(level: int) -> float:
        sums = [m.reshape(4, 2**level, 8 // 2**level, 2**level, 8 // 2**level).sum((2, 4)) for m in (a, b)]
        return float(torch.minimum(*sums).sum())

    match = shared(2) + (shared(1) - shared(2)) / 2 + (shared(0) - shared(1)) / 4  # L = 2: new matches weigh less
    got = torch.minimum(features.spatial_pyramid(a), features.spatial_pyramid(b)).sum()
    assert float(got) == pytest.approx(match)


# ---------------------------------------------------------------- colour


def test_opponent_colours_are_a_rotation_blind_to_added_white() -> None:
    x = noise(2, 3, 4, 5)
    o = features.opponent(x)
    torch.testing.assert_close(o.square().sum(1), x.square().sum(1))
    torch.testing.assert_close(features.opponent(x + 0.3)[:, :2], o[:, :2])
    red = features.opponent(torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)).flatten()
    torch.testing.assert_close(red, torch.tensor([1 / 2**0.5, 1 / 6**0.5, 1 / 3**0.5]))


@pytest.mark.parametrize(("channels", "bins"), [(3, 4), (3, 1), (2, 3), (1, 5)])
def test_the_colour_histogram_is_numpys(channels: int, bins: int) -> None:
    x = noise(2, channels, 9, 8)
    x[0, :, 0, 0], x[0, :, 0, 1] = 1.0, 0.0
    got = features.color_histogram(x, bins)
    for image, row in zip(x, got, strict=True):
        points = image.flatten(1).T.numpy()
        counts, _ = np.histogramdd(points, bins=bins, range=[(0, 1)] * channels)
        torch.testing.assert_close(row, torch.from_numpy(counts.flatten() / len(points)))
    torch.testing.assert_close(features.color_histogram(x[1], bins), got[1])


def test_the_hue_histogram_weighs_by_saturation_and_outlives_dimmer_light(device: torch.device) -> None:
    x = load_photo("flower", size=40, dtype=F64, device=device)[None]
    h = features.hue_histogram(x)
    torch.testing.assert_close(h.sum(1), torch.ones_like(h[:, 0]))
    torch.testing.assert_close(features.hue_histogram(x / 2 + 0.1), h)
    assert not torch.allclose(features.color_histogram(x / 2), features.color_histogram(x))
    expected = np.zeros(12)
    for r, g, b in x[0].flatten(1).T.tolist():
        o1, o2 = (r - g) / 2**0.5, (r + g - 2 * b) / 6**0.5
        expected[int(math.atan2(o1, o2) % (2 * math.pi) / (2 * math.pi) * 12)] += math.hypot(o1, o2)
    torch.testing.assert_close(h[0].cpu(), torch.from_numpy(expected / expected.sum()))
    assert not features.hue_histogram(torch.full((3, 2, 2), 0.4)).any()


# ---------------------------------------------------------------- errors

IMAGE = torch.rand(3, 32, 32)
WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "array": (lambda: features.hog(np.zeros((3, 32, 32))), TypeError, "torch.from_numpy"),  # type: ignore[arg-type]
    "bytes": (lambda: features.image_gradients(torch.zeros(1, 8, 8, dtype=torch.uint8)), TypeError, "/ 255"),
    "axes": (lambda: features.hog(torch.rand(32, 32)), ValueError, r"images\[None\]"),
    "no channel": (lambda: features.image_gradients(torch.rand(0, 8, 8)), ValueError, "without channels"),
    "norm": (lambda: features.hog(IMAGE, block_norm="l2"), ValueError, "'L2-Hys'"),
    "binning": (lambda: features.hog(IMAGE, binning="soft"), ValueError, "'linear'"),
    "small": (lambda: features.hog(IMAGE[:, :23]), ValueError, "23×32; expected at least 24×24"),
    "no bins": (lambda: features.hog(IMAGE, orientations=0), ValueError, "orientations is 0"),
    "cell": (lambda: features.hog(IMAGE, pixels_per_cell=(8, 0)), ValueError, "pixels_per_cell is 0"),
    "root": (lambda: features.hog(-IMAGE, transform_sqrt=True), ValueError, "pixels >= 0"),
    "window": (lambda: features.dense_descriptors(IMAGE[:, :15]), ValueError, "at least 16×16"),
    "stride": (lambda: features.dense_descriptors(IMAGE, stride=0), ValueError, "stride is 0"),
    "clip": (lambda: features.dense_descriptors(IMAGE, clip=-1), ValueError, "clip is -1"),
    "eps": (lambda: features.dense_descriptors(IMAGE, eps="0"), TypeError, "eps is '0'"),  # type: ignore[arg-type]
    "endless": (lambda: features.dense_descriptors(IMAGE, eps=math.inf), ValueError, "finite"),
    "no pixels": (lambda: features.oriented_responses(torch.rand(1, 0, 4)), ValueError, "no pixels"),
    "words": (lambda: features.visual_words(IMAGE[None], torch.rand(4, 5)), ValueError, r"expected \(count, 3\)"),
    "few": (lambda: features.fit_words(torch.rand(1, 4, 3, 3), 10), ValueError, "9 descriptors for 10 words"),
    "one map": (lambda: features.fit_words(IMAGE, 10), ValueError, r"expected \(N, D, H, W\)"),
    "pool": (lambda: features.spatial_pyramid(IMAGE[None], 2, "mean"), ValueError, "'sum' or 'max'"),
    "levels": (lambda: features.spatial_pyramid(torch.rand(1, 2, 3, 4), 3), ValueError, "at least 4×4"),
    "maps": (lambda: features.spatial_pyramid([1]), TypeError, "list"),  # type: ignore[arg-type]
    "gray": (lambda: features.opponent(IMAGE[:1]), ValueError, "1 channels"),
    "range": (lambda: features.color_histogram(IMAGE * 255), ValueError, "divide by 255"),
    "many": (lambda: features.color_histogram(torch.rand(4, 8, 8)), ValueError, "expected 1 to 3"),
    "empty": (lambda: features.hue_histogram(torch.rand(3, 0, 8)), ValueError, "no pixels"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(name: str) -> None:
    call, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        call()
