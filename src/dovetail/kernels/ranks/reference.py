"""Bins and ranks in plain torch: any device, and ranks with gradients."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["bins", "ranks"]


def bins(X: Tensor, edges: Tensor) -> Tensor:
    """How many edges (d, k) of its column are no greater than each number of X (n, d)."""
    values = X.T.to(edges.dtype).contiguous()
    return torch.searchsorted(edges, values, right=True).T


def ranks(X: Tensor, levels: Tensor, slack: float = 0.0) -> Tensor:
    """Position of each number of X (n, d) among the levels (d, k) of its column."""
    last = levels.shape[1] - 1
    x = X.T.to(levels.dtype).contiguous()
    least, greatest = levels[:, :1], levels[:, -1:]
    first = torch.searchsorted(levels, x.detach())
    after = torch.searchsorted(levels, x.detach(), right=True)
    below = levels.gather(1, (after - 1).clamp(0, last))
    above = levels.gather(1, after.clamp(max=last))
    tied = after > first
    gap = torch.where(tied | (above == below), 1.0, above - below)
    rank = torch.where(tied, (first + after - 1) / 2, after - 1 + (x - below) / gap)
    rank = torch.where((x >= greatest) | (x + slack > greatest), last, rank)
    rank = torch.where((x <= least) | (x - slack < least), 0.0, rank)
    return torch.where(x.isnan() | least.isnan(), torch.nan, rank).T.to(X.dtype)
