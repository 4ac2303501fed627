"""Official weights: from a file, or by URL with checksum, resumed where they broke off, and kept.

The files are those that torchvision's models are published with (https://pytorch.org/vision/stable/models.html). The
eight hexadecimal digits in a name are the head of the file's SHA-256, so every file is checked against its own name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from cnncourse.models.download import DownloadError, OfflineError, fetch

__all__ = ["OFFICIAL", "DownloadError", "OfflineError", "Weights", "with_weights"]

Weights: TypeAlias = "str | Path | None"
Model = TypeVar("Model", bound=nn.Module)

BASE = "https://download.pytorch.org/models/"
OFFICIAL = {
    "alexnet": "alexnet-owt-7be5be79.pth",
    "vgg11": "vgg11-8a719046.pth",
    "vgg11_bn": "vgg11_bn-6002323d.pth",
    "vgg13": "vgg13-19584684.pth",
    "vgg13_bn": "vgg13_bn-abd245e5.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg16_bn": "vgg16_bn-6c64b313.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vgg19_bn": "vgg19_bn-c79401a0.pth",
    "googlenet": "googlenet-1378be20.pth",
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "resnet152": "resnet152-394f9c45.pth",
    "densenet121": "densenet121-a639ec97.pth",
    "densenet161": "densenet161-8d451a50.pth",
    "densenet169": "densenet169-b2777c0a.pth",
    "densenet201": "densenet201-c1103571.pth",
}
_CLASSES, _CHANNELS = 1000, 3


def with_weights(model: Model, name: str, weights: Weights) -> Model:
    """`model` with the weights that are asked for; it is changed in place and returned.

    weights: None leaves it as it is; "imagenet" takes the official ones for `name`, for RGB images whose channels are
    normalised by mean (0.485, 0.456, 0.406) and deviation (0.229, 0.224, 0.225), from the cache or by download; any
    other string is the path of a state dict that torch saved. Only tensors are read from the file, never code.

    Raises ValueError for a name without official weights, a model that they do not fit, or a file that is no state dict
    of this model; FileNotFoundError for a path without a file; OfflineError and DownloadError.
    """
    if weights is None:
        return model
    if not isinstance(weights, (str, Path)):
        raise TypeError(
            f"{name}: weights is a {type(weights).__name__}; expected None, 'imagenet' or the path of a file"
        )
    path = _official(model, name) if weights == "imagenet" else Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            f"{name}: weights is {str(weights)!r}; expected 'imagenet' or the path of a state dict, and there is no "
            f"such file (looked in {path.resolve().parent})"
        )
    state = _read(path, name)
    if weights == "imagenet":
        state = renamed(state, model)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{name}: the file {path} is for another network. {error}") from error
    return model


def refuse_official(name: str, weights: Weights, reason: str) -> None:
    """Raise ValueError, with the reason, if the official weights are asked for in a model that they are not for."""
    if weights == "imagenet":
        raise ValueError(f"{name}: the official weights {reason}. A state dict of your own goes in as weights=PATH.")


def _official(model: nn.Module, name: str) -> Path:
    """The file with the official weights, downloaded if it is not there yet."""
    if name not in OFFICIAL:
        raise ValueError(
            f"{name}: there are no official weights for it; expected weights=None or the path of a state dict. "
            f"'imagenet' works for {', '.join(OFFICIAL)}. Small trained nets come with the course: see cnncourse.zoo."
        )
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    linears = [m for m in model.modules() if isinstance(m, nn.Linear)]
    classes, channels = linears[-1].out_features, convolutions[0].in_channels
    if (classes, channels) != (_CLASSES, _CHANNELS):
        raise ValueError(
            f"{name}: the official weights are for {_CLASSES} classes and {_CHANNELS} channels; got "
            f"num_classes={classes}, in_channels={channels}. Load them first and replace the last layer then."
        )
    file = OFFICIAL[name]
    return fetch(BASE + file, Path(torch.hub.get_dir()) / "checkpoints" / file, sha256_head=file[-12:-4], what=name)


def _read(path: Path, name: str) -> dict[str, Tensor]:
    """The state dict in a file."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a file that torch did not write makes of its reader
        # torch's own message advises to switch the protection off; it stays in the traceback only
        raise ValueError(
            f"{name}: cannot read {path} as weights ({type(error).__name__}): it is no file of torch, it is "
            "damaged, or there is code in it. Expected one made by torch.save(model.state_dict(), path)."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(
            f"{name}: {path} holds a {type(state).__name__} that is no state dict; expected a file made by "
            "torch.save(model.state_dict(), path). A checkpoint with more in it? Save the state dict alone."
        )
    return state


_OLD_DENSE = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\.\w+)$")


def renamed(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Official weights under the names of today, without the auxiliary heads if `model` has none.

    In 2017 DenseNet's layers were called norm.1, conv.1, norm.2 and conv.2; a name may hold no dot now.
    """
    state = {_OLD_DENSE.sub(r"\1\2", key): value for key, value in state.items()}
    heads = [head for head in ("aux1", "aux2") if getattr(model, head, head) is None]
    return {key: value for key, value in state.items() if key.partition(".")[0] not in heads}
