"""Gradients and Hessians as integers, so that histograms of them are exact sums.

There are three ways to choose the words of `kernels.growth`:

* All Hessians are 1: gradients have 30 bits, more than float32 has.
* Wide words, whose 62 bits are shared among the sums; rounding is below that of float32. The rule
  for up to 4096 rows.
* Quantized: 11 bits for a gradient, 10 for a Hessian, so that sums of 16,383 rows fit into one word
  of 64 bits. LightGBM finds 2 bits enough (Shi et al. 2022, https://arxiv.org/abs/2207.09682); with
  11 the choice of splits is that of exact sums but for near-ties. The values of leaves are formed
  from the gradients themselves. The rule for more rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from dovetail.kernels.growth import Units
from dovetail.kernels.words import pack

__all__ = ["GradientWords"]

_WIDE = 4096  # rows up to which packing would not pay
_COUNT_BITS = 14  # of a packed word, see kernels.growth
_HESSIAN_BITS, _GRADIENT_BITS, _ONLY_GRADIENT_BITS = 10, 11, 30
_NONE = np.empty(0)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GradientWords:
    """Words of all rows, for each of o outputs, and what their units are.

    Parameters
    ----------
    narrow : int32 of shape (o, n), or (o, 0)
    wide : int64 of shape (o, n, 2), or (o, 0, 2)
    units : Units
    scales : float64 of shape (o, 2), what an integer gradient and an integer Hessian stand for
    """

    narrow: npt.NDArray[np.int32]
    wide: npt.NDArray[np.int64]
    units: Units
    scales: Floats

    @classmethod
    def of(
        cls, g: Floats, h: Floats | None, quantized: bool | Literal["auto"] = "auto"
    ) -> GradientWords:
        """Words of gradients and Hessians, shape (o, n); h None is 1 for all, which are never
        quantized.
        """
        if h is None:
            return _narrow(g, None)
        return (_narrow if (len(g[0]) > _WIDE if quantized == "auto" else quantized) else _wide)(
            g, h
        )


def _wide(g: Floats, h: Floats) -> GradientWords:
    o, n = g.shape
    bits = n.bit_length()
    wide, scales = np.empty((o, n, 2), np.int64), np.empty((o, 2))
    for words, scale, g_n, h_n in zip(wide, scales, g, h, strict=True):
        scale[:] = _unit(_largest(g_n), 62 - bits), _unit(_largest(h_n), 62 - 2 * bits)
        words[:, 0] = np.rint(g_n / scale[0])
        words[:, 1] = np.rint(h_n / scale[1])
        words[:, 1] <<= bits
        words[:, 1] += 1
    return GradientWords(np.empty((o, 0), np.int32), wide, Units(bits, 0, 0, False), scales)


def _narrow(g: Floats, h: Floats | None) -> GradientWords:
    o, n = g.shape
    hessian_bits = 0 if h is None else _HESSIAN_BITS
    gradient_bits = _ONLY_GRADIENT_BITS if h is None else _GRADIENT_BITS
    narrow, scales = np.empty((o, n), np.int32), np.ones((o, 2))
    for output in range(o):
        scales[output, 0] = _unit(_largest(g[output]), gradient_bits)
        if h is not None:
            scales[output, 1] = (_largest(h[output]) or 1.0) / ((1 << hessian_bits) - 1)
        h_n, (unit_g, unit_h) = _NONE if h is None else h[output], scales[output].tolist()
        pack(g[output], h_n, unit_g, unit_h, hessian_bits, narrow[output])
    shift = _COUNT_BITS + (0 if h is None else hessian_bits + _COUNT_BITS)
    units = Units(n.bit_length(), hessian_bits, shift, h is None)
    return GradientWords(narrow, np.empty((o, 0, 2), np.int64), units, scales)


def _largest(values: Floats) -> float:
    """Greatest absolute value."""
    return max(float(values.max()), -float(values.min()))


def _unit(most: float, bits: int) -> float:
    """The power of two in which `most` has at most so many bits."""
    return math.ldexp(1.0, math.frexp(most)[1] - bits) if most else 1.0
