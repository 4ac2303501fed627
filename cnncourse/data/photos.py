"""Real photographs: 21 of them, each read from the wheel of a library that the course needs anyway.

Nothing is downloaded, now or later. Sources and licences are what the libraries' own documentation states
(scikit-image `skimage.data`, scikit-learn `datasets/images/README.txt`, Matplotlib sample data); where it states no
licence, ours says "none stated".
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from cnncourse.data._wheels import wheel_file
from cnncourse.device import pick_device

# ITU-R BT.601 luma: what PIL and most lectures mean by "the grey value" of a colour pixel.
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Photo:
    """One photograph: what it shows, where it comes from, on what terms. The pixels are read when first asked for."""

    name: str
    shows: str
    gray: bool
    source: str
    licence: str
    package: str
    file: str

    @property
    def image(self) -> NDArray[np.uint8]:
        """Pixels, uint8, (H, W, 3), or (H, W, 1) for a grey photograph. A read-only array, decoded once."""
        return _pixels(self.name)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of `image`."""
        height, width, channels = self.image.shape
        return height, width, channels


def _skimage(name: str, file: str, shows: str, source: str, licence: str, gray: bool = False) -> Photo:
    return Photo(name, shows, gray, f"scikit-image; {source}", licence, "skimage", f"data/{file}")


_PD = "public domain"
_UNKNOWN = "no known copyright restrictions"
_NONE = "none stated"
_ALL = (
    _skimage("astronaut", "astronaut.png", "an astronaut, Eileen Collins, before a shuttle", "NASA Great Images", _PD),
    _skimage("brick", "brick.png", "a brick wall", "CC0Textures, Bricks25", "CC0", gray=True),
    _skimage("camera", "camera.png", "a man with a camera on a tripod", "Lav Varshney", "CC0", gray=True),
    _skimage(
        "cell",
        "cell.png",
        "a cell in saline, a phase image",
        "Müller et al. 2018, 10.1364/OE.26.010729",
        "CC0",
        gray=True,
    ),
    _skimage("chelsea", "chelsea.png", "a cat", "Stéfan van der Walt", "CC0"),
    Photo(
        "china",
        "a Chinese temple (the Summer Palace) under a blue sky",
        False,
        "scikit-learn; danielbuechele, flickr.com/photos/danielbuechele/6061409035",
        "CC BY 2.0",
        "sklearn",
        "datasets/images/china.jpg",
    ),
    _skimage("clock", "clock_motion.png", "a wall clock, blurred by motion", "Stéfan van der Walt", _PD, gray=True),
    _skimage("coffee", "coffee.png", "a cup of coffee on a table", "Rachel Michetti, Pikolo Espresso Bar", "CC0"),
    _skimage("coins", "coins.png", "Greek coins from Pompeii", "Brooklyn Museum", _UNKNOWN, gray=True),
    Photo(
        "flower",
        "a dahlia in bloom",
        False,
        "scikit-learn; vultilion, flickr.com/photos/vultilion/6056698931",
        "CC BY 2.0",
        "sklearn",
        "datasets/images/flower.jpg",
    ),
    Photo(
        "grace_hopper",
        "Grace Hopper, computer scientist, in uniform",
        False,
        "Matplotlib sample data",
        "none stated in Matplotlib (a portrait by the U.S. Navy)",
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
    ),
    _skimage("grass", "grass.png", "grass", "linolafett, DeviantArt", "CC0", gray=True),
    _skimage("gravel", "gravel.png", "gravel", "CC0Textures, Gravel04", "CC0", gray=True),
    _skimage(
        "hubble_deep_field", "hubble_deep_field.jpg", "galaxies, the Hubble eXtreme Deep Field", "NASA, HubbleSite", _PD
    ),
    _skimage("immunohistochemistry", "ihc.png", "stained colon tissue under a microscope", "CMMI", _UNKNOWN),
    _skimage("moon", "moon.png", "the surface of the moon", "its documentation names no source", _NONE, gray=True),
    _skimage(
        "motorcycle",
        "motorcycle_left.png",
        "a motorcycle in a workshop",
        "Middlebury stereo benchmark 2014 (Scharstein et al., GCPR 2014), left view, down-sampled",
        _NONE,
    ),
    _skimage(
        "page", "page.png", "a scanned page of printed text", "its documentation names no source", _NONE, gray=True
    ),
    _skimage(
        "retina", "retina.jpg", "the retina of a human eye", "Mikael Häggström 2014, 10.15347/wjm/2014.008", "CC0"
    ),
    _skimage(
        "rocket",
        "rocket.jpg",
        "a rocket, Falcon 9, at launch",
        "SpaceX, flickr.com/photos/spacexphotos/16511594820",
        _PD,
    ),
    _skimage("text", "text.png", "a piece of text, photographed", "Wikipedia, File:Corner.png", _PD, gray=True),
)
_BY_NAME: Mapping[str, Photo] = MappingProxyType({photo.name: photo for photo in _ALL})


