"""Stochastic gradient descent with momentum, written out. The package's reference for `torch.optim.SGD`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class SGD(Optimizer):
    """Gradient descent with momentum, Nesterov's momentum and weight decay; arguments and numbers as `torch.optim.SGD`.

    With learning rate lr, momentum mu, dampening tau and weight decay lambda, a step changes each parameter w by

        g = dL/dw + lambda w          (weight decay: the gradient of lambda/2 |w|^2 is added)
        v = mu v + (1 - tau) g        (momentum; at a parameter's first step v = g)
        w = w - lr v                  (plain)      or      w = w - lr (g + mu v)      (Nesterov)

    Without momentum v = g. The rate stands outside v, so a changed rate acts on all of the velocity at once; the papers
    put it inside. Nesterov's form looks at the gradient where the velocity leads, written for the point looked from.
    `maximize` climbs instead. Every setting may differ by parameter group; state dicts interchange with torch's.

    Raises ValueError/TypeError for settings out of range, for Nesterov without momentum or with dampening, and for
    sparse gradients.

    Sources: Polyak 1964, doi:10.1016/0041-5553(64)90137-5 (momentum); Nesterov 1983, Soviet Math. Doklady 27, 372-376;
    Sutskever et al. 2013, ICML, proceedings.mlr.press/v28/sutskever13 (both, for deep nets).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, settings)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own."""
        _check({**self.defaults, **param_group})
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient. `closure` computes the loss again, and is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    w.add_(self._direction(w, group), alpha=-group["lr"])
        return loss

    def _direction(self, w: Tensor, group: dict[str, Any]) -> Tensor:
        """What the rate is multiplied with: the gradient, or the velocity."""
        if w.grad is None or w.grad.is_sparse:
            raise TypeError(
                "SGD: a gradient is sparse; expected dense ones. Use torch.optim.SparseAdam for embeddings."
            )
        g = -w.grad if group["maximize"] else w.grad
        mu = group["momentum"]
        if group["weight_decay"] != 0:
            g = g.add(w, alpha=group["weight_decay"])
        if mu == 0:
            return g
        v: Tensor | None = self.state[w].get("momentum_buffer")
        if v is None:
            v = self.state[w]["momentum_buffer"] = g.clone()
        else:
            v.mul_(mu).add_(g, alpha=1 - group["dampening"])
        return g.add(v, alpha=mu) if group["nesterov"] else v


def _check(group: dict[str, Any]) -> None:
    for name in ("lr", "momentum", "weight_decay"):
        if isinstance(group[name], bool) or not isinstance(group[name], (int, float)):
            raise TypeError(f"SGD: {name} is {group[name]!r}; expected a number ≥ 0")
        if not group[name] >= 0:
            raise ValueError(f"SGD: {name} is {group[name]!r}; expected a number ≥ 0")
    if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
        raise ValueError(
            f"SGD: nesterov=True with momentum={group['momentum']} and dampening={group['dampening']}; "
            "expected momentum > 0 and dampening 0"
        )
