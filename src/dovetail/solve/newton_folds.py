"""Newton's method on the logistic regressions of several folds, driven together: each has its own
steps, lengths and end, all share the passes over the rows.

Folds of the same rows have Hessians that hardly differ where there are many rows to a column: the
mean of them, which costs no more than one, serves all. A fold that it brings on too slowly goes on
with its own.

Nocedal & Wright, Numerical Optimization (2nd ed., 2006), algorithm 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dovetail.objective.logistic_folds import LogisticFolds, Look
from dovetail.solve.loop import State
from dovetail.solve.newton import SingularHessianError
from dovetail.solve.solution import Status

__all__ = ["FoldsState", "NewtonFolds"]

_FALL = 0.2  # of a gradient in a step that is good enough


@dataclass(frozen=True)
class FoldsState(State[Tensor]):
    """θ of all folds, and what is known there.

    look : without the penalties
    losses, gradients : with them
    decrements : half the squared Newton decrement of each fold's last step
    stuck : folds whose loss no step lowers
    steps : taken in each fold
    own : folds that go on with their own Hessians
    """

    look: Look
    losses: Tensor
    gradients: Tensor
    decrements: Tensor
    stuck: Tensor
    steps: Tensor
    own: Tensor


@dataclass
class NewtonFolds:
    """Newton steps by Cholesky, with Armijo backtracking. Cost O(n d m) a step, and O(n d²) for
    each Hessian.

    problems : the losses
    l2 : weights of the folds' penalties ½ l2 ‖c‖², (m,)
    start : θ to begin with, and the look at it where there was one
    tol : a fold has converged when no component of its gradient exceeds it
    """

    problems: LogisticFolds
    l2: Tensor
    start: tuple[Tensor, Look | None]
    tol: float
    advice: str

    def init(self) -> FoldsState:
        theta, look = self.start
        return self._state(theta, look or self.problems.look(theta))

    def step(self, state: FoldsState) -> FoldsState:
        going = ~self._ended(state)
        direction = self._directions(state, going)
        slope = (direction * state.gradients).sum(1)
        length = going.double()
        rounding = max(1e-14, torch.finfo(self.problems.batches.dtype).eps)  # of a loss
        for _ in range(22):  # 2⁻²¹: below that the step is rounding
            found = self._at(state.value + length[:, None] * direction)
            slack = rounding * state.losses.abs()
            good = ~going | (found.losses <= state.losses + 1e-4 * length * slope + slack)
            if bool(good.all()):
                break
            length = torch.where(good, length, length / 2)
        else:
            length = torch.where(good, length, 0.0)
            found = self._at(state.value + length[:, None] * direction)
        slow = _largest(found.gradients) > _FALL * _largest(state.gradients)
        return replace(
            found,
            decrements=torch.where(going & good, -0.5 * slope, state.decrements),
            stuck=state.stuck | (~good & state.own),
            steps=state.steps + going,
            own=state.own | slow,
        )

    def stop(self, state: FoldsState) -> Status | None:
        if not bool(self._ended(state).all()):
            return None
        return Status.FAILED if bool(state.stuck.any()) else Status.CONVERGED

    def best(self, state: FoldsState) -> FoldsState:
        return state

    def _at(self, theta: Tensor) -> FoldsState:
        return self._state(theta, self.problems.look(theta))

    def _state(self, theta: Tensor, look: Look) -> FoldsState:
        """The state of folds that took no step."""
        pull = self.l2[:, None] * theta
        if self.problems.intercept:
            pull[:, -1] = 0
        losses = look.losses + 0.5 * (pull * theta).sum(1)
        gradients = look.gradients + pull
        record = {"loss": float(losses.mean()), "gradient": float(gradients.abs().max())}
        unknown = torch.full_like(losses, float("inf"))
        steps = torch.zeros(len(theta), dtype=torch.long)
        none = steps.bool()
        return FoldsState(theta, record, look, losses, gradients, unknown, none, steps, none)

    def _ended(self, state: FoldsState) -> Tensor:
        flat = _largest(state.gradients) <= self.tol
        return flat | (state.decrements <= self.tol**2) | state.stuck

    def _directions(self, state: FoldsState, going: Tensor) -> Tensor:
        """Newton's direction in folds that go on, 0 in others."""
        direction = torch.zeros_like(state.value)
        each = torch.eye(len(going), dtype=torch.float64)
        own, shared = going & state.own, going & ~state.own
        if bool(own.any()):
            H = self.problems.hessians(state.look, each[own])
            direction[own] = self._solved(H, self.l2[own], state.gradients[own])
        if bool(shared.any()):
            H = self.problems.hessians(state.look, each[shared].mean(0, keepdim=True))
            direction[shared] = self._solved(H, self.l2[shared], state.gradients[shared])
        return direction

    def _solved(self, H: Tensor, l2: Tensor, gradients: Tensor) -> Tensor:
        """−(H + l2)⁻¹ of each fold's gradient, for the Hessian of each or one of all."""
        H = H.repeat(len(l2) // len(H), 1, 1)
        diagonal = H.diagonal(dim1=1, dim2=2)
        diagonal[:, : self.problems.batches.n_features] += l2[:, None]
        try:  # numpy, because torch wakes its threads for these small matrices
            factors = torch.from_numpy(np.linalg.cholesky(H.numpy()))
        except np.linalg.LinAlgError:
            raise SingularHessianError from None
        pivots = factors.diagonal(dim1=1, dim2=2).square().amin(1)
        # smaller ones are rounding, and so would be the direction
        if bool((pivots < 1e-14 * diagonal.amax(1)).any()):
            raise SingularHessianError
        return -torch.cholesky_solve(gradients[:, :, None], factors)[..., 0]


def _largest(gradients: Tensor) -> Tensor:
    """Components, of each fold."""
    return gradients.abs().amax(1)
