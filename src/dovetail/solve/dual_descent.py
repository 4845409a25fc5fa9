"""Linear support-vector machines by coordinate descent in their dual, one score or many.

    ½ ‖w‖² + Σ_i C_i l(y_i, w·x_i),   w = Σ_i β_i x_i

for the hinge, the distance from a tube, and both squared; the intercept is the weight of a constant
feature. A step is a pass over the rows (Hsieh et al. 2008,
https://doi.org/10.1145/1390156.1390208; Ho & Lin 2012,
https://www.jmlr.org/papers/v13/ho12a.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import dual_descent
from dovetail.solve.loop import State
from dovetail.solve.saga import row_arrays, row_squares
from dovetail.solve.solution import Status

__all__ = ["DualDescent", "PassState"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PassState(State[Tensor]):
    """Weights of the scores in blocks, (m, d + 1, q), and by how much the last pass found a score
    to violate optimality.
    """

    violation: float = float("inf")
    solved: bool = False


@dataclass
class DualDescent:
    """Minimize the sum of squared weights and losses by its dual.

    Parameters
    ----------
    batch : the rows; y is numbers, or codes of classes
    classes : whether y is codes of classes: of more than two each has a score against all others,
        of two the second
    cost : (2, k) C of a row of weight 1, in the scores of other classes (or of numbers), and in its
        own
    squared : whether errors are squared
    epsilon : half width of the tube around numbers
    bias : value of the constant feature, 0 for none
    tol : converged when no derivative of the dual violates optimality by more, in units of the
        largest at the start
    random : draws the orders of rows

    Runs on the CPU. Cost O(n d) a pass, for sparse X of the stored values, for each eight scores;
    memory O((n + d) k).
    """

    batch: Batch
    classes: bool
    cost: Floats
    squared: bool
    epsilon: float
    bias: float
    tol: float
    random: np.random.RandomState
    advice: str = (
        "Liblinear failed to converge, increase the number of iterations. ({n_iter} passes over "
        "the rows were made.) Or scale the data with dovetail.preprocessing.StandardScaler."
    )

    def __post_init__(self) -> None:
        batch, k = self.batch, self.cost.shape[1]
        n, d = batch.X.shape
        target: Any = batch.y
        y = as_numpy(target).astype(np.float64)
        w = np.ones(n) if batch.w is None else as_numpy(batch.w).astype(np.float64)
        codes = self.classes
        lanes = 1 if k == 1 else dual_descent.LANES
        m = -(-k // lanes)
        cost = np.zeros((2, m * lanes))
        cost[:, :k] = self.cost
        largest = 1.0 if codes else float(np.abs(y).max(initial=0.0)) - self.epsilon
        self._bound = self.tol * max(largest, np.finfo(np.float64).tiny)
        self._y = np.where(y == 1, 0.0, 1.0) if codes and k == 1 else y
        self._rows = (*row_arrays(batch.X), self.bias, row_squares(batch.X) + self.bias**2)
        self._problem = (self._y, codes, w, cost, self.squared, self.epsilon)
        # torch's memory begins where lines of the cache do
        self._beta = as_numpy(torch.zeros(m, n, lanes, dtype=torch.float64))
        self._weights = as_numpy(torch.zeros(m, d + 1, lanes, dtype=torch.float64))
        self._order = np.tile(np.arange(n, dtype=np.int32), (m, 1))
        self._sizes = np.full(m, n)
        self._rest = np.full(m, np.inf)
        self._violation = np.zeros(m)

    def init(self) -> PassState:
        return PassState(as_tensor(self._weights), {})

    def step(self, state: PassState) -> PassState:
        working = self._sizes > 0
        self._violation[:] = 0.0
        seeds = self.random.randint(0, 2**31 - 1, len(self._sizes))
        # one block is no work for threads to share
        sweep = dual_descent.sweep.sequential if len(working) == 1 else dual_descent.sweep
        sweep(
            *self._rows,
            *self._problem,
            self._beta,
            self._weights,
            self._order,
            self._sizes,
            self._rest,
            self._violation,
            seeds,
        )
        n = len(self._y)
        inner = self._violation <= self._bound
        seen_all = np.isinf(self._rest)
        done = working & inner & seen_all
        again = working & ~done & (inner | (self._sizes == 0))
        self._rest[working] = np.maximum(self._violation[working], self._bound)
        self._rest[again] = np.inf
        self._sizes[again] = n
        self._sizes[done] = 0
        violation = float(self._violation.max(initial=0.0))
        solved = not (self._sizes > 0).any()
        return PassState(state.value, {"violation": violation}, violation, solved)

    def weights(self, blocks: Tensor) -> Tensor:
        """Those of the scores one below the other, (k, d + 1), the constant feature's last."""
        return blocks.transpose(1, 2).flatten(0, 1)[: self.cost.shape[1]]

    def stop(self, state: PassState) -> Status | None:
        return Status.CONVERGED if state.solved else None

    def best(self, state: PassState) -> Tensor:
        return self.weights(state.value)

    def dual_value(self) -> float:
        """½ ‖w‖² + ½ Σ β² / (2 C) − Σ y β + ε Σ |β| of the dual variables so far, over all scores:
        minus it bounds the optimum from below.
        """
        y, codes, w, cost, squared, epsilon = self._problem
        total = 0.5 * float(np.square(self._weights).sum())
        lanes = self._beta.shape[2]
        for block, beta in enumerate(self._beta):
            scores = np.arange(block * lanes, (block + 1) * lanes)
            own = y[:, None] == scores if codes else np.zeros((len(y), lanes), bool)
            target = np.where(own, 1.0, -1.0) if codes else y[:, None]
            total += float((epsilon * np.abs(beta) - target * beta).sum())
            if squared:
                price = w[:, None] * np.where(own, cost[1, scores], cost[0, scores])
                some = price > 0
                total += float((0.25 * np.square(beta[some]) / price[some]).sum())
        return total
