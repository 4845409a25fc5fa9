"""Squared distances from rows to centers, each center with scales of its own.

Shapes: n rows, d columns, k centers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dovetail.kernels.memory import empty
from dovetail.kernels.scaled_distances import cpu, reference

__all__ = ["scaled_distances"]


def scaled_distances(X: Tensor, centers: Tensor, factors: Tensor) -> Tensor:
    """Σ_j (x_j − c_j)² f_j of each row x and center c, of shape (n, k), in the dtype of X.

    Parameters
    ----------
    X : Tensor of shape (n, d)
    centers, factors : Tensor of shape (k, d), float64

    By differences: as a product of squares it would lose digits to distances that are small beside
    the numbers. Cost O(n d k).
    """
    if not _native(X):
        return reference.scaled_distances(X, centers, factors)
    out = empty((len(X), len(centers)), X.dtype)
    cpu.scaled_distances(X.contiguous().numpy(), centers.numpy(), factors.numpy(), out.numpy())
    return out


def _native(X: Tensor) -> bool:
    """The compiled loop is for the CPU, without gradients, outside export."""
    return (
        X.device.type == "cpu"
        and X.dtype in (torch.float32, torch.float64)
        and not (torch.is_grad_enabled() and X.requires_grad)
        and not torch.compiler.is_compiling()
    )
