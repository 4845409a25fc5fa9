"""Scaled squared distances, in torch: the truth the CPU loop is held to, and what is exported."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["scaled_distances"]


def scaled_distances(X: Tensor, centers: Tensor, factors: Tensor) -> Tensor:
    """Σ_j (x_j − c_j)² f_j of each row and center, center by center, of shape (n, k)."""
    far = [(X - c).square() @ f for c, f in zip(centers, factors, strict=True)]
    return torch.stack(far, 1).to(X.dtype)
