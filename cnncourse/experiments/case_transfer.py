"""The experiments of the chapter *Transfer*: two nets to start from, two tasks, few labels or many.

The tasks are the real digits and ten photographs; the nets learned letters and eleven other photographs. So each task
has one net that knows something like it, one that does not, and a net that knows nothing.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d
from torch.optim import SGD

from cnncourse import zoo
from cnncourse.data import digits
from cnncourse.data.transfer import gray_crops
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.models import small_vgg
from cnncourse.models.small import SmallNet
from cnncourse.train import one_cycle

Pair = tuple[Tensor, Tensor]
TASKS = ("digits", "photographs")
STARTS = {"letters": "small_vgg_letters", "photographs": "small_vgg_gray_patches"}
LIKE = {"digits": "letters", "photographs": "photographs"}
UNLIKE = {"digits": "photographs", "photographs": "letters"}
CHANNELS = (8, 16, 32, 64)
CLASSES, PAIR_LAYERS = 10, 7  # a pair: convolution, batch norm, ReLU, twice, and pooling
STEPS = {2: 50, 5: 60, 20: 100, 100: 150}  # by labelled pictures of each class
EACH, FEW, MANY, BETWEEN = tuple(STEPS), 5, 100, 20
BATCH, RATE, LONGER = 16, 0.05, 3
SHARES = {"1": 1.0, "1/10": 0.1, "1/100": 0.01}


class Still(nn.Sequential):
    """Layers that stay as they are: no gradient for their weights, and batch norm keeps its statistics."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> Still:
        """Evaluation mode, whatever is asked: in training mode batch norm would follow the new pictures."""
        super().train(False)
        return self


@cache
def _everything(task: str, split: str) -> Pair:
    if task == "digits":
        written = digits(split)
        return written.images, written.labels
    crops = gray_crops("second", split, 110 if split == "train" else 50)
    return crops.images, crops.labels


def held_out(task: str) -> Pair:
    """500 pictures: digits of other writers, or other cells of the same ten photographs."""
    return _everything(task, "test")


