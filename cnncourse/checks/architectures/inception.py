"""Exercise `Inception`: four branches over one input, stacked as channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnncourse.checks.architectures.modules import public_cases
from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
import torch
from torch import nn

class Inception(nn.Module):
    def __init__(self, c_in, filters):
        super().__init__()
        one, reduce3, three, reduce5, five, pool = filters
        self.branch1 = nn.Sequential(nn.Conv2d(c_in, one, 1), nn.ReLU())
        self.branch2 = nn.Sequential(
            nn.Conv2d(c_in, reduce3, 1), nn.ReLU(), nn.Conv2d(reduce3, three, 3, padding=1), nn.ReLU()
        )
        self.branch3 = nn.Sequential(
            nn.Conv2d(c_in, reduce5, 1), nn.ReLU(), nn.Conv2d(reduce5, five, 5, padding=2), nn.ReLU()
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(c_in, pool, 1), nn.ReLU())

    def forward(self, x):
        branches = [self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)]
        return torch.cat(branches, dim=1)
"""
FIRST = "nn.Conv2d(c_in, one, 1), nn.ReLU()"
REDUCE3, REDUCE5 = "nn.Conv2d(c_in, reduce3, 1), nn.ReLU()", "nn.Conv2d(c_in, reduce5, 1), nn.ReLU()"
THREE, FIVE = "nn.Conv2d(reduce3, three, 3, padding=1)", "nn.Conv2d(reduce5, five, 5, padding=2)"
POOL, LAST = "nn.MaxPool2d(3, stride=1, padding=1)", "nn.Conv2d(c_in, pool, 1)"
BRANCHES = "[self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)]"
CAT = "torch.cat(branches, dim=1)"

