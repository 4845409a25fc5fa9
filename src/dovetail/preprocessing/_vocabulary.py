"""Vocabularies: the categories of a column, which of them are rare, and where a value is among
them.

Legend: k categories of a column.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dovetail.data.columns import is_nan
from dovetail.data.tallies import Tally

__all__ = ["INFREQUENT", "Rarity", "Vocabulary", "given_vocabulary", "listed", "sorted_vocabulary"]

INFREQUENT = "infrequent_sklearn"  # how scikit-learn names the group of rare categories
_SHOWN = 10  # values that a message lists

# Kinds of numbers and moments that are found by bisection, and the kinds each compares with.
_COMPARABLE = {"i": "iuf", "u": "iuf", "f": "iuf", "M": "M", "m": "m"}


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The categories of a column.

    Parameters
    ----------
    values : ndarray of shape (k,), sorted with None and nan last, or in the order the user gave
    infrequent : ndarray or None
        Positions of the categories that make one group.
    """

    values: npt.NDArray[Any]
    infrequent: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def has_nan(self) -> bool:
        """Whether nan is a category; it is the last one then."""
        return len(self) > 0 and is_nan(self.values[-1])

    def find(self, distinct: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Positions of values among the categories, −1 for those that are none."""
        if len(self) and distinct.dtype.kind in _COMPARABLE.get(self.values.dtype.kind, ""):
            place = np.searchsorted(self.values, distinct).clip(max=len(self) - 1)
            found = self.values[place]
            same = (found == distinct) | ((found != found) & (distinct != distinct))
            return np.where(same, place, -1)
        items = distinct.tolist()
        at = self._place.get
        place = np.fromiter((at(v, -1) for v in items), dtype=np.int64, count=len(items))
        if self.has_nan:  # which a dict finds by identity only
            lost = [i for i in np.flatnonzero(place < 0).tolist() if is_nan(items[i])]
            place[lost] = len(self) - 1
        return place

    @cached_property
    def _place(self) -> dict[Any, int]:
        return {v: i for i, v in enumerate(self.values.tolist())}

    def counts(self, tally: Tally) -> npt.NDArray[np.int64]:
        """How often each category comes."""
        assert tally.counts is not None, "a tally that was counted"
        place = self.find(tally.values)
        counts = np.zeros(len(self), dtype=np.int64)
        counts[place[place >= 0]] = tally.counts[place >= 0]
        return counts

    # -- groups: each frequent category alone, then the infrequent ones together

    def groups(self, size: int | None = None) -> npt.NDArray[np.int64]:
        """The group of each of the first `size` categories, all by default."""
        rare = np.zeros(len(self) if size is None else size, dtype=bool)
        if self.infrequent is not None:
            rare[self.infrequent] = True
        return np.where(rare, len(rare) - rare.sum(), np.cumsum(~rare) - 1)

    @property
    def labels(self) -> npt.NDArray[Any]:
        """The name of each group, shape (g,)."""
        if self.infrequent is None:
            return self.values
        return np.append(np.delete(self.values, self.infrequent).astype(object), INFREQUENT)


@dataclass(frozen=True)
class Rarity:
    """Which categories are infrequent.

    Parameters
    ----------
    min_frequency : count, or share of the rows, below which a category is infrequent; or None
    max_categories : most groups of a column, that of the infrequent ones included; or None
    spare_nan : whether nan is never infrequent
    """

    min_frequency: float | None = None
    max_categories: int | None = None
    spare_nan: bool = False

    def __bool__(self) -> bool:
        return self.min_frequency is not None or self.max_categories is not None

    def applied(self, vocabulary: Vocabulary, tally: Tally, rows: int) -> Vocabulary:
        """The vocabulary with its infrequent categories marked."""
        counts = vocabulary.counts(tally)
        if self.spare_nan and vocabulary.has_nan:
            counts = counts[:-1]
        least = self.min_frequency or 0
        rare = counts < (least * rows if 0 < least < 1 else least)
        groups = len(counts) - rare.sum() + 1
        if self.max_categories is not None and self.max_categories < groups:
            kept = self.max_categories - 1
            # stable: of equally frequent categories the last ones are kept
            rare[np.argsort(counts, kind="stable")[: len(counts) - kept]] = True
        found = np.flatnonzero(rare)
        return replace(vocabulary, infrequent=found if len(found) else None)


def sorted_vocabulary(values: npt.NDArray[Any]) -> Vocabulary:
    """The vocabulary of distinct values.

    Raises
    ------
    TypeError
        They cannot be ordered.
    """
    if values.dtype != object:
        return Vocabulary(np.sort(values))
    items = values.tolist()
    plain = [v for v in items if v is not None and not is_nan(v)]
    missing = [None] * (None in items) + [np.nan] * (len(items) - len(plain) - (None in items))
    try:
        ordered = sorted(plain)
    except TypeError as error:
        types = sorted({type(v).__qualname__ for v in items})
        raise TypeError(
            "Encoders require their input argument must be uniformly strings or numbers. Got "
            f"{types}"
        ) from error
    out = np.empty(len(items), dtype=object)
    out[:] = ordered + missing
    return Vocabulary(out)


def given_vocabulary(categories: Sequence[Any], values: npt.NDArray[Any], j: int) -> Vocabulary:
    """The vocabulary that the user gave for column j, whose distinct values are `values`.

    Raises
    ------
    ValueError
        nan is not last, a category comes twice, numbers are not sorted, or bytes stand for strings.
    """
    kind = values.dtype.kind
    given = np.array(categories, dtype=object if kind == "U" else values.dtype)
    if given.dtype == object and len(given) and isinstance(given[0], bytes) and kind != "S":
        raise ValueError(
            f"In column {j}, the predefined categories have type 'bytes' which is incompatible "
            f"with values of type '{type(values[0]).__name__}'."
        )
    if any(is_nan(c) for c in given[:-1]):
        raise ValueError(
            "Nan should be the last element in user provided categories, see categories "
            f"{given} in column #{j}"
        )
    if len(set(given.tolist())) < len(given):
        raise ValueError(f"In column {j}, the predefined categories contain duplicate elements.")
    if kind not in "OUS" and (np.sort(given) != given)[: -1 if is_nan(given[-1]) else None].any():
        raise ValueError("Unsorted categories are not supported for numerical categories")
    return Vocabulary(given)


def listed(values: Sequence[Any]) -> str:
    """Values as a message shows them: a list, cut where it is long."""
    shown = ", ".join(map(repr, values[:_SHOWN]))
    return f"[{shown}]" if len(values) <= _SHOWN else f"[{shown}, ...] ({len(values):,} values)"
