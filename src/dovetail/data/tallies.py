"""Distinct values of columns and how often each comes: a statistic that adds up over blocks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import Columns, distinct, factorize

__all__ = ["Tally", "tally", "tally_columns"]


class Tally(NamedTuple):
    """Distinct values of a column, in no particular order, and how often each comes, both of shape
    (k,); counts are None where they were not asked for.
    """

    values: npt.NDArray[Any]
    counts: npt.NDArray[np.int64] | None


def tally(values: Any, null: Any = None, *, counted: bool = True) -> Tally:
    """The tally of one column, a numpy or arrow array; `null` names what arrow columns miss."""
    if not counted:
        return Tally(distinct(values, null), None)
    codes, kept = factorize(values, null)
    return Tally(kept, np.bincount(codes, minlength=len(kept)))


def tally_columns(batches: Batches, *, counted: bool = True) -> list[Tally]:
    """The tally of every column of all rows. Cost: one hash of every value."""

    def of_block(block: Batch) -> list[Tally]:
        X: Columns = block.X
        return [tally(values, X.null, counted=counted) for values in X.values]

    return batches.fold(of_block, lambda a, b: [_merged(x, y) for x, y in zip(a, b, strict=True)])


def _merged(a: Tally, b: Tally) -> Tally:
    codes, kept = factorize(np.concatenate([a.values, b.values]))
    if a.counts is None or b.counts is None:
        return Tally(kept, None)
    counts = np.zeros(len(kept), dtype=np.int64)
    np.add.at(counts, codes, np.concatenate([a.counts, b.counts]))
    return Tally(kept, counts)
