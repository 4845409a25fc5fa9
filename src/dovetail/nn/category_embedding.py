"""Categories as learned vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CategoryEmbedding"]

_MISSING, _OTHER = 0, 1  # the first two vectors of each column
_RARE = 3.0  # rows below which a category is one of the others


class CategoryEmbedding(nn.Module):
    """Each category of each column as a vector, missing values as one of their own.

    Categories that fewer than three rows have share a vector with those that training did not see;
    where there are none, that vector stays at 0. So does a missing value where none was seen.

    Parameters
    ----------
    sizes : sequence of int, categories of each column
    width : int, numbers of a vector

    Attributes
    ----------
    table : parameter of shape (Σ (sizes + 2), width)
    place : int64 buffer of shape (Σ (sizes + 2),), the row of the table that a category has

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.category_embedding import CategoryEmbedding
    >>> embedding = CategoryEmbedding([2, 3], width=4)  # codes; −1 is unknown, NaN is missing
    >>> embedding(torch.tensor([[0.0, 2.0], [1.0, -1.0], [torch.nan, 0.0]])).shape
    torch.Size([3, 2, 4])
    """

    start: Tensor
    place: Tensor

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        counts = torch.tensor([size + 2 for size in sizes], dtype=torch.int64)
        total = int(counts.sum())
        self.register_buffer("start", counts.cumsum(0) - counts)
        self.register_buffer("place", torch.arange(total))
        bound = width**-0.5
        self.table = nn.Parameter(torch.empty(total, width).uniform_(-bound, bound))
        with torch.no_grad():
            self.table[self.start + _OTHER] = 0.0

    @torch.no_grad()
    def look_at(self, codes: Tensor, w: Tensor | None = None) -> None:
        """See which categories are rare among codes of shape (n, columns); w weighs rows."""
        index = self._index(codes)
        weights = None if w is None else w.double()[:, None].expand_as(index).reshape(-1)
        counts = torch.bincount(index.reshape(-1), weights, len(self.place))
        other = torch.repeat_interleave(
            self.start + _OTHER, torch.diff(self.start, append=self._end())
        )
        own = torch.arange(len(self.place), device=other.device)
        least = torch.full_like(counts, _RARE, dtype=torch.float64)
        least[self.start + _MISSING] = 1.0
        self.place = torch.where(counts < least, other, own)

    def _end(self) -> Tensor:
        return self.start.new_tensor([len(self.place)])

    def _index(self, codes: Tensor) -> Tensor:
        return self.start + codes.nan_to_num(nan=_MISSING - 2.0).long() + 2

    def forward(self, codes: Tensor) -> Tensor:
        return functional.embedding(self.place[self._index(codes)], self.table)
