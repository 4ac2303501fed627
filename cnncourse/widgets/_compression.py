"""What the compression explorer shows of a network: measured for every pair of settings.

`python -m cnncourse.widgets._compression` measures the zoo's LeNet-5 again and writes the file that the widget reads.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.compress import deflated, prune, rounded, save, weighted
from cnncourse.train import accuracy

STORED = Path(__file__).with_name("compression_explorer.json")
CUTS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)
BITS = (32, 8, 6, 5, 4, 3, 2)
BINS = 61
ABOUT = "LeNet-5 of the zoo, handwritten digits."


def measured(
    model: nn.Module, data: Any, cuts: Sequence[float] = CUTS, bits: Sequence[int] = BITS, about: str = ""
) -> dict[str, Any]:
    """Accuracy, bytes and bytes after deflate for each share cut and number of bits, and what the figure draws.

    The smallest weights of all layers together are cut, the rest of each layer is rounded with one scale
    (`cnncourse.compress.rounded`); 32 bits mean no rounding.
    """
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    first = next(layer for _, layer in layers if isinstance(layer, nn.Conv2d)).weight.detach()
    reach = [layer.weight.detach().abs().max().item() for _, layer in layers]
    sizes = [layer.weight.numel() for _, layer in layers]
    parts = zip(layers, sizes, reach, strict=True)
    named = [{"name": name, "counts": count, "reach": most} for (name, _), count, most in parts]
    found: dict[str, Any] = {
        "cuts": list(cuts), "bits": list(bits), "images": len(data.labels), "about": about, "bins": BINS,
        "shape": [first.shape[0], 1, *first.shape[2:]], "filters": first.mean(1).flatten().tolist(), "layers": named,
        "largest": sizes.index(max(sizes)), "threshold": [], "accuracy": [], "bytes": [], "deflated": [], "bars": [],
    }  # fmt: skip
    for cut in cuts:
        thin = _cut(model, cut)
        found["threshold"].append(_threshold(model, thin))
        rows = [_one(thin if width == 32 else rounded(thin, width, None), data, reach) for width in bits]
        for name, column in zip(("accuracy", "bytes", "deflated", "bars"), zip(*rows, strict=True), strict=True):
            found[name].append(list(column))
    return found


def _cut(model: nn.Module, share: float) -> nn.Module:
    thin = copy.deepcopy(model)
    prune.global_unstructured(weighted(thin), share)
    return thin


def _threshold(model: nn.Module, thin: nn.Module) -> float:
    """The largest absolute value that was cut; 0 if none was."""
    pairs = zip(weighted(model), weighted(thin), strict=True)
    cut = [old.weight.detach().abs()[new.weight.detach() == 0] for (old, _), (new, _) in pairs]
    return max((part.max().item() for part in cut if part.numel()), default=0.0)


def _one(net: nn.Module, data: Any, reach: Sequence[float]) -> tuple[float, int, int, list[Any]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net"
        size = save(net, file)
        packed = deflated(file)
    bars = [_bars(layer.weight.detach(), top) for (layer, _), top in zip(weighted(net), reach, strict=True)]
    return accuracy(net, data, device="cpu"), size, packed, bars


def _bars(weight: Tensor, reach: float) -> list[list[float]]:
    """[value, how many]: of each value if there are few, else of each of BINS classes from −reach to reach."""
    values, counts = torch.unique(weight, return_counts=True)
    if len(values) > BINS:
        step = 2 * reach / (BINS - 1)
        numbers = (weight.flatten() / step).round().long() + BINS // 2
        counts = torch.bincount(numbers, minlength=BINS)
        values = (torch.arange(BINS) - BINS // 2) * step
    return [[float(f"{v:.4g}"), n] for v, n in zip(values.tolist(), counts.tolist(), strict=True) if n]


def main() -> None:
    """Measure the zoo's LeNet-5 on the held-out digits, and store it."""
    from cnncourse import zoo
    from cnncourse.data import digits

    found = measured(zoo.load("lenet_digits"), digits("test"), about=ABOUT)
    STORED.write_text(json.dumps(found, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
