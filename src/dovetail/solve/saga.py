"""SAG and SAGA: stochastic average gradients, an epoch a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import DataError
from dovetail.kernels import saga
from dovetail.objective.linear import LinearObjective, scores
from dovetail.objective.losses import BinaryLogLoss, MultinomialLogLoss, SquaredError
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = ["StochasticAverageGradient"]

_LOSSES = {
    SquaredError: saga.SQUARED,
    BinaryLogLoss: saga.LOGISTIC,
    MultinomialLogLoss: saga.SOFTMAX,
}
# Largest second derivative of each loss in its scores.
_SMOOTHNESS = {SquaredError: 1.0, BinaryLogLoss: 0.25, MultinomialLogLoss: 0.5}


@dataclass(frozen=True)
class EpochState(State[Tensor]):
    """θ and by how much, relative to its largest entry, the last epoch changed it."""

    change: float = float("inf")


@dataclass
class StochasticAverageGradient:
    """Minimize a linear objective plus l1 ‖c‖₁ by visiting rows in random order.

    Parameters
    ----------
    objective : one row's loss must be squared, logistic or multinomial
    start : θ, float64
    tol : converged when an epoch changes no number by more than this share of the largest
    random : the order of rows
    variant : "sag" (no l1) or "saga"
    l1 : weight of ‖c‖₁ beside the mean loss

    Runs on the CPU. Cost O(n d k) an epoch, for sparse X of the stored values; memory O(n k) for
    the kept gradients.
    """

    objective: LinearObjective
    start: Tensor
    tol: float
    random: np.random.RandomState
    variant: Literal["sag", "saga"] = "saga"
    l1: float = 0.0
    advice: str = (
        "The max_iter was reached which means the coef_ did not converge ({n_iter} epochs). "
        "Increase max_iter or "
        "scale the data with dovetail.preprocessing.StandardScaler."
    )

    def __post_init__(self) -> None:
        objective = self.objective
        batches = objective.batches
        values, columns, starts, dense = row_arrays(batches.X)
        n, d = len(batches), batches.n_features
        w = np.ones(n) if batches.w is None else as_numpy(batches.w).astype(np.float64)
        w = w * (n / w.sum())
        squares = row_squares(batches.X) + objective.intercept
        smooth = _SMOOTHNESS[type(objective.loss)] * float((w * squares).max()) + objective.l2
        if self.variant == "sag":
            step = 1.0 / smooth
        else:
            step = 1.0 / (2 * smooth + min(2 * n * objective.l2, smooth))
        k = objective.shape[0]
        coef, intercept = objective.split(self.start)
        self._coef = np.ascontiguousarray(as_numpy(coef).T.astype(np.float64))
        self._intercept = (
            np.zeros(k) if intercept is None else as_numpy(intercept).astype(np.float64).copy()
        )
        self._memory, self._sums = np.zeros((n, k)), np.zeros((d, k))
        self._sum_intercept, self._seen = np.zeros(k), np.zeros(n, dtype=bool)
        if self.start.any():
            self._remember(w)
        y, loss = as_numpy(batches.y).astype(np.float64), _LOSSES[type(objective.loss)]
        self._data = (values, columns, starts, dense, y, w)
        self._rules = (
            step,
            objective.l2,
            self.l1,
            loss,
            self.variant == "saga",
            objective.intercept,
        )

    def _remember(self, w: Any) -> None:
        """Keep the gradients of all rows, without which steps from a start near the optimum would
        lead away from it.
        """
        objective = self.objective
        X, y = objective.batches.X, objective.batches.y
        F = scores(X, *objective.split(self.start))
        g = objective.loss.gradient(y, F[:, 0] if len(self._sum_intercept) == 1 else F)
        self._memory[:] = as_numpy(g).reshape(len(w), -1) * w[:, None]
        self._sums[:] = as_numpy(X.T @ as_tensor(self._memory).to(X.device, X.dtype))
        self._sum_intercept[:] = self._memory.sum(0)
        self._seen[:] = True

    def init(self) -> EpochState:
        return EpochState(self.start, {})

    def step(self, state: EpochState) -> EpochState:
        before, lift = self._coef.copy(), self._intercept.copy()
        n = len(self._seen)
        order = self.random.randint(0, n, n)
        numbers = (self._coef, self._intercept)
        memory = (self._memory, self._sums, self._sum_intercept, self._seen)
        saga.epoch(*self._data, order, *numbers, *memory, *self._rules)
        change = max(
            np.abs(self._coef - before).max(initial=0), np.abs(self._intercept - lift).max()
        )
        size = max(np.abs(self._coef).max(initial=0), np.abs(self._intercept).max())
        if not (np.isfinite(size) and np.isfinite(self._sums).all()):
            raise DataError(
                "Floating-point under-/overflow occurred: coefficients are no longer finite. Scale "
                "the data with dovetail.preprocessing.StandardScaler."
            )
        theta = self._coef.T
        if self.objective.intercept:
            theta = np.column_stack([theta, self._intercept])
        relative = float(change / size) if size else float(change)
        value = as_tensor(np.ascontiguousarray(theta)).to(self.start.device)
        return EpochState(value, {"change": relative}, relative)

    def stop(self, state: EpochState) -> Status | None:
        return Status.CONVERGED if state.change <= self.tol else None

    def best(self, state: EpochState) -> Tensor:
        return state.value


def row_arrays(X: Matrix) -> tuple[Any, Any, Any, bool]:
    """The arrays that row kernels read: CSR, or a dense matrix told as if it were; the last says
    which.
    """
    if isinstance(X, SparseMatrix):
        X = X.tocsr()
        if X.indices.element_size() > 4:
            raise DataError(
                "Only sparse matrices with 32-bit integer indices are supported by this solver; "
                "choose another one."
            )
        return as_numpy(X.values), as_numpy(X.indices), as_numpy(X.starts), False
    n, d = X.shape
    return (
        as_numpy(X.contiguous()).reshape(-1),
        np.arange(d, dtype=np.int32),
        np.arange(n + 1) * d,
        True,
    )


def row_squares(X: Matrix) -> Any:
    """‖x_i‖² of each row."""
    if isinstance(X, SparseMatrix):
        return as_numpy(X.row_sums(X.values.double().square()))
    return as_numpy((X * X).sum(1).double())
