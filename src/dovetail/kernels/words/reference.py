"""The words of `cpu.py` in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["pack"]


def pack(g: Tensor, h: Tensor, unit_g: float, unit_h: float, hessian_bits: int) -> Tensor:
    """Words ⌊g / unit_g + t⌋ · 2^hessian_bits + ⌊h / unit_h + t⌋, int32 of shape (n,).

    t_i : the fractional part of i times the golden ratio, i from 1
    """
    t = (torch.arange(1, len(g) + 1, device=g.device).double() * 0.6180339887498949).frac()
    word = (g * (1 / unit_g) + t).floor().long() << hessian_bits
    if hessian_bits:
        most = (1 << hessian_bits) - 1
        word = word + (h * (1 / unit_h) + t).floor().long().clamp(max=most)
    return word.int()
