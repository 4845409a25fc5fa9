"""The draws of `cpu.py` in plain Python."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["part"]

_MASK = 2**64 - 1


def part(kept: Tensor, wanted: int, seed: int) -> tuple[Tensor, Tensor]:
    """The rows drawn and the others, int64, both ascending.

    kept : bool of shape (n,), rows that are drawn in any case, at most `wanted`
    """
    left = int((~kept).sum())
    need, state = wanted - int(kept.sum()), seed
    drawn = kept.clone()
    for i in range(len(kept)):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        if not kept[i]:
            drawn[i] = ((z ^ (z >> 31)) >> 11) * 2.0**-53 * left < need
            need -= int(drawn[i])
            left -= 1
    return torch.nonzero(drawn)[:, 0], torch.nonzero(~drawn)[:, 0]
