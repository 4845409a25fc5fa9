"""One set of folds, shared by all models."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import model_selection

from dovetail.errors import DataError, TargetError
from dovetail.leaderboard.problem import Problem

__all__ = ["Fold", "make_folds"]

Fold = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def make_folds(
    problem: Problem,
    n: int,
    seed: int,
    *,
    groups: npt.NDArray[Any] | None = None,
    time: npt.NDArray[Any] | None = None,
) -> list[Fold]:
    """Rows to learn from and rows to test on, n times.

    Classes keep their shares in every fold. With `groups`, rows of one group are never on both
    sides; with `time`, a fold is tested on what comes after everything it learns from.

    Raises
    ------
    DataError
        Fewer rows or groups than folds, or a class with fewer rows than folds.
    """
    rows = len(problem.y)
    if n < 2:
        raise DataError(f"There must be at least 2 folds. Got --cv {n}.")
    if rows < 2 * n:
        raise DataError(
            f"{rows} rows are too few for {n} folds. Use --cv {max(2, rows // 2)}, or more rows."
        )
    if time is not None:
        order = np.argsort(time, kind="stable")
        splits = model_selection.TimeSeriesSplit(n).split(order)
        return [(order[train], order[test]) for train, test in splits]
    if groups is not None:
        if len(np.unique(groups)) < n:
            raise DataError(
                f"There are {len(np.unique(groups))} groups, fewer than {n} folds. Lower --cv."
            )
        splitter: Any = model_selection.GroupKFold(n)
        if problem.task == "classification":
            splitter = model_selection.StratifiedGroupKFold(n, shuffle=True, random_state=seed)
        return list(splitter.split(np.zeros(rows), problem.y, groups))
    if problem.task == "classification":
        classes, counts = np.unique(problem.y, return_counts=True)
        if counts.min() < n:
            rare = classes[counts.argmin()]
            raise TargetError(
                f"Class {str(rare)!r} of the target {problem.target!r} has {counts.min()} "
                f"row(s), fewer than the {n} folds. "
                f"Use a smaller --cv, or leave out or merge rare classes."
            )
        splitter = model_selection.StratifiedKFold(n, shuffle=True, random_state=seed)
    else:
        splitter = model_selection.KFold(n, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(rows), problem.y))