MISTAKES = catalogue(
    "Inception",
    BASE,
    [
        wrong(
            "five_is_three",
            "The third branch has a 5×5 filter; yours is 3×3, as a widely used library has it by mistake.",
            (FIVE, "nn.Conv2d(reduce5, five, 3, padding=1)"),
        ),
        wrong(
            "three_is_five",
            "The second branch has a 3×3 filter, the third the 5×5; yours have changed places.",
            (THREE, "nn.Conv2d(reduce3, three, 5, padding=2)"),
            (FIVE, "nn.Conv2d(reduce5, five, 3, padding=1)"),
        ),
        wrong(
            "no_reduction",
            "The large filters see the input itself. A 1×1 layer with its ReLU stands in front of each.",
            (f"{REDUCE3}, {THREE}", "nn.Conv2d(c_in, three, 3, padding=1)"),
            (f"{REDUCE5}, {FIVE}", "nn.Conv2d(c_in, five, 5, padding=2)"),
        ),
        wrong(
            "reduction_without_relu",
            "There is no ReLU behind the 1×1 reductions. Every convolution of the module has one.",
            (REDUCE3, REDUCE3.replace("nn.ReLU", "nn.Identity")),
            (REDUCE5, REDUCE5.replace("nn.ReLU", "nn.Identity")),
        ),
        wrong(
            "branches_without_relu",
            "The 1×1 filters of the first and the last branch need a ReLU too.",
            (FIRST, FIRST.replace("nn.ReLU", "nn.Identity")),
            (f"{LAST}, nn.ReLU()", f"{LAST}, nn.Identity()"),
        ),
        wrong(
            "last_relu_missing",
            "There is no ReLU behind the 3×3 and the 5×5 layer. Every convolution of the module has one.",
            (f"{THREE}, nn.ReLU()", f"{THREE}, nn.Identity()"),
            (f"{FIVE}, nn.ReLU()", f"{FIVE}, nn.Identity()"),
        ),
        wrong(
            "no_relu",
            "There is no ReLU at all. Every convolution of the module has one.",
            (FIRST, FIRST.replace("nn.ReLU", "nn.Identity")),
            (REDUCE3, REDUCE3.replace("nn.ReLU", "nn.Identity")),
            (REDUCE5, REDUCE5.replace("nn.ReLU", "nn.Identity")),
            (f"{THREE}, nn.ReLU()", f"{THREE}, nn.Identity()"),
            (f"{FIVE}, nn.ReLU()", f"{FIVE}, nn.Identity()"),
            (f"{LAST}, nn.ReLU()", f"{LAST}, nn.Identity()"),
        ),
        wrong(
            "average_pooling",
            "The fourth branch averages. It takes the largest of 3×3 pixels.",
            (POOL, POOL.replace("Max", "Avg")),
        ),
        wrong(
            "pooling_missing",
            "The fourth branch does not pool: 3×3 max pooling with stride 1 and padding 1 comes first.",
            (POOL, "nn.Identity()"),
        ),
        wrong(
            "pooling_last",
            "In the fourth branch the pooling comes first and has number 0, then come the 1×1 filters.",
            (f"{POOL}, {LAST}, nn.ReLU()", f"{LAST}, nn.ReLU(), {POOL}"),
        ),
        wrong(
            "pooling_alone",
            "The fourth branch gives out the pooled input. A 1×1 layer makes `pool` channels of it.",
            (f"{POOL}, {LAST}, nn.ReLU()", POOL),
        ),
        wrong(
            "branches_in_another_order",
            "The branches are stacked in another order. First branch1, last branch4.",
            (BRANCHES, "[self.branch4(x), self.branch3(x), self.branch2(x), self.branch1(x)]"),
        ),
        wrong(
            "pooled_branch_first",
            "The branch with the pooling goes last into the output.",
            (BRANCHES, "[self.branch4(x), self.branch1(x), self.branch2(x), self.branch3(x)]"),
        ),
        wrong(
            "filters_in_another_order",
            "You read the six numbers as the four outputs, then the two reductions. The order is the table's.",
            (
                "one, reduce3, three, reduce5, five, pool = filters",
                "one, three, five, pool, reduce3, reduce5 = filters",
            ),
        ),
        wrong(
            "no_biases",
            "The convolutions have no biases. There is no batch norm here, so they need them.",
            (FIRST, FIRST.replace(", 1)", ", 1, bias=False)")),
            (REDUCE3, REDUCE3.replace(", 1)", ", 1, bias=False)")),
            (REDUCE5, REDUCE5.replace(", 1)", ", 1, bias=False)")),
            (THREE, THREE.replace("padding=1", "padding=1, bias=False")),
            (FIVE, FIVE.replace("padding=2", "padding=2, bias=False")),
            (LAST, LAST.replace(", 1)", ", 1, bias=False)")),
        ),
        wrong(
            "relu_on_the_input",
            "A ReLU stands in front of the branches. The input goes in as it is.",
            (BRANCHES, "[branch(x.relu()) for branch in (self.branch1, self.branch2, self.branch3, self.branch4)]"),
        ),
        wrong(
            "shortcut_added",
            "You add the input, as a residual block would. The branches are stacked, and nothing is added.",
            (CAT, f"{CAT} + x.mean(dim=1, keepdim=True)"),
        ),
    ],
)


class Reference(nn.Module):
    """Each branch a loop over its layers."""

    def __init__(self, c_in: int, filters: Sequence[int]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pool = filters
        self.branch1 = self._branch([(c_in, one, 1)])
        self.branch2 = self._branch([(c_in, reduce3, 1), (reduce3, three, 3)])
        self.branch3 = self._branch([(c_in, reduce5, 1), (reduce5, five, 5)])
        self.branch4 = self._branch([(c_in, pool, 1)], nn.MaxPool2d(3, 1, 1))

    @staticmethod
    def _branch(layers: Sequence[tuple[int, int, int]], *before: nn.Module) -> nn.Sequential:
        made = nn.Sequential(*before)
        for c, f, kernel in layers:
            made.extend([nn.Conv2d(c, f, kernel, padding=kernel // 2), nn.ReLU()])
        return made

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, H, W) -> (N, the four branches together, H, W)."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


def public() -> list[Case]:
    """Two modules in which all numbers differ."""
    return public_cases(
        Reference,
        ("3 channels in", (3, (2, 3, 1, 2, 4, 5)), (2, 3, 4, 5)),
        ("6 channels in", (6, (1, 2, 4, 5, 3, 2)), (1, 6, 5, 6)),
    )


FORBIDDEN = ("cnncourse.models", "cnncourse.zoo", "torchvision")
EXERCISE = Exercise("Inception", 4.0, Reference, public, MISTAKES, FORBIDDEN)
