"""Training of any torch module: the stochastic loop with what nets need beside it.

Legend: the numbers to learn are one vector (see `flat.Flat`); buffers are what a module keeps
beside them, such as running means.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.errors import DataError, warn
from dovetail.solve.checkpoint import read_state, write_state
from dovetail.solve.flat import Flat
from dovetail.solve.stochastic import EpochState, Progress, Stochastic
from dovetail.solve.wrappers import Averaged, Unscaled

__all__ = ["Criterion", "NetGradient", "Training"]

StepFunction = Callable[["NetGradient", Batch], Any]


class Criterion(Protocol):
    """The mean loss of a batch."""

    def __call__(self, outputs: Any, batch: Batch) -> Tensor: ...


@dataclass
class NetGradient:
    """The gradient of a module's mean loss, left in `flat.gradient`; what a step of the user's own
    is given.

    module : called with a batch's X
    criterion : of its output and the batch
    flat : the module's parameters
    autocast : the precision that the module and the criterion run in
    parts : into how many the rows of a batch are cut, one after the other, to save memory; doubled
        where memory does not suffice
    step : computes the loss instead, from this object and a batch, or takes steps of its own with
        `update` and gives a number or a dict of numbers
    optimizers : of the parts of the module that have their own
    """

    module: nn.Module
    criterion: Criterion
    flat: Flat
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
    parts: int = 1
    step: StepFunction | None = None
    optimizers: dict[str, Any] = field(default_factory=dict)
    scaled: Unscaled | None = None

    def __call__(self, batch: Batch) -> Tensor:
        while True:
            try:
                return self._once(batch)
            except torch.OutOfMemoryError:
                if self.parts >= len(batch):
                    raise
                self.parts *= 2
                warn(
                    f"Memory does not suffice for {len(batch)} rows at once: batches are now "
                    f"computed in {self.parts} parts, with the same result. Set accumulate="
                    f"{self.parts}, or lower batch_size."
                )

    def _once(self, batch: Batch) -> Tensor:
        self.flat.gradient.zero_()
        size = -(-len(batch) // self.parts)
        total = self.flat.values.new_zeros(())
        weight: Any = None if batch.w is None else batch.w.sum()
        for part in batch.split(size) if self.parts > 1 else (batch,):
            share: Any = 1.0
            if part is not batch:
                share = len(part) / len(batch) if part.w is None else part.w.sum() / weight
            with torch.enable_grad():
                loss = self._loss(part)
                if isinstance(loss, Tensor) and loss.requires_grad:
                    scale = 1.0 if self.scaled is None else self.scaled.scale
                    torch.autograd.backward(loss * (share * scale) if scale * share != 1 else loss)
            total = total + share * _number(loss, total)
        return total

    def _loss(self, batch: Batch) -> Any:
        if self.step is not None:
            return self.step(self, batch)
        with self.autocast():
            return self.criterion(self.forward(batch.X), batch)

    def forward(self, X: Any) -> Any:
        """The module's output; named inputs are given by keyword."""
        return self.module(X) if isinstance(X, Tensor) else self.module(**X)

    def loss(self, outputs: Any, batch: Batch) -> Tensor:
        """The mean loss of outputs of the module, for a step of the user's own."""
        return self.criterion(outputs, batch)

    def update(self, loss: Tensor, part: str) -> None:
        """One step of the optimizer of a part of the module, along the gradient of a loss."""
        if part not in self.optimizers:
            raise ValueError(
                f"There is no optimizer of {part!r}. Give optimizer={{...}} with a key for each "
                f"part that is updated; there are {sorted(self.optimizers) or 'none'}."
            )
        numbers = [p for p in self.module.get_submodule(part).parameters() if p.requires_grad]
        for p in numbers:
            assert p.grad is not None
            p.grad.zero_()
        torch.autograd.backward(loss, inputs=numbers)
        self.optimizers[part].step()


def _number(loss: Any, like: Tensor) -> Tensor:
    """What a step tells of itself, as one number: of several, their sum."""
    if isinstance(loss, Tensor):
        return loss.detach().to(like)
    values = loss.values() if isinstance(loss, dict) else [loss]
    return like.new_tensor(sum(float(v) for v in values))


