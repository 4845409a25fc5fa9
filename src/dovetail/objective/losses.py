"""Losses of raw scores: value, gradient and curvature in closed form.

A loss looks at targets y and raw scores F, before any link. Shapes: n rows; y (n,), F (n,), or F
(n, k) for k classes, where y holds class codes. Values, gradients and curvatures are per row;
weighting and summing is the caller's. The closed forms are tested against autograd.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "AbsoluteError",
    "BinaryLogLoss",
    "GammaDeviance",
    "HuberLoss",
    "IdentityTweedieDeviance",
    "Loss",
    "MultinomialLogLoss",
    "PinballLoss",
    "PoissonDeviance",
    "SquaredError",
    "TweedieDeviance",
]


_HUBER_STEPS, _HUBER_TOL = 20, 1e-9  # of δ; a handful of steps is the rule


class Loss(ABC):
    """l(y, F) for one row at a time.

    response : name of the map from scores to predictions (see `respond`)
    constant_curvature : whether the second derivative is 1 everywhere, or taken to be
    smooth : whether there is a second derivative; where not, a Newton step is a guess, and the best
        constant for y − F is the better one
    overshoots : whether a Newton step may raise the loss so much that it must be looked at
    """

    response: ClassVar[str] = "identity"
    constant_curvature: ClassVar[bool] = False
    smooth: ClassVar[bool] = True
    overshoots: ClassVar[bool] = False

    @abstractmethod
    def value(self, y: Tensor, F: Tensor) -> Tensor:
        """l(y, F), shape (n,)."""

    @abstractmethod
    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        """dl/dF, of F's shape."""

    @abstractmethod
    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        """Diagonal of d²l/dF², of F's shape."""

    def value_gradient(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        """Both at once."""
        return self.value(y, F), self.gradient(y, F)

    def gradient_curvature(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        """Both at once."""
        return self.gradient(y, F), self.curvature(y, F)

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        """The constant score of least weighted loss: a scalar, or shape (k,)."""
        return _mean(y, w)

    def check_targets(self, y: Tensor) -> str:
        """Empty where the loss is defined for these targets, else what it needs."""
        return ""

    def adapted(self, y: Tensor, F: Tensor, w: Tensor | None) -> Self:
        """The loss of the next step, where its shape depends on what scores F still miss."""
        return self


class SquaredError(Loss):
    """½ (F − y)²."""

    constant_curvature = True

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return 0.5 * (F - y).square()

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return F - y

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.ones_like(F)


class AbsoluteError(Loss):
    """|F − y|; the curvature is taken to be 1."""

    constant_curvature = True
    smooth = False

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return (F - y).abs()

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return (F - y).sign()

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.ones_like(F)

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        return weighted_quantile(y, w, 0.5)


@dataclass(frozen=True)
class PinballLoss(Loss):
    """q (y − F) above the prediction, (1 − q) (F − y) below it; the curvature is taken to be 1.

    quantile : q, from 0 to 1
    """

    quantile: float = 0.5
    constant_curvature: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.maximum(self.quantile * (y - F), (1 - self.quantile) * (F - y))

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.where(y >= F, -self.quantile, 1 - self.quantile).to(F.dtype)

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.ones_like(F)

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        return weighted_quantile(y, w, self.quantile)


@dataclass(frozen=True)
class HuberLoss(Loss):
    """½ r² for |r| ≤ δ, else δ (|r| − δ / 2), with r = F − y; the curvature is taken to be 1.

    quantile : q, from 0 to 1; `adapted` makes δ the q-quantile of |r|
    delta : δ
    """

    quantile: float = 0.9
    delta: float = math.inf
    constant_curvature: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        r = (F - y).abs()
        inner = r.clamp(max=self.delta)
        return inner * (r - 0.5 * inner)

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return (F - y).clamp(-self.delta, self.delta)

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return torch.ones_like(F)

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        # Steps of Newton's method from the median, with the share of rows within δ for curvature,
        # or ½ where it is less: the true one is at most 1, so that each step lowers the loss.
        c = weighted_quantile(y, w, 0.5)
        for _ in range(_HUBER_STEPS):
            r = y - c
            within = _mean((r.abs() <= self.delta).to(y.dtype), w).clamp(min=0.5)
            step = _mean(r.clamp(-self.delta, self.delta), w) / within
            c = c + step
            if abs(step) <= _HUBER_TOL * self.delta:
                break
        return c

    def adapted(self, y: Tensor, F: Tensor, w: Tensor | None) -> Self:
        r = (F - y).abs()
        # where most rows are met exactly, the quantile is 0 and says nothing of the others
        delta = float(weighted_quantile(r, w, self.quantile)) or float(_mean(r, w))
        return replace(self, delta=delta)


@dataclass(frozen=True)
class PoissonDeviance(Loss):
    """Half the Poisson deviance of the mean exp(F), up to a constant of y: exp(F) − y F.

    complete : whether to add that constant, y log y − y, so that the least value is 0
    """

    complete: bool = False
    response: ClassVar[str] = "exp"

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        value = F.exp() - y * F
        return value + (torch.xlogy(y, y) - y) if self.complete else value

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return F.exp() - y

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return F.exp()

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        return _mean(y, w).log()

    def check_targets(self, y: Tensor) -> str:
        return "" if bool((y >= 0).all() and y.sum() > 0) else "y >= 0 with a positive sum"


class GammaDeviance(Loss):
    """Half the gamma deviance of the mean exp(F), up to a constant of y: y exp(−F) + F."""

    response = "exp"

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return y * (-F).exp() + F

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return 1 - y * (-F).exp()

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return y * (-F).exp()

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        return _mean(y, w).log()

    def check_targets(self, y: Tensor) -> str:
        return "" if bool((y > 0).all()) else "y > 0"


@dataclass(frozen=True)
class TweedieDeviance(Loss):
    """Half the Tweedie deviance of the mean m = exp(F), up to a constant of y:
    m^(2 − p) / (2 − p) − y m^(1 − p) / (1 − p).

    power : p, any number but 1 (`PoissonDeviance`) and 2 (`GammaDeviance`); the variance grows like
        m^p
    """

    power: float = 1.5
    response: ClassVar[str] = "exp"

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        a, b = self._parts(y, F)
        return a / (2 - self.power) + b / (self.power - 1)

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        a, b = self._parts(y, F)
        return a - b

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        a, b = self._parts(y, F)
        return (2 - self.power) * a + (self.power - 1) * b

    def gradient_curvature(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        a, b = self._parts(y, F)
        return a - b, (2 - self.power) * a + (self.power - 1) * b

    def _parts(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        return ((2 - self.power) * F).exp(), y * ((1 - self.power) * F).exp()

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        return _mean(y, w).log()

    def check_targets(self, y: Tensor) -> str:
        return _tweedie_targets(self.power, y)


@dataclass(frozen=True)
class IdentityTweedieDeviance(Loss):
    """Half the Tweedie deviance of the mean F itself, up to a constant of y.

    power : p; F must be positive unless p is 0, where this is the squared error
    """

    power: float = 0.0

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        p = self.power
        if p == 1:
            return F - torch.xlogy(y, F)
        if p == 2:
            return y / F + F.log()
        constant = 0.5 * y.square() if p == 0 else 0.0
        return F.pow(2 - p) / (2 - p) - y * F.pow(1 - p) / (1 - p) + constant

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return F - y if self.power == 0 else (F - y) * F.pow(-self.power)

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        p = self.power
        return torch.ones_like(F) if p == 0 else ((1 - p) * F + p * y) * F.pow(-p - 1)

    def check_targets(self, y: Tensor) -> str:
        return _tweedie_targets(self.power, y)


def _tweedie_targets(power: float, y: Tensor) -> str:
    """What a Tweedie deviance needs of targets that do not have it."""
    if power >= 2:
        return "" if bool((y > 0).all()) else "y > 0"
    if power > 0:
        return "" if bool((y >= 0).all() and y.sum() > 0) else "y >= 0 with a positive sum"
    return ""


class BinaryLogLoss(Loss):
    """−log-likelihood of y in {0, 1} under the probability 1 / (1 + exp(−F)): softplus(F) − y F."""

    response = "logistic"

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return functional.softplus(F, threshold=40) - y * F

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return F.sigmoid() - y

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        p = F.sigmoid()
        return p * (1 - p)

    def gradient_curvature(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        p = F.sigmoid()
        h = (1 - p).mul_(p)
        return p.sub_(y), h

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        eps = torch.finfo(y.dtype).eps
        return _mean(y, w).clamp(eps, 1 - eps).logit()


@dataclass(frozen=True)
class MultinomialLogLoss(Loss):
    """−log-likelihood of class codes y under softmax(F): logsumexp(F) − F[y].

    n_classes : k
    """

    n_classes: int
    response: ClassVar[str] = "softmax"

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        return F.logsumexp(1) - F.gather(1, y[:, None])[:, 0]

    def value_gradient(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        log_p, y = F.log_softmax(1), y[:, None]
        p = log_p.exp()
        return -log_p.gather(1, y)[:, 0], p.scatter_add_(
            1, y, p.new_full((1, 1), -1).expand(y.shape)
        )

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        p = _softmax(F)
        p[torch.arange(len(y), device=y.device), y] -= 1
        return p

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        p = _softmax(F)
        return (1 - p).mul_(p)

    def gradient_curvature(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        p = _softmax(F)
        h = (1 - p).mul_(p)
        p[torch.arange(len(y), device=y.device), y] -= 1
        return p, h

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        weights = None if w is None else w.double()
        share = torch.bincount(y, weights, minlength=self.n_classes).double()
        share = (share / share.sum()).clamp(torch.finfo(share.dtype).eps, 1.0)
        return share.log() - share.log().mean()


def _softmax(F: Tensor) -> Tensor:
    """Probabilities, in memory as F is: row by row, or class by class."""
    by_class = F.T
    return F.softmax(1) if F.is_contiguous() else by_class.softmax(0).T


def respond(response: str, F: Tensor) -> Tensor:
    """Predictions from raw scores.

    response : "identity"; "exp" (positive means); "logistic" (scores (n,) of the second of two
        classes to
        probabilities (n, 2)); "softmax" (scores (n, k) to probabilities); "sigmoid" (scores (n, k)
        of k labels to the probability of each)
    """
    if response == "identity":
        return F
    if response == "exp":
        return F.exp()
    if response == "logistic":
        p = F.sigmoid()
        return torch.stack([1 - p, p], dim=1)
    if response == "sigmoid":
        return F.sigmoid()
    return F.softmax(1)


def weighted_quantile(y: Tensor, w: Tensor | None, q: float) -> Tensor:
    """The q-quantile of y under weights w: interpolated where there are none, else the least y that
    reaches the share q.
    """
    if w is None:
        position = q * (len(y) - 1)
        low = math.floor(position)
        high = min(low + 1, len(y) - 1)
        # selecting two takes a third of the time of sorting
        below, above = y.kthvalue(low + 1).values, y.kthvalue(high + 1).values
        return torch.lerp(below, above, position - low)
    order = y.argsort()
    total = w[order].double().cumsum(0)
    index = torch.searchsorted(total, q * total[-1])
    return y[order][index.clamp(max=len(y) - 1)]


def _mean(y: Tensor, w: Tensor | None) -> Tensor:
    return y.mean() if w is None else (y * w).sum() / w.sum()
