"""Rules that turn a gradient into an update, and schedules of their rate.

An optimizer holds a vector of numbers and their gradient (see `flat.Flat`), and `step` updates the
numbers. Those of `torch.optim` fit the same protocol; the ones here act on one vector with one to
four operations a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["SGD", "Adam", "InverseScaling", "Optimizer", "Rate", "ReducedOnPlateau"]


class Optimizer(Protocol):
    """What the training loop needs: torch's convention."""

    param_groups: list[dict[str, Any]]  # each with its learning rate under "lr"

    def step(self) -> Any:
        """Update the numbers along their gradient."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers."""

    def load_state_dict(self, state: Any) -> Any:
        """Go on from there."""


class Adam:
    """Steps scaled by running moments m of the gradient and v of its square:

        θ ← θ − rate · sqrt(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (sqrt(v) + ε)

    Parameters
    ----------
    values, gradient : Tensor of shape (size,)
    rate : float > 0
    betas : decay of m and v
    epsilon : float > 0
        ε, beside the uncorrected sqrt(v) (the efficient form of the paper's section 2), or,
        with `corrected`, beside sqrt(v / (1 − β₂ᵗ)), as in torch.
    decay : float >= 0, default=0.0
        Decoupled weight decay: `decayed` is first multiplied by 1 − rate · decay (AdamW).
    decayed : the part of `values` that decays

    Kingma & Ba (2015), https://arxiv.org/abs/1412.6980; Loshchilov & Hutter (2019),
    https://arxiv.org/abs/1711.05101.
    """

    def __init__(
        self,
        values: Tensor,
        gradient: Tensor,
        rate: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        corrected: bool = False,
        decay: float = 0.0,
        decayed: Tensor | None = None,
    ) -> None:
        self.values, self.gradient = values, gradient
        self.param_groups: list[dict[str, Any]] = [{"lr": rate}]
        self.betas, self.epsilon, self.corrected = betas, epsilon, corrected
        self.decay, self.decayed = decay, values if decayed is None else decayed
        self.steps = torch.zeros((), dtype=torch.float32, device=values.device)
        self.mean, self.square = torch.zeros_like(values), torch.zeros_like(values)
        self._t = 0

    def step(self) -> None:
        rate = self.param_groups[0]["lr"]
        if self.decay:
            self.decayed.mul_(1.0 - rate * self.decay)
        self._t += 1
        self.steps.fill_(self._t)
        beta1, beta2 = self.betas
        epsilon = self.epsilon
        if not self.corrected:  # the operation has it beside the corrected root
            epsilon /= math.sqrt(1.0 - beta2**self._t)
        torch._fused_adam_(  # the operation behind torch.optim.Adam(fused=True)
            [self.values],
            [self.gradient],
            [self.mean],
            [self.square],
            [],
            [self.steps],
            lr=rate,
            beta1=beta1,
            beta2=beta2,
            weight_decay=0.0,
            eps=epsilon,
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, for a later fit to go on with."""
        rate = self.param_groups[0]["lr"]
        return {"rate": rate, "t": self._t, "mean": self.mean, "square": self.square}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._t, self.param_groups[0]["lr"] = state["t"], state["rate"]
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])


class SGD:
    """Stochastic gradient descent with momentum: v ← μ v − rate · g, then θ ← θ + v, or, with
    Nesterov's momentum, θ ← θ + μ v − rate · g.

    Parameters
    ----------
    values, gradient : Tensor of shape (size,)
    rate : float > 0
    momentum : μ, from 0 to 1
    nesterov : bool

    Unlike `torch.optim.SGD`, the velocity keeps the rates of the steps that formed it.
    """

    def __init__(
        self,
        values: Tensor,
        gradient: Tensor,
        rate: float,
        *,
        momentum: float = 0.9,
        nesterov: bool = True,
    ) -> None:
        self.values, self.gradient = values, gradient
        self.param_groups: list[dict[str, Any]] = [{"lr": rate}]
        self.momentum, self.nesterov = momentum, nesterov
        self.velocity = torch.zeros_like(values)

    def step(self) -> None:
        rate = self.param_groups[0]["lr"]
        self.velocity.mul_(self.momentum).sub_(self.gradient, alpha=rate)
        if self.nesterov:
            self.values.add_(self.velocity, alpha=self.momentum).sub_(self.gradient, alpha=rate)
        else:
            self.values.add_(self.velocity)

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, for a later fit to go on with."""
        return {"rate": self.param_groups[0]["lr"], "velocity": self.velocity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.param_groups[0]["lr"] = state["rate"]
        self.velocity.copy_(state["velocity"])


class Rate:
    """How the learning rate changes between epochs; this one does not."""

    def after_epoch(self, rate: float, rows: int) -> float:
        """The next epoch's rate; `rows` is how many were seen since the start."""
        return rate

    def on_plateau(self, rate: float) -> float | None:
        """The rate to go on with where progress has ended, or None to stop."""
        return None


@dataclass(frozen=True)
class InverseScaling(Rate):
    """start / (rows + 1)^power."""

    start: float
    power: float

    def after_epoch(self, rate: float, rows: int) -> float:
        return self.start / (rows + 1) ** self.power


@dataclass(frozen=True)
class ReducedOnPlateau(Rate):
    """Divided by `factor` on each plateau, until it is `least` or below."""

    factor: float = 5.0
    least: float = 1e-6

    def on_plateau(self, rate: float) -> float | None:
        return None if rate <= self.least else rate / self.factor
