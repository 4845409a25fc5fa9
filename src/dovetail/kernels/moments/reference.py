"""Products of shifted columns, in torch: the truth the CPU loop is held to, and what runs where it
does not.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["products"]


def products(X: Tensor, y: Tensor, w: Tensor | None, x_shift: Tensor, y_shift: Tensor) -> Tensor:
    """Σ w z zᵀ with z = (x − x_shift, y − y_shift, 1), (d + t + 1, d + t + 1), float64."""
    shift = torch.cat([x_shift, y_shift])
    Z = torch.cat([X, y], 1).to(shift.dtype) - shift
    Z = torch.cat([Z, Z.new_ones(len(Z), 1)], 1).double()
    return Z.T @ (Z if w is None else Z * w.double()[:, None])
