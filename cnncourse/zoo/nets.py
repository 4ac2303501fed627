"""The nets of the zoo, each by its recipe."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from cnncourse.data import digits, patches
from cnncourse.data.transfer import gray_crops, letters
from cnncourse.models import lenet5, small_alexnet, small_resnet, small_vgg
from cnncourse.zoo.recipes import Adversary, Jitter, Mirror, Recipe

_DIGITS: dict[str, Any] = {
    "data": (
        "scikit-learn's 1,797 handwritten digits, 8×8 upsampled to 28×28 in a 32×32 frame; first 1,297 to train, last "
        "500 to test, in the file's order (a shuffled split shares writers and scores too high)"
    ),
    "build": lenet5,
    "train_data": lambda: digits("train"),
    "test_data": lambda: digits("test"),
    "batch_size": 64,
    "lr": 3e-3,
    "augment": Jitter(degrees=10.0, shift=2.0, scale=0.1),
    "attacks": {"fgsm": Adversary("linf", 0.1, 1, 0.1, False), "pgd": Adversary("linf", 0.1, 20, 0.0125, False)},
    "attacked": 500,
}
_PATCHES: dict[str, Any] = {
    "data": (
        "64×64 crops of 21 photographs, the label is which one: 4,200 from 78 % of each photograph's 96×96 cells to "
        "train, 1,050 from the other 22 % to test; the same photographs, other places"
    ),
    "train_data": lambda: patches("train"),
    "test_data": lambda: patches("test"),
    "optimizer": "sgd",
    "batch_size": 32,
    "augment": Mirror(),
    "attacks": {"pgd": Adversary("l2", 1.0, 10, 0.25, False), "fgsm": Adversary("linf", 4 / 255, 1, 4 / 255, False)},
    "attacked": 210,
}
_GRAY: dict[str, Any] = {"optimizer": "sgd", "batch_size": 32, "lr": 0.1, "channels_last": True}
_ALL = (
    Recipe(
        name="lenet_digits",
        about="LeNet-5 (see cnncourse.models.LeNet5 for what differs from the paper) on handwritten digits",
        epochs=40,
        **_DIGITS,
    ),
    Recipe(
        name="lenet_digits_robust",
        about="LeNet-5 on handwritten digits, trained on attacked images",
        epochs=40,
        adversary=Adversary("linf", 0.1, 4, 0.04),
        **_DIGITS,
    ),
    Recipe(
        name="small_vgg_patches",
        about="eight 3×3 convolutions with batch norm, in the manner of VGG, on crops of photographs",
        build=small_vgg,
        epochs=6,
        lr=0.1,
        channels_last=True,
        **_PATCHES,
    ),
    Recipe(
        name="small_vgg_patches_robust",
        about="small_vgg_patches, trained on with attacked images",
        build=small_vgg,
        epochs=4,
        lr=0.05,
        channels_last=True,
        adversary=Adversary("l2", 1.0, 1, 1.0),
        starts_from="small_vgg_patches",
        **_PATCHES,
    ),
    Recipe(
        name="small_resnet_patches",
        about="six basic blocks with shortcuts, in the manner of ResNet, on crops of photographs",
        build=small_resnet,
        epochs=6,
        lr=0.1,
        channels_last=True,
        **_PATCHES,
    ),
    Recipe(
        name="small_vgg_letters",
        about="eight 3×3 convolutions with batch norm, 8 to 64 channels, on printed letters; to start other tasks from",
        data=(
            "32×32 printed capital letters, turned and bent: 3,000 from 16 typefaces to train, 1,000 from five others "
            "to test"
        ),
        build=partial(small_vgg, 26, channels=(8, 16, 32, 64), in_channels=1),
        train_data=lambda: letters("train", 3000),
        test_data=lambda: letters("test", 1000),
        epochs=3,
        **_GRAY,
    ),
    Recipe(
        name="small_vgg_gray_patches",
        about="the same net on grey crops of every second photograph; to start other tasks from",
        data=(
            "32×32 grey crops of 11 photographs, every second one, the label is which: 2,200 from 78 % of each "
            "photograph's 96×96 cells to train, 660 from the other 22 % to test; the same photographs, other places"
        ),
        build=partial(small_vgg, 11, channels=(8, 16, 32, 64), in_channels=1),
        train_data=lambda: gray_crops("first", "train", 200),
        test_data=lambda: gray_crops("first", "test", 60),
        epochs=6,
        augment=Mirror(),
        **_GRAY,
    ),
    Recipe(
        name="small_alexnet_patches_robust",
        about="five convolutions with large first filters, in the manner of AlexNet, on attacked crops of photographs",
        build=small_alexnet,
        epochs=6,
        lr=0.1,
        adversary=Adversary("l2", 1.0, 1, 1.0),
        **_PATCHES,
    ),
)
RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in _ALL})


def recipe(name: str) -> Recipe:
    """The recipe called `name`. Raises ValueError for an unknown name, naming the nearest and all known ones."""
    if name in RECIPES:
        return RECIPES[name]
    starts = [known for known in RECIPES if isinstance(name, str) and known.startswith(name)]
    near = starts or difflib.get_close_matches(str(name), RECIPES, n=2, cutoff=0.5)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(f"zoo: there is no net {name!r}. {hint}Expected one of {', '.join(map(repr, RECIPES))}")
