"""Numbers as vectors: scaled, missing ones marked, then embedded."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from dovetail.nn.periodic import Periodic
from dovetail.nn.piecewise_linear import PiecewiseLinear
from dovetail.nn.robust_scale import RobustScale

__all__ = ["Embedding", "NumberEmbedding"]

Embedding = Literal["piecewise", "periodic"]


class NumberEmbedding(nn.Module):
    """Columns of numbers to vectors, (m, d) to (m, d, e): by `RobustScale`, then `PiecewiseLinear`
    or `Periodic`. A missing value is the median, and a learned vector of its column is added.

    Parameters
    ----------
    n_features : int, d
    embedding : {"piecewise", "periodic"}
    size : int, bins or waves
    width : int, e

    Attributes
    ----------
    missing : parameter of shape (d, e)

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.number_embedding import NumberEmbedding
    >>> NumberEmbedding(2, "piecewise", 8, 4)(torch.tensor([[1.0, torch.nan]])).isfinite().all()
    tensor(True)
    """

    def __init__(self, n_features: int, embedding: Embedding, size: int, width: int) -> None:
        super().__init__()
        self.scale = RobustScale(n_features)
        kind = PiecewiseLinear if embedding == "piecewise" else Periodic
        self.embed = kind(n_features, size, width)
        self.missing = nn.Parameter(torch.zeros(n_features, width))

    def look_at(self, X: Tensor, w: Tensor | None = None) -> None:
        """Learn scales and breaks of rows X; w weighs rows."""
        self.scale.look_at(X, w)
        if isinstance(self.embed, PiecewiseLinear):
            self.embed.look_at(self.scale(X.double()), w)

    def forward(self, X: Tensor) -> Tensor:
        z = self.scale(X).to(self.missing.dtype)
        absent = z.isnan()
        vectors = self.embed(torch.where(absent, 0.0, z))
        return torch.addcmul(vectors, absent[:, :, None].to(z.dtype), self.missing)
