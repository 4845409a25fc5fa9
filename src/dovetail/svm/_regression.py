"""What support-vector regressors share: two variables a row, one for each side of the tube."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any

import numpy as np

from dovetail.base import WeightedRegressor
from dovetail.data.batches import Batches
from dovetail.data.tensors import as_numpy
from dovetail.params import Range
from dovetail.solve.smo import SupportProblem
from dovetail.svm._machine import Floats, Index, KernelMachine
from dovetail.svm._program import Expansion

__all__ = ["KernelRegressor", "both_sides"]


class KernelRegressor(WeightedRegressor, KernelMachine):
    """A machine for numbers; what its problem is, the class says."""

    _: KW_ONLY
    C: Annotated[float, Range(0, None, "right")] = 1.0

    def _pose(self, y: Floats, C: Floats) -> SupportProblem:
        raise TypeError(f"{type(self).__name__} does not say what it solves.")

    def _fit(self, batches: Batches) -> Expansion:
        target: Any = batches.y
        y = as_numpy(target).astype(np.float64)

        def pose(rows: Index, w: Floats) -> SupportProblem:
            return self._pose(y[rows], self.C * w)

        return self._alone(batches, pose, float(self.C))


def both_sides(
    y: Floats, C: Floats, epsilon: float, start: Floats, *, by_sign: bool
) -> SupportProblem:
    """β = a⁺ − a⁻ with linear terms ε − y and ε + y, both between 0 and C."""
    twice = np.concatenate
    n = len(y)
    return SupportProblem(
        p=twice([epsilon - y, epsilon + y]),
        y=np.repeat([1.0, -1.0], n),
        C=twice([C, C]),
        start=twice([start, start]),
        row=np.tile(np.arange(n), 2),
        by_sign=by_sign,
    )
