"""Inputs over which the CPU kernel is held against the reference."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from dovetail.kernels.polynomials.plan import Plan, make_plan

__all__ = ["cases"]


def cases() -> Iterator[tuple[Tensor, Plan]]:
    """(X, plan): degrees and their ranges, distinct factors or not, with and without ones, no rows,
    rows around the block sizes, float32, columns in memory order.
    """
    generator = torch.Generator().manual_seed(0)
    for d in (1, 2, 5):
        for least, greatest in ((0, 0), (0, 1), (0, 2), (2, 2), (0, 4), (3, 4)):
            for interaction_only in (False, True):
                for bias in (False, True):
                    plan = make_plan(
                        d, least, greatest, interaction_only=interaction_only, bias=bias
                    )
                    X = torch.randn(17, d, generator=generator, dtype=torch.float64)
                    yield X, plan
                    yield X[:0], plan
                    yield X.to(torch.float32), plan
                    yield X.T.contiguous().T, plan
    plan = make_plan(3, 0, 2, interaction_only=False, bias=True)
    yield torch.randn(1025, 3, generator=generator, dtype=torch.float64), plan
