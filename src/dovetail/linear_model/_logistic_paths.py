"""Paths of logistic regressions: in each fold from the strongest penalty to the weakest, each from
the solution before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.linear_model.logistic_regression import LogisticRegression
from dovetail.linear_scores import Linear
from dovetail.solve.solution import Solution

__all__ = ["OnePenalty", "Paths", "Search", "fold_by_fold", "program_of"]


class Paths(NamedTuple):
    """What folds f, ratios r and penalties c give.

    coefs : (f, r, c, k, d + intercept); scores, steps : (f, r, c)
    unfinished : the first solution that did not converge, or None
    """

    coefs: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    steps: npt.NDArray[np.int32]
    unfinished: Solution[Any] | None


class OnePenalty(LogisticRegression):
    """A fit that keeps what there is to report."""

    def _report(self, solution: Solution[Any]) -> None:
        self._solution = solution

    @property
    def unfinished(self) -> Solution[Any] | None:
        """The last solution, where it did not converge."""
        return self._solution if self._solution.advice else None


@dataclass(frozen=True)
class Search:
    """What paths are made of.

    labels : of all rows; folds : rows to train on and to test on
    model : a regression of a penalty C and an l1 ratio
    scorer : of a fitted model, rows and labels; scoring : its name, where it has one
    params : for the scorer
    """

    batches: Batches
    labels: npt.NDArray[Any]
    folds: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
    ratios: list[float]
    Cs: npt.NDArray[np.float64]
    model: Callable[[float, float], OnePenalty]
    scorer: Any
    scoring: Any
    params: Mapping[str, Any]
    verbose: int

    def empty(self, k: int, intercept: bool) -> Paths:
        """Paths of k scores a row to be filled in."""
        shape = (len(self.folds), len(self.ratios), len(self.Cs))
        coefs = np.empty((*shape, k, self.batches.n_features + intercept))
        return Paths(coefs, np.empty(shape), np.empty(shape, np.int32), None)

    def training(self, train: npt.NDArray[np.int64]) -> Batches:
        """The rows to train on; where they are not in memory all rows, with weights of 0 for the
        others.
        """
        batches = self.batches
        if batches.in_memory:
            return batches.take(torch.from_numpy(np.asarray(train)))
        times = torch.from_numpy(np.bincount(train, minlength=len(batches)))
        before = batches.rows_before()

        def weighted(b: Batch) -> Batch:
            first = before + b.start
            w = times[first : first + len(b)].to(b.X.dtype)
            return replace(b, w=w if b.w is None else w * b.w)

        return batches.mapped(weighted)

    def judge(self, test: npt.NDArray[np.int64]) -> Callable[[OnePenalty], float]:
        """The score of a fitted model on some rows."""
        X: Any = self.batches.take(torch.from_numpy(np.asarray(test))).X
        X = X.to_scipy() if isinstance(X, SparseMatrix) else as_numpy(X)
        given = {name: _rows_of(v, test, self.labels) for name, v in self.params.items()}
        return lambda model: self.scorer(model, X, self.labels[test], **given)


def fold_by_fold(search: Search) -> Paths:
    """Each fit by itself."""
    some_model = search.model(1.0, 0.0)
    k = 1 if len(some_model.classes_) == 2 else len(some_model.classes_)
    intercept = some_model.fit_intercept
    paths, unfinished = search.empty(k, intercept), None
    for f, (train, test) in enumerate(search.folds):
        some = search.training(train)
        score = search.judge(test)
        for r, ratio in enumerate(search.ratios):
            before = None
            for c, C in enumerate(search.Cs):
                model = search.model(C, ratio)
                if before is not None:
                    model._program = before
                before = model._program = model._fit(some)
                unfinished = unfinished or model.unfinished
                paths.coefs[f, r, c] = _numbers(before, intercept)
                # a start that is good enough takes a look, which counts
                paths.steps[f, r, c] = max(1, model.n_iter_[0])
                paths.scores[f, r, c] = score(model)
        if search.verbose:
            fits = len(search.ratios) * len(search.Cs)
            print(f"Fold {f + 1} of {len(search.folds)}: {fits} fits")
    return paths._replace(unfinished=unfinished)


def program_of(theta: Tensor, batches: Batches, intercept: bool) -> Linear:
    """The Program of coefficients and, with `intercept`, a last column of intercepts."""
    theta = theta.to(device=batches.device, dtype=batches.dtype)
    coef = theta[:, :-1] if intercept else theta
    b = theta[:, -1] if intercept else theta.new_zeros(len(theta))
    binary = len(theta) == 1
    response = "logistic" if binary else "softmax"
    return Linear(coef.contiguous(), b.contiguous(), response, binary)


def _numbers(program: Linear, intercept: bool) -> npt.NDArray[np.float64]:
    coef = as_numpy(program.coef.double())
    return np.column_stack([coef, as_numpy(program.intercept.double())]) if intercept else coef


def _rows_of(value: Any, test: npt.NDArray[np.int64], labels: npt.NDArray[Any]) -> Any:
    """The part of metadata that belongs to some rows."""
    array = np.asarray(value)
    return array[test] if array.ndim and len(array) == len(labels) else value
