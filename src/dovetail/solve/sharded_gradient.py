"""The gradient of a batch, of a module whose numbers the processes hold together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.solve.joint_gradient import JointGradient
from dovetail.solve.shards import Shards

__all__ = ["ShardedGradient"]


@dataclass(kw_only=True)
class ShardedGradient(JointGradient):
    """The same as `JointGradient`; of its numbers each process is left with those of its shards.

    shards : the numbers, `flat` of the gradient
    spare : a row, for those that have none
    wants : whether this process wants a checkpoint; that of rank 0 counts
    due : whether one is to be written after this step

    A pass through the module is one of all processes, as they gather its numbers layer by layer: a
    process without rows computes with one that counts nothing. Weights are summed before the pass,
    so that what failed until then stops all of them; torch sums the gradients in it.
    """

    shards: Shards
    spare: Batch
    wants: bool = False
    due: bool = False

    def __call__(self, part: Batch) -> Tensor:
        found = self.tried(lambda: self._prepared(part))
        first = self.group.rank == 0
        weight = 0.0 if found is None else _weight(found)
        told = (weight, self.late and first, self.wants and first, self._failure is not None)
        facts = torch.tensor(told, dtype=torch.float64)
        self.group.add(facts)
        total, self.out_of_time, due, failed = facts
        self.due = bool(due)
        self.shards.gradient.zero_()
        if failed:
            return self.shards.values.new_tensor(float("nan"))
        pieces = self._pieces(part if found is None else found)
        with self.group.joined():
            loss = self._added(pieces, max(float(total), torch.finfo(torch.float64).tiny))
        self.group.add(loss)
        return loss

    def _prepared(self, part: Batch) -> Batch:
        return part if self.prepare is None or not len(part) else self.prepare(part)

    def _pieces(self, part: Batch) -> list[Batch]:
        parts = self.gradient.parts
        return list(part.split(-(-len(part) // parts))) if len(part) else []

    def _added(self, pieces: list[Batch], total: float) -> Tensor:
        """The gradient, and the part of the loss that comes from here."""
        self.shards.show()
        self.gradient.told = {}
        loss = self.shards.values.new_zeros(())
        for i in range(self.gradient.parts):
            counts = i < len(pieces)
            piece = pieces[i] if counts else self.spare
            share = _weight(piece) / total if counts else 0.0
            with self.row_alone(len(piece) == 1):
                found = self.gradient.add(piece, share)
            if counts:
                loss += share * found
        return loss

    def sum(
        self, batches: Batches, compute: Callable[[Batch], tuple[float, float]]
    ) -> tuple[float, float]:
        """Sums over all rows of two numbers that passes through the module give."""
        blocks = iter(batches)
        block: Batch | None = None

        def taken() -> int:
            nonlocal block
            block = next(blocks, None)
            return int(block is not None)

        self.shards.show()
        first, second = 0.0, 0.0
        while self.group.sum(taken):
            counts = block is not None and len(block) > 0
            with self.group.joined():
                a, b = compute(block if block is not None and counts else self.spare)
            if counts:
                first, second = first + a, second + b
        return self.group.sum(lambda: (first, second))


def _weight(part: Batch) -> float:
    return float(len(part)) if part.w is None else float(part.w.sum())
