"""Texts as arrays of code points, and what is found in them.

A block of texts is looked at together. What a pattern says of a character (is it part of a word, is
it white space) is asked once for each distinct one.

Legend: c characters, r runs of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["distinct", "runs", "squeezed", "translated"]

Array = npt.NDArray[Any]

_SPACE = re.compile(r"\s")


def runs(
    texts: Sequence[str], character: re.Pattern[str], shortest: int
) -> tuple[Array, Array, Array]:
    """The longest possible runs of characters that match, of at least `shortest` of them (1 or 2).
    A line break, which texts are joined with, must not match.

    Returns
    -------
    letters : code points of all runs, one after the other
    lengths : int array of shape (r,)
    per_text : int array, how many of the runs each text has
    """
    codes = _code_points("\n".join(texts))
    inside = np.zeros(len(codes) + 2, bool)
    inside[1:-1] = _matching(codes, character)
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    begins, lengths = edges[::2], edges[1::2] - edges[::2]
    inside = inside[1:-1]
    if shortest == 2:
        single = lengths == 1
        inside[begins[single]] = False
        begins, lengths = begins[~single], lengths[~single]
    per_text = np.diff(np.searchsorted(begins, _starts(texts, gap=1)))
    return codes[inside], lengths, per_text


def squeezed(texts: Sequence[str]) -> tuple[Array, Array]:
    """The code points of all texts, several white spaces in a row as one space, and how many of
    them each text has.
    """
    codes, starts = _code_points("".join(texts)), _starts(texts)
    space = _matching(codes, _SPACE)
    follows = np.zeros(len(codes) + 1, bool)
    np.logical_and(space[1:], space[:-1], out=follows[1:-1])
    follows[starts] = False  # the first character of a text, and what is beyond the last
    codes = np.where(space & follows[1:], codes.dtype.type(ord(" ")), codes)
    kept = ~follows[:-1]
    return codes[kept], np.diff(np.append(0, np.cumsum(kept))[starts])


def distinct(letters: Array, lengths: Array) -> tuple[Array, list[str]]:
    """Which word each run is, numbered 0 … k − 1 by first appearance, and the k words: arrow's hash
    table.
    """
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths * letters.itemsize, out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(letters)]
    words = pa.Array.from_buffers(pa.large_binary(), len(lengths), buffers).dictionary_encode()
    if not len(words):
        return np.zeros(0, np.int32), []
    _, ends, data = words.dictionary.buffers()
    cuts = np.frombuffer(ends, np.int64, len(words.dictionary) + 1) // letters.itemsize
    together = _text(data.to_pybytes(), letters.itemsize)
    return np.asarray(words.indices), [together[a:b] for a, b in pairwise(cuts.tolist())]


def translated(codes: Array, table: Array) -> Array:
    """table[codes]; for bytes, five times faster than that."""
    if codes.itemsize > 1 or table.itemsize > 1:
        return table[codes]
    whole = table.tobytes().ljust(256, b"\0")
    return np.frombuffer(codes.tobytes().translate(whole), table.dtype)


def _code_points(text: str) -> Array:
    """One byte each where all are below 256, else four."""
    try:
        return np.frombuffer(text.encode("latin-1"), np.uint8)
    except UnicodeEncodeError:
        return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _text(code_points: bytes, itemsize: int) -> str:
    if itemsize == 1:
        return code_points.decode("latin-1")
    return code_points.decode("utf-32-le", "surrogatepass")


def _matching(codes: Array, character: re.Pattern[str]) -> npt.NDArray[np.bool_]:
    """Whether each code point is a character that matches."""
    present = np.arange(256) if codes.itemsize == 1 else np.flatnonzero(np.bincount(codes))
    table = np.zeros(present[-1] + 1, bool)
    table[present] = [character.match(chr(c)) is not None for c in present.tolist()]
    return translated(codes, table)


def _starts(texts: Sequence[str], gap: int = 0) -> npt.NDArray[np.int64]:
    """Where each text begins, and the last one ends, when they are joined with `gap` characters in
    between.
    """
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + gap, out=starts[1:])
    return starts
