"""What `cpu.py` computes, in torch."""

from __future__ import annotations

from torch import Tensor

__all__ = ["moments"]


def moments(X: Tensor) -> tuple[Tensor, Tensor]:
    """Means, and sums of squares about them, of columns."""
    origin = X[0].double()
    X = X.double() - origin
    mean = X.mean(0)
    return origin + mean, (X - mean).square().sum(0)
