"""Sums of rows by class: what naive Bayes and discriminant analysis need to know of the data.

Shapes: n rows, d columns, k classes, m stored values of a sparse matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dovetail.kernels.class_sums import cpu, reference

__all__ = ["class_squares", "class_sums", "sparse_class_sums"]


def class_sums(X: Tensor, codes: Tensor, w: Tensor | None, k: int) -> Tensor:
    """Σ w x over the rows of each class, float64 of shape (k, d).

    Parameters
    ----------
    X : Tensor of shape (n, d)
    codes : int64 Tensor of shape (n,), from 0 to k − 1
    w : Tensor of shape (n,) or None
    """
    if X.device.type != "cpu":
        return reference.class_sums(X, codes, w, k)
    out = X.new_zeros((k, X.shape[1]), dtype=torch.float64)
    cpu.sums(_rows(X), codes.numpy(), _weights(w), out.numpy())
    return out


def class_squares(X: Tensor, codes: Tensor, w: Tensor | None, centers: Tensor) -> Tensor:
    """Σ w (x − c)² over the rows of each class, float64 of shape (k, d).

    centers : float64 Tensor of shape (k, d), c of each class; the rest as in `class_sums`
    """
    if X.device.type != "cpu":
        return reference.class_squares(X, codes, w, centers)
    out = torch.zeros_like(centers)
    cpu.squares(_rows(X), codes.numpy(), _weights(w), centers.numpy(), out.numpy())
    return out


def sparse_class_sums(
    starts: Tensor,
    columns: Tensor,
    values: Tensor,
    codes: Tensor,
    w: Tensor | None,
    shape: tuple[int, int],
) -> Tensor:
    """The same for a CSR matrix, given by its arrays.

    shape : (k, d)
    """
    if values.device.type != "cpu":
        return reference.sparse_class_sums(starts, columns, values, codes, w, shape)
    out = values.new_zeros(shape, dtype=torch.float64)
    arrays = starts.numpy(), columns.numpy(), values.detach().numpy()
    cpu.sparse_sums(*arrays, codes.numpy(), _weights(w), out.numpy())
    return out


def _rows(X: Tensor):  # type: ignore[no-untyped-def]
    return X.detach().contiguous().numpy()


def _weights(w: Tensor | None):  # type: ignore[no-untyped-def]
    return None if w is None else w.detach().contiguous().numpy()
