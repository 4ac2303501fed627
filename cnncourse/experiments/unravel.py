"""A trained net of basic blocks taken apart: blocks left out, and its gradient sorted by the paths that it took.

A net of n residual blocks y = ReLU(F(x) + x) has 2ⁿ ways from its first block to its last: past or through each F.
Source: Veit, Wilber & Belongie 2016, arXiv:1605.06431.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cnncourse.models.cifar_resnet import PadChannels
from cnncourse.models.resnet import BasicBlock


def blocks_of(model: nn.Module) -> dict[str, BasicBlock]:
    """The basic blocks of a net by their names, in the order in which they stand."""
    return {name: module for name, module in model.named_modules() if isinstance(module, BasicBlock)}


@contextmanager
def without(*blocks: BasicBlock) -> Iterator[None]:
    """Inside, these blocks give ReLU(shortcut(x)): what F would add is left out, and nothing else is touched.

    A plain block has no shortcut. Its input passes as it is, or, where the block changes the shape, at every other
    pixel with zeros for the new channels.
    """
    with ExitStack() as stack:
        for block in blocks:
            handle = block.register_forward_hook(_bypass)
            stack.callback(handle.remove)
        yield


def _bypass(block: Any, inputs: tuple[Tensor], _output: Tensor) -> Tensor:
    past: Tensor = block.relu2(_shortcut(block, inputs[0]))
    return past


def _shortcut(block: BasicBlock, x: Tensor) -> Tensor:
    if block.downsample is not None:
        fitted: Tensor = block.downsample(x)
        return fitted
    return x if block.conv1.in_channels == block.conv2.out_channels else _pad(x)


_pad = PadChannels()


@dataclass(frozen=True)
class _Step:
    """What a block did to a batch: its input, what came past and through F, and where the sum was positive."""

    x: Tensor
    past: Tensor
    through: Tensor
    gate: Tensor


class Unravelled:
    """The gradient of a batch's loss for what enters the first block, as a sum over 2ⁿ paths; the weights stay fixed.

    `model` is a net whose basic blocks stand one behind another, in evaluation mode; the loss is the sum of the
    images' cross-entropies, so that every image has its own gradient. Which units a ReLU lets pass is that of the
    whole net's forward pass. Raises ValueError for a net without blocks, with plain ones, or in training mode.
    """

    def __init__(self, model: nn.Module, images: Tensor, labels: Tensor) -> None:
        blocks = list(blocks_of(model).values())
        if not blocks or not all(block.shortcut for block in blocks):
            raise ValueError(
                "Unravelled: expected a net of residual basic blocks, such as cifar_resnet or small_resnet"
            )
        if model.training:
            raise ValueError("Unravelled: the net is in training mode; expected model.eval()")
        inputs: list[Tensor] = []
        last: list[Tensor] = []
        handles = [block.register_forward_pre_hook(lambda _, args: inputs.append(args[0])) for block in blocks]
        handles.append(blocks[-1].register_forward_hook(lambda _m, _x, y: last.append(y)))
        try:
            with torch.enable_grad():
                loss = cross_entropy(model(images), labels, reduction="sum")
        finally:
            for handle in handles:
                handle.remove()
        self.whole: Tensor
        self.last: Tensor
        self.whole, self.last = torch.autograd.grad(loss, [inputs[0], last[0]])
        self.steps = [_step(block, x) for block, x in zip(blocks, inputs, strict=True)]

    def __len__(self) -> int:
        return len(self.steps)

    def along(self, through: Sequence[bool]) -> Tensor:
        """The gradient of one path, (N, C, H, W): `through` says for each block whether it goes through F."""
        if len(through) != len(self):
            raise ValueError(
                f"Unravelled: a path of {len(through)} choices; expected one for each of {len(self)} blocks"
            )
        dy = self.last
        for step, chosen in zip(reversed(self.steps), reversed(through), strict=True):
            dy = _back(step.through if chosen else step.past, step, dy)
        return dy

    def by_length(self) -> Tensor:
        """The sums over all paths of one length, (n + 1, N, C, H, W); element k has gone through k of the n F's.

        Computed block by block: the paths of length k before a block are those of length k past it and those of
        length k - 1 through it. All of them together are `whole`.
        """
        sums = [self.last]
        for step in reversed(self.steps):
            past = [_back(step.past, step, dy) for dy in sums]
            through = [_back(step.through, step, dy) for dy in sums]
            middle = [a + b for a, b in zip(past[1:], through[:-1], strict=True)]
            sums = [past[0], *middle, through[-1]]
        return torch.stack(sums)


def _step(block: BasicBlock, x: Tensor) -> _Step:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        past = _shortcut(block, x)
        through = block.bn2(block.conv2(block.relu1(block.bn1(block.conv1(x)))))
    return _Step(x, past, through, past.detach() + through.detach() > 0)


def _back(y: Tensor, step: _Step, dy: Tensor) -> Tensor:
    if y is step.x:
        return dy * step.gate
    return torch.autograd.grad(y, step.x, dy * step.gate, retain_graph=True)[0]
