"""The gradient of a batch whose rows several processes hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.distributed import Group
from dovetail.solve.net_gradient import NetGradient

__all__ = ["BESIDE", "JointGradient"]

S = TypeVar("S")

BESIDE = 3  # numbers summed with the gradient: loss, weight, whether it is late


@dataclass
class JointGradient:
    """Σ wᵣ gᵣ / Σ wᵣ, of the mean gradients of the processes' parts of a batch and the weights of
    the rows in these; bit for bit the same in every process.

    gradient : of a part; its `flat` has room for as many numbers as BESIDE
    group : the processes
    prepare : what is done to a part, on its device, before each step
    late : whether this process has used up the time; that of rank 0 counts
    told : nothing, as yet: what a step tells beside its loss is not summed

    One all-reduce a step, of the gradient with the loss beside it. A process that fails gives NaN
    as its loss, so that all stop at the same step; `settle` raises what happened, everywhere.
    """

    gradient: NetGradient
    group: Group
    prepare: Callable[[Batch], Batch] | None = None
    late: bool = False

    def __post_init__(self) -> None:
        self.told: dict[str, Tensor] = {}
        self.out_of_time = self.gradient.flat.values.new_zeros(())
        self._failure: Exception | None = None
        module = self.gradient.module
        self._norms = [
            m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
        ]

    def __call__(self, part: Batch) -> Tensor:
        flat, n = self.gradient.flat, len(self.gradient.flat.values)
        found = self.tried(lambda: self._weighed(part))
        late = float(self.late and self.group.rank == 0)
        loss, weight = (float("nan"), 0.0) if found is None else found
        beside = [torch.as_tensor(v).to(flat.sums) for v in (loss, weight, late)]
        flat.sums[n:] = torch.stack(beside)
        self.group.add(flat.sums)
        total, weight, self.out_of_time = flat.sums[n:].clone()
        weight = weight.clamp(min=torch.finfo(weight.dtype).tiny)  # of a batch without rows
        flat.gradient.div_(weight)
        return total / weight

    def _weighed(self, part: Batch) -> tuple[Tensor | float, Tensor | float]:
        """The loss of a part times its weight, and that; the gradient is left so, too."""
        gradient = self.gradient.flat.gradient
        if not len(part):
            gradient.zero_()
            return 0.0, 0.0
        with self.row_alone(len(part) == 1):
            part = part if self.prepare is None else self.prepare(part)
            loss = self.gradient(part)
        weight: Tensor | float = float(len(part)) if part.w is None else part.w.sum()
        gradient.mul_(weight)
        return loss * weight, weight

    @contextmanager
    def row_alone(self, alone: bool) -> Iterator[None]:
        """A row by itself has no spread: it is normalized by the running means."""
        for norm in self._norms if alone else ():
            norm.eval()
        yield
        for norm in self._norms if alone else ():
            norm.train()

    def tried(self, compute: Callable[[], S]) -> S | None:
        """compute(); None where this process fails or has failed, of which the others hear in the
        next step.
        """
        if self._failure is None:
            try:
                return compute()
            except Exception as error:
                self._failure = error
        return None

    def settle(self) -> None:
        """Raise what has failed, in every process."""
        self.group.together(self._raise)

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure
