"""Moments of the folds of a cross-validation, each row looked at once: those that a fold is trained
on are merged from the other folds'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dovetail.data.batches import Batch, Batches
from dovetail.data.cross_moments import CrossMoments, cross_moments, merge_cross_moments
from dovetail.data.tensors import as_tensor

__all__ = ["FoldMoments", "Rows", "Split", "fold_moments"]

Rows = npt.NDArray[np.int64]
Split = tuple[Rows, Rows]


class FoldMoments(NamedTuple):
    """Moments of all rows, of those that each fold is trained on, and of those it is tested on."""

    whole: CrossMoments
    trains: list[CrossMoments]
    tests: list[CrossMoments]


def fold_moments(
    batches: Batches, splits: Sequence[Split], *, centered: bool = True, exact: bool = False
) -> FoldMoments:
    """The moments of every fold in one pass, two where the tests do not part the rows.

    splits : numbers of rows to train on and to test on, among all rows
    centered, exact : as in `cross_moments`
    """

    def moments(b: Batch) -> CrossMoments:
        return cross_moments(Batches(b), centered=centered, exact=exact)

    tests = [test for _, test in splits]
    if _partition(splits, len(batches)):
        found = _of_sets(batches, tests, moments)
        others = ([m for k, m in enumerate(found) if k != own] for own in range(len(found)))
        trains = [reduce(merge_cross_moments, each) for each in others]
        return FoldMoments(reduce(merge_cross_moments, found), trains, found)
    whole = cross_moments(batches, centered=centered, exact=exact)
    found = _of_sets(batches, [*(train for train, _ in splits), *tests], moments)
    return FoldMoments(whole, found[: len(splits)], found[len(splits) :])


def _of_sets(
    batches: Batches, sets: Sequence[Rows], moments: Callable[[Batch], CrossMoments]
) -> list[CrossMoments]:
    """The moments of several sets of rows, given by their numbers, in one pass."""
    ordered = [as_tensor(np.sort(rows), batches.device) for rows in sets]
    before = batches.rows_before()

    def block(b: Batch) -> list[CrossMoments | None]:
        found = (b.among(rows, before) for rows in ordered)
        return [moments(some) if len(some) else None for some in found]

    found = batches.fold(block, lambda a, b: list(map(_merged, a, b)))
    return [m for m in found if m is not None]


def _merged(a: CrossMoments | None, b: CrossMoments | None) -> CrossMoments | None:
    return b if a is None else a if b is None else merge_cross_moments(a, b)


def _partition(splits: Sequence[Split], n: int) -> bool:
    """Whether every row is tested once, and trained on otherwise."""
    if len(splits) < 2 or any(len(train) + len(test) != n for train, test in splits):
        return False
    tested = np.concatenate([test for _, test in splits])
    if len(tested) != n or not (np.bincount(tested, minlength=n) == 1).all():
        return False
    return all((np.bincount(np.r_[pair], minlength=n) == 1).all() for pair in splits)