def photos() -> Mapping[str, Photo]:
    """All photographs by name, a read-only mapping. No pixel is read before `.image` is asked for."""
    return _BY_NAME


def load_photo(
    name: str,
    size: int | tuple[int, int] | None = None,
    gray: bool = False,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device | None = None,
) -> Tensor:
    """One photograph as a tensor (C, H, W) with values in [0, 1].

    C is 3 (a grey photograph has three equal channels), or 1 with `gray=True`: 0.299 R + 0.587 G + 0.114 B.
    `size` an int: the shorter side becomes `size`, the other keeps the proportions. `size=(H, W)`: scaled until it
    covers H × W, then the middle is cut out, so nothing is stretched. Shrinking averages over the pixels that fall
    together (antialiased bilinear), so no stripes appear that the photograph does not have.
    Every call gives a fresh tensor, equal on every call.

    Raises ValueError for an unknown name (naming the nearest ones), a size below 1, a dtype that is not floating.
    """
    photo = _find(name)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"load_photo: dtype is {dtype!r}; expected a floating type, because values lie in [0, 1]")
    where = torch.device("cpu") if device is None else pick_device(device)
    target = _target(size, photo)
    return _scaled(photo.name, target, bool(gray)).to(device=where, dtype=dtype, copy=True)


def _find(name: str) -> Photo:
    if not isinstance(name, str):
        raise TypeError(f"load_photo: name is {name!r} ({type(name).__name__}); expected a string such as 'chelsea'")
    if name in _BY_NAME:
        return _BY_NAME[name]
    wanted = name.lower().replace(" ", "_").replace("-", "_")
    shown = [photo.name for photo in _ALL if wanted in photo.shows.lower().replace(",", "").split()]
    near = shown or difflib.get_close_matches(wanted, _BY_NAME, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(f"load_photo: there is no photograph {name!r}. {hint}The names: {', '.join(_BY_NAME)}.")


@cache
def _pixels(name: str) -> NDArray[np.uint8]:
    photo = _BY_NAME[name]
    with Image.open(wheel_file(photo.package, photo.file)) as file:
        pixels = np.asarray(file.convert("L" if photo.gray else "RGB"))
    pixels = np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1))
    pixels.flags.writeable = False
    return pixels


def _target(size: Any, photo: Photo) -> tuple[int, int]:
    """The (H, W) that `size` asks for."""
    height, width, _ = photo.shape
    if size is None:
        return height, width
    if _is_side(size):
        scale = size / min(height, width)
        return max(size, round(height * scale)), max(size, round(width * scale))
    if isinstance(size, (tuple, list)) and len(size) == 2 and all(_is_side(side) for side in size):
        return int(size[0]), int(size[1])
    raise ValueError(
        f"load_photo: size is {size!r}; expected None, an int ≥ 1 for the shorter side, or (height, width), both ≥ 1"
    )


def _is_side(side: Any) -> bool:
    return isinstance(side, int) and not isinstance(side, bool) and side >= 1


@lru_cache(maxsize=32)
def _scaled(name: str, target: tuple[int, int], gray: bool) -> Tensor:
    """(C, H, W) float32 in [0, 1]; cached, so never handed out itself."""
    image = torch.tensor(_pixels(name)).permute(2, 0, 1).float() / 255  # (C, H, W)
    if gray and image.shape[0] == 3:
        image = torch.einsum("c,chw->hw", torch.tensor(_LUMA), image)[None]
    image = _cover(image, target).clamp(0, 1)
    return (image if gray else image.expand(3, -1, -1)).contiguous()


def _cover(image: Tensor, target: tuple[int, int]) -> Tensor:
    """Scale until both sides reach the target, then cut out the middle."""
    height, width = image.shape[1:]
    if (height, width) == target:
        return image
    scale = max(target[0] / height, target[1] / width)
    full = (max(target[0], round(height * scale)), max(target[1], round(width * scale)))
    image = interpolate(image[None], size=full, mode="bilinear", antialias=True, align_corners=False)[0]
    top, left = (full[0] - target[0]) // 2, (full[1] - target[1]) // 2
    return image[:, top : top + target[0], left : left + target[1]].contiguous()
