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
    """Words of all rows and what their units are.

    Parameters
    ----------
    narrow : int32 of shape (n,), or (0,)
    wide : int64 of shape (n, 2), or (0, 2)
    units : Units
    """

    narrow: npt.NDArray[np.int32]
    wide: npt.NDArray[np.int64]
    units: Units

    @classmethod
    def of(
        cls, g: Floats, h: Floats | None, quantized: bool | Literal["auto"] = "auto"
    ) -> GradientWords:
        """Words of gradients and Hessians, shape (n,); h None is 1 for all, which are never
        quantized.
        """
        n = len(g)
        bits, most_g = n.bit_length(), _largest(g)
        most_h = 1.0 if h is None else _largest(h)
        if h is not None and not (n > _WIDE if quantized == "auto" else quantized):
            units = _unit(most_g, 62 - bits), _unit(most_h, 62 - 2 * bits)
            wide = np.empty((n, 2), np.int64)
            wide[:, 0] = np.rint(g / units[0])
            wide[:, 1] = np.rint(h / units[1])
            wide[:, 1] <<= bits
            wide[:, 1] += 1
            return cls(np.empty(0, np.int32), wide, Units(bits, 0, 0, *units, False))
        counted = h is None
        hessian_bits = 0 if counted else _HESSIAN_BITS
        unit_g = _unit(most_g, _ONLY_GRADIENT_BITS if counted else _GRADIENT_BITS)
        unit_h = 1.0 if counted else (most_h or 1.0) / ((1 << hessian_bits) - 1)
        narrow = np.empty(n, np.int32)
        pack(g, _NONE if h is None else h, unit_g, unit_h, hessian_bits, narrow)
        shift = _COUNT_BITS + (0 if counted else hessian_bits + _COUNT_BITS)
        units_ = Units(bits, hessian_bits, shift, unit_g, unit_h, counted)
        return cls(narrow, np.empty((0, 2), np.int64), units_)


def _largest(values: Floats) -> float:
    """Greatest absolute value."""
    return max(float(values.max()), -float(values.min()))


def _unit(most: float, bits: int) -> float:
    """The power of two in which `most` has at most so many bits."""
    return math.ldexp(1.0, math.frexp(most)[1] - bits) if most else 1.0
