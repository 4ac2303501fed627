"""Small random changes that leave a picture what it is: each image of a batch gets its own.

Every function takes images (N, C, H, W) with values in [0, 1] on any device and gives new ones, values still in
[0, 1]. Random numbers come from `generator`, or from torch's global one; with a generator on the CPU they are the same
for every device. Errors are ValueErrors that say what was expected.

Sources: Krizhevsky et al. 2012, NeurIPS (flips, crops and colour along principal axes); Simard et al. 2003,
doi:10.1109/ICDAR.2003.1227801 (geometry); He et al. 2015, arXiv:1512.03385 (crops from a padded image); DeVries &
Taylor 2017, arXiv:1708.04552 (cutout).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

from cnncourse.errors import per_axis, whole

_LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue look: ITU-R BT.601


def flip(images: Tensor, *, p: float = 0.5, generator: torch.Generator | None = None) -> Tensor:
    """Mirror each image left to right with probability `p`."""
    _check(images, "flip")
    if not 0 <= p <= 1:
        raise ValueError(f"flip: p is {p!r}; expected a probability, 0 … 1")
    chosen = _uniform(images, generator) < p
    return torch.where(chosen[:, None, None, None], images.flip(3), images)


def crop(
    images: Tensor,
    size: int | tuple[int, int] | None = None,
    *,
    padding: int = 0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Cut a window of `size` (H', W') at a random place from each image, first set into a border of `padding` zeros.

    Every place in which the window lies inside is equally likely. The default size is the image's: with padding 4 that
    moves a picture by up to 4 pixels each way.
    """
    _check(images, "crop")
    border = whole("crop: padding", padding, 0)
    high, wide = images.shape[2:] if size is None else per_axis("crop: size", size, 2, 1)
    rows, columns = (side + 2 * border - window for side, window in zip(images.shape[2:], (high, wide), strict=True))
    if rows < 0 or columns < 0:
        raise ValueError(
            f"crop: a window of {high}×{wide} does not lie in images of {images.shape[2]}×{images.shape[3]} with "
            f"padding {border}; use a smaller size or more padding"
        )
    padded = pad(images, (border,) * 4)
    top = (_uniform(images, generator) * (rows + 1)).long().clamp(max=rows)
    left = (_uniform(images, generator) * (columns + 1)).long().clamp(max=columns)
    y = top[:, None] + torch.arange(high, device=images.device)  # (N, H')
    x = left[:, None] + torch.arange(wide, device=images.device)  # (N, W')
    image = torch.arange(len(images), device=images.device)
    windows = padded.permute(0, 2, 3, 1)[image[:, None, None], y[:, :, None], x[:, None, :]]  # (N, H', W', C)
    return windows.permute(0, 3, 1, 2).contiguous()


def colour_axes(images: Tensor) -> Tensor:
    """The principal axes of the colours of `images` (N, 3, H, W), for `colour_cast`: a matrix (3, 3).

    Column k is λ_k p_k: the k-th eigenvector of the covariance of all pixels' (R, G, B), as long as its eigenvalue, the
    longest first.
    """
    _check(images, "colour_axes", channels=3)
    pixels = images.double().permute(1, 0, 2, 3).flatten(1)
    if pixels.shape[1] < 2:
        raise ValueError(f"colour_axes: images have shape {tuple(images.shape)}; expected at least two pixels")
    lengths, axes = torch.linalg.eigh(torch.cov(pixels))  # ascending
    longest_first: Tensor = (axes * lengths).flip(1)
    return longest_first.to(images.dtype)