@dataclass
class Training(Stochastic):
    """`Stochastic` for nets: keeps the best buffers with the best numbers, averages, a history, and
    checkpoints it can go on from.

    module : whose buffers are kept
    averaged : where the average of the numbers is what is learned
    checkpoint : a file to keep the state in, every `every` epochs
    facts : what to keep beside it
    """

    module: nn.Module = field(default_factory=nn.Module)
    averaged: Averaged | None = None
    checkpoint: Path | None = None
    every: int = 1
    history: list[dict[str, float]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._best_buffers: list[Tensor] | None = None
        self._good: Tensor | None = None

    def learned(self) -> Tensor:
        return self.values if self.averaged is None else self.averaged.average

    def step(self, state: EpochState) -> EpochState:
        began, best = time.perf_counter(), self.progress.best_values
        if not self.guard:  # the numbers before an epoch that may spoil them
            self._good = self.learned().clone()
        self.module.train()
        state = super().step(state)
        if self.progress.best_values is not best:
            self._best_buffers = self._buffers()
        if state.loss is not None and not np.isfinite(state.loss) and not self.history:
            raise DataError(
                f"The loss is {state.loss} in the first epoch already. Look at the data and at "
                "the loss, scale the inputs with dovetail.preprocessing.StandardScaler, or lower "
                "lr."
            )
        record = {
            "epoch": float(len(self.progress.losses)),
            **state.record,
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
            "seconds": time.perf_counter() - began,
        }
        self.history.append(record)
        if self.checkpoint is not None and len(self.progress.losses) % self.every == 0:
            write_state(self.checkpoint, self._state())
        return state

    def best(self, state: EpochState) -> Tensor:
        spoiled = state.loss is not None and not np.isfinite(state.loss)
        if spoiled and self._good is not None and self.progress.best_values is None:
            return self._good
        if self.score is not None and self._best_buffers is not None:
            self._load_buffers(self._best_buffers)
        return super().best(state)

    # -- what a checkpoint holds

    def _buffers(self) -> list[Tensor]:
        return [b.detach().clone() for b in self.module.buffers()]

    def _load_buffers(self, kept: list[Tensor]) -> None:
        for b, value in zip(self.module.buffers(), kept, strict=True):
            b.copy_(value)

    def _state(self) -> dict[str, Any]:
        device = self.values.device
        generators = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state(device)
        return {
            **self.facts,
            "rows": len(self.rows),
            "batch_size": self.batch_size,
            "values": self.values,
            "buffers": self._buffers(),
            "best_buffers": self._best_buffers,
            "optimizer": self.optimizer.state_dict(),
            "progress": {k: v for k, v in asdict(self.progress).items() if k != "best_values"},
            "best_values": self.progress.best_values,
            "history": self.history,
            "order": self._order,
            "random": None if self.random is None else list(self.random.get_state(legacy=True)),
            "generators": generators,
        }

    def resume(self) -> int:
        """Go on from the checkpoint, where there is one: epochs that were done.

        Raises
        ------
        DataError
            The checkpoint is of other data or of another net.
        """
        if self.checkpoint is None or not self.checkpoint.exists():
            return 0
        state = read_state(self.checkpoint, self.values.device)
        before = (state["rows"], state["batch_size"], state["values"].numel())
        now = (len(self.rows), self.batch_size, self.values.numel())
        if before != now:
            raise DataError(
                f"{self.checkpoint} is of {before[0]} rows, batches of {before[1]} and "
                f"{before[2]} numbers to learn; now there are {now[0]}, {now[1]} and {now[2]}. "
                "Delete it to train from the start."
            )
        self.values.copy_(state["values"])
        self._load_buffers(state["buffers"])
        self._best_buffers = state["best_buffers"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress.__dict__.update(Progress(**state["progress"]).__dict__)
        self.progress.best_values = state["best_values"]
        self.history[:] = state["history"]
        self._order = state["order"]
        if self.random is not None:
            self.random.set_state(tuple(state["random"]))
        torch.set_rng_state(state["generators"]["cpu"].cpu())
        if "cuda" in state["generators"]:
            torch.cuda.set_rng_state(state["generators"]["cuda"].cpu(), self.values.device)
        return len(self.progress.losses)
