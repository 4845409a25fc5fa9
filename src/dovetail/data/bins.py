"""Columns cut into at most 255 bins, so that a value is one byte.

Numbers are cut so that bins hold about equally many, or between every two distinct values where
these are few; categories
arrive as codes and keep them, in two bytes where there are more than 255. Code 255 stands for a
missing value.

Legend: n rows of X, m rows taken, d columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.data.bundles import Bundler, Bundles
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.kernels.binning import MISSING, encode, fill
from dovetail.kernels.compiled import thread_count

__all__ = ["BYTE", "Bins", "Edges", "cut", "find_edges"]

BYTE = 255  # codes of a column of bytes, beside that of missing values
_GROUP = 8  # codes of a row are padded to whole words of 64 bits
_SHARE_FROM = 10_000  # rows from which summing fewer columns pays for looking up codes
_SHARED = 4  # bins up to which a feature shares a column; for more, too few fit to pay
_SAMPLE = 200_000  # rows that the quantiles are taken of


@dataclass(frozen=True, eq=False)
class Edges:
    """Where the columns are cut.

    Parameters
    ----------
    cuts : float64 of shape (d, 255), ascending, filled up with infinity; a value's code is the
        number of cuts below it; exact in X's dtype
    counts : int64 of shape (d,), bins in use, or categories
    categorical : bool of shape (d,)
    """

    cuts: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    categorical: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Bins:
    """Rows as codes, those of one byte held twice: sums read all codes of a row, splits those of
    one column.

    Parameters
    ----------
    edges : Edges
    by_row : uint8 of shape (m, 8 · groups)
    bundles : Bundles, the columns of bytes; features with more than 255 categories have others
    many : uint16 of shape (v, m), these columns in their order; missing values have the code behind
        the last
    missing : bool of shape (d,), whether the feature misses values
    """

    edges: Edges
    by_row: npt.NDArray[np.uint8]
    bundles: Bundles
    many: npt.NDArray[np.uint16]
    missing: npt.NDArray[np.bool_]


def find_edges(
    X: Matrix,
    rows: npt.NDArray[np.int64],
    w: Tensor | None,
    *,
    max_bins: int,
    categories: Sequence[int | None],
    seed: int,
) -> Edges:
    """Cut columns into bins of about equally many rows, or equal weight.

    Parameters
    ----------
    X : float Matrix of shape (n, d) on the CPU, missing values NaN
    rows : int64 of shape (m,), the rows to look at; of more than 200,000, as many drawn at random
    w : Tensor of shape (m,) or None
        Their weights.
    max_bins : most bins of a column, up to 255
    categories : for each column the number of its categories, None for numbers
    seed : of the draw

    Cost O(d m log m), or O(values · log m) where X is sparse.
    """
    if len(rows) > _SAMPLE:
        share = None if w is None else as_numpy(w.double() / w.double().sum())
        draw = check_random_state(seed).choice(len(rows), _SAMPLE, p=share, replace=True)
        rows, w = rows[draw], None
    weight = None if w is None else as_numpy(w.double())
    sparse = _by_columns(X, rows) if isinstance(X, SparseMatrix) else None
    values = as_numpy(X.values if isinstance(X, SparseMatrix) else X)

    def cuts_of(j: int) -> Any:
        levels = categories[j]
        if levels is not None:
            return np.arange(max(min(levels, BYTE) - 1, 0), dtype=np.float64)
        if sparse is None:
            cuts = _cut_numbers(values[:, j][rows].astype(np.float64), weight, max_bins)
        else:
            cuts = _cut_numbers(*_with_zero(sparse, j, weight), max_bins)
        return np.unique(_rounded_down(cuts, values.dtype))

    with ThreadPoolExecutor(thread_count()) as threads:  # numpy sorts without the GIL
        found = list(threads.map(cuts_of, range(X.shape[1])))
    cuts = np.full((len(found), BYTE), np.inf)
    for j, c in enumerate(found):
        cuts[j, : len(c)] = c
    counts = [
        len(c) + 1 if k is None else max(k, 1) for c, k in zip(found, categories, strict=True)
    ]
    categorical = np.array([c is not None for c in categories])
    return Edges(cuts, np.array(counts, dtype=np.int64), categorical)


def _by_columns(X: SparseMatrix, rows: npt.NDArray[np.int64]) -> Any:
    """Some rows as a scipy CSC matrix, no place stored twice."""
    matrix = X.to_scipy().tocsr()[rows].tocsc()
    matrix.sum_duplicates()
    return matrix


def _with_zero(matrix: Any, j: int, weight: Any) -> tuple[Any, Any]:
    """The stored values of a column and a zero, and the weight of each."""
    inside = slice(matrix.indptr[j], matrix.indptr[j + 1])
    stored, rows = matrix.data[inside].astype(np.float64), matrix.indices[inside]
    w = np.ones(len(rows)) if weight is None else weight[rows]
    whole = matrix.shape[0] if weight is None else weight.sum()
    zero = whole - w.sum() if len(rows) < matrix.shape[0] else 0.0
    return np.append(stored, 0.0), np.append(w, max(zero, 0.0))


def _cut_numbers(column: Any, weight: Any, max_bins: int) -> Any:
    """Thresholds of one column, between the neighboring values of bins."""
    there = ~np.isnan(column)
    if weight is None:
        ordered = np.sort(column[there])
    else:
        there &= weight != 0
        order = np.argsort(column[there], kind="stable")
        ordered, weight = column[there][order], weight[there][order]
    if not len(ordered):
        return np.empty(0)
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    values, ends = ordered[begins], np.arange(len(begins))
    if len(values) > max_bins:
        rows = np.diff(begins, append=len(ordered)) if weight is None else None
        weights = np.add.reduceat(weight, begins) if rows is None else rows.astype(np.float64)
        ends = np.empty(max_bins, np.int64)
        ends = ends[: fill(weights, max_bins, ends)]
    with np.errstate(over="ignore", invalid="ignore"):
        cuts = (values[ends[:-1]] + values[ends[:-1] + 1]) / 2
    cuts[np.isnan(cuts)] = 0.0  # between −infinity and infinity
    return cuts


def _rounded_down(cuts: Any, dtype: Any) -> Any:
    """Cuts in X's dtype, no greater than they were, so that they part X's values as before; those
    at infinity are moved to the greatest number, so that infinity lies behind them.
    """
    rounded = np.minimum(cuts, np.finfo(dtype).max).astype(dtype)
    return np.where(rounded > cuts, np.nextafter(rounded, dtype.type(-np.inf)), rounded)


def cut(X: Matrix, rows: npt.NDArray[np.int64], edges: Edges) -> Bins:
    """The codes of some rows of X, a float Matrix on the CPU.

    Features of few bins share columns where that pays: always in a sparse X, whose features need
    not have a byte a row each.
    """
    if isinstance(X, SparseMatrix):
        return _cut_sparse(X, rows, edges)
    values, wide = as_numpy(X), edges.counts > BYTE
    narrow = np.flatnonzero(~wide)
    by_row = np.zeros((len(rows), _padded(len(narrow))), np.uint8)
    codes = np.empty((len(narrow), len(rows)), np.uint8)
    part = values[:, narrow] if wide.any() else values
    encode(part, rows, edges.cuts[narrow], by_row, codes)
    missing = np.zeros(len(wide), np.bool_)
    missing[narrow] = (codes == MISSING).any(axis=1)
    bundler = Bundler()
    for j, column in zip(narrow.tolist(), codes, strict=True):
        if len(rows) >= _SHARE_FROM and edges.counts[j] <= _SHARED:
            usual = int(np.bincount(column).argmax())
            others = np.flatnonzero(column != usual)
            bundler.share(j, column[others], len(rows), others, usual)
        else:
            bundler.alone(j, column)
    bundles = bundler.done(len(wide), len(rows))
    if len(bundles.columns) < len(narrow):
        by_row = _by_row(bundles.columns)
    many = np.empty((len(wide) - len(narrow), len(rows)), np.uint16)
    for codes_j, j in zip(many, np.flatnonzero(wide).tolist(), strict=True):
        column = values[rows, j]
        missing[j] = np.isnan(column).any()
        codes_j[:] = np.where(np.isnan(column), edges.counts[j], column)
    return Bins(edges, by_row, bundles, many, missing)


def _cut_sparse(X: SparseMatrix, rows: npt.NDArray[np.int64], edges: Edges) -> Bins:
    matrix, bundler = _by_columns(X, rows), Bundler()
    m, d = matrix.shape
    missing = np.zeros(d, np.bool_)
    for j in range(d):
        inside = slice(matrix.indptr[j], matrix.indptr[j + 1])
        stored, cuts = matrix.data[inside], edges.cuts[j]
        codes = np.searchsorted(cuts, stored).astype(np.uint8)
        codes[np.isnan(stored)] = MISSING
        missing[j] = np.isnan(stored).any()
        bundler.share(j, codes, m, matrix.indices[inside], int(np.searchsorted(cuts, 0.0)))
    bundles = bundler.done(d, m)
    return Bins(edges, _by_row(bundles.columns), bundles, np.empty((0, m), np.uint16), missing)


def _padded(columns: int) -> int:
    return -(-columns // _GROUP) * _GROUP


def _by_row(columns: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    out = np.zeros((columns.shape[1], _padded(len(columns))), np.uint8)
    out[:, : len(columns)] = columns.T
    return out