def colour_cast(
    images: Tensor,
    *,
    axes: Tensor | None = None,
    sigma: float = 0.1,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Change the light: along the principal axes of colour, and by brightness, contrast and saturation.

    With `axes` from `colour_axes(train_images)` each image gets one colour added to all its pixels, axes @ α with
    α ~ N(0, `sigma`²), as AlexNet did. Then, with a factor f uniform in 1 ± its amount: brightness, x f; contrast,
    mean + (x − mean) f, with the mean grey of the image; saturation, grey + (x − grey) f, with the grey of each pixel.
    What leaves [0, 1] is cut off. Grey images (N, 1, H, W) have brightness and contrast only.
    """
    _check(images, "colour_cast")
    for name, amount in (
        ("sigma", sigma),
        ("brightness", brightness),
        ("contrast", contrast),
        ("saturation", saturation),
    ):
        if not 0 <= amount < math.inf:
            raise ValueError(f"colour_cast: {name} is {amount!r}; expected a number ≥ 0")
    x = images
    if axes is not None:
        _check(images, "colour_cast with axes", channels=3)
        if axes.shape != (3, 3):
            raise ValueError(f"colour_cast: axes have shape {tuple(axes.shape)}; expected (3, 3), from colour_axes")
        alpha = torch.randn(len(x), 3, generator=generator, device=_home(generator)).to(x) * sigma
        x = x + (alpha @ axes.to(x).T)[:, :, None, None]
    for amount, kind in ((brightness, _dark), (contrast, _mean_grey), (saturation, _grey)):
        if amount:
            factor = 1 + amount * (2 * _uniform(images, generator) - 1)
            neutral = kind(x)
            x = neutral + (x - neutral) * factor.to(x)[:, None, None, None]
    return x.clamp(0, 1)


def jitter(
    images: Tensor,
    *,
    degrees: float = 10.0,
    shift: float = 2.0,
    scale: float = 0.1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Turn, move and scale each image (N, C, H, W) by its own random amounts; what comes in from outside is 0.

    Angles are uniform in ±`degrees`, shifts in ±`shift` pixels, factors in 1 ± `scale`; sampling is bilinear.

    Raises ValueError if images are not (N, C, H, W).
    """
    _check(images, "jitter")
    count, _, height, width = images.shape
    if count == 0:
        return images.clone()
    angle, factor, dx, dy = (torch.rand(4, count, generator=generator, device=_home(generator)) * 2 - 1).to(images)
    angle = angle * math.radians(degrees)
    factor = 1 + factor * scale
    cos, sin = torch.cos(angle) / factor, torch.sin(angle) / factor
    rows = (cos, -sin * height / width, dx * 2 * shift / width, sin * width / height, cos, dy * 2 * shift / height)
    theta = torch.stack(rows, dim=1).reshape(count, 2, 3)  # (N, 2, 3): output position -> input position
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


geometric = jitter  # beside flip, crop and colour_cast


def cutout(
    images: Tensor, size: int, *, count: int = 1, value: float = 0.0, generator: torch.Generator | None = None
) -> Tensor:
    """Paint `count` squares of side `size` over each image with `value`.

    The centre is any pixel, so that squares may lie partly outside. An even side reaches one pixel further up and left.
    """
    _check(images, "cutout")
    side = whole("cutout: size", size, 1)
    if not 0 <= value <= 1:
        raise ValueError(f"cutout: value is {value!r}; expected a grey, 0 … 1")
    height, width = images.shape[2:]
    hidden = torch.zeros(len(images), height, width, dtype=torch.bool, device=images.device)
    for _ in range(whole("cutout: count", count, 1)):
        top = (_uniform(images, generator) * height).long() - side // 2
        left = (_uniform(images, generator) * width).long() - side // 2
        hidden |= _within(top, side, height)[:, :, None] & _within(left, side, width)[:, None, :]
    return images.masked_fill(hidden[:, None], value)


def compose(*steps: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """One augmentation that does the `steps` in turn, such as compose(flip, partial(crop, padding=4)).

    A `generator` given to it goes to every step.
    """
    if not steps or not all(map(callable, steps)):
        raise ValueError(f"compose: got {steps!r}; expected functions of a batch of images")
    return partial(_in_turn, steps)


def _in_turn(steps: tuple[Callable[..., Tensor], ...], images: Tensor, **options: Any) -> Tensor:
    for step in steps:
        images = step(images, **options)
    return images


def _check(images: Tensor, who: str, channels: int | None = None) -> None:
    if not isinstance(images, Tensor) or images.dim() != 4:
        got = f"have shape {tuple(images.shape)}" if isinstance(images, Tensor) else f"are a {type(images).__name__}"
        raise ValueError(f"{who}: images {got}; expected (N, C, H, W). One image? x[None]")
    if not images.is_floating_point():
        raise ValueError(f"{who}: images have dtype {images.dtype}; expected floats in [0, 1]: images / 255")
    if channels is not None and images.shape[1] != channels:
        raise ValueError(f"{who}: images have {images.shape[1]} channels; expected {channels}: red, green, blue")


def _home(generator: torch.Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device


def _uniform(images: Tensor, generator: torch.Generator | None) -> Tensor:
    """One number in [0, 1) for each image."""
    return torch.rand(len(images), generator=generator, device=_home(generator)).to(images.device)


def _within(start: Tensor, length: int, side: int) -> Tensor:
    """(N, side): which positions lie in start … start + length − 1."""
    place = torch.arange(side, device=start.device)
    return (place >= start[:, None]) & (place < start[:, None] + length)


def _grey(x: Tensor) -> Tensor:
    if x.shape[1] == 1:
        return x
    _check(x, "colour_cast", channels=3)
    return (x * torch.tensor(_LUMA, dtype=x.dtype, device=x.device)[:, None, None]).sum(1, keepdim=True)


def _mean_grey(x: Tensor) -> Tensor:
    return (x if x.shape[1] == 1 else _grey(x)).mean(dim=(1, 2, 3), keepdim=True)


def _dark(x: Tensor) -> Tensor:
    return torch.zeros_like(x[:, :1])
