"""What may stand between a gradient and the update it causes.

Each wrapper is an optimizer around another one: `step` does its part and calls the inner `step`.
They act on one vector of numbers and one of their gradient (see `flat.Flat`), so that each costs an
operation or two however many layers there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from torch import Tensor

from dovetail.solve.flat import Flat
from dovetail.solve.optimizers import Optimizer

__all__ = ["Averaged", "Clipped", "Schedule", "Scheduled", "Together", "Unscaled", "factor_at"]

Schedule = Literal["constant", "linear", "cosine", "one_cycle"]


class Wrapper:
    """An optimizer around another one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of the inner one."""
        groups: list[dict[str, Any]] = self.inner.param_groups
        return groups

    def step(self) -> None:
        """Update the numbers along their gradient."""
        self.inner.step()

    def own_state(self) -> dict[str, Any]:
        """What this wrapper remembers."""
        return {}

    def load_own_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""

    def state_dict(self) -> dict[str, Any]:
        """What it and the inner one remember."""
        return {"own": self.own_state(), "inner": self.inner.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.inner.load_state_dict(state["inner"])
        self.load_own_state(state["own"])


class Clipped(Wrapper):
    """The gradient no longer than `norm` (Pascanu, Mikolov & Bengio 2013,
    https://proceedings.mlr.press/v28/pascanu13.html).
    """

    def __init__(self, inner: Optimizer, flat: Flat, norm: float) -> None:
        super().__init__(inner)
        self.flat, self.norm = flat, norm

    def step(self) -> None:
        gradient, length = self.flat.gradient, self.flat.length()
        gradient.mul_((self.norm / length.clamp(min=self.norm)).to(gradient.dtype))
        self.inner.step()


class Averaged(Wrapper):
    """Beside the numbers their average over steps, older ones with the weights decay, decay², …; at
    first the decay is less, so that the start is forgotten: min(decay, (1 + t) / (10 + t)).

    average : Tensor of the shape of `values`
    """

    def __init__(self, inner: Optimizer, values: Tensor, decay: float) -> None:
        super().__init__(inner)
        self.values, self.decay = values, decay
        self.average, self.t = values.clone(), 0

    def step(self) -> None:
        self.inner.step()
        self.average.lerp_(self.values, 1 - min(self.decay, (1 + self.t) / (10 + self.t)))
        self.t += 1

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The average in the place of the numbers, for a block."""
        kept = self.values.clone()
        self.values.copy_(self.average)
        yield
        self.values.copy_(kept)

    def own_state(self) -> dict[str, Any]:
        return {"average": self.average, "t": self.t}

    def load_own_state(self, state: dict[str, Any]) -> None:
        self.average.copy_(state["average"])
        self.t = state["t"]


class Scheduled(Wrapper):
    """Learning rates times a factor of the number of steps done."""

    def __init__(self, inner: Optimizer, factor: Callable[[int], float]) -> None:
        super().__init__(inner)
        self.factor, self.t = factor, 0
        self.rates = [group["lr"] for group in inner.param_groups]
        self._set()

    def step(self) -> None:
        self.inner.step()
        self.t += 1
        self._set()

    def _set(self) -> None:
        """The rates of the next step."""
        factor = self.factor(self.t)
        for group, rate in zip(self.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def own_state(self) -> dict[str, Any]:
        return {"t": self.t, "rates": self.rates}

    def load_own_state(self, state: dict[str, Any]) -> None:
        self.t, self.rates = state["t"], list(state["rates"])
        self._set()


class Unscaled(Wrapper):
    """For losses multiplied by `scale` so that a half-precision gradient does not vanish: divides
    the gradient by it, leaves out steps whose gradient is not finite and halves the scale, and
    doubles it after `patience` good steps.
    """

    def __init__(self, inner: Optimizer, flat: Flat, patience: int = 2000) -> None:
        super().__init__(inner)
        self.flat, self.patience = flat, patience
        self.scale, self.good = 2.0**16, 0

    def step(self) -> None:
        self.flat.gradient.div_(self.scale)
        if not self.flat.finite(self.flat.gradient):
            self.scale, self.good = self.scale / 2, 0
            return
        self.inner.step()
        self.good += 1
        if self.good % self.patience == 0:
            self.scale *= 2

    def own_state(self) -> dict[str, Any]:
        return {"scale": self.scale, "good": self.good}

    def load_own_state(self, state: dict[str, Any]) -> None:
        self.scale, self.good = state["scale"], state["good"]


class Together:
    """Several optimizers of different numbers as one."""

    def __init__(self, optimizers: Sequence[Any]) -> None:
        self.optimizers = list(optimizers)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of all."""
        return [group for each in self.optimizers for group in each.param_groups]

    def step(self) -> None:
        """A step of each."""
        for each in self.optimizers:
            each.step()

    def state_dict(self) -> dict[str, Any]:
        """What they remember."""
        return {"all": [each.state_dict() for each in self.optimizers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for each, one in zip(self.optimizers, state["all"], strict=True):
            each.load_state_dict(one)


def factor_at(schedule: Schedule, t: int, total: int, warmup: float) -> float:
    """By what the learning rate of step t of `total` is multiplied: rising from 0 over the share
    `warmup` of the steps (for "one_cycle" over three tenths of them where that is 0), then 1
    ("constant"), or falling to 0 along a line, half a cosine wave ("cosine", Loshchilov & Hutter
    2017, https://arxiv.org/abs/1608.03983; "one_cycle", Smith & Topin 2018,
    https://arxiv.org/abs/1708.07120).
    """
    if schedule == "one_cycle" and not warmup:
        warmup = 0.3
    rising = warmup * total
    if t < rising:
        return (t + 1) / (rising + 1)
    if schedule == "constant":
        return 1.0
    done = min(1.0, (t - rising) / max(1.0, total - rising))
    return 1 - done if schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
