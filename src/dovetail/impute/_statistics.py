"""What a column's missing values are replaced by.

Legend: n rows, d columns.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import Columns, is_nan, missing_mask, to_numpy
from dovetail.data.quantiles import column_quantiles
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tallies import Tally, tally, tally_columns
from dovetail.data.tensors import as_numpy
from dovetail.impute._values import is_missing, missing

__all__ = ["column_statistics"]


def column_statistics(
    batches: Batches, strategy: str | Callable[..., Any], *, mark: Any, fill_value: Any, empty: Any
) -> npt.NDArray[Any]:
    """The statistic of every column over its values that are not missing, shape (d,).

    Parameters
    ----------
    mark : the value that stands for a missing one
    fill_value : the constant, of strategy "constant"
    empty : the statistic of a column without values
    """
    if strategy == "constant":
        return _constants(batches, mark, fill_value, keep=not is_nan(empty))
    if strategy == "mean":
        found = as_numpy(_means(batches, mark))
    elif strategy == "median":
        found = as_numpy(_medians(batches, mark))
    elif strategy == "most_frequent":
        found = _modes(batches, mark)
    else:
        found = np.array([_of_values(strategy, v, empty) for v in _present(batches, mark)])
    if not is_nan(empty):
        found[missing_mask(found)] = empty
    return found


def _constants(batches: Batches, mark: Any, fill_value: Any, *, keep: bool) -> npt.NDArray[Any]:
    found = np.full(batches.n_features, fill_value, dtype=object)
    if not keep:
        found[as_numpy(batches.sum(lambda b: _counts(b, mark))) == 0] = np.nan
    return found


def _counts(b: Batch, mark: Any) -> Tensor:
    """Values of each column that are there; zeros of a sparse matrix are."""
    mask = missing(b.X, mark)
    if isinstance(mask, SparseMatrix):
        gone = mask.column_sums(mask.values.long())
        stored = mask.column_sums(torch.ones_like(mask.values, dtype=torch.long))
        # a column in which all stored values are missing counts as empty if it stores any
        zeros = len(b) - stored
        return torch.where((gone == stored) & (zeros == 0), 0, len(b) - gone)
    return len(b) - mask.sum(0)


def _means(batches: Batches, mark: Any) -> Tensor:
    def block(b: Batch) -> tuple[Tensor, Tensor]:
        if isinstance(b.X, SparseMatrix):
            values = b.X.values.double()
            total = b.X.column_sums(values.masked_fill(is_missing(b.X.values, mark), 0.0))
        else:
            total = b.X.masked_fill(is_missing(b.X, mark), 0).sum(0, dtype=torch.float64)
        return total, _counts(b, mark)

    total, count = batches.sum(block)
    return total / count


def _medians(batches: Batches, mark: Any) -> Tensor:
    half = torch.tensor([0.5], dtype=torch.float64, device=batches.device)
    X = batches.X
    if isinstance(X, SparseMatrix):
        X = X.with_values(X.values.masked_fill(is_missing(X.values, mark), torch.nan))
    elif not is_nan(mark):
        X = X.masked_fill(is_missing(X, mark), torch.nan)
    return column_quantiles(X, half)[0]


def _modes(batches: Batches, mark: Any) -> npt.NDArray[Any]:
    """The least of the most frequent values of each column."""
    X = batches.X
    if isinstance(X, Columns):
        found = [_mode(t, mark) for t in tally_columns(batches)]
        out = np.empty(len(found), dtype=object)
        out[:] = found
        return out
    tallies = [_with_zeros(v, z) for v, z in _stored(batches, mark)]
    return np.array([_mode(t, mark) for t in tallies], dtype=np.float64)


def _mode(found: Tally, mark: Any) -> Any:
    there = ~missing_mask(found.values, mark)
    values, counts = found.values[there], found.counts[there]  # type: ignore[index]
    if not len(values):
        return np.nan
    best = values[counts == counts.max()]
    try:
        return best.min()
    except TypeError:  # values of types that have no order
        return min(best, key=lambda v: (str(type(v)), str(v)))


def _stored(batches: Batches, mark: Any) -> list[tuple[npt.NDArray[Any], int]]:
    """Of each column its numbers that are there, and how many zeros are not among them."""
    X = batches.X
    if isinstance(X, SparseMatrix):
        M = X.to_scipy().tocsc()
        columns = [M.data[M.indptr[j] : M.indptr[j + 1]] for j in range(M.shape[1])]
        zeros = [len(batches) - len(c) for c in columns]
    else:
        columns = list(as_numpy(X).T)
        zeros = [0] * len(columns)
    return [(c[~missing_mask(c, mark)], z) for c, z in zip(columns, zeros, strict=True)]


def _with_zeros(values: npt.NDArray[Any], zeros: int) -> Tally:
    found = tally(values)
    if not zeros:
        return found
    both = np.append(found.values, found.values.dtype.type(0))
    counts = np.append(found.counts, zeros)
    kept, codes = np.unique(both, return_inverse=True)
    return Tally(kept, np.bincount(codes, counts, minlength=len(kept)).astype(np.int64))


def _present(batches: Batches, mark: Any) -> list[npt.NDArray[Any]]:
    """The values of each column that are there; of a sparse matrix those that are not zero."""
    X = batches.X
    if isinstance(X, Columns):
        return [to_numpy(v, X.null)[~missing_mask(v, mark)] for v in X.values]
    if isinstance(X, SparseMatrix):
        return [v[v != 0] for v, _ in _stored(batches, mark)]
    return [v for v, _ in _stored(batches, mark)]


def _of_values(function: Any, values: npt.NDArray[Any], empty: Any) -> Any:
    return function(values) if len(values) or is_nan(empty) else empty
