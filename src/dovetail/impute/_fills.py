"""What a column's missing values become: mean, median, most frequent value, a constant, or what a
function makes of the values that are there.

Legend: n rows, d columns, m stored values.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import missing_mask
from dovetail.data.order_statistics import quantiles
from dovetail.data.quantiles import sorted_rows
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.statistics import column_moments
from dovetail.data.tallies import Tally, tally_columns
from dovetail.data.tensors import as_numpy
from dovetail.impute._values import is_missing

__all__ = ["Strategy", "column_fills", "frequent_objects"]

Strategy = str | Callable[..., Any]


def column_fills(batches: Batches, strategy: Strategy, mark: float, observed: Tensor) -> Tensor:
    """The fill of every column of numbers, shape (d,), float64, or the dtype of integers; without
    meaning where nothing is observed.

    observed : how many values of each column are not missing, shape (d,)
    """
    if strategy == "mean":
        return _means(batches, mark)
    if strategy == "median":
        half = torch.tensor([0.5])
        return quantiles(batches, half, of=partial(_with_nan, mark=mark))[0]
    dtype = torch.float64 if batches.dtype.is_floating_point else batches.dtype
    if strategy == "most_frequent" and not batches.in_memory:
        return _frequent_numbers(batches, mark).to(dtype)
    X = batches.X
    fill = partial(_called, strategy) if callable(strategy) else _most_frequent
    fills = torch.zeros(len(observed), dtype=dtype, device=X.device)
    for j in observed.nonzero().flatten().tolist():
        fills[j] = fill(*_stored(X, j), mark)
    return fills


def _means(batches: Batches, mark: float) -> Tensor:
    if batches.sparse:
        marked = batches.mapped(lambda b: b.mapped(partial(_with_nan, mark=mark)))
        return column_moments(marked, variance=False).mean
    nan = mark != mark
    of = None if nan else partial(_with_nan, mark=mark)
    return column_moments(batches, variance=False, of=of).mean


def _with_nan(X: Any, mark: float) -> Any:
    """X, of floating numbers, with NaN for what is missing."""
    if mark != mark:
        return X
    if isinstance(X, SparseMatrix):
        return X.with_values(_with_nan(X.values, mark))
    return X.masked_fill(is_missing(X, mark), torch.nan)


def _stored(X: Matrix, j: int) -> tuple[Tensor, int]:
    """The stored values of a column, and how many zeros come on top of them."""
    if isinstance(X, SparseMatrix):
        start, stop = X.starts[j : j + 2].tolist()
        return X.values[start:stop], X.shape[0] - (stop - start)
    return X[:, j].contiguous(), 0


def _most_frequent(values: Tensor, zeros: int, mark: float) -> Tensor:
    """The value that comes most often, of several the least."""
    ordered = sorted_rows(values[None])[0]
    if ordered.is_floating_point():
        ordered = ordered[: len(ordered) - int(values.isnan().sum())]  # NaN are sorted last
    distinct, counts = torch.unique_consecutive(ordered, return_counts=True)
    counts = counts.masked_fill(is_missing(distinct, mark), 0)
    if zeros:
        at_zero = torch.where(distinct == 0, counts, 0)
        counts = torch.cat([counts - at_zero, at_zero.sum()[None] + zeros])
        distinct = torch.cat([distinct, distinct.new_zeros(1)])
    return distinct[counts == counts.max()].min()


def _frequent_numbers(batches: Batches, mark: float) -> Tensor:
    """The most frequent value of each column of rows that are not in memory, zero where nothing is
    observed; keeps the distinct values.
    """

    def of_block(b: Batch) -> list[tuple[Tensor, Tensor]]:
        X: Any = b.X.to_dense() if isinstance(b.X, SparseMatrix) else b.X
        observed = [column[~is_missing(column, mark)] for column in X.T]
        return [torch.unique(values, return_counts=True) for values in observed]

    def merged(
        a: list[tuple[Tensor, Tensor]], b: list[tuple[Tensor, Tensor]]
    ) -> list[tuple[Tensor, Tensor]]:
        out = []
        for (u, n), (v, m) in zip(a, b, strict=True):
            values, place = torch.unique(torch.cat([u, v]), return_inverse=True)
            out.append((values, n.new_zeros(len(values)).index_add(0, place, torch.cat([n, m]))))
        return out

    found = batches.fold(of_block, merged)
    return torch.stack(
        [
            values[counts == counts.max()].min() if len(values) else values.new_zeros(())
            for values, counts in found
        ]
    )


def _called(function: Callable[..., Any], values: Tensor, zeros: int, mark: float) -> Any:
    observed = as_numpy(values[~is_missing(values, mark)])
    return function(np.append(observed, np.zeros(zeros, dtype=observed.dtype)))


def frequent_objects(batches: Batches, mark: Any) -> list[Any]:
    """The most frequent value of each column of anything, of several the least; None where nothing
    is observed.
    """
    return [_frequent(tally, mark) for tally in tally_columns(batches)]


def _frequent(tally: Tally, mark: Any) -> Any:
    assert tally.counts is not None
    counts = np.where(missing_mask(tally.values, mark), 0, tally.counts)
    if not counts.any():
        return None
    return _least(tally.values[counts == counts.max()])


def _least(values: npt.NDArray[Any]) -> Any:
    """The least value; where values cannot be compared, the first by type and text."""
    items = values.astype("M8[us]").tolist() if values.dtype.kind == "M" else values.tolist()
    try:
        return min(items)
    except TypeError:
        return min(items, key=lambda value: (str(type(value)), str(value)))
