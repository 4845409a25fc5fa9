"""Runs of tokens: which of those that fit saw in several texts there are in a text, how often.

Legend: s tokens of all texts, g runs that are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dovetail.deep._tokens import Ids, Tokenizer

__all__ = ["Grams", "Runs"]

_TEXTS = 1024  # of a pass
_LEFT, _RIGHT = -1, -2  # in the place of a token, the ends of a text
# Odd numbers of the 64-bit mixing function of Steele, Lea & Flood (2014), SplitMix,
# https://doi.org/10.1145/2660193.2660195
_STEP, _FIRST, _SECOND = (
    np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


@dataclass(frozen=True)
class Grams:
    """Runs of up to `longest` tokens, by 64-bit hashes.

    longest : int
    keys : uint64 of shape (g,), sorted, as int64
    idf : float64 of shape (g,), ln((1 + n) / (1 + texts that have it)) + 1
    """

    longest: int
    keys: npt.NDArray[np.int64]
    idf: npt.NDArray[np.float64]

    @classmethod
    def learned(cls, texts: Sequence[Ids], longest: int, most: int) -> Grams:
        """Those that at least two texts have, of them those that most have."""
        parts = [np.unique(keys, return_counts=True) for _, keys, _ in _distinct(texts, longest)]
        keys = np.concatenate([k for k, _ in parts])
        found, at = np.unique(keys, return_inverse=True)
        counts = np.bincount(at, np.concatenate([c for _, c in parts]), len(found)).astype(int)
        kept = np.flatnonzero(counts >= min(2, len(texts)))
        if len(kept) > most:
            kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")[:most]])
        idf = np.log((1 + len(texts)) / (1 + counts[kept])) + 1
        return cls(longest, found[kept], idf)

    def of(self, texts: Sequence[Ids]) -> list[Ids]:
        """The numbers, from 1 on, of the known runs in each text, each once, in order."""
        return [runs for runs, _ in self.counted(texts)]

    def counted(self, texts: Sequence[Ids]) -> Iterator[tuple[Ids, Ids]]:
        """The known runs in each text, and how often it has them."""
        for (owner, keys, counts), n in zip(
            _distinct(texts, self.longest), _sizes(len(texts)), strict=True
        ):
            at = np.searchsorted(self.keys, keys).clip(max=max(0, len(self.keys) - 1))
            known = self.keys[at] == keys if len(self.keys) else np.zeros(len(keys), bool)
            cuts = np.searchsorted(owner[known], np.arange(1, n))
            yield from zip(
                np.split(at[known] + 1, cuts), np.split(counts[known], cuts), strict=True
            )


@dataclass(frozen=True)
class Runs:
    """The runs of texts that are read in several ways, their numbers one after the other."""

    readers: list[Tokenizer]
    grams: list[Grams]

    @classmethod
    def learned(cls, texts: Sequence[str], readers: dict[Tokenizer, int], most: int) -> Runs:
        """Of at most `most` runs a reader.

        readers : tokenizer to the length of its longest run
        """
        found = [Grams.learned(r.ids(texts), longest, most) for r, longest in readers.items()]
        return cls(list(readers), found)

    @property
    def idf(self) -> npt.NDArray[np.float64]:
        """Of all runs."""
        return np.concatenate([g.idf for g in self.grams])

    def of(self, texts: Sequence[str]) -> list[Ids]:
        """The numbers, from 1 on, of the known runs in each text."""
        return self.counted([reader.ids(texts) for reader in self.readers])[0]

    def counted(self, texts: Sequence[Sequence[Ids]]) -> tuple[list[Ids], list[Ids]]:
        """The known runs in each text, and how often it has them.

        texts : as each of the readers reads them
        """
        before, runs, counts = 0, [], []
        for ids, grams in zip(texts, self.grams, strict=True):
            found = list(grams.counted(ids))
            runs.append([each + before for each, _ in found])
            counts.append([each for _, each in found])
            before += len(grams.idf)
        return _side_by_side(runs), _side_by_side(counts)


def _side_by_side(parts: list[list[Ids]]) -> list[Ids]:
    return [np.concatenate(row) for row in zip(*parts, strict=True)]


def _sizes(n: int) -> list[int]:
    return [min(_TEXTS, n - i) for i in range(0, n, _TEXTS)]


def _distinct(texts: Sequence[Ids], longest: int) -> Iterator[tuple[Ids, Ids, Ids]]:
    """The text, the key and the count of each different run, by text and key, some texts at a
    time.
    """
    for i in range(0, len(texts), _TEXTS):
        owner, keys = _runs(texts[i : i + _TEXTS], longest)
        order = np.lexsort((keys, owner))
        owner, keys = owner[order], keys[order]
        new = np.ones(len(keys), bool)
        new[1:] = (owner[1:] != owner[:-1]) | (keys[1:] != keys[:-1])
        yield owner[new], keys[new], np.diff(np.flatnonzero(np.append(new, True)))


def _runs(
    texts: Sequence[Ids], longest: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The text and the key of each run; runs of several tokens may take in an end of the text."""
    ends = np.array([_LEFT]), np.array([_RIGHT])
    tokens = np.concatenate([part for ids in texts for part in (ends[0], ids, ends[1])])
    text = np.repeat(np.arange(len(texts)), [len(ids) + 2 for ids in texts])
    hashes = _mixed(tokens.astype(np.uint64))
    own = hashes
    real = tokens >= 0
    owners, keys = [text[real]], [hashes[real]]
    for n in range(2, longest + 1):
        hashes = _mixed(hashes[:-1] * _STEP + own[n - 1 :]) if n <= len(own) else hashes[:0]
        same = text[: len(hashes)] == text[n - 1 :] if n <= len(own) else np.zeros(0, bool)
        owners.append(text[: len(hashes)][same])
        keys.append(hashes[same])
    return np.concatenate(owners), np.concatenate(keys).view(np.int64)


def _mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = x + _STEP
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))
