"""A loss given as a function, differentiated by torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dovetail.objective.losses import Loss

__all__ = ["AutogradLoss"]

_DOUBLINGS, _HALVINGS, _TOL = 60, 80, 1e-12


@dataclass(frozen=True)
class AutogradLoss(Loss):
    """l(y, F) = function(y, F), one score a row, each row's loss of its own target and score alone.

    Rows do not depend on one another, so that the gradient of the sum holds every row's, and the
    gradient of that one's sum every row's second derivative. A negative one counts as 0, so that
    Newton steps go downhill; where there is none at all (piecewise linear losses), it counts as 1.

    function : of two float64 tensors of shape (n,), to a tensor of that shape
    """

    function: Callable[[Tensor, Tensor], Tensor]
    overshoots: ClassVar[bool] = True

    def value(self, y: Tensor, F: Tensor) -> Tensor:
        value = self.function(y, F)
        if not isinstance(value, Tensor) or value.shape != y.shape:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                f"The loss must give a tensor of one loss a row, shape {tuple(y.shape)}. Got {got}."
            )
        return value

    def gradient(self, y: Tensor, F: Tensor) -> Tensor:
        return self._differentiated(y, F)[1].detach()

    def curvature(self, y: Tensor, F: Tensor) -> Tensor:
        return self.gradient_curvature(y, F)[1]

    def gradient_curvature(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        F, g = self._differentiated(y, F)
        h = torch.zeros_like(g)
        if g.requires_grad:
            (second,) = torch.autograd.grad(g.sum(), F, allow_unused=True)
            h = h if second is None else second.clamp(min=0)
        h = h if bool((h > 0).any()) else torch.ones_like(h)
        return g.detach(), _finite(h, "second derivatives")

    def _differentiated(self, y: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
        """The scores, and the gradient as a function of them."""
        F = F.detach().requires_grad_()
        with torch.enable_grad():
            value = self.value(y, F)
            if not value.requires_grad:
                raise ValueError(
                    "The loss does not depend on the scores, its second argument, by operations of "
                    "torch."
                )
            (g,) = torch.autograd.grad(value.sum(), F, create_graph=True)
        return F, _finite(g, "derivatives")

    def constant_fit(self, y: Tensor, w: Tensor | None) -> Tensor:
        """Where the slope of the total loss changes its sign, by bisection."""

        def slope(c: float) -> float:
            g = self.gradient(y, torch.full_like(y, c))
            return float(g.sum() if w is None else (g * w).sum())

        at_zero = slope(0.0)
        near, far = 0.0, 1.0 if at_zero < 0 else -1.0
        for _ in range(_DOUBLINGS if at_zero else 0):
            if slope(far) * at_zero <= 0:
                break
            near, far = far, 2 * far
        else:
            if at_zero:
                raise ValueError(
                    "The loss has no minimum: among scores that are the same for all rows, it "
                    f"falls on to {far:.0e}."
                )
            far = 0.0
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            if abs(far - near) <= _TOL * max(abs(near), abs(far)):
                break
            near, far = (middle, far) if slope(middle) * at_zero > 0 else (near, middle)
        return y.new_tensor((near + far) / 2)


def _finite(values: Tensor, what: str) -> Tensor:
    if not bool(values.isfinite().all()):
        raise ValueError(
            f"The {what} of the loss are not all finite. It must be defined for every score, "
            "negative ones too, where it asks for positive means, have it take exp(F)."
        )
    return values
