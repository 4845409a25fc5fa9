"""The loss of several outputs at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from dovetail.objective.losses import Loss

__all__ = ["OutputsLoss"]


@dataclass(frozen=True)
class OutputsLoss(Loss):
    """Σ_c l_c(y_c, F_c): each output has a target and a score of its own. y, F : of shape (n, k).

    losses : k losses of one output, of one kind
    """

    losses: tuple[Loss, ...]

    @property
    def response(self) -> str:  # type: ignore[override]
        """That of each."""
        return self.losses[0].response

    @property
    def constant_curvature(self) -> bool:  # type: ignore[override]
        """That of each."""
        return self.losses[0].constant_curvature

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.stack([one.value(t, s) for one, t, s in self._each(y, F)]).sum(0)

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return _beside(one.gradient(t, s) for one, t, s in self._each(y, F))

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return _beside(one.curvature(t, s) for one, t, s in self._each(y, F))

    def gradient_curvature(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        g, h = zip(*(one.gradient_curvature(t, s) for one, t, s in self._each(y, F)), strict=True)
        return _beside(g), _beside(h)

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        return torch.stack([one.constant_fit(t, w) for one, t, _ in self._each(y, y)])

    def check_targets(self, y: Tensor) -> str:
        return next(filter(None, (one.check_targets(t) for one, t, _ in self._each(y, y))), "")

    def adapted(self, y: Tensor, F: Tensor, w: Tensor | None) -> Self:
        return type(self)(tuple(one.adapted(t, s, w) for one, t, s in self._each(y, F)))

    def _each(self, y: Tensor, F: Tensor) -> Iterator[tuple[Loss, Tensor, Tensor]]:
        """Each loss with its target and score."""
        return zip(self.losses, y.unbind(1), F.unbind(1), strict=True)


def _beside(columns: Iterable[Tensor]) -> Tensor:
    return torch.stack(tuple(columns), dim=1)
