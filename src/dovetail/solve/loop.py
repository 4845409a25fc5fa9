"""The one loop that drives every solver.

A solver is three functions on a state: `init` makes it, `step` improves it, `stop` says why to end,
or None. The loop counts steps and adds what is the same for all: an iteration limit, a time budget,
callbacks, a line of progress, and Ctrl-C, which ends the solve with what is learned so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from dovetail.distributed import current
from dovetail.settings import settings
from dovetail.solve.solution import Solution, Status

__all__ = ["Solver", "State", "Watch", "Watches", "deadline", "solve"]

V = TypeVar("V")


@dataclass(frozen=True)
class State(Generic[V]):
    """What every solver's state holds; solvers add their own memory.

    value : the learned numbers
    record : numbers that tell how the step went, such as the loss
    """

    value: V
    record: dict[str, float]


S = TypeVar("S", bound=State[Any])


class Solver(Protocol[S]):
    """init / step / stop, for one problem that the solver holds."""

    advice: str  # what to change when the limit is reached

    def init(self) -> S:
        """The state before the first step."""

    def step(self, state: S) -> S:
        """One iteration."""

    def stop(self, state: S) -> Status | None:
        """Why to end here, or None to go on."""

    def best(self, state: S) -> Any:
        """The learned numbers to keep."""


class Watch:
    """What is told of every step; the default does nothing. Estimators tie scikit-learn's callbacks
    to it.
    """

    def begin(self, n_iter: int, value: Any) -> None:
        """Before step n_iter + 1."""

    def end(self, n_iter: int, value: Any, record: dict[str, float]) -> bool:
        """After step n_iter; True asks to stop."""
        return False

    def close(self, n_iter: int, value: Any) -> None:
        """After the last step, by solvers that know it only then."""


class Watches(Watch):
    """Several, each told of every step."""

    def __init__(self, watches: Sequence[Watch]) -> None:
        self.watches = watches

    def begin(self, n_iter: int, value: Any) -> None:
        for watch in self.watches:
            watch.begin(n_iter, value)

    def end(self, n_iter: int, value: Any, record: dict[str, float]) -> bool:
        asked = [watch.end(n_iter, value, record) for watch in self.watches]
        return any(asked)

    def close(self, n_iter: int, value: Any) -> None:
        for watch in self.watches:
            watch.close(n_iter, value)


def solve(
    solver: Solver[Any],
    *,
    max_iter: int,
    watch: Watch | None = None,
    say: Callable[[str], None] | None = None,
    alone: bool = False,
) -> Solution[Any]:
    """Run a solver to its end.

    Parameters
    ----------
    solver : Solver
    max_iter : most steps to take
    watch : told of every step, may stop the solve
    say : given a line of progress a step
    alone : whether steps ask nothing of other processes, which all take the same ones; they are
        asked only where a time budget may end them apart

    Returns
    -------
    Solution
        With advice where the solver did not converge.
    """
    watch = watch or Watch()
    end = deadline()
    group = None if alone and end == float("inf") else current()
    n_iter, history = 0, []
    state = solver.init()
    status = solver.stop(state)
    while status is None:
        if n_iter >= max_iter:
            status = Status.LIMIT
        elif time.monotonic() > end:
            status = Status.BUDGET
        else:
            try:
                watch.begin(n_iter, state.value)
                state = solver.step(state)
            except KeyboardInterrupt:
                status = Status.INTERRUPTED
                break
            n_iter += 1
            history.append(state.record)
            if say is not None:
                say(_line(n_iter, state.record))
            asked = watch.end(n_iter, state.value, state.record)
            status = Status.CALLBACK if asked else solver.stop(state)
        if group is not None:  # all processes must take as many steps
            status = group.from_first(status)
    return Solution(solver.best(state), status, n_iter, history, _advice(solver, status, n_iter))


def deadline() -> float:
    """When, by time.monotonic(), the time budget of what begins now is used up."""
    budget = settings().time_budget
    return float("inf") if budget is None else time.monotonic() + budget


def _line(n_iter: int, record: dict[str, float]) -> str:
    return f"Iteration {n_iter}, " + ", ".join(f"{k} = {v:.8f}" for k, v in record.items())


def _advice(solver: Solver[Any], status: Status, n_iter: int) -> str:
    if status is Status.LIMIT:
        return solver.advice.format(n_iter=n_iter)
    if status is Status.FAILED:
        return f"stopped after {n_iter} iterations: no further progress at this precision."
    if status is Status.DIVERGED:
        return (
            f"diverged after {n_iter} iterations: the loss is no longer finite. Scale the data "
            "with dovetail.preprocessing.StandardScaler, or lower the learning rate."
        )
    if status is Status.INTERRUPTED:
        return f"interrupted after {n_iter} iterations; what was learned until then is kept."
    if status is Status.BUDGET:
        return f"stopped by its time budget after {n_iter} iterations; what was learned is kept."
    return ""
