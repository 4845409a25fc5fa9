"""The gradient of any torch module's mean loss."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.errors import warn
from dovetail.solve.flat import Flat
from dovetail.solve.wrappers import Unscaled

__all__ = ["Criterion", "NetGradient"]

Criterion = Callable[[Any, Batch], Tensor]  # the mean loss of outputs for a batch


@dataclass
class NetGradient:
    """The gradient of a module's mean loss, left in `flat.gradient`; what a step of the user's own
    is given.

    module : called with a batch's X
    criterion : the mean loss of its output for the batch
    flat : the module's parameters
    autocast : the precision that the module and the criterion run in
    parts : into how many the rows of a batch are cut, one after the other, to save memory; doubled
        where memory does not suffice
    custom : computes the loss instead, from this object and a batch, or takes steps of its own with
        `update` and gives a number or a dict of numbers
    optimizers : of the parts of the module that have their own
    scaled : multiplies losses, for half precision
    told : what the last batch told of itself beside its loss
    """

    module: nn.Module
    criterion: Criterion
    flat: Flat
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
    parts: int = 1
    custom: Callable[[NetGradient, Batch], Any] | None = None
    optimizers: dict[str, Any] = field(default_factory=dict)
    scaled: Unscaled | None = None
    told: dict[str, Tensor] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> Tensor:
        before = self.parts
        while True:
            try:
                loss = self._once(batch)
                break
            except torch.OutOfMemoryError:
                if self.parts >= len(batch):
                    raise
                self.parts *= 2
        if self.parts > before:
            warn(
                f"Memory does not suffice for {len(batch)} rows at once: batches are now computed "
                f"in {self.parts} parts, with the same result. Set accumulate={self.parts}, or "
                "lower batch_size."
            )
        return loss

    def _once(self, batch: Batch) -> Tensor:
        self.flat.gradient.zero_()
        self.told = {}
        if self.parts == 1:
            return self.add(batch)
        size = -(-len(batch) // self.parts)
        total = self.flat.values.new_zeros(())
        for part in batch.split(size):
            share: Any = len(part) / len(batch)
            if part.w is not None and batch.w is not None:
                share = part.w.sum() / batch.w.sum()
            total = total + share * self.add(part, share)
        return total

    def add(self, batch: Batch, share: Any = None) -> Tensor:
        """Add the gradient of a part's mean loss times its share; the loss."""
        with torch.enable_grad():
            loss = self._loss(batch)
            differs = isinstance(loss, Tensor) and loss.requires_grad
            if share is not None and not differs:
                raise ValueError(
                    "step= gave no loss that depends on the module's numbers. A step with backward "
                    "passes of its own needs whole batches, and the net in one place: return the "
                    "loss, or leave out accumulate= and fit with dv.config(sharding=False)."
                )
            if differs:
                scaled = loss if share is None else loss * share
                if self.scaled is not None:
                    scaled = scaled * self.scaled.scale
                torch.autograd.backward(scaled)
        return self._number(loss)

    def _loss(self, batch: Batch) -> Any:
        if self.custom is not None:
            return self.custom(self, batch)
        with self.autocast():
            return self.criterion(self.forward(batch.X), batch)

    def _number(self, loss: Any) -> Tensor:
        """What a batch tells of itself as one number: of several, which are remembered by name,
        their sum.
        """
        like = self.flat.values
        if isinstance(loss, Tensor):
            return loss.detach().to(like)
        if isinstance(loss, dict):
            self.told = {k: torch.as_tensor(v).detach().to(like) for k, v in loss.items()}
            return torch.stack(list(self.told.values())).sum()
        return like.new_tensor(float(loss))

    # -- for a step of the user's own

    def forward(self, X: Any) -> Any:
        """The module's output; named inputs are given by keyword."""
        return self.module(X) if isinstance(X, Tensor) else self.module(**X)

    def loss(self, outputs: Any, batch: Batch) -> Tensor:
        """The mean loss of outputs of the module."""
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
