"""Statistics of columns by class, which add up over blocks of rows.

Legend: n rows, d columns, k classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.statistics import in_blocks
from dovetail.kernels.class_sums import class_squares, class_sums, sparse_class_sums

__all__ = [
    "ClassMoments",
    "class_moments",
    "class_totals",
    "class_weights",
    "merge_class_moments",
]

_BLOCK_PER_CLASS = 8  # rows: merging two blocks costs as much as k rows


class ClassMoments(NamedTuple):
    """Float64 moments of the rows of each class.

    weight : (k,); mean : (k, d), zero where nothing weighs; squares : Σ w (x − mean)², (k, d)
    """

    weight: Tensor
    mean: Tensor
    squares: Tensor

    def variance_of_all(self) -> Tensor:
        """Variance of each column over the rows of all classes, (d,)."""
        total = self.weight.sum()
        mean = self.weight @ self.mean / total
        between = self.weight @ (self.mean - mean).square()
        return (self.squares.sum(0) + between) / total


def class_weights(batches: Batches, k: int) -> Tensor:
    """Σ w of each class, float64 of shape (k,)."""
    return batches.sum(lambda block: _weights(block, k))


def class_totals(batches: Batches, k: int) -> Tensor:
    """Σ w x of each class, float64 of shape (k, d), of dense or sparse X."""

    def block(b: Batch) -> Tensor:
        assert b.y is not None
        if isinstance(b.X, SparseMatrix):
            X = b.X.tocsr()
            shape = (k, X.shape[1])
            return sparse_class_sums(X.starts, X.indices, X.values, b.y, b.w, shape)
        return class_sums(b.X, b.y, b.w, k)

    return batches.sum(block)


def class_moments(batches: Batches, k: int) -> ClassMoments:
    """Moments of dense rows by class in one pass, blocks merged by the pairwise formula, so that no
    precision is lost to a large mean. Cost O(n d).
    """

    def block(b: Batch) -> ClassMoments:
        assert b.y is not None
        weight = _weights(b, k)
        total = class_sums(b.X, b.y, b.w, k)
        mean = torch.where(weight > 0, 1 / weight, 0.0)[:, None] * total
        return ClassMoments(weight, mean, class_squares(b.X, b.y, b.w, mean))

    blocks = in_blocks(batches)
    rows = max(blocks.rows_per_block or 1, _BLOCK_PER_CLASS * k)
    return batches.in_blocks(rows).fold(block, merge_class_moments)


def merge_class_moments(a: ClassMoments, b: ClassMoments) -> ClassMoments:
    """Moments of two sets of rows together (Chan, Golub & LeVeque 1983,
    https://doi.org/10.1080/00031305.1983.10483115).
    """
    weight = a.weight + b.weight
    share = torch.where(weight > 0, b.weight / weight, 0.0)[:, None]
    away = b.mean - a.mean
    squares = a.squares + b.squares + away.square() * (a.weight[:, None] * share)
    return ClassMoments(weight, a.mean + share * away, squares)


def _weights(block: Batch, k: int) -> Tensor:
    codes: Tensor = block.y  # type: ignore[assignment]
    if block.w is None:
        return torch.bincount(codes, minlength=k).double()
    return block.w.new_zeros(k, dtype=torch.float64).index_add_(0, codes, block.w.double())
