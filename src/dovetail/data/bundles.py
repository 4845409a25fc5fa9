"""Columns of codes shared by several features: one sum over rows serves them all.

Features that are hardly ever set together, as those of a one-hot encoding or of counts of words,
take few combinations of codes, and so do some with few codes each. Where these combinations are at
most 256, they are a column of codes themselves, from which each feature's own are looked up. Unlike
exclusive feature bundling (Ke et al. 2017, LightGBM, section 4) this loses nothing: features may be
set together, and no conflict is overlooked.

Legend: m rows, b columns, d features, s features that share a column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Bundler", "Bundles"]

_CODES = 256
_OPEN = 8  # columns that a feature is tried with
_LOOK = 4096  # rows that tell most failures

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Bundles:
    """Columns and where each feature's codes are.

    Parameters
    ----------
    columns : uint8 of shape (b, m)
    column : int64 of shape (d,), number of each feature's column
    own_of : int64 of shape (d,), row of `own`, −1 for a feature with a column for itself
    own : uint8 of shape (s, 256), a feature's code for each of its column's
    """

    columns: Codes
    column: npt.NDArray[np.int64]
    own_of: npt.NDArray[np.int64]
    own: Codes


class _Bundle:
    """A column in the making: its codes, how often each occurs, and its members' own codes."""

    def __init__(self, feature: int, codes: Codes) -> None:
        self.codes, self.members = codes, [feature]
        self.own = np.arange(_CODES, dtype=np.uint8)[None]
        self.counts = np.bincount(codes, minlength=_CODES)

    def take(
        self, feature: int, codes: Codes, rows: npt.NDArray[np.int64] | None, default: int
    ) -> bool:
        """Add a feature that has these codes in some rows (or all) and the default in others, if
        there are codes for all combinations. Cost O(rows).
        """
        old = self.codes if rows is None else self.codes[rows]
        if len(old) > 2 * _LOOK and len(np.unique(_pairs(old[:_LOOK], codes[:_LOOK]))) > _CODES:
            return False
        pairs = _pairs(old, codes)
        seen, place, count = np.unique(pairs, return_inverse=True, return_counts=True)
        before, after = seen // _CODES, (seen % _CODES).astype(np.uint8)
        stays = after == default
        rest = self.counts.copy()
        np.subtract.at(rest, before, count)
        rest[before[stays]] += count[stays]
        free = np.flatnonzero(rest == 0)
        if np.count_nonzero(~stays) > len(free):
            return False
        code = before.copy()
        code[~stays] = free[: np.count_nonzero(~stays)]
        own = np.vstack([self.own, np.full(_CODES, default, np.uint8)])
        own[:-1, code] = self.own[:, before]
        own[-1, code] = after
        rest[code] = np.where(stays, rest[code], count)
        self.codes[slice(None) if rows is None else rows] = code.astype(np.uint8)[place]
        self.own, self.counts = own, rest
        self.members.append(feature)
        return True


def _pairs(old: Codes, codes: Codes) -> npt.NDArray[np.uint16]:
    pairs: npt.NDArray[np.uint16] = old.astype(np.uint16) * np.uint16(_CODES) + codes
    return pairs


class Bundler:
    """Takes the features one after the other; `done` makes their columns."""

    def __init__(self) -> None:
        self._all: list[_Bundle] = []
        self._open: list[_Bundle] = []

    def alone(self, feature: int, codes: Codes) -> None:
        """A feature that shares its column with none."""
        self._all.append(_Bundle(feature, codes))

    def share(
        self,
        feature: int,
        codes: Codes,
        m: int,
        rows: npt.NDArray[np.int64] | None = None,
        default: int = 0,
    ) -> None:
        """A feature with codes in these of m rows (None: in all), and the default elsewhere."""
        for bundle in reversed(self._open):
            if bundle.take(feature, codes, rows, default):
                return
        whole = np.full(m, default, np.uint8)
        whole[slice(None) if rows is None else rows] = codes
        bundle = _Bundle(feature, whole)
        self._all.append(bundle)
        if len(self._open) == _OPEN:
            self._open.remove(max(self._open, key=lambda b: np.count_nonzero(b.counts)))
        self._open.append(bundle)

    def done(self, d: int, m: int) -> Bundles:
        """The columns of m rows; of d features, those that were not given have the column −1."""
        column, own_of = np.full(d, -1), np.full(d, -1)
        columns = np.empty((len(self._all), m), np.uint8)
        own: list[Codes] = []
        for number, bundle in enumerate(self._all):
            column[bundle.members], columns[number] = number, bundle.codes
            if len(bundle.members) > 1:
                own_of[bundle.members] = len(own) + np.arange(len(bundle.members))
                common = bundle.counts.argmax()
                bundle.own[:, bundle.counts == 0] = bundle.own[:, common : common + 1]
                own.extend(bundle.own)
        return Bundles(columns, column, own_of, np.array(own, np.uint8).reshape(-1, _CODES))
