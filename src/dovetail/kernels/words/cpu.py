"""Gradients and Hessians as integers of a few bits, one word a row.

Each row is rounded up or down by a threshold of its own, spread evenly over any stretch of rows
(multiples of the golden ratio, modulo 1), so that the errors of equal values' sum cancel.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["pack"]

U = np.uint64
_BLOCK = 2**14  # rows of a task
_GOLDEN = 0.6180339887498949


def pack(g: Any, h: Any, unit_g: float, unit_h: float, hessian_bits: int, out: Any) -> None:
    """Words ⌊g / unit_g + t⌋ · 2^hessian_bits + ⌊h / unit_h + t⌋ with thresholds t in [0, 1).

    Parameters
    ----------
    g : float64 of shape (n,)
    h : the same, or of shape (0,) where hessian_bits is 0
    out : int32 of shape (n,)
    """
    write = _pack if len(g) > 2 * _BLOCK else _pack.sequential
    write(g, h, unit_g, unit_h, hessian_bits, out)


@compiled(parallel=True)
def _pack(g: Any, h: Any, unit_g: float, unit_h: float, hessian_bits: int, out: Any) -> None:
    n, scale_g, scale_h = len(g), 1.0 / unit_g, 1.0 / unit_h
    most = (1 << hessian_bits) - 1
    for block in numba.prange((n + _BLOCK - 1) // _BLOCK):
        end = min(block * _BLOCK + _BLOCK, n)
        for i in range(U(block * _BLOCK), U(end)):  # a signed index would not be vectorized
            t = float(np.int64(i) + 1) * _GOLDEN
            t -= np.floor(t)
            word = np.int64(np.floor(g[i] * scale_g + t)) << hessian_bits
            if hessian_bits > 0:
                low = np.int64(np.floor(h[i] * scale_h + t))
                word += low if low < most else most
            out[i] = word
