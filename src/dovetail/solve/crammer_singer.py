"""Linear machines that tell all classes apart at once, by the sequential dual method.

    ½ ‖W‖² + Σ_i C_i max_c ([c ≠ y_i] + w_c·x_i − w_{y_i}·x_i)

A step is a pass over the rows. Crammer & Singer 2001, https://www.jmlr.org/papers/v2/crammer01a.html;
Keerthi et al. 2008, https://doi.org/10.1145/1401890.1401942.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from dovetail.data.batches import Batch
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import crammer_singer
from dovetail.solve.dual_descent import PassState
from dovetail.solve.saga import row_arrays, row_squares
from dovetail.solve.solution import Status

__all__ = ["CrammerSinger"]


@dataclass
class CrammerSinger:
    """Minimize the sum of squared weights and of the rows' losses by its dual.

    Parameters
    ----------
    batch : the rows; y is codes of classes
    cost : (k,) C of a row of weight 1, by its class
    bias : value of the constant feature, 0 for none
    tol : converged when no row violates optimality by more
    random : draws the orders of rows

    Runs on the CPU. Cost O(n d k) a pass, for sparse X of the stored values; memory O((n + d) k).
    """

    batch: Batch
    cost: npt.NDArray[np.float64]
    bias: float
    tol: float
    random: np.random.RandomState
    advice: str = (
        "Liblinear failed to converge, increase the number of iterations. ({n_iter} passes over "
        "the rows were made.) Or scale the data with dovetail.preprocessing.StandardScaler."
    )

    def __post_init__(self) -> None:
        batch, k = self.batch, len(self.cost)
        n, d = batch.X.shape
        target: Any = batch.y
        y = as_numpy(target)
        w = np.ones(n) if batch.w is None else as_numpy(batch.w).astype(np.float64)
        squares = row_squares(batch.X) + self.bias**2
        self._rows = (*row_arrays(batch.X), self.bias, squares, y, self.cost[y] * w)
        self._alpha, self._weights = np.zeros((n, k)), np.zeros((d + 1, k))
        self._order, self._size, self._rest = np.arange(n, dtype=np.int32), n, np.inf

    def init(self) -> PassState:
        return PassState(as_tensor(self._weights), {})

    def step(self, state: PassState) -> PassState:
        seed = self.random.randint(0, 2**31 - 1)
        whole = bool(np.isinf(self._rest))
        self._size, violation = crammer_singer.sweep(
            *self._rows, self._alpha, self._weights, self._order, self._size, self._rest, seed
        )
        inner = violation <= self.tol
        self._rest = max(violation, self.tol)
        if inner or self._size == 0:  # of the rows that are left: look at all of them
            self._rest, self._size = np.inf, len(self._order)
        return PassState(state.value, {"violation": violation}, violation, inner and whole)

    def weights(self, value: Tensor) -> Tensor:
        """Those of the classes one below the other, (k, d + 1), the constant feature's last."""
        return value.T

    def stop(self, state: PassState) -> Status | None:
        return Status.CONVERGED if state.solved else None

    def best(self, state: PassState) -> Tensor:
        return self.weights(state.value)

    def dual_value(self) -> float:
        """½ ‖W‖² + Σ_i Σ_c [c ≠ y_i] α_ic of the dual variables so far: minus it bounds the optimum
        from below.
        """
        y = self._rows[6]
        own = self._alpha[np.arange(len(y)), y].sum()
        return float(0.5 * np.square(self._weights).sum() + self._alpha.sum() - own)
