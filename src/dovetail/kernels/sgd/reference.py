"""The epoch of `cpu.py` in plain numpy, for dense rows: every coefficient decays and is averaged at
every step. The truth the kernel is tested against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["epoch"]


def epoch(
    X: Any,
    y: Any,
    weight: Any,
    order: Any,
    coef: Any,
    mean: Any,
    paid: Any,
    numbers: dict[str, float],
    loss: Callable[[float, float], tuple[float, float]],
    step_of: Callable[[float, float, float, float], float],
    l2: float,
    l1: float,
    average: int,
    lift: float,
    everywhere: bool,
) -> None:
    """Update coef, mean, paid (d,) and the numbers intercept, mean_intercept, owed, steps,
    objective in place.

    loss : of a target and a score, the value and the derivative
    step_of : of t, value, slope and ‖x‖², the length of the step
    everywhere : whether every coefficient pays its l1 penalty at every step, or only where the row
        is not 0
    """
    numbers["objective"] = 0.0
    for i in order:
        t, x = numbers["steps"], X[i]
        value, slope = loss(y[i], x @ coef + numbers["intercept"])
        step = step_of(t, value, slope, x @ x)
        numbers["objective"] += value + 0.5 * l2 * coef @ coef + l1 * np.abs(coef).sum()
        move = -step * slope * weight[i]
        coef *= max(0.0, 1 - step * l2)
        coef += move * x
        numbers["intercept"] += move * lift
        if 0 < average <= t:
            m = t - average + 1
            mean += (coef - mean) / m
            numbers["mean_intercept"] += (numbers["intercept"] - numbers["mean_intercept"]) / m
        if l1:
            numbers["owed"] += step * l1
            touched, before = (x != 0) | everywhere, coef.copy()
            shrunk = np.where(
                coef > 0,
                np.maximum(0, coef - (numbers["owed"] + paid)),
                np.minimum(0, coef + (numbers["owed"] - paid)),
            )
            coef[:] = np.where(touched & (coef != 0), shrunk, coef)
            paid += coef - before
        numbers["steps"] = t + 1
