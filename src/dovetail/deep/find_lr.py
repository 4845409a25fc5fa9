"""A learning rate from one sweep over rates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import clone
from sklearn.utils import check_random_state

from dovetail.data.batches import Batch, Batches
from dovetail.deep._holding import Whole
from dovetail.deep._net import Net
from dovetail.deep._training import Ongoing, Trainer, seeded
from dovetail.errors import needs_all_rows
from dovetail.program import Program
from dovetail.settings import config
from dovetail.solve.training import Training

__all__ = ["RateSweep", "find_lr"]

_SMOOTHING = 0.9  # share of the past in the average of losses
_DIVERGED = 4.0  # times the least loss at which the sweep ends, as fastai has it


@dataclass
class RateSweep:
    """Losses met while the learning rate rises.

    rates, losses : ndarray of shape (n_steps,); losses are averages over the last ten steps or so
    lr : the rate to take: a tenth of the one where the loss was least
    """

    rates: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]

    @property
    def lr(self) -> float:
        return float(self.rates[np.argmin(self.losses)]) / 10

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses against the rates; gives the axes."""
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots()
        ax.plot(self.rates, self.losses)
        ax.axvline(self.lr, linestyle=":", color="0.4", label=f"lr={self.lr:.2g}")
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
        ax.legend()
        return ax


def find_lr(
    net: Net,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    low: float = 1e-6,
    high: float = 1.0,
    steps: int = 200,
) -> RateSweep:
    """Train a copy of a net for some steps while the learning rate rises from step to step, until
    the loss explodes.

    Parameters
    ----------
    net : any net of this module, which stays as it is; its optimizer is one with a rate
    X, y, sample_weight : as in its `fit`
    low, high : float > 0, first and last rate; they rise by a factor
    steps : int >= 10, most steps to take

    Returns
    -------
    RateSweep
        Its `lr` is the rate to take, its `plot` shows why.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dovetail.deep import NetClassifier, find_lr
    >>> sweep = find_lr(NetClassifier(random_state=0), *load_iris(return_X_y=True))
    >>> 1e-4 < sweep.lr < 1e-1
    True

    Smith (2017), https://arxiv.org/abs/1506.01186.
    """
    trial = clone(net)
    if trial.optimizer == "lbfgs" or isinstance(trial.optimizer, dict):
        raise ValueError(f"optimizer={trial.optimizer!r} has no single learning rate to find.")
    if not 0 < low < high or steps < 10:
        raise ValueError(
            f"find_lr needs 0 < low < high and steps >= 10. Got {low}, {high} and {steps}."
        )
    trial.set_params(
        schedule="constant", warmup=0.0, ema=None, early_stopping=False, validation_data=None,
        checkpoint=None, resume=False, warm_start=False,
    )  # fmt: skip
    found: list[RateSweep] = []

    def sweep(batches: Batches, before: Any, *, incremental: bool) -> Program:
        if batches.group is not None:
            raise needs_all_rows("are shared among processes")
        trainer = Trainer(trial, Ongoing(check_random_state(trial.random_state)), one_epoch=True)
        with seeded(trainer.seed, batches.device):
            module, recipe = trial._module(batches.head, None)
            module = module.to(device=batches.device)
            held = Whole(module, batches)
            with torch.no_grad(), trial._threads(module):
                gradient = trainer.gradient(held, len(batches))
                training = trainer.training(held, batches, gradient, None)
                found.append(_swept(training, np.geomspace(low, high, steps)))
        return trial._program_of(module, recipe)

    vars(trial)["_trained"] = sweep  # in the place of the epochs
    with config(devices=1):
        trial.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
    return found[0]


def _swept(training: Training, rates: npt.NDArray[np.float64]) -> RateSweep:
    losses: list[float] = []
    average = 0.0
    training.module.train()
    for rate, batch in zip(rates, _batches(training), strict=False):
        for group in training.optimizer.param_groups:
            group["lr"] = float(rate)
        loss = float(training.gradient(batch))
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        smooth = average / (1 - _SMOOTHING ** (len(losses) + 1))
        if not math.isfinite(loss) or (losses and smooth > _DIVERGED * min(losses)):
            break
        losses.append(smooth)
        training.optimizer.step()
    return RateSweep(rates[: len(losses)], np.asarray(losses))


def _batches(training: Training) -> Iterator[Batch]:
    """Batches as a step is given them, epoch after epoch."""
    while True:
        seed = None if training.random is None else int(training.random.randint(2**31 - 1))
        for batch in training.source.batches(seed):
            yield batch if training.prepare is None else training.prepare(batch)
