"""The normalisations as modules, with torch's arguments, parameter and buffer names: state dicts go back and forth."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.layers.norm import batch_norm, local_response_norm


class _BatchNorm(nn.Module):
    """What the three modules share: weight (1 at first) and bias (0) with `affine`, and the running statistics.

    In training they follow the batches, with `momentum`, or as the plain mean over all of them if that is None; in
    evaluation they take the place of the batch's own. Without track_running_stats the batch's own are always used.
    """

    _version = 2  # of the state dict: since 2 with num_batches_tracked
    dims: ClassVar[tuple[int, ...]]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = whole(f"{type(self).__name__}: num_features", num_features, 0)
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, there in (("weight", affine), ("bias", affine and bias)):
            value = torch.empty(num_features, device=device, dtype=dtype)
            self.register_parameter(name, nn.Parameter(value) if there else None)
        self._make_statistics(device, dtype)
        self.reset_parameters()

    def _make_statistics(self, device: Any, dtype: torch.dtype | None) -> None:
        there = self.track_running_stats
        for name in ("running_mean", "running_var"):
            value = torch.empty(self.num_features, device=device, dtype=dtype)
            self.register_buffer(name, value if there else None)
        count = torch.tensor(0, dtype=torch.long, device=device)
        self.register_buffer("num_batches_tracked", count if there else None)

    def reset_running_stats(self) -> None:
        """Forget all batches."""
        if self.track_running_stats:
            for name, value in (("running_mean", 0), ("running_var", 1), ("num_batches_tracked", 0)):
                self.get_buffer(name).fill_(value)

    def reset_parameters(self) -> None:
        """Forget all batches, and set weight and bias to their initial values."""
        self.reset_running_stats()
        for name, parameter in self.named_parameters(recurse=False):
            nn.init.constant_(parameter, 1.0 if name == "weight" else 0.0)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise each channel; in training, take the batch into the running statistics."""
        if isinstance(input, Tensor) and input.dim() not in self.dims:
            raise ValueError(
                f"{type(self).__name__}: input has shape {tuple(input.shape)}; expected "
                f"{' or '.join(map(str, self.dims))} axes, (N, C, ...)"
            )
        mean, var = self._buffers["running_mean"], self._buffers["running_var"]
        weight, bias = self._parameters["weight"], self._parameters["bias"]
        if not self.training and mean is not None and var is not None:
            return batch_norm(input, mean, var, weight, bias, eps=self.eps)
        follow = self.training and self.track_running_stats
        momentum = self._count() if follow else 0.0
        return batch_norm(
            input, mean if follow else None, var if follow else None, weight, bias, True, momentum, self.eps
        )

    def _count(self) -> float:
        """Count the batch, and say with which momentum it enters."""
        count = self._buffers["num_batches_tracked"]
        if count is not None:
            count.add_(1)
        if self.momentum is not None:
            return self.momentum
        return 1 / float(count) if count is not None else 0.0  # the mean of the first n batches

    def extra_repr(self) -> str:
        """The arguments, as torch prints them."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self._parameters['bias'] is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *others: Any) -> None:
        """Weights saved before num_batches_tracked was there load with the count as it is."""
        old = (local_metadata.get("version") or 0) < 2
        if old and self.track_running_stats:
            state_dict.setdefault(f"{prefix}num_batches_tracked", self._buffers["num_batches_tracked"])
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)


class BatchNorm1d(_BatchNorm):
    """`batch_norm` of (N, C) or (N, C, L); arguments as `torch.nn.BatchNorm1d`."""

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`batch_norm` of images (N, C, H, W); arguments as `torch.nn.BatchNorm2d`."""

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """`batch_norm` of videos or volumes (N, C, T, H, W); arguments as `torch.nn.BatchNorm3d`."""

    dims = (5,)


class LocalResponseNorm(nn.Module):
    """`local_response_norm` as a module; arguments as `torch.nn.LocalResponseNorm`."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = whole("LocalResponseNorm: size", size, 1)
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        """Divide by the strength of the neighbouring channels."""
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The arguments, as torch prints them."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
