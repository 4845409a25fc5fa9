"""The codes of `cpu.py` in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["encode"]


def encode(X_nd: Tensor, edges_db: Tensor) -> Tensor:
    """How many edges of its column lie below each value, 255 for NaN: uint8 of shape (n, d).

    edges_db : float64 of shape (d, 255), ascending, filled up with infinity
    """
    values = X_nd.T.to(edges_db.dtype).contiguous()
    codes = torch.searchsorted(edges_db.contiguous(), values).T
    return torch.where(X_nd.isnan(), 255, codes).to(torch.uint8)
