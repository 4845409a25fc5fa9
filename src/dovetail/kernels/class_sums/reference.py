"""Sums of rows by class, in torch: the truth the CPU loops are held to, and what runs on other
devices.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["class_squares", "class_sums", "sparse_class_sums"]


def class_sums(X: Tensor, codes: Tensor, w: Tensor | None, k: int) -> Tensor:
    """Σ w x over the rows of each class, float64 of shape (k, d)."""
    return _indicator(codes, w, k).T @ X.double()


def class_squares(X: Tensor, codes: Tensor, w: Tensor | None, centers: Tensor) -> Tensor:
    """Σ w (x − c)² over the rows of each class, float64 of shape (k, d)."""
    return _indicator(codes, w, len(centers)).T @ (X.double() - centers[codes]).square()


def sparse_class_sums(
    starts: Tensor,
    columns: Tensor,
    values: Tensor,
    codes: Tensor,
    w: Tensor | None,
    shape: tuple[int, int],
) -> Tensor:
    """`class_sums` of a CSR matrix."""
    counts = starts.long().diff()
    cells = codes.repeat_interleave(counts) * shape[1] + columns.long()
    values = values.double()
    if w is not None:
        values = values * w.double().repeat_interleave(counts)
    return values.new_zeros(shape[0] * shape[1]).index_add_(0, cells, values).view(shape)


def _indicator(codes: Tensor, w: Tensor | None, k: int) -> Tensor:
    """w at the class of each row and 0 elsewhere, float64 of shape (n, k)."""
    ones = torch.nn.functional.one_hot(codes, k).double()
    return ones if w is None else ones * w.double()[:, None]
