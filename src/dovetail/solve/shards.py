"""This process's part of numbers that a group holds together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dovetail.distributed import Group
from dovetail.solve.flat import Flat

__all__ = ["Shards"]


class Shards(Flat):
    """The rows that this process holds of every parameter of a module that torch has sharded, as
    parts of one vector, so that an update is one operation here, too.

    Parameters
    ----------
    module : sharded by `torch.distributed.fsdp.fully_shard`
    named : its parameters to learn, by name: DTensors whose first dimension is cut
    group : the processes

    Attributes
    ----------
    values, gradient : Tensor of shape (size,); backward passes add to the latter
    names, shapes : of the whole parameters
    total : how many numbers these have

    `values` are a copy, because torch pads the parts that it sends: `show` gives them to the
    module, before it is used.
    """

    def __init__(self, module: Any, named: dict[str, Any], group: Group) -> None:
        self._module, self._group = module, group
        self._sharded = list(named.values())
        self._held = [p.detach().to_local() for p in self._sharded]
        super().__init__(self._held)
        self.names, self.shapes = list(named), [p.shape for p in self._sharded]
        self.total = sum(p.numel() for p in self._sharded)
        for i, (p, gradient) in enumerate(zip(self._sharded, self.gradients, strict=True)):
            p.grad = self.global_of(i, gradient)

    def show(self) -> None:
        """The module computes with the `values` as they are now."""
        self._module.reshard()  # what it gathered before
        torch._foreach_copy_(self._held, self.parts)

    def length(self) -> Tensor:
        square = super().length().double().square()
        self._group.add(square)
        return square.sqrt()

    def finite(self, vector: Tensor) -> bool:
        strange = (~vector.isfinite()).sum()
        self._group.add(strange)
        return not bool(strange)

    def global_of(self, i: int, part: Tensor) -> Any:
        """The i-th part of a vector like `values` as a piece of the whole, a DTensor."""
        p = self._sharded[i]
        return p.from_local(
            part, p.device_mesh, p.placements, run_check=False, shape=p.shape, stride=p.stride()
        )

    def cut(self, i: int, whole: Tensor) -> Tensor:
        """What this process holds of a whole i-th parameter."""
        rows = -(-len(whole) // self._group.size)  # as torch cuts
        return whole[rows * self._group.rank : rows * (self._group.rank + 1)]

    def cut_all(self, whole: Tensor) -> Tensor:
        """What this process holds of a vector of all numbers."""
        pieces = torch.split(whole, [s.numel() for s in self.shapes])
        shaped: Sequence[Tensor] = [p.view(s) for p, s in zip(pieces, self.shapes, strict=True)]
        return torch.cat([self.cut(i, p).reshape(-1) for i, p in enumerate(shaped)])
