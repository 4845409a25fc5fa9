"""L-BFGS with a strong-Wolfe line search, for smooth functions of one tensor.

Nocedal & Wright, Numerical Optimization (2nd ed., 2006), algorithms 7.4, 7.5 (direction), 3.5 and
3.6 (line search).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = ["LBFGS"]

Smooth = Callable[[Tensor], tuple[float, Tensor]]
_Pair = tuple[Tensor, Tensor, float]  # a step s, the gradient's change y (flat), and s·y
# An end of the bracket: length, value, slope and gradient there.
_End = tuple[
    float, float, float, Tensor | None
]  # length, value, slope and gradient at an end of the bracket

_SUFFICIENT, _CURVATURE = 1e-4, 0.9  # the usual constants for quasi-Newton directions


@dataclass(frozen=True)
class LBFGSState(State[Tensor]):
    """Point, value, gradient and the last pairs of steps and gradient changes."""

    loss: float
    gradient: Tensor
    pairs: list[_Pair] = field(default_factory=list)
    decrease: float = float("inf")
    stuck: bool = False


@dataclass
class LBFGS:
    """Minimize a smooth function.

    Parameters
    ----------
    f : gives the value and the gradient at a point
    start : where to start, a float64 tensor of any shape
    tol : converged when no component of the gradient exceeds it
    memory : pairs kept; cost of a direction is O(memory × size)
    relative_decrease : converged when a step gains less than this share of max(|f|, 1)
    max_calls : stop after the step that reached this many evaluations of f
    """

    f: Smooth
    start: Tensor
    tol: float
    memory: int = 10
    relative_decrease: float = 64 * torch.finfo(torch.float64).eps
    max_calls: float = float("inf")
    advice: str = (
        "lbfgs failed to converge after {n_iter} iteration(s). Increase max_iter to improve the "
        "convergence, "
        "or scale the data with dovetail.preprocessing.StandardScaler."
    )

    def __post_init__(self) -> None:
        self._calls = 0

    def _evaluate(self, point: Tensor) -> tuple[float, Tensor]:
        self._calls += 1
        return self.f(point)

    def init(self) -> LBFGSState:
        loss, gradient = self._evaluate(self.start)
        return LBFGSState(self.start, {"loss": loss}, loss, gradient)

    def step(self, state: LBFGSState) -> LBFGSState:
        direction = -_two_loops(state.gradient, state.pairs)
        slope = float((direction * state.gradient).sum())
        pairs = state.pairs
        if slope >= 0:  # rounding has spoiled the pairs: forget them
            pairs, direction = [], -state.gradient
            slope = -float(state.gradient.square().sum())
        first = 1.0 if pairs else min(1.0, 1.0 / float(state.gradient.norm()))
        found = line_search(self._evaluate, state.value, direction, state.loss, slope, first)
        if found is None:
            return LBFGSState(
                state.value, state.record, state.loss, state.gradient, [], 0.0, stuck=not pairs
            )
        length, loss, gradient = found
        step = length * direction
        s, y = step.reshape(-1), (gradient - state.gradient).reshape(-1)
        curvature = float(s.dot(y))
        if curvature > 1e-10 * float(y.dot(y)):
            pairs = [*pairs[-self.memory + 1 :], (s, y, curvature)]
        record = {"loss": loss, "gradient": float(gradient.abs().max())}
        return LBFGSState(state.value + step, record, loss, gradient, pairs, state.loss - loss)

    def stop(self, state: LBFGSState) -> Status | None:
        if float(state.gradient.abs().max()) <= self.tol:
            return Status.CONVERGED
        if state.stuck or not torch.isfinite(state.gradient).all():
            return Status.FAILED
        if state.pairs and state.decrease <= self.relative_decrease * max(abs(state.loss), 1.0):
            return Status.CONVERGED
        return Status.LIMIT if self._calls >= self.max_calls else None

    def best(self, state: LBFGSState) -> Tensor:
        return state.value


def _two_loops(gradient: Tensor, pairs: list[_Pair]) -> Tensor:
    """The inverse Hessian approximation that the pairs define, times the gradient."""
    q = gradient.reshape(-1).clone()
    kept = []
    for s, y, curvature in reversed(pairs):
        a = float(s.dot(q)) / curvature
        q.sub_(y, alpha=a)
        kept.append(a)
    if pairs:
        s, y, curvature = pairs[-1]
        q.mul_(curvature / float(y.dot(y)))
    for (s, y, curvature), a in zip(pairs, reversed(kept), strict=True):
        q.add_(s, alpha=a - float(y.dot(q)) / curvature)
    return q.view_as(gradient)


def line_search(
    f: Smooth, point: Tensor, direction: Tensor, loss: float, slope: float, length: float
) -> tuple[float, float, Tensor] | None:
    """A step length that meets the strong Wolfe conditions, with the value and gradient there; None
    where there is none.

    The bracket is widened by doubling and narrowed by the minimum of the cubic through its two
    ends.
    """
    low: _End = (0.0, loss, slope, None)
    high: _End | None = None
    for _ in range(40):
        value, gradient = f(point + length * direction)
        s = float((gradient * direction).sum())
        here = (length, value, s, gradient)
        # at the bottom the decrease drowns in rounding; there a smaller slope is the better witness
        noise = 1e-14 * abs(loss)
        if not value <= loss + _SUFFICIENT * length * slope + noise or (
            high is None and low[3] is not None and value > low[1] + noise
        ):
            high = here
        elif abs(s) <= -_CURVATURE * slope:
            return length, value, gradient
        elif s > 0:
            high = here
        else:
            low = here
        if high is None:
            length *= 2.0
            continue
        if abs(high[0] - low[0]) <= 1e-12 * max(high[0], low[0]):
            break
        length = _between(low, high)
    return None if low[3] is None else (low[0], low[1], low[3])


def _between(low: _End, high: _End) -> float:
    """Minimum of the cubic through both ends, kept a tenth of the bracket away from them."""
    (a, fa, sa, _), (b, fb, sb, _) = low, high
    width = b - a
    c = sa + sb - 3 * (fb - fa) / width
    root = c * c - sa * sb
    t = 0.5
    if root > 0 and fb < float("inf"):
        root = root**0.5 * (1 if width > 0 else -1)
        below = sb - sa + 2 * root
        if below:
            t = 1 - (sb + root - c) / below
    if not 0.1 <= t <= 0.9:
        t = 0.1 if t < 0.1 else 0.9 if t > 0.9 else 0.5
    return a + t * width
