"""What solvers that take an epoch a step share: what was done so far, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dovetail.solve.loop import State
from dovetail.solve.optimizers import Optimizer
from dovetail.solve.solution import Status

__all__ = ["ByEpochs", "EpochState", "Progress", "denormals_flushed"]

_DENORMAL = 1e-310


@dataclass
class Progress:
    """What training has done so far; a later fit may go on with it.

    rows : rows seen, counted once an epoch
    losses : mean loss of each epoch
    scores : validation score of each epoch, None where there is no validation
    best : highest validation score, or the negative of the lowest loss
    best_values : the numbers that had the highest validation score
    stale : epochs in a row that did not raise `best` by the tolerance
    """

    rows: int = 0
    losses: list[float] = field(default_factory=list)
    scores: list[float] | None = None
    best: float = -math.inf
    best_values: Tensor | None = None
    stale: int = 0

    def judge(self, quality: float, tol: float) -> bool:
        """Count an epoch of this quality (higher is better); whether it is the best so far."""
        self.stale = self.stale + 1 if quality < self.best + tol else 0
        better = quality > self.best
        self.best = quality if better else self.best
        return better


@dataclass(frozen=True)
class EpochState(State[Tensor]):
    """The numbers (updated in place) and the last epoch's mean loss, None before the first."""

    loss: float | None = None


class ByEpochs:
    """Stopping by patience, and the best numbers by a validation score."""

    values: Tensor
    optimizer: Optimizer
    patience: float
    tol: float
    score: Callable[[], float] | None
    progress: Progress

    def validate(self) -> None:
        """Begin to count by another measure where the last fit had another one."""
        progress, validates = self.progress, self.score is not None
        if validates != (progress.scores is not None):
            progress.best, progress.stale = -math.inf, 0
            progress.scores = [] if validates else None
            progress.best_values = self.learned().clone() if validates else None

    def judged(self, loss: float, rows: int) -> dict[str, float]:
        """The record of an epoch, which is counted."""
        progress = self.progress
        progress.rows += rows
        progress.losses.append(loss)
        record = {"loss": loss}
        if self.score is None or progress.scores is None:
            progress.judge(-loss, self.tol)
            return record
        record["validation_score"] = self.score()
        progress.scores.append(record["validation_score"])
        if progress.judge(record["validation_score"], self.tol):
            progress.best_values = self.learned().clone()
        return record

    def init(self) -> EpochState:
        return EpochState(self.values, {})

    def stop(self, state: EpochState) -> Status | None:
        if state.loss is None:  # a warm start takes its epoch, however stale the last fit ended
            return None
        if not math.isfinite(state.loss):
            return Status.DIVERGED
        if self.progress.stale > self.patience:
            return Status.CONVERGED if self.score is None else Status.EARLY
        return None

    def best(self, state: EpochState) -> Tensor:
        kept = self.progress.best_values
        return self.learned() if self.score is None or kept is None else kept

    def learned(self) -> Tensor:
        """The numbers that are learned so far."""
        return self.values


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers below 1e-38 (float64: 1e-308) as 0 on the CPU, for a block.

    A penalty drives the weights of dead units there, where the processor's arithmetic is slow: with
    6 % of such weights an epoch took three times as long.
    """
    flushed = not _DENORMAL * 0.5  # Python's floats go by the same switch of the processor
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)
