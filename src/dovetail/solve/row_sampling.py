"""Draws of the rows that a tree is grown on.

Uniform draws are those of stochastic gradient boosting (Friedman 2002,
https://doi.org/10.1016/S0167-9473(01)00065-2). One-sided draws keep the rows of the largest
gradients and some of the others, which then weigh more (Ke et al. 2017, LightGBM, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dovetail.kernels.draws import part

__all__ = ["Drawn", "RowSampler"]

_KEPT = 2 / 3  # of the rows drawn, those of large gradients: LightGBM's defaults are 0.2 and 0.1
_BLUR = 0.01  # gradients closer than this share are ordered at random, so that ties are no order

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A draw of m among n rows.

    Parameters
    ----------
    rows, others : uint32 of shapes (m,) and (n − m,), ascending
    factor : float64 of shape (n,), by which the rows weigh more, or None
    """

    rows: npt.NDArray[np.uint32]
    others: npt.NDArray[np.uint32]
    factor: Floats | None


@dataclass(frozen=True, eq=False)
class RowSampler:
    """Draws rows without replacement.

    Parameters
    ----------
    share : of the rows, from 0 to 1
    by_gradient : whether two thirds of the rows drawn are those of the largest gradients
    random : numpy Generator
    """

    share: float
    by_gradient: bool
    random: np.random.Generator

    def draw(self, g: Floats) -> Drawn:
        """Rows for gradients g of shape (n, k); every row has the same chance where they do not
        matter.

        Cost O(n k).
        """
        n = len(g)
        wanted, kept, factor = max(round(self.share * n), 1), np.zeros(n, np.bool_), None
        if self.by_gradient and wanted < n:
            size = np.abs(g).sum(axis=1, dtype=np.float32)
            size *= 1 - _BLUR * self.random.random(n, dtype=np.float32)
            place = n - int(_KEPT * wanted) - 1
            kept = size > np.partition(size, place)[place]
            number = np.count_nonzero(kept)
            factor = np.where(kept, 1.0, (n - number) / (wanted - number))
        rows, others = np.empty(wanted + 1, np.uint32), np.empty(n - wanted + 1, np.uint32)
        part(kept, wanted, int(self.random.integers(2**62)), rows, others)
        return Drawn(rows[:-1], others[:-1], factor)