def order(task: str, each: int, longer: int = 1) -> Tensor:
    """`each` training pictures of every class, drawn by the seed, again and again until all batches are filled."""
    labels = _everything(task, "train")[1]
    draw = torch.Generator().manual_seed(torch.initial_seed())
    places = [(labels == c).nonzero()[:, 0] for c in range(CLASSES)]
    chosen = torch.cat([place[torch.randperm(len(place), generator=draw)[:each]] for place in places])
    count = longer * STEPS[each] * BATCH
    rounds = -(-count // len(chosen))
    again = [chosen[torch.randperm(len(chosen), generator=draw)] for _ in range(rounds)]
    return torch.cat(again)[:count]


def labelled(task: str, each: int, longer: int = 1) -> Pair:
    """The pictures to train on, in `order`."""
    images, labels = _everything(task, "train")
    chosen = order(task, each, longer)
    return images[chosen], labels[chosen]


def started(start: str | None, frozen: int = 0) -> SmallNet:
    """The net with a new last layer: from nothing, or from one of `STARTS` with its first `frozen` pairs standing."""
    if start is None:
        return small_vgg(CLASSES, channels=CHANNELS, in_channels=1)
    net: SmallNet = _loaded(start)
    net.classifier = nn.Linear(CHANNELS[-1], CLASSES)
    layers = list(net.features)
    cut = frozen * PAIR_LAYERS
    net.features = nn.Sequential(Still(*layers[:cut]), *layers[cut:])
    return net


def groups(net: SmallNet, share: float) -> list[dict[str, Any]]:
    """The last layer at the full rate, what moves below it at `share` of it."""
    below = [w for w in net.features.parameters() if w.requires_grad]
    head = {"params": list(net.classifier.parameters()), "lr": RATE}
    return [head, {"params": below, "lr": share * RATE}] if below else [head]


def head(inputs: int) -> nn.Linear:
    """The new last layer alone, for features that were computed before."""
    return nn.Linear(inputs, CLASSES)


def codes(images: Tensor, start: str) -> list[Tensor]:
    """What a net makes of pictures, stage by stage: each map's mean in its four quarters, (N, channels, 2, 2)."""
    net, found = _loaded(start), list[Tensor]()
    with torch.no_grad():
        maps = net.centre(images)
        for stage in range(len(CHANNELS)):
            maps = net.features[stage * PAIR_LAYERS : (stage + 1) * PAIR_LAYERS](maps)
            found.append(adaptive_avg_pool2d(maps, 2))
    return found


def labelled_codes(task: str, each: int, start: str, stage: int, side: int) -> Pair:
    """As `labelled`, with what the net makes of the pictures."""
    chosen = order(task, each)
    return _code(task, "train", start, stage, side)[chosen], _everything(task, "train")[1][chosen]


def held_out_codes(task: str, start: str, stage: int, side: int) -> Pair:
    """As `held_out`, with what the net makes of the pictures."""
    return _code(task, "test", start, stage, side), _everything(task, "test")[1]


def _code(task: str, split: str, start: str, stage: int, side: int) -> Tensor:
    quarters = _codes_of(task, split, start)[stage - 1]
    return quarters.flatten(1) if side == 2 else quarters.mean((2, 3))


@cache
def _codes_of(task: str, split: str, start: str) -> list[Tensor]:
    return codes(_everything(task, split)[0], start)


def _loaded(start: str) -> Any:
    return zoo.load(STARTS[start])


def _fixed(task: str, each: int, start: str, stage: int = 4, side: int = 1) -> Training:
    """The net stands; its codes are computed once, and only a new last layer is trained."""
    where: dict[str, Any] = {"start": start, "stage": stage, "side": side}
    return Training(
        build=partial(head, CHANNELS[stage - 1] * side**2), train=partial(labelled_codes, task, each, **where),
        val=partial(held_out_codes, task, **where), epochs=1, batch_size=BATCH,
        optimizer=partial(SGD, lr=RATE, momentum=0.9), schedule=one_cycle,
    )  # fmt: skip


def _tuned(
    task: str, each: int, start: str | None, *, frozen: int = 0, share: float = 1.0, longer: int = 1
) -> Training:
    """The net trains on, from pair `frozen` + 1 upwards."""
    return Training(
        build=partial(started, start, frozen), train=partial(labelled, task, each, longer), val=partial(held_out, task),
        epochs=1, batch_size=BATCH, groups=partial(groups, share=share),
        optimizer=partial(SGD, lr=RATE, momentum=0.9), schedule=one_cycle, options={"channels_last": True},
    )  # fmt: skip


def _by_labels() -> dict[str, Training]:
    """From nothing, and from nets that learned something like the task or unlike it, of which more or less moves."""
    arms = {}
    for each in EACH:
        for task in TASKS:
            here = f"{task}, {each}"
            arms[f"{here}: from nothing"] = _tuned(task, each, None)
            arms[f"{here}: like, last layer"] = _fixed(task, each, LIKE[task])
            arms[f"{here}: unlike, last layer"] = _fixed(task, each, UNLIKE[task])
            arms[f"{here}: like, all layers"] = _tuned(task, each, LIKE[task])
        if each in (FEW, MANY):
            for task in TASKS:
                arms[f"{task}, {each}: unlike, all layers"] = _tuned(task, each, UNLIKE[task])
    arms[f"photographs, {MANY}: from nothing, longer"] = _tuned("photographs", MANY, None, longer=LONGER)
    return arms


def _by_depth(task: str) -> dict[str, Training]:
    arms = {"0 pairs": _fixed(task, BETWEEN, LIKE[task])}
    for moving in (1, 2, 4):
        for name, share in SHARES.items():
            arms[f"{moving} pairs, {name}"] = _tuned(task, BETWEEN, LIKE[task], frozen=4 - moving, share=share)
    return arms


def _by_stage() -> dict[str, Training]:
    """A linear classifier on what comes out of each pair, in four quarters of the picture."""
    return {
        f"{task}, {kind}, {each}: {stage} pairs": _fixed(task, each, start, stage, 2)
        for task in TASKS
        for kind, start in (("like", LIKE[task]), ("unlike", UNLIKE[task]))
        for each in (FEW, MANY)
        for stage in (1, 2, 3, 4)
    }


_DATA = (
    "grey 32×32 pictures of ten classes each: scikit-learn's handwritten digits, the first 1,297 to draw from, the "
    "last 500 held out; crops of ten photographs, 1,100 from 78 % of their cells to draw from, 500 from the others "
    "held out; each seed draws other labelled pictures"
)
EXPERIMENTS = (
    Experiment(
        "transfer_labels", "Accuracy by the number of labelled pictures, from nothing and from two trained nets.",
        _DATA, _by_labels(),
    ),
    Experiment(
        "transfer_depth", "How many pairs of layers move, and at which share of the last layer's rate.", _DATA,
        _by_depth("digits"),
    ),
    Experiment(
        "transfer_stages", "A linear classifier on what a trained net makes of pictures, after 1 to 4 pairs.", _DATA,
        _by_stage(),
    ),
)  # fmt: skip
