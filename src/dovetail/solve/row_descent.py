"""Stochastic gradient descent for a linear model of one score: a row a step, an epoch a step of the
loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from dovetail.errors import DataError
from dovetail.kernels import sgd
from dovetail.kernels.sgd import Number
from dovetail.objective.losses import BinaryLogLoss, HuberLoss, Loss, SquaredError
from dovetail.objective.margin_losses import (
    EpsilonInsensitive,
    Hinge,
    ModifiedHuber,
    SquaredEpsilonInsensitive,
    SquaredHinge,
)
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = ["RateName", "RowDescent", "RowSchedule", "Walk"]

Floats = npt.NDArray[np.float64]
RateName = Literal["constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"]

_ROWS: dict[type[Loss], tuple[sgd.Row, str]] = {  # the kernel's loss, and the field it needs
    SquaredError: (sgd.Row.SQUARED, ""),
    BinaryLogLoss: (sgd.Row.LOGISTIC, ""),
    Hinge: (sgd.Row.HINGE, "threshold"),
    SquaredHinge: (sgd.Row.SQUARED_HINGE, ""),
    ModifiedHuber: (sgd.Row.MODIFIED_HUBER, ""),
    HuberLoss: (sgd.Row.HUBER, "delta"),
    EpsilonInsensitive: (sgd.Row.TUBE, "epsilon"),
    SquaredEpsilonInsensitive: (sgd.Row.SQUARED_TUBE, "epsilon"),
}
_RATES: dict[RateName, sgd.Rate] = {
    "constant": sgd.Rate.CONSTANT,
    "adaptive": sgd.Rate.CONSTANT,
    "optimal": sgd.Rate.OPTIMAL,
    "invscaling": sgd.Rate.INVERSE,
    "pa1": sgd.Rate.PASSIVE,
    "pa2": sgd.Rate.SOFT_PASSIVE,
}
_LEAST_RATE, _CUT = 1e-6, 5.0  # "adaptive" divides the rate by 5 until it is so small


class RowData(NamedTuple):
    """Rows as the kernel reads them (see `saga.row_arrays`), targets, weights, and which rows are
    left out.
    """

    values: Any
    columns: Any
    starts: Any
    dense: bool
    y: Floats
    w: Floats
    left_out: npt.NDArray[np.bool_]


@dataclass
class Walk:
    """Where a descent has come to; a later one may go on from there.

    coef, mean : of shape (d,), the coefficients and their average over steps
    intercept, mean_intercept : the same of the intercept
    steps : rows visited so far, and one
    """

    coef: Floats
    mean: Floats
    intercept: float = 0.0
    mean_intercept: float = 0.0
    steps: float = 1.0

    @classmethod
    def at(cls, coef: Any, intercept: float) -> Walk:
        """The beginning of one."""
        start = np.array(coef, dtype=np.float64)
        return cls(start, np.zeros_like(start), float(intercept))


class RowSchedule(NamedTuple):
    """How long a step is.

    name : "constant" and "adaptive": `rate`, which "adaptive" divides by 5 where the objective no
        longer falls; "optimal": 1 / (decay (start + t)), with `start` by Bottou's rule of thumb,
        that the first step has the length of a typical coefficient; "invscaling": rate / t^power;
        "pa1", "pa2": what makes the row's loss 0, at most `rate`, or damped by it
    decay : strength of the penalty
    """

    name: RateName
    rate: float
    power: float
    decay: float


@dataclass
class RowDescent:
    """Minimize the mean loss of rows plus l2 / 2 ‖c‖² + l1 ‖c‖₁, a row a step.

    Parameters
    ----------
    rows : of a dense or CSR matrix
    loss : of one row, one that the kernel knows
    walk : where to begin; holds where it ended, after each epoch
    schedule : how long a step is
    l2, l1 : weights of the penalties
    seed : of the orders of rows; None keeps theirs
    patience, tol : stop after `patience` epochs in a row that did not improve the objective met on
        the way (the validation score, where there is one) by `tol`; None never stops
    average : the step from which coefficients are averaged, 0 for never
    fit_intercept : whether the intercept moves
    lift : by which its steps are multiplied
    score : of the coefficients, higher is better

    Runs on the CPU. Cost of an epoch: O(n d), for sparse X of the stored values.
    """

    rows: RowData
    loss: Loss
    walk: Walk
    schedule: RowSchedule
    l2: float
    l1: float
    seed: int | None
    patience: int
    tol: float | None
    average: int = 0
    fit_intercept: bool = True
    lift: float = 1.0
    score: Callable[[Walk], float] | None = None
    advice: str = (
        "Maximum number of iteration reached before convergence. Consider increasing max_iter to "
        "improve the fit ({n_iter} epochs were not enough), or scale the data with "
        "dovetail.preprocessing.StandardScaler."
    )
    _best: float = field(default=-math.inf, init=False)
    _stale: int = field(default=0, init=False)
    _epochs: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        walk, schedule, rows = self.walk, self.schedule, self.rows
        self._order = np.arange(len(rows.y))
        self._learned = int((~rows.left_out).sum())
        self._numbers = np.zeros(len(Number))
        self._numbers[Number.SCALE] = self._numbers[Number.SHARE] = 1.0
        self._numbers[Number.INTERCEPT] = walk.intercept
        self._numbers[Number.MEAN_INTERCEPT] = walk.mean_intercept
        self._numbers[Number.STEPS] = walk.steps
        self._numbers[Number.SQUARES] = np.square(walk.coef).sum()
        self._numbers[Number.ABSOLUTES] = np.abs(walk.coef).sum()
        self._paid = np.zeros_like(walk.coef)
        self._rate = schedule.rate
        # 1 / (start · decay) = (1 / decay)^¼, the size of a typical coefficient
        self._start = schedule.decay**-0.75 if schedule.name == "optimal" else 0.0
        code, name = _ROWS[type(self.loss)]
        self._loss = int(code), float(getattr(self.loss, name)) if name else 0.0

    def init(self) -> State[Walk]:
        return State(self.walk, {})

    def step(self, state: State[Walk]) -> State[Walk]:
        walk, numbers, schedule = self.walk, self._numbers, self.schedule
        if self.seed is not None:
            sgd.shuffle(self._order, self.seed)
        *data, left_out = self.rows
        sgd.epoch(
            *data,
            self._order,
            left_out,
            walk.coef,
            walk.mean,
            self._paid,
            numbers,
            *self._loss,
            int(_RATES[schedule.name]),
            self._rate,
            schedule.power,
            schedule.decay,
            self._start,
            self.l2,
            self.l1,
            self.average,
            self.fit_intercept,
            self.lift,
        )
        sgd.rescale(walk.coef, walk.mean, numbers)
        walk.intercept = float(numbers[Number.INTERCEPT])
        walk.mean_intercept = float(numbers[Number.MEAN_INTERCEPT])
        walk.steps = float(numbers[Number.STEPS])
        objective = float(numbers[Number.OBJECTIVE]) / max(1, self._learned)
        record = {"objective": objective}
        finite = math.isfinite(walk.intercept) and bool(np.isfinite(walk.coef).all())
        if self.score is not None and finite:
            record["validation_score"] = self.score(walk)
        self._judge(record.get("validation_score", -objective), finite)
        return State(walk, record)

    def _judge(self, quality: float, finite: bool) -> None:
        self._epochs += 1
        if not finite:
            raise DataError(
                f"Floating-point under-/overflow occurred at epoch #{self._epochs}. Scaling input "
                "data with StandardScaler or MinMaxScaler might help."
            )
        if self.tol is None:
            return
        self._stale = self._stale + 1 if quality < self._best + self.tol else 0
        self._best = max(quality, self._best)
        if self._stale >= self.patience and self._cuts():
            self._rate /= _CUT
            self._stale = 0

    def _cuts(self) -> bool:
        return self.schedule.name == "adaptive" and self._rate > _LEAST_RATE

    def stop(self, state: State[Walk]) -> Status | None:
        return Status.CONVERGED if self._stale >= self.patience else None

    def best(self, state: State[Walk]) -> Walk:
        return self.walk
