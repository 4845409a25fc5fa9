"""Losses that are 0 where a score is good enough: of two classes, y in {−1, 1}, by the margin y F;
of numbers by the distance |F − y| from a tube of half width ε around them.

Their second derivative is 0 nearly everywhere or jumps; where it is 0 everywhere, 1 is taken. The
best constant has no closed form; it is where the summed derivative changes sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dovetail.objective.losses import Loss

__all__ = [
    "EpsilonInsensitive",
    "Hinge",
    "ModifiedHuber",
    "SquaredEpsilonInsensitive",
    "SquaredHinge",
]


_HALVINGS = 60  # of the interval that holds the best constant: to the last digit of float64


class _Bisected(Loss):
    """A convex loss whose best constant is found by halving an interval."""

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        low, high = y.amin().clamp(max=-1.0), y.amax().clamp(min=1.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            slope = self.gradient(y, middle.expand_as(y))
            rises = (slope if w is None else slope * w).sum() > 0
            low, high = torch.where(rises, low, middle), torch.where(rises, middle, high)
        return (low + high) / 2


@dataclass(frozen=True)
class Hinge(_Bisected):
    """max(0, threshold − y F): 1 is that of support-vector machines, 0 that of the perceptron."""

    threshold: float = 1.0
    constant_curvature: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return (self.threshold - y * F).clamp(min=0)

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.where(y * F <= self.threshold, -y, torch.zeros_like(F))

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.ones_like(F)


class SquaredHinge(_Bisected):
    """max(0, 1 − y F)²."""

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return (1 - y * F).clamp(min=0).square()

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return -2 * y * (1 - y * F).clamp(min=0)

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return 2 * (y * F < 1).to(F.dtype)


class ModifiedHuber(_Bisected):
    """max(0, 1 − y F)² where y F ≥ −1, else −4 y F (Zhang 2004,
    https://doi.org/10.1145/1015330.1015332); (clip(F, −1, 1) + 1) / 2 is a probability.
    """

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        z = y * F
        return torch.where(z >= -1, (1 - z).clamp(min=0).square(), -4 * z)

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return -2 * y * (1 - y * F).clamp(0, 2)

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return 2 * ((y * F).abs() < 1).to(F.dtype)


@dataclass(frozen=True)
class EpsilonInsensitive(_Bisected):
    """max(0, |F − y| − ε)."""

    epsilon: float = 0.1
    constant_curvature: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return ((F - y).abs() - self.epsilon).clamp(min=0)

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        r = F - y
        return torch.where(r.abs() > self.epsilon, r.sign(), torch.zeros_like(r))

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.ones_like(F)


@dataclass(frozen=True)
class SquaredEpsilonInsensitive(_Bisected):
    """max(0, |F − y| − ε)²."""

    epsilon: float = 0.1

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return ((F - y).abs() - self.epsilon).clamp(min=0).square()

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        r = F - y
        return 2 * r.sign() * (r.abs() - self.epsilon).clamp(min=0)

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return 2 * ((F - y).abs() > self.epsilon).to(F.dtype)
