"""Training by mini-batches: an epoch a step.

The loop is `Stochastic.epoch`. It knows a gradient and an optimizer, nothing of the model: the
gradient is any callable that leaves the derivative of a batch's mean loss where the optimizer reads
it, `Autograd` for any torch module; whatever belongs between the two (clipping, averaging of
weights, accumulation, a schedule by steps) wraps the optimizer's `step`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.data.epochs import minibatches
from dovetail.data.tensors import as_tensor
from dovetail.objective.losses import Loss
from dovetail.solve.by_epochs import ByEpochs, EpochState, Progress, denormals_flushed
from dovetail.solve.flat import Flat
from dovetail.solve.optimizers import Optimizer, Rate

__all__ = ["Autograd", "Stochastic"]


@dataclass
class Stochastic(ByEpochs):
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
    advice: str = (
        "Stochastic Optimizer: Maximum iterations ({n_iter}) reached and the optimization hasn't "
        "converged yet. Increase max_iter, or scale the data with "
        "dovetail.preprocessing.StandardScaler."
    )

    def __post_init__(self) -> None:
        self._order = None if self.random is None else np.arange(len(self.rows))
        self.validate()

    def epoch(self) -> Tensor:
        """One pass over the rows, in random order: the mean loss met on the way."""
        total = self.values.new_zeros((), dtype=torch.float64)
        with denormals_flushed():
            for batch in minibatches(self.rows, self.batch_size, self._shuffled()):
                loss = self.gradient(batch)
                self.optimizer.step()
                total.add_(loss, alpha=len(batch))
        return total / len(self.rows)

    def step(self, state: EpochState) -> EpochState:
        loss = float(self.epoch())
        record = self.judged(loss, len(self.rows))
        self._adjust_rate()
        return EpochState(self.values, record, loss)

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
