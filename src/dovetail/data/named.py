"""Several tensors of the same rows, by name: the inputs of a net that takes more than one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["NamedTensors"]


class NamedTensors(Mapping[str, Tensor]):
    """Tensors of equal length, each of any further shape.

    parts : name to tensor; at least one
    """

    def __init__(self, parts: Mapping[str, Tensor]) -> None:
        self.parts = dict(parts)
        self._first = next(iter(self.parts.values()))

    def __getitem__(self, name: str) -> Tensor:
        return self.parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        """Rows, as of a matrix."""
        return len(self._first)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, and numbers of a row."""
        return len(self), sum(t[:1].numel() for t in self.parts.values())

    @property
    def device(self) -> torch.device:
        return self._first.device

    @property
    def dtype(self) -> torch.dtype:
        """That of the numbers; of the first part where there are only codes."""
        floating = [t.dtype for t in self.parts.values() if t.is_floating_point()]
        return floating[0] if floating else self._first.dtype

    def to(self, *args: Any, dtype: torch.dtype | None = None) -> NamedTensors:
        """On another device, or numbers (not codes) of another dtype."""

        def moved(t: Tensor) -> Tensor:
            t = t.to(*args) if args else t
            return t.to(dtype=dtype) if dtype and t.is_floating_point() else t

        return NamedTensors({name: moved(t) for name, t in self.parts.items()})

    def slice_rows(self, start: int, stop: int) -> NamedTensors:
        """The rows from `start` to before `stop`."""
        return NamedTensors({name: t[start:stop] for name, t in self.parts.items()})

    def take_rows(self, index: Tensor) -> NamedTensors:
        """The rows at `index`, integers or a mask."""
        return NamedTensors({name: t[index] for name, t in self.parts.items()})

    def above(self, other: NamedTensors) -> NamedTensors:
        """These rows and those of another one below them."""
        return NamedTensors({name: torch.cat([t, other[name]]) for name, t in self.parts.items()})
