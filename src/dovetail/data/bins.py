"""Columns cut into at most 255 bins, so that a value is one byte.

Numbers are cut at quantiles, or between every two distinct values where these are few; categories
arrive as codes and keep them. Code 255 stands for a missing value.

Legend: n rows of X, m rows taken, d columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.data.quantiles import column_quantiles, quantiles_of_sorted
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels.binning import MISSING, encode
from dovetail.kernels.compiled import thread_count

__all__ = ["Bins", "Edges", "cut", "find_edges"]

_GROUP = 8  # codes of a row are padded to whole words of 64 bits
_SAMPLE = 200_000  # rows that the quantiles are taken of


@dataclass(frozen=True, eq=False)
class Edges:
    """Where the columns are cut.

    Parameters
    ----------
    cuts : float64 of shape (d, 255), ascending, filled up with infinity; a value's code is the
        number of cuts below it; exact in X's dtype
    counts : int64 of shape (d,), bins in use
    categorical : bool of shape (d,)
    """

    cuts: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    categorical: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Bins:
    """Rows as codes, held twice: sums read all codes of a row, splits those of one column.

    Parameters
    ----------
    edges : Edges
    by_row : uint8 of shape (m, 8 · groups)
    by_column : uint8 of shape (d, m)
    missing : bool of shape (d,), whether the column misses values
    """

    edges: Edges
    by_row: npt.NDArray[np.uint8]
    by_column: npt.NDArray[np.uint8]
    missing: npt.NDArray[np.bool_]


def find_edges(
    X: Tensor,
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
    X : float tensor of shape (n, d) on the CPU, missing values NaN
    rows : int64 of shape (m,), the rows to look at; of more than 200,000, as many drawn at random
    w : Tensor of shape (m,) or None
        Their weights.
    max_bins : most bins of a column, up to 255
    categories : for each column the number of its categories, None for numbers
    seed : of the draw

    Cost O(d m log m).
    """
    if len(rows) > _SAMPLE:
        share = None if w is None else as_numpy(w.double() / w.double().sum())
        draw = check_random_state(seed).choice(len(rows), _SAMPLE, p=share, replace=True)
        rows, w = rows[draw], None
    values = as_numpy(X)
    weight = None if w is None else as_numpy(w.double())

    def cuts_of(j: int) -> Any:
        levels = categories[j]
        if levels is not None:
            return np.arange(max(levels - 1, 0), dtype=np.float64)
        cuts = _cut_numbers(values[:, j][rows].astype(np.float64), weight, max_bins)
        return np.unique(_rounded_down(cuts, values.dtype))

    with ThreadPoolExecutor(thread_count()) as threads:  # numpy sorts without the GIL
        found = list(threads.map(cuts_of, range(X.shape[1])))
    cuts = np.full((len(found), 255), np.inf)
    for j, c in enumerate(found):
        cuts[j, : len(c)] = c
    counts = np.array([len(c) + 1 for c in found], dtype=np.int64)
    return Edges(cuts, counts, np.array([c is not None for c in categories]))


def _cut_numbers(column: Any, weight: Any, max_bins: int) -> Any:
    """Thresholds of one column, between −infinity and infinity."""
    there = ~np.isnan(column)
    if weight is not None:
        there &= weight != 0
        weight = weight[there]
    column = column[there]
    ordered = np.sort(column)
    new = np.flatnonzero(ordered[1:] != ordered[:-1])
    if len(new) < max_bins:
        with np.errstate(over="ignore", invalid="ignore"):
            cuts = (ordered[new] + ordered[new + 1]) / 2
        cuts[np.isnan(cuts)] = 0.0  # between −infinity and infinity
    else:
        levels = torch.linspace(0, 100, max_bins + 1, dtype=torch.float64)[1:-1] / 100
        if weight is None:
            cuts = quantiles_of_sorted(as_tensor(ordered)[None], levels, "averaged_inverted_cdf")[0]
        else:
            values, w = as_tensor(column)[:, None], as_tensor(weight)
            cuts = column_quantiles(values, levels, method="averaged_inverted_cdf", w=w)[:, 0]
        cuts = as_numpy(cuts)
    return cuts


def _rounded_down(cuts: Any, dtype: Any) -> Any:
    """Cuts in X's dtype, no greater than they were, so that they part X's values as before; those
    at infinity are moved to the greatest number, so that infinity lies behind them.
    """
    rounded = np.minimum(cuts, np.finfo(dtype).max).astype(dtype)
    return np.where(rounded > cuts, np.nextafter(rounded, dtype.type(-np.inf)), rounded)


def cut(X: Tensor, rows: npt.NDArray[np.int64], edges: Edges) -> Bins:
    """The codes of some rows of X, a float tensor on the CPU."""
    m, d = len(rows), X.shape[1]
    by_row = np.zeros((m, -(-d // _GROUP) * _GROUP), np.uint8)
    by_column = np.empty((d, m), np.uint8)
    encode(as_numpy(X), rows, edges.cuts, by_row, by_column)
    return Bins(edges, by_row, by_column, (by_column == MISSING).any(axis=1))
