"""What a solver hands back: learned numbers, how it ended, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

__all__ = ["Solution", "Status"]

T = TypeVar("T")


class Status(StrEnum):
    """Why a solver stopped."""

    CONVERGED = "converged"
    EARLY = "stopped early: the validation score no longer improved"
    LIMIT = "reached the iteration limit"
    BUDGET = "used up its time budget"
    INTERRUPTED = "interrupted"
    CALLBACK = "stopped by a callback"
    FAILED = "failed"
    DIVERGED = "diverged: the loss is no longer finite"


@dataclass(frozen=True)
class Solution(Generic[T]):
    """The end of a solve.

    Parameters
    ----------
    value : the learned numbers, the best met where the loop kept score
    status : why it ended
    n_iter : steps taken
    history : one plain dict of numbers a step
    advice : empty, or one sentence that says what was not reached and what to change
    """

    value: T
    status: Status
    n_iter: int
    history: list[dict[str, Any]] = field(default_factory=list)
    advice: str = ""
