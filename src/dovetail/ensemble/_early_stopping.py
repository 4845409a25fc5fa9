"""What early stopping looks at: the loss or a scorer, on training and on validation rows."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import check_scoring
from sklearn.utils import resample
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.ensemble._program import KnownScores, TreeScores, add_trees
from dovetail.objective.losses import Loss
from dovetail.program import Program
from dovetail.solve.boosting import Scores
from dovetail.solve.tree import Tree

__all__ = ["ByLoss", "ByScorer", "Following", "Rows"]

_SHOWN = 10_000  # training rows that a scorer is shown


class Rows(NamedTuple):
    """Rows on the CPU: X (n, d), targets as the loss wants them, weights float64 or None."""

    X: Matrix
    y: Tensor
    w: Tensor | None

    def take(self, index: npt.NDArray[np.int64]) -> "Rows":
        """Some of the rows."""
        X = self.X
        X = X.take_rows(torch.from_numpy(index)) if isinstance(X, SparseMatrix) else X[index]
        return Rows(X, self.y[index], None if self.w is None else self.w[index])


@dataclass
class Following:
    """Validation rows whose scores F, float64 of shape (n, k), follow the trees."""

    rows: Rows
    F: Tensor
    trees: int = 0

    def follow(self, trees: tuple[Tree, ...]) -> Tensor:
        """The scores after all these trees, k an iteration; only new ones are looked at."""
        if self.trees < len(trees):
            add_trees(trees[self.trees :], self.rows.X, self.F)
            self.trees = len(trees)
        return self.F


@dataclass
class ByLoss:
    """The mean loss, negated."""

    loss: Loss
    y: Tensor
    w: Tensor | None
    held_out: Following | None

    def __call__(self, trees: tuple[Tree, ...], F: Tensor) -> Scores:
        train = self._score(F, self.y, self.w)
        if self.held_out is None:
            return Scores(train)
        rows = self.held_out.rows
        return Scores(train, self._score(self.held_out.follow(trees), rows.y, rows.w))

    def _score(self, F: Tensor, y: Tensor, w: Tensor | None) -> float:
        value = self.loss.value(y, F[:, 0] if F.shape[1] == 1 else F)
        return -float(value.mean() if w is None else (value * w).sum() / w.sum())


class ByScorer:
    """A scorer's judgment of the model so far, on at most 10,000 training rows.

    Parameters
    ----------
    model : estimator in fit
    program : makes the Program of some trees
    rows, index : training rows are rows.take(index)
    held_out : Following or None
    seed : of the draw of training rows
    stratify : whether the draw keeps the shares of the targets
    """

    def __init__(
        self,
        model: Any,
        program: Callable[[tuple[Tree, ...]], TreeScores],
        rows: Rows,
        index: npt.NDArray[np.int64],
        held_out: Following | None,
        *,
        seed: int,
        stratify: bool,
    ) -> None:
        self.scorer = check_scoring(model, model.scoring)
        # scorers that a name stands for only ask for predictions on the rows they are given
        self.known = model.scoring is None or isinstance(model.scoring, str)
        self.program, self.held_out = program, held_out
        self.model = copy.copy(model)
        self.model.is_categorical_ = None  # the rows are coded already, and have no names
        self.model.__dict__.pop("feature_names_in_", None)
        shown = np.arange(len(index))
        if len(shown) > _SHOWN:
            shown = resample(
                shown,
                n_samples=_SHOWN,
                replace=False,
                random_state=seed,
                stratify=as_numpy(rows.y[index]) if stratify else None,
            )
        self.shown, self.rows = torch.from_numpy(shown), rows.take(index[shown])

    def __call__(self, trees: tuple[Tree, ...], F: Tensor) -> Scores:
        train = self._score(trees, F[self.shown], self.rows)
        if self.held_out is None:
            return Scores(train)
        held_out = self.held_out
        return Scores(train, self._score(trees, held_out.follow(trees), held_out.rows))

    def _score(self, trees: tuple[Tree, ...], F: Tensor, rows: Rows) -> float:
        made = self.program(trees)
        known: Program = KnownScores(F[:, 0] if made.flat else F, made.response)
        self.model._program = known if self.known else made
        weights = {} if rows.w is None else {"sample_weight": as_numpy(rows.w)}
        labels = self.model._labels(rows.y)
        X = rows.X.to_scipy() if isinstance(rows.X, SparseMatrix) else as_numpy(rows.X)
        return float(self.scorer(self.model, X, labels, **weights))
