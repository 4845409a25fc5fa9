"""Which ranges of terms to multiply by which column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """Multiplications that make the terms of degree 2 and more from those before them.

    Parameters
    ----------
    steps : list of (column, start, stop, target): terms start to stop, counted from the first term
        of degree 1, times the column are the terms from target on
    terms : number of terms of degree 1 and more
    first : the first of them to give out
    bias : whether a column of ones comes before them
    """

    steps: list[tuple[int, int, int, int]]
    terms: int
    first: int
    bias: bool

    @property
    def width(self) -> int:
        """Columns given out."""
        return self.terms - self.first + self.bias

    def arrays(self) -> tuple[npt.NDArray[np.int64], int, int, int]:
        """Steps as an array of shape (steps, 4), terms, first, columns of ones."""
        steps = np.array(self.steps, dtype=np.int64).reshape(-1, 4)
        return steps, self.terms, self.first, int(self.bias)


def make_plan(d: int, least: int, greatest: int, *, interaction_only: bool, bias: bool) -> Plan:
    """The plan for the terms of degree `least` to `greatest` of d columns."""
    steps: list[tuple[int, int, int, int]] = []
    if greatest == 0:
        return Plan(steps, 0, 0, bias)
    starts, end, first = list(range(d)), d, 0  # of the terms of one degree, by their first column
    for degree in range(2, greatest + 1):
        if degree == least:
            first = end
        after = [*starts[1:], end] if interaction_only else starts
        target, following = end, []
        for column in range(d):
            following.append(target)
            if after[column] < end:
                steps.append((column, after[column], end, target))
                target += end - after[column]
        starts, end = following, target
    return Plan(steps, end, first, bias)
