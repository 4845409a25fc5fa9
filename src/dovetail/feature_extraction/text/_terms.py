"""What a vocabulary is chosen by: in how many documents each term is, and how often it comes. Both
are sums over documents, whichever block or process these are in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dovetail.feature_extraction.text._entries import Counts

__all__ = ["TermCounts"]


class TermCounts(NamedTuple):
    """Terms of some documents.

    documents : how many there are
    terms : list of k terms
    within, total : int64 arrays of shape (k,), documents that have each term, and how often they do
    """

    documents: int
    terms: list[Any]
    within: npt.NDArray[np.int64]
    total: npt.NDArray[np.int64]

    @classmethod
    def of(cls, counts: Counts) -> TermCounts:
        """Those of counted documents."""
        (starts, indices, values), k = counts.entries, len(counts.terms)
        total = np.bincount(indices, values, k).astype(np.int64)
        return cls(len(starts) - 1, counts.terms, np.bincount(indices, minlength=k), total)

    @classmethod
    def joined(cls, parts: Iterable[TermCounts]) -> TermCounts:
        """Those of all documents of the parts, terms sorted. Cost: one look-up a term and part."""
        numbers: dict[Any, int] = {}
        documents = 0
        within = total = np.zeros(0, np.int64)
        for part in parts:
            documents += part.documents
            places = (numbers.setdefault(term, len(numbers)) for term in part.terms)
            at = np.fromiter(places, np.int64, len(part.terms))
            room = (0, len(numbers) - len(within))
            within, total = np.pad(within, room), np.pad(total, room)
            within[at] += part.within
            total[at] += part.total
        terms = sorted(numbers)
        order = np.fromiter((numbers[term] for term in terms), np.int64, len(terms))
        return cls(documents, terms, within[order], total[order])
