"""Training of any torch module.

The loop is `Training.epoch`; an epoch is a step of the loop that drives every solver. What else a
net may need stands around the gradient (`NetGradient`: precision, accumulation, steps of the
user's own) or around the update it causes (`wrappers`: clipping, averages, schedules).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.data.epochs import Epochs
from dovetail.errors import DataError
from dovetail.solve.by_epochs import ByEpochs, EpochState, Progress, denormals_flushed
from dovetail.solve.checkpoint import Checkpoints
from dovetail.solve.loop import deadline
from dovetail.solve.wrappers import Averaged

__all__ = ["Training"]

_LOOK = 50  # steps between looks at the loss on an accelerator, which has to be waited for


@dataclass
class _Part:
    """How far an epoch has come.

    seed : of its order; None keeps the order of rows
    done : batches
    rows : in these
    sums : over the rows, of the loss and of what a step tells beside it
    """

    seed: int | None = None
    done: int = 0
    rows: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)

    def add(self, told: dict[str, Tensor], rows: int) -> None:
        """Count a batch."""
        self.done, self.rows = self.done + 1, self.rows + rows
        for name, value in told.items():
            if name not in self.sums:
                self.sums[name] = value.new_zeros((), dtype=torch.float64)
            self.sums[name].add_(value, alpha=rows)

    def means(self) -> dict[str, float]:
        """The mean over the rows seen."""
        return {name: float(total) / self.rows for name, total in self.sums.items()}


@dataclass
class Training(ByEpochs):
    """Minimize the mean loss of a module over rows, a mini-batch at a time.

    Parameters
    ----------
    source : the rows, epoch after epoch
    values : Tensor of shape (size,), the numbers to learn, updated in place
    gradient : leaves the gradient of a batch's mean loss where the optimizer reads it, gives the
        loss; a `NetGradient`, or alike
    optimizer : moves `values` along it, within its wrappers
    random : draws the seed of each epoch's order; None keeps the order of rows
    module : whose buffers, such as running means, are kept with the numbers
    patience, tol : stop when `patience` epochs and one more in a row did not improve the loss (the
        validation score, where there is one) by `tol`
    score : the validation score of `values`, higher is better; the best `values` are kept
    prepare : what is done to a batch, on its device, before each step
    generator : what `prepare` draws from
    averaged : where the average of the numbers is what is learned
    checkpoints : where and when the state is kept
    progress, history : what was done before
    begins_fitted : whether the numbers of the start are kept where no epoch has a higher score

    A loss that is not finite ends the training before the step that it would spoil; on an
    accelerator one step in 50 is looked at, and the numbers from before the epoch are kept.
    """

    source: Epochs
    values: Tensor
    gradient: Any
    optimizer: Any
    random: np.random.RandomState | None
    module: nn.Module
    patience: float = 10
    tol: float = 0.0
    score: Callable[[], float] | None = None
    prepare: Callable[[Batch], Batch] | None = None
    generator: torch.Generator | None = None
    averaged: Averaged | None = None
    checkpoints: Checkpoints | None = None
    progress: Progress = field(default_factory=Progress)
    history: list[dict[str, float]] = field(default_factory=list)
    begins_fitted: bool = False
    advice: str = ""

    def __post_init__(self) -> None:
        self.validate()
        if self.begins_fitted and self.score is not None and not self.progress.losses:
            self.progress.best = self.score()
        self._part = _Part()
        self._has_buffers = any(True for _ in self.module.buffers())
        self._best_buffers: list[Tensor] | None = None
        self._deadline = float("inf")
        self._resumed = False
        self._look = 1 if self.values.device.type == "cpu" else _LOOK

    def epoch(self) -> bool:
        """The batches of an epoch that are still to do; whether every loss was finite."""
        part = self._part
        with denormals_flushed():
            for batch in self._batches():
                batch = batch if self.prepare is None else self.prepare(batch)
                loss = self.gradient(batch)
                part.add({"loss": loss, **self.gradient.told}, self._rows(batch))
                if part.done % self._look == 0 and not bool(loss.isfinite()):
                    return False
                self.optimizer.step()
                if self._due() and bool(loss.isfinite()):
                    self._write()
                if self._late():
                    break
        return bool(part.sums["loss"].isfinite())

    def _batches(self) -> Iterator[Batch]:
        return self.source.batches(self._part.seed, self._part.done)

    def _rows(self, batch: Batch) -> int:
        return len(batch)

    def _due(self) -> bool:
        return self.checkpoints is not None and self.checkpoints.due()

    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def _write(self) -> None:
        assert self.checkpoints is not None
        self.checkpoints.write(self.state())

    # -- init / step / stop / best, as the loop wants them

    def init(self) -> EpochState:
        self._deadline = deadline()
        resumed = self.history[-1]["loss"] if self._resumed and not self._part.done else None
        return EpochState(self.values, {}, resumed)

    def step(self, state: EpochState) -> EpochState:
        began, best = time.perf_counter(), self.progress.best_values
        self._good = self.learned().clone(), self._buffers()
        if not self._part.done:
            seed = None if self.random is None else int(self.random.randint(2**31 - 1))
            self._part = _Part(seed)
        if not self.module.training:
            self.module.train()
        fine, means = self.epoch(), self._part.means()
        loss = means["loss"] if fine else float("nan")
        if not fine and not self._learned_something():
            raise DataError(
                "The loss is not finite from the start. Look at the data and at the loss, scale "
                "the inputs with dovetail.preprocessing.StandardScaler, or lower lr."
            )
        record = means | self.judged(loss, self._part.rows)
        self._part = _Part()
        if self.progress.best_values is not best:
            self._best_buffers = self._buffers()
        record |= {
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
            "seconds": time.perf_counter() - began,
        }
        self.history.append({"epoch": float(len(self.progress.losses)), **record})
        if self.checkpoints is not None and self.checkpoints.due(len(self.progress.losses)):
            self._write()
        return EpochState(self.values, record, loss)

    def best(self, state: EpochState) -> Tensor:
        if self.score is not None and self._best_buffers is not None:
            self._load_buffers(self._best_buffers)
            return super().best(state)
        if not self._finite():
            good, buffers = self._good
            self._load_buffers(buffers)
            return good
        return super().best(state)

    def learned(self) -> Tensor:
        return self.values if self.averaged is None else self.averaged.average

    def _learned_something(self) -> bool:
        """Whether a step was taken that left numbers to keep."""
        fine = self._finite()
        return bool(self.history) or (self._part.done > 1 and fine)

    def _finite(self) -> bool:
        return bool(self.learned().isfinite().all())

    def _buffers(self) -> list[Tensor]:
        return [b.detach().clone() for b in self.module.buffers()] if self._has_buffers else []

    def _load_buffers(self, kept: list[Tensor]) -> None:
        for b, value in zip(self.module.buffers(), kept, strict=True):
            b.copy_(value)

    # -- what a checkpoint holds

    def state(self) -> dict[str, Any]:
        """Everything that what follows depends on, as plain data and tensors."""
        device = self.values.device
        generators = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state(device)
        if self.generator is not None:
            generators["prepare"] = self.generator.get_state()
        return {
            "of": self._kind(),
            "part": asdict(self._part),
            "values": self.values,
            "buffers": self._buffers(),
            "best_buffers": self._best_buffers,
            "optimizer": self.optimizer.state_dict(),
            "progress": {k: v for k, v in asdict(self.progress).items() if k != "best_values"},
            "best_values": self.progress.best_values,
            "history": self.history,
            "random": None if self.random is None else list(self.random.get_state(legacy=True)),
            "generators": generators,
        }

    def _kind(self) -> dict[str, int]:
        """What must be the same to go on."""
        return {
            "rows": len(self.source),
            "rows of a batch": self.source.size,
            "numbers to learn": self.values.numel(),
        }

    def check(self, state: dict[str, Any]) -> None:
        """Refuse a state of other data or of another net.

        Raises
        ------
        DataError
            It is one.
        """
        before, now = state["of"], self._kind()
        if before != now:
            raise DataError(f"The checkpoint is of {_listed(before)}, but now of {_listed(now)}.")

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a state that was checked."""
        self._part = _Part(**state["part"])
        self.values.copy_(state["values"])
        self._load_buffers(state["buffers"])
        self._best_buffers = state["best_buffers"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress.__dict__.update(state["progress"])
        self.progress.best_values = state["best_values"]
        self.history[:] = state["history"]
        self._resumed = bool(self.history)
        if self.random is not None:
            self.random.set_state(tuple(state["random"]))
        generators = {name: t.cpu() for name, t in state["generators"].items()}
        torch.set_rng_state(generators["cpu"])
        if "cuda" in generators:
            torch.cuda.set_rng_state(generators["cuda"], self.values.device)
        if self.generator is not None and "prepare" in generators:
            self.generator.set_state(generators["prepare"])


def _listed(facts: dict[str, int]) -> str:
    return ", ".join(f"{value} {name}" for name, value in facts.items())
