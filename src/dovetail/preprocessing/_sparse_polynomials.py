"""Polynomial terms of sparse rows.

A term is not zero where all its factors are stored, so the stored terms of a row are the terms of
its stored values. The column of a term follows from that of the term without its first factor f: f
moves the terms of degree r − 1 that start at f to where those of degree r that start at f begin.
(Nystrom & Hughes 2018, https://arxiv.org/abs/1803.06418, have closed forms for r = 2 and 3.)
"""

from dataclasses import replace
from math import comb

import numpy as np
import torch
from torch import Tensor

from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels.polynomials import expand_sparse

__all__ = ["count_terms", "sparse_terms"]


def count_terms(d: int, degree: int, *, distinct: bool) -> int:
    """Terms of exactly this degree of d columns, their factors distinct or not."""
    return comb(d, degree) if distinct else comb(d + degree - 1, degree) if degree else 1


def sparse_terms(
    X: SparseMatrix, least: int, greatest: int, *, distinct: bool, bias: bool
) -> SparseMatrix:
    """The terms of degree `least` ≥ 1 to `greatest` of a CSR matrix, with `bias` after a column of
    ones.
    """
    if not greatest:  # ones alone, and no stored value is a factor
        none = torch.zeros_like(X.starts)
        X = replace(X, starts=none, indices=X.indices[:0], values=X.values[:0])
    X = _canonical(X)
    (n, d), degrees = X.shape, range(1, greatest + 1)
    sizes = [count_terms(d, r, distinct=distinct) if r >= least else 0 for r in degrees]
    stored, rows = np.unique(np.diff(as_numpy(X.starts)), return_inverse=True)
    counts = [
        bias + sum(count_terms(m, r, distinct=distinct) for r in degrees if r >= least)
        for m in stored.tolist()
    ]
    row_starts = np.concatenate([[0], np.cumsum(np.array(counts, dtype=np.int64)[rows])])
    width = bias + sum(sizes)
    index = np.int32 if max(width, row_starts[-1]) < 2**31 else np.int64
    starts = as_tensor(row_starts.astype(index), X.device)
    shifts = _shifts(X, sizes, least, distinct=distinct, bias=bias)
    values, columns = expand_sparse(
        X.values, X.indices, X.starts, shifts, starts, least, distinct=distinct, bias=bias
    )
    return SparseMatrix(starts, columns, values, (n, width), "csr", X.array_class)


def _canonical(X: SparseMatrix) -> SparseMatrix:
    """X with ascending columns in each row, none twice."""
    matrix = X.to_scipy()
    if matrix.has_canonical_format:
        return X
    matrix = matrix.copy()
    matrix.sum_duplicates()
    return SparseMatrix.from_scipy(matrix, X.device)


def _shifts(X: SparseMatrix, sizes: list[int], least: int, *, distinct: bool, bias: bool) -> Tensor:
    """How far the columns of terms of each degree move when a stored value comes before them, shape
    (degrees, m). In Python's integers, since the steps to them may exceed 64 bits.

    sizes : columns given out for each degree, 0 for those below `least`
    """
    d = X.shape[1]

    def start(degree: int, column: int) -> int:
        """Terms of a degree that start before a column."""
        if degree == 0:
            return 0
        every = count_terms(d, degree, distinct=distinct)
        return every - count_terms(d - column, degree, distinct=distinct)

    used, which = np.unique(as_numpy(X.indices), return_inverse=True)
    shifts = np.empty((len(sizes), len(X.values)), dtype=np.int64)
    before = 0  # the first column of the degree before
    for degree in range(1, len(sizes) + 1):
        first = bias + sum(sizes[: degree - 1]) if degree >= least else 0
        by_column = [first - before] * len(used)
        if degree > 1:
            by_column = [
                first - before + start(degree, f) - start(degree - 1, f + distinct)
                for f in used.tolist()
            ]
        shifts[degree - 1] = np.array(by_column, dtype=np.int64)[which]
        before = first
    return as_tensor(shifts, X.device)
