"""Distillation: a small network learns what a large one says, wrong answers included."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax


def distillation_loss(
    logits: Tensor, teacher: Tensor, labels: Tensor, temperature: float = 4.0, alpha: float = 0.9
) -> Tensor:
    """α T² KL(softmax(teacher / T) ‖ softmax(logits / T)) + (1 − α) cross-entropy(logits, labels), the batch's mean.

    Logits and teacher (N, C), labels (N,). A temperature above 1 lifts the small probabilities; T² keeps the gradient's
    size. Source: Hinton et al. 2015, arXiv:1503.02531.
    Raises ValueError for shapes that do not fit, a temperature that is not positive, an alpha outside 0 … 1.
    """
    if logits.shape != teacher.shape or logits.dim() != 2:
        raise ValueError(
            f"distillation_loss: logits have shape {tuple(logits.shape)}, the teacher's {tuple(teacher.shape)}; "
            f"expected (N, C) for both"
        )
    if not temperature > 0 or not 0 <= alpha <= 1:
        raise ValueError(
            f"distillation_loss: temperature={temperature}, alpha={alpha}; expected a positive number and a share"
        )
    soft = kl_div(
        log_softmax(logits / temperature, dim=1), log_softmax(teacher / temperature, dim=1),
        reduction="batchmean", log_target=True,
    )  # fmt: skip
    return alpha * temperature**2 * soft + (1 - alpha) * cross_entropy(logits, labels)


def with_teacher(
    images: Tensor, teacher: Tensor, labels: Tensor, temperature: float = 4.0, alpha: float = 0.9
) -> tuple[tuple[Tensor, Tensor], Callable[[Tensor, Tensor], Tensor]]:
    """Data and loss for `cnncourse.train.fit`: the targets (N, C + 1) hold the teacher's logits, then the label."""
    targets = torch.cat([teacher, labels[:, None].to(teacher.dtype)], dim=1)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return distillation_loss(logits, target[:, :-1], target[:, -1].long(), temperature, alpha)

    return (images, targets), loss
