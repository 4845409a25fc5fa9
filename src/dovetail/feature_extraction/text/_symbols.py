"""Texts as sequences of numbered symbols: their words, or their characters.

Legend: m symbols, s sequences of them, k distinct symbols in a block of texts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dovetail.feature_extraction.text._codes import distinct, runs, squeezed, translated

__all__ = ["Characters", "Numbering", "Symbols", "TokenRuns", "Words"]

Array = npt.NDArray[Any]


class Numbering(defaultdict[Any, int]):
    """Numbers things 1, 2, … in order of first appearance: `numbering[thing]`."""

    def __init__(self) -> None:
        super().__init__()
        self[object()] = 0  # the number of nothing
        self.default_factory = self.__len__

    def things(self) -> list[Any]:
        """What was numbered, in order."""
        return list(self)[1:]

    def of(self, things: Any) -> npt.NDArray[np.int32]:
        """Their numbers, after a 0."""
        return np.array([0, *map(self.__getitem__, things)], dtype=np.int32)


@dataclass(frozen=True, eq=False)
class Symbols:
    """The symbols of a block of texts.

    Parameters
    ----------
    values : int array of shape (m,), 1 … k, one sequence after the other
    lengths : int array of shape (s,), of each sequence
    documents : int array of shape (s,), which of the block's texts each belongs to, ascending
    n_documents : of the block
    numbers : int32 array of shape (k + 1,), the number of each symbol among those of all blocks; 0
        at 0
    """

    values: Array
    lengths: Array
    documents: Array
    n_documents: int
    numbers: npt.NDArray[np.int32]


@dataclass(frozen=True)
class TokenRuns:
    """What a token pattern may mean: the runs of at least `shortest` characters of one class."""

    character: re.Pattern[str]
    shortest: int

    @classmethod
    def of(cls, tokenize: Any) -> TokenRuns | None:
        r"""The runs that a tokenizer finds, None where it is no `findall` of such a pattern.

        >>> TokenRuns.of(re.compile(r"(?u)\b\w\w+\b").findall)
        TokenRuns(character=re.compile('\\w'), shortest=2)
        """
        pattern = getattr(tokenize, "__self__", None)
        if not isinstance(pattern, re.Pattern) or tokenize != pattern.findall:
            return None
        match = _RUNS.fullmatch(pattern.pattern)
        if match is None or pattern.flags != re.UNICODE:
            return None
        return cls(re.compile(match["one"]), 2 if match["two"] else 1)


# \b at both ends changes nothing about runs of \w, which end where words end; of another class,
# such as [a-z], it would.
_RUNS = re.compile(
    r"(?:\(\?u\))?(?:(?P<b>\\b)(?=\\w)|)(?P<one>\\w|\[[\w-]+\])(?P<two>(?P=one))?\+(?(b)\\b)"
)
_NO_SPACE = re.compile(r"\S")


@dataclass(frozen=True)
class Words:
    """The words of each text, one sequence a text.

    tokens : which words
    stop_words : those left out
    block : characters of texts to read at a time; the arrays they make stay below some 50 MB
    few : characters below which array operations, about a millisecond, cost more than calls
    """

    block: ClassVar[int] = 1 << 21
    few: ClassVar[int] = 6000

    tokens: TokenRuns
    stop_words: frozenset[str] | None

    def __call__(self, texts: Sequence[str], numbering: Numbering) -> Symbols:
        letters, lengths, per_text = runs(texts, self.tokens.character, self.tokens.shortest)
        which, words = distinct(letters, lengths)
        renumbered = np.arange(1, len(words) + 1)
        documents = np.arange(len(texts))
        if self.stop_words is not None:
            kept = np.array([word not in self.stop_words for word in words], dtype=bool)
            renumbered = np.cumsum(kept)
            words = [word for word in words if word not in self.stop_words]
            per_text = np.bincount(np.repeat(documents, per_text)[kept[which]], None, len(texts))
            which = which[kept[which]]
        return Symbols(renumbered[which], per_text, documents, len(texts), numbering.of(words))


@dataclass(frozen=True)
class Characters:
    """The characters of each text, several white spaces in a row as one space, one sequence a text;
    or, `within_words`, each word between two spaces as a sequence.

    block, few : as of Words
    """

    block: ClassVar[int] = 1 << 19
    few: ClassVar[int] = 1000

    within_words: bool

    def __call__(self, texts: Sequence[str], numbering: Numbering) -> Symbols:
        documents = np.arange(len(texts))
        if self.within_words:
            letters, lengths, per_text = runs(texts, _NO_SPACE, 1)
            codes = np.full(len(letters) + 2 * len(lengths), ord(" "), letters.dtype)
            pushed = np.repeat(np.arange(1, 2 * len(lengths), 2), lengths)  # by the spaces before
            codes[np.arange(len(letters)) + pushed] = letters
            lengths, documents = lengths + 2, np.repeat(documents, per_text)
        else:
            codes, lengths = squeezed(texts)
        present = np.flatnonzero(np.bincount(codes))
        rank = np.zeros(256 if codes.itemsize == 1 else present.max(initial=0) + 1, np.uint32)
        rank[present] = np.arange(1, len(present) + 1)
        values = translated(codes, rank.astype(np.min_scalar_type(len(present))))
        numbers = numbering.of(map(chr, present.tolist()))
        return Symbols(values, lengths, documents, len(texts), numbers)
