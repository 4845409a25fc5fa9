"""Growth of trees by impurity on the same rows: what decision trees and forests are made of.

Legend: n rows, d features, k outputs, s statistics of a node (k, or k times the most classes of an
output), m nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dovetail.data.codes import Codes
from dovetail.kernels.exact import (
    Column,
    Criterion,
    Limits,
    Node,
    Number,
    Rows,
    grow_exact,
)

__all__ = ["CRITERIA", "ImpurityGrower", "ImpurityRules", "ImpurityTree"]

CRITERIA = {
    "gini": Criterion.GINI,
    "entropy": Criterion.ENTROPY,
    "log_loss": Criterion.ENTROPY,
    "squared_error": Criterion.SQUARED,
    "poisson": Criterion.POISSON,
    "absolute_error": Criterion.ABSOLUTE,
}
_UNLIMITED = 2**62
_BINS = 255  # of a column; with one for missing values, they fit a byte
_LATER: Any = (np.empty(0),) * 4  # what `Rows` are completed by


@dataclass(frozen=True, eq=False)
class ImpurityRules:
    """What limits a tree, in rows and weights.

    criterion : a name in CRITERIA
    random : whether thresholds are drawn instead of sought
    """

    criterion: str
    random: bool = False
    max_features: int = _UNLIMITED
    max_depth: int | None = None
    max_leaves: int | None = None
    min_split: int = 2
    min_leaf: int = 1
    min_weight: float = 0.0
    min_decrease: float = 0.0
    monotone: Sequence[int] | None = None


@dataclass(frozen=True, eq=False)
class ImpurityTree:
    """A tree: the right child follows the left one, a leaf is its own left child.

    feature, left : int64 of shape (m,)
    threshold : float64 of shape (m,), infinite in leaves
    missing_right : bool of shape (m,)
    depth : int64 of shape (m,)
    value : float64 of shape (m, s), shares of classes or numbers
    cover, weight, impurity : float64 of shape (m,), rows, their weight and impurity
    """

    feature: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float64]
    missing_right: npt.NDArray[np.bool_]
    depth: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    cover: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    impurity: npt.NDArray[np.float64]

    def take(self, kept: npt.NDArray[np.bool_], leaf: npt.NDArray[np.bool_]) -> ImpurityTree:
        """The nodes that are kept, both parts of a split or none; some of them become leaves."""
        number = np.cumsum(kept) - 1
        nodes = np.flatnonzero(kept)
        ends = leaf[nodes]
        return ImpurityTree(
            np.where(ends, 0, self.feature[nodes]),
            np.where(ends, np.arange(len(nodes)), number[self.left[nodes]]),
            np.where(ends, np.inf, self.threshold[nodes]),
            self.missing_right[nodes] & ~ends,
            self.depth[nodes],
            self.value[nodes],
            self.cover[nodes],
            self.weight[nodes],
            self.impurity[nodes],
        )


class ImpurityGrower:
    """Grows trees on the same rows, for several at a time from several threads.

    Parameters
    ----------
    columns : Codes; float32 or float64 of shape (d, n) where thresholds are drawn
    y : float64 of shape (n, k), numbers or codes of classes
    classes : most classes of an output, 0 for numbers
    rules : ImpurityRules
    """

    def __init__(
        self,
        columns: Codes | npt.NDArray[Any],
        y: npt.NDArray[np.float64],
        classes: int,
        rules: ImpurityRules,
    ) -> None:
        criterion, k = CRITERIA[rules.criterion], y.shape[1]
        ranks = np.empty((0, k), np.uint32)
        if criterion == Criterion.ABSOLUTE:
            places = [np.unique(y[:, o], return_inverse=True)[1] for o in range(k)]
            ranks = np.stack(places, axis=1).astype(np.uint32)
        numbers = None if isinstance(columns, Codes) else np.ascontiguousarray(columns)
        rows = _rows_of_codes(columns) if isinstance(columns, Codes) else _rows_of_numbers(columns)
        rows.columns[:, Column.MONOTONE] = 0 if rules.monotone is None else rules.monotone
        self._numbers = numbers
        self._rows = rows._replace(y=np.ascontiguousarray(y), ranks=ranks)
        self._limits = Limits(
            int(criterion),
            classes,
            rules.max_features,
            _UNLIMITED if rules.max_depth is None else rules.max_depth,
            _UNLIMITED if rules.max_leaves is None else rules.max_leaves,
            rules.min_split,
            rules.min_leaf,
            float(rules.min_weight),
            float(rules.min_decrease),
            rules.monotone is not None and any(rules.monotone),
            True,
        )

    def grow(self, w: npt.NDArray[np.float64], seed: int) -> ImpurityTree:
        """A tree of the rows whose weight, of shape (n,), is not zero."""
        rows = self._rows._replace(w=w, order=np.flatnonzero(w).astype(np.uint32))
        limits = self._limits._replace(bounded=bool(w.min(initial=0.0) >= 0.0))
        nodes, numbers, values = grow_exact(rows, self._numbers, limits, seed)
        left = nodes[:, Node.LEFT]
        inner = left != np.arange(len(nodes))
        return ImpurityTree(
            nodes[:, Node.FEATURE].copy(),
            left.copy(),
            np.where(inner, numbers[:, Number.THRESHOLD], np.inf),
            inner & (nodes[:, Node.MISSING_LEFT] == 0),
            nodes[:, Node.DEPTH].copy(),
            values,
            (nodes[:, Node.END] - nodes[:, Node.BEGIN]).astype(np.float64),
            numbers[:, Number.WEIGHT].copy(),
            numbers[:, Number.IMPURITY].copy(),
        )


def _rows_of_codes(codes: Codes) -> Rows:
    coarse = codes if codes.counts.max() <= _BINS else codes.coarse(_BINS)
    columns = np.empty((len(codes.counts), len(Column)), np.int64)
    columns[:, Column.CODES], columns[:, Column.MISSING] = codes.counts, codes.missing
    columns[:, Column.BEGIN] = np.cumsum(codes.counts) - codes.counts
    columns[:, Column.BINS] = coarse.counts
    return Rows(coarse.by_column, codes.by_column, codes.low, columns, *_LATER)


def _rows_of_numbers(numbers: npt.NDArray[Any]) -> Rows:
    columns = np.zeros((len(numbers), len(Column)), np.int64)
    columns[:, Column.MISSING] = np.isnan(numbers).any(1)
    none = np.empty((len(numbers), 0), np.uint8)
    return Rows(none, none, np.empty(0), columns, *_LATER)
