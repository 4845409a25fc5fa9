"""Training by mini-batches: an epoch a step.

The loop is `Stochastic.epoch`. It knows a gradient and an optimizer, nothing of the model: the
gradient is any callable that leaves the derivative of a batch's mean loss where the optimizer reads
it, `Autograd` for any torch module; whatever belongs between the two (clipping, averaging of
weights, accumulation, a schedule by steps) wraps the optimizer's `step`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.data.tensors import as_tensor
from dovetail.objective.losses import Loss
from dovetail.solve.flat import Flat
from dovetail.solve.loop import State
from dovetail.solve.optimizers import Optimizer, Rate
from dovetail.solve.solution import Status

__all__ = ["Autograd", "Progress", "Stochastic", "minibatches"]

# Rows gathered at once for a shuffled epoch: one gather serves many batches, and the copy of rows
# stays small beside the data (16k rows of 28 float32 numbers are 1.8 MB, which the cache holds).
_GATHERED_ROWS = 16_384


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


@dataclass
class Stochastic:
    """Minimize the mean loss over rows, a mini-batch at a time.

    Parameters
    ----------
    rows : the rows to learn from, in memory
    values : Tensor of shape (size,), the numbers to learn, updated in place
    gradient : computes the gradient of a batch's mean loss, gives the loss (a tensor, so that an
        accelerator need not be waited for)
    optimizer : moves `values` along it
    batch_size : rows of a mini-batch; the last one of an epoch may be smaller
    random : draws a new order of rows for each epoch; None keeps theirs
    patience, tol : stop when `patience` epochs and one more in a row did not improve the loss (the
        validation score, where there is one) by `tol`
    score : the validation score of `values`, higher is better; the best `values` are kept
    rate : how the learning rate changes
    progress : what was done before
    guard : whether to end an epoch at the first loss that is not finite, before the step that
        would spoil the numbers; on an accelerator this waits for every loss

    Cost of an epoch: that of one gradient and n / batch_size updates.
    """

    rows: Batch
    values: Tensor
    gradient: Callable[[Batch], Tensor]
    optimizer: Optimizer
    batch_size: int
    random: np.random.RandomState | None
    patience: float = 10
    tol: float = 1e-4
    score: Callable[[], float] | None = None
    rate: Rate = field(default_factory=Rate)
    progress: Progress = field(default_factory=Progress)
    guard: bool = False
    advice: str = (
        "Stochastic Optimizer: Maximum iterations ({n_iter}) reached and the optimization hasn't "
        "converged yet. Increase max_iter, or scale the data with "
        "dovetail.preprocessing.StandardScaler."
    )

    def __post_init__(self) -> None:
        self._order = None if self.random is None else np.arange(len(self.rows))
        progress, validates = self.progress, self.score is not None
        if validates != (progress.scores is not None):  # another measure than before
            progress.best, progress.stale = -math.inf, 0
            progress.scores = [] if validates else None
            progress.best_values = self.learned().clone() if validates else None

    def init(self) -> EpochState:
        return EpochState(self.values, {})

    def epoch(self) -> Tensor:
        """One pass over the rows, in random order: the mean loss met on the way."""
        total = self.values.new_zeros((), dtype=torch.float64)
        with _denormals_flushed():
            for batch in minibatches(self.rows, self.batch_size, self._shuffled()):
                loss = self.gradient(batch)
                if self.guard and not bool(loss.isfinite()):
                    return loss
                self.optimizer.step()
                total.add_(loss, alpha=len(batch))
        return total / len(self.rows)

    def step(self, state: EpochState) -> EpochState:
        progress, loss = self.progress, float(self.epoch())
        progress.rows += len(self.rows)
        progress.losses.append(loss)
        record = {"loss": loss}
        if self.score is None or progress.scores is None:
            progress.judge(-loss, self.tol)
        else:
            record["validation_score"] = self.score()
            progress.scores.append(record["validation_score"])
            if progress.judge(record["validation_score"], self.tol):
                progress.best_values = self.learned().clone()
        self._adjust_rate()
        return EpochState(self.values, record, loss)

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

    def _shuffled(self) -> Tensor | None:
        """The order of the next epoch: the last one, permuted."""
        if self.random is None or self._order is None:
            return None
        permutation = np.arange(len(self._order))
        self.random.shuffle(permutation)
        self._order = self._order[permutation]
        return as_tensor(self._order, self.rows.X.device)

    def _adjust_rate(self) -> None:
        groups = self.optimizer.param_groups
        for group in groups:
            group["lr"] = self.rate.after_epoch(group["lr"], self.progress.rows)
        if self.progress.stale > self.patience:
            lowered = [self.rate.on_plateau(group["lr"]) for group in groups]
            if None not in lowered:
                self.progress.stale = 0
                for group, rate in zip(groups, lowered, strict=True):
                    group["lr"] = rate


def minibatches(rows: Batch, size: int, order: Tensor | None) -> Iterator[Batch]:
    """Mini-batches of `size` rows, in their order or the one given."""
    if order is None:
        yield from rows.split(size)
        return
    for index in torch.split(order, size * max(1, _GATHERED_ROWS // size)):
        yield from rows.take(index).split(size)


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Numbers below 1e-38 (float64: 1e-308) as 0 on the CPU, for a block.

    A penalty drives the weights of dead units there, where the processor's arithmetic is slow: with
    6 % of such weights an epoch took three times as long.
    """
    flushed = not bool(torch.full((), 1e-40, dtype=torch.float32) * 0.5)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)


@dataclass
class Autograd:
    """The gradient of any torch module's mean loss.

    module : its output are the scores
    loss : of one row; several scores a row are summed
    flat : the module's parameters as one vector
    """

    module: nn.Module
    loss: Loss
    flat: Flat

    def __call__(self, batch: Batch) -> Tensor:
        self.flat.gradient.zero_()
        with torch.enable_grad():
            value = mean_loss(self.loss, batch, self.module(batch.X))
            torch.autograd.backward(value)
        return value.detach()


def mean_loss(loss: Loss, batch: Batch, F: Tensor) -> Tensor:
    """Σ w l(y, F) / Σ w, the losses of a row's scores summed."""
    y: Any = batch.y
    value = loss.value(y, F)
    value = value if value.ndim == 1 else value.sum(1)
    return value.mean() if batch.w is None else (value * batch.w).sum() / batch.w.sum()
