"""Counting the n-grams of a block of documents by sorting numbers.

An n-gram is a window of n symbols, packed into one 64-bit integer together with the number of its
document. Sorted, equal windows of a document lie side by side, and so do those of all documents: a
sorted block is a matrix of counts by columns. No string is made.

Where a window and its document do not fit into 64 bits, the first symbols are replaced by the rank
of that prefix among the distinct ones, so that the packing is exact for any n.

Legend: m symbols, k distinct n-grams.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from dovetail.feature_extraction.text._entries import Entries
from dovetail.feature_extraction.text._symbols import Symbols

__all__ = ["count_grams", "count_rows", "unique_rows"]

Array = npt.NDArray[Any]

_BITS = 63  # of an int64 that are free


def count_grams(
    symbols: Symbols, shortest: int, longest: int, *, whole: bool
) -> tuple[Any, npt.NDArray[np.int32]]:
    """How often each document of a block has each n-gram, shortest ≤ n ≤ longest.

    Parameters
    ----------
    whole : whether a sequence of fewer than `shortest` symbols counts as one n-gram

    Returns
    -------
    counts : CSR matrix of shape (n_documents, k), int32
    rows : array of shape (k, w), the numbers of each n-gram's symbols, then zeros; w ≤ longest
    """
    lengths, n_documents = symbols.lengths, symbols.n_documents
    width = max(1, min(longest, int(lengths.max(initial=0))))
    document, document_bits = np.repeat(symbols.documents, lengths), n_documents.bit_length()
    windows = _Windows(symbols.values, len(symbols.numbers).bit_length(), _BITS - document_bits)
    ends = np.cumsum(lengths)
    room = np.repeat(ends, lengths) - np.arange(len(document))  # up to the end of the sequence
    none = np.zeros(0, np.int32)
    found: list[tuple[Array, ...]] = [(np.zeros((0, width), np.int32), none, none, none)]
    for n in range(1, width + 1):
        if n > 1:
            windows.extend()
        if n >= shortest:
            at = slice(None) if n == 1 else np.flatnonzero(room >= n)
        elif whole:
            at = (ends - lengths)[lengths == n]
        else:
            continue
        packed = windows.keys[at] << document_bits
        packed |= document[at]
        grams, *entries = _sorted_counts(packed, document_bits)
        rows = np.zeros((len(grams), width), np.int32)
        rows[:, :n] = symbols.numbers[windows.unpack(grams)]
        found.append((rows, *entries))
    rows, documents, counts, in_documents = map(np.concatenate, zip(*found, strict=True))
    starts = np.append(0, np.cumsum(in_documents)).astype(np.int32)
    shape = (n_documents, len(rows))
    return sp.csc_array((counts, documents, starts), shape=shape).tocsr(), rows


def count_rows(documents: Array, values: Array, n_documents: int) -> Entries:
    """How often each document has each value, of pairs of a document and a value below 2³¹."""
    packed = documents << 32
    packed |= values
    packed.sort()
    at = _changes(packed)
    entries = packed[at]
    return Entries(
        np.searchsorted(entries, np.arange(n_documents + 1) << 32),
        (entries & 0x7FFFFFFF).astype(np.int32),
        np.diff(at, append=len(packed)).astype(np.int32),
    )


class _Windows:
    """The windows of n symbols that start at each position, n = 1 at first, packed into integers
    that sort as the windows do.

    keys : int64 array of shape (m,); those of windows that reach beyond the last symbol, or into
        another sequence, mean nothing
    """

    def __init__(self, values: Array, bits: int, limit: int) -> None:
        self.values = values
        self.bits, self.limit = bits, limit
        self.keys = values.astype(np.int64)
        self.n, self.used = 1, bits
        self.prefixes: Array | None = None  # what the first part of a key is the rank in

    def extend(self) -> None:
        """Go from n to n + 1."""
        if self.used + self.bits > self.limit:
            distinct, self.keys = np.unique(self.keys, return_inverse=True)
            self.prefixes = self.unpack(distinct)
            self.used = len(distinct).bit_length()
        self.keys <<= self.bits
        self.keys[: len(self.keys) - self.n] |= self.values[self.n :]
        self.used += self.bits
        self.n += 1

    def unpack(self, keys: Array) -> Array:
        """The symbols of some windows, shape (len(keys), n)."""
        first = 0 if self.prefixes is None else self.prefixes.shape[1]
        symbols = np.empty((len(keys), self.n), np.int64)
        for j in range(self.n - 1, first - 1, -1):
            symbols[:, j] = keys & ((1 << self.bits) - 1)
            keys = keys >> self.bits
        if self.prefixes is not None:
            symbols[:, :first] = self.prefixes[keys]
        return symbols


def _sorted_counts(packed: Array, document_bits: int) -> tuple[Array, Array, Array, Array]:
    """Distinct windows, and by columns: documents, counts, and the number of documents a window is
    in. Sorts `packed` in place.
    """
    packed.sort()
    at = _changes(packed)
    counts = np.diff(at, append=len(packed)).astype(np.int32)
    entries = packed[at]
    documents = (entries & ((1 << document_bits) - 1)).astype(np.int32)
    entries >>= document_bits
    first = _changes(entries)
    return entries[first], documents, counts, np.diff(first, append=len(entries))


def _changes(values: Array) -> Array:
    """Positions whose value differs from the one before, the first included."""
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return np.flatnonzero(new)


def unique_rows(rows: Array) -> tuple[Array, Array]:
    """The distinct rows of non-negative integers in lexicographic order, and which of them each row
    is.
    """
    bits = int(rows.max(initial=0)).bit_length()
    keys, used = np.zeros(len(rows), np.int64), 0
    for column in rows.T:
        if used + bits > _BITS:
            distinct, keys = np.unique(keys, return_inverse=True)
            used = len(distinct).bit_length()
        keys <<= bits
        keys |= column
        used += bits
    distinct, inverse = np.unique(keys, return_inverse=True)
    out = np.empty((len(distinct), rows.shape[1]), rows.dtype)
    out[inverse] = rows
    return out, inverse
