"""Visiting rows in random order, in compiled kernels that take one row after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["draw", "leave_out"]

U = np.uint64


@compiled(inner=True)
def draw(order: Any, s: int, size: int, state: Any) -> Any:
    """Bring to place s one of the rows at places s to size − 1, each as likely; returns the next
    state of splitmix64 (https://doi.org/10.1145/2714064.2660195), which begins as the seed.
    """
    state += U(0x9E3779B97F4A7C15)
    z = (state ^ (state >> U(30))) * U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
    pick = s + np.int64((z ^ (z >> U(31))) % U(size - s))
    drawn = order[pick]
    order[pick] = order[s]
    order[s] = drawn
    return state


@compiled(inner=True)
def leave_out(order: Any, s: int, size: int) -> int:
    """Put the row at place s behind those that are still visited; returns how many these are."""
    row = order[s]
    order[s] = order[size - 1]
    order[size - 1] = row
    return size - 1
