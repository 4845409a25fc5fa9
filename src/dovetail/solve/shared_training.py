"""Training of a module by the processes of a group, each of which holds some of the rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dovetail.data.batches import Batch
from dovetail.data.shared_epochs import SharedEpochs
from dovetail.distributed import Group
from dovetail.solve.joint_gradient import JointGradient
from dovetail.solve.training import Training

__all__ = ["SharedTraining"]


@dataclass(kw_only=True)
class SharedTraining(Training):
    """`Training` in which each process computes the gradient of its part of every batch. All take
    the same steps from the same sums, so that their numbers stay the same.

    source : this process's parts
    gradient : over all parts
    group : the processes
    seed : of what the module and `prepare` draw, which follows from this number, that of the
        batch, and the rank: no state of theirs need be kept

    Running means are averaged over the processes at the end of an epoch, weighted by the rows that
    each saw. Rank 0 writes the checkpoints.
    """

    source: SharedEpochs
    gradient: JointGradient
    group: Group
    seed: int

    def epoch(self) -> bool:
        _, before = self._good
        self._seen = 0
        fine = super().epoch()
        self.gradient.settle()
        self._average(before)
        return fine

    def _batches(self) -> Iterator[Batch]:
        parts = super()._batches()
        for number in range(self._part.done, self.source.steps):
            self._draw_anew(number)
            self._tell()
            part = self.gradient.tried(lambda: next(parts))
            part = self.source.nothing if part is None else part
            self._seen += len(part)
            yield part

    def _tell(self) -> None:
        """What the other processes hear of this one in the next step."""
        self.gradient.late = time.monotonic() > self._deadline

    def _draw_anew(self, number: int) -> None:
        facts = [self.seed, len(self.progress.losses), number, self.group.rank]
        seed = int(np.random.SeedSequence(facts).generate_state(1, np.uint64)[0] >> 1)
        torch.manual_seed(seed)
        if self.generator is not None:
            self.generator.manual_seed(seed)

    def _rows(self, batch: Batch) -> int:
        return self.source.rows(self._part.done)

    def _late(self) -> bool:
        return self._part.done % self._look == 0 and bool(self.gradient.out_of_time)

    def _average(self, before: list[Tensor]) -> None:
        """Buffers, all moved by the mean of their moves since then; whole numbers as rank 0 has
        them. What does not move stays as it is, to the bit.
        """
        now = list(self.module.buffers())
        found: list[Any] = [float(self._seen)]
        found += [
            torch.where(b == old, 0.0, b - old).double() * self._seen
            for b, old in zip(now, before, strict=True)
            if b.is_floating_point()
        ]
        total, *sums = self.group.sum(lambda: tuple(found))
        means = iter(sums)
        counts = iter(self.group.from_first([b.cpu() for b in now if not b.is_floating_point()]))
        for b, old in zip(now, before, strict=True):
            if b.is_floating_point():
                b.copy_(old + (next(means) / max(total, 1.0)).to(old.dtype))
            else:
                b.copy_(next(counts))

    def _write(self) -> None:
        if self._part.done:  # within an epoch only rank 0 knows that it is time
            self.gradient.tried(super()._write)
        else:
            self.group.together(super()._write if self.group.rank == 0 else lambda: None)
