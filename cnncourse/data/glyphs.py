"""Glyphs: ten digits and 26 capital letters from 21 typefaces, bent. Rendered from fonts in Matplotlib's wheel.

Large sets of handwritten letters cannot be downloaded here. Print can be drawn, and elastic distortion (Simard,
Steinkraus & Platt 2003, doi:10.1109/ICDAR.2003.1227801) makes each copy another one. The set serves what needs many
labelled images quickly: augmentation, the size of the training set, transfer to the few real `digits`, which are
drawn in the same way, ink 1 on paper 0.

Limits: print is more regular than any hand; a net trained here does clearly worse on real digits. `0` and `O`, `1`
and `I` are the same drawing in some faces, so no net reaches 1. The five faces of the test are never seen in
training: all of the family STIX General and one of Computer Modern, whose relatives are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import grid_sample
from torch.utils.data import Dataset

from cnncourse.data._rendered import count_and_seed, random_numbers, split_number
from cnncourse.data._wheels import wheel_file
from cnncourse.errors import whole

GLYPHS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DEJAVU = ("", "-Bold", "-Oblique", "-BoldOblique")
FACES = {
    "train": (
        *(f"DejaVuSans{style}" for style in _DEJAVU),
        *(f"DejaVuSansMono{style}" for style in _DEJAVU),
        *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
        *("cmr10", "cmb10", "cmtt10", "cmmi10"),
    ),
    "test": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta", "cmss10"),
}
_AT_ONCE = 1000  # images bent in one go: bounds the memory


@dataclass(frozen=True, eq=False)
class Glyphs(Dataset[tuple[Tensor, Tensor]]):
    """Images (N, 1, S, S) in [0, 1], ink 1 on paper 0, and labels (N,): places in `GLYPHS`. A torch `Dataset`.

    `faces` (N,) int64: which of `FACES[split]` each image was drawn from.
    """

    images: Tensor
    labels: Tensor
    faces: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]

    def __repr__(self) -> str:
        return f"Glyphs({len(self)} images of {tuple(self.images.shape[1:])})"


def glyphs(
    split: str = "train",
    count: int = 10_000,
    seed: int = 0,
    size: int = 32,
    *,
    characters: str = GLYPHS,
    elastic: float = 0.03,
    degrees: float = 10.0,
    noise: float = 0.1,
) -> Glyphs:
    """`count` glyphs of `split` ("train" or "test"), S = `size` pixels a side, of the given `characters` only.

    Each is turned by up to ±`degrees`, sheared up to ±0.15, scaled by 0.8 … 1.15 in width and height apart, moved by
    up to ±6 % of S, bent by a smooth random field of `elastic`·S pixels (root mean square; Simard et al.'s form with
    σ = S/8), and gets Gaussian noise of a standard deviation drawn from 0 … `noise`. A label is a place in the whole
    `GLYPHS`, so 0 … 9 mean digits whatever `characters` are, as in `digits`.

    Raises ValueError and TypeError for arguments outside these ranges, FileNotFoundError if Matplotlib lacks a face.
    """
    part = split_number("glyphs", split)
    count, seed = count_and_seed("glyphs", count, seed)
    size = whole("glyphs: size", size, 8)
    if not isinstance(characters, str) or not characters or set(characters) - set(GLYPHS):
        raise ValueError(f"glyphs: characters is {characters!r}; expected some of {GLYPHS!r}")
    for name, value, most in (("elastic", elastic, 0.2), ("degrees", degrees, 180), ("noise", noise, 1)):
        if not 0 <= value <= most:
            raise ValueError(f"glyphs: {name} is {value!r}; expected 0 <= {name} <= {most}")
    rng = random_numbers("glyphs", part, seed)
    wanted = np.array([GLYPHS.index(character) for character in characters])
    labels = torch.from_numpy(wanted[rng.integers(len(wanted), size=count)])
    faces = torch.from_numpy(rng.integers(len(FACES[split]), size=count))
    drawn = _drawn(split, size)  # (faces, 36, S, S)
    images = torch.empty(count, 1, size, size)
    for start in range(0, count, _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        places = _places(rng, len(labels[some]), size, elastic, degrees)
        images[some] = grid_sample(drawn[faces[some], labels[some], None], places, align_corners=False)
    if noise > 0:
        spread = torch.from_numpy(rng.uniform(0, noise, (count, 1, 1, 1)).astype(np.float32))
        images += spread * torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32))
    return Glyphs(images.clamp(0, 1), labels, faces)


def _places(rng: np.random.Generator, count: int, size: int, elastic: float, degrees: float) -> Tensor:
    """Where each pixel of each image looks in its drawing, in units of −1 … 1: (count, S, S, 2), x first."""
    angle, shear, *rest = rng.uniform(-1, 1, (4, count))
    wide, high = rng.uniform(0.8, 1.15, (2, count))
    angle, shear = math.radians(degrees) * angle, 0.15 * shear
    cos, sin = np.cos(angle), np.sin(angle)
    rows = [[cos / wide, (sin + shear) / wide], [-sin / high, cos / high]]
    matrix = torch.from_numpy(np.array(rows, dtype=np.float32)).permute(2, 0, 1)  # (count, 2, 2): output -> drawing
    shift = torch.from_numpy(0.12 * np.stack(rest, axis=1).astype(np.float32))[:, None, None]  # 0.12 of a half side
    ends = torch.linspace(-1 + 1 / size, 1 - 1 / size, size)  # the pixels' centres
    y, x = torch.meshgrid(ends, ends, indexing="ij")
    straight = torch.stack([x, y], dim=-1) @ matrix[:, None].mT
    return straight + shift + 2 * elastic * _smooth_field(rng, count, size)


def _smooth_field(rng: np.random.Generator, count: int, size: int) -> Tensor:
    """Random vectors (count, S, S, 2) that vary slowly, root mean square 1: uniform noise, blurred by a Gaussian."""
    apart = torch.arange(size).float()
    apart = torch.minimum(apart, size - apart)  # from pixel 0, going round: the field has no border
    weights = torch.exp(-0.5 * (apart / (size / 8)) ** 2)
    weights = weights / weights.square().sum().sqrt()  # keeps the variance of independent numbers
    blur = torch.stack([weights.roll(shift) for shift in range(size)])  # (S, S): a convolution as a matrix
    raw = torch.from_numpy(rng.random((count, 2, size, size), dtype=np.float32) - np.float32(0.5)) * math.sqrt(12)
    return (blur @ raw @ blur).permute(0, 2, 3, 1)


@lru_cache(maxsize=4)
def _drawn(split: str, size: int) -> Tensor:
    """Every character in every face of a split, upright, in the middle: (faces, 36, S, S). Cached, never handed out."""
    sheets = [[_draw(face, character, size) for character in GLYPHS] for face in FACES[split]]
    return torch.from_numpy(np.array(sheets, dtype=np.float32) / 255)


def _draw(face: str, character: str, size: int) -> NDArray[np.uint8]:
    font = _font(face, round(0.9 * size))  # so that capitals are about two thirds of S high
    picture = Image.new("L", (size, size))
    ImageDraw.Draw(picture).text((0, 0), character, fill=255, font=font)
    left, top, right, bottom = font.getbbox(character)
    picture = Image.new("L", (size, size))
    place = ((size - left - right) / 2, (size - top - bottom) / 2)  # the middle of the ink in the middle of the image
    ImageDraw.Draw(picture).text(place, character, fill=255, font=font)
    return np.asarray(picture)


@lru_cache(maxsize=64)
def _font(face: str, height: int) -> ImageFont.FreeTypeFont:
    path = wheel_file("matplotlib", f"mpl-data/fonts/ttf/{face}.ttf")
    return ImageFont.truetype(str(path), height, layout_engine=ImageFont.Layout.BASIC)
