"""Counting the terms of documents: from an analyzer and an iterable to the arrays of a CSR matrix.

The built-in analyzers are not called document by document: what they mean is done to a block of
texts at once (`_symbols`, `_grams`), with the same result. Any other analyzer, one with a tokenizer
of the user's or a pattern of another kind, is called, and its terms are numbered by a dict.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, repeat
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from dovetail.feature_extraction.text._analyzers import CharacterAnalyzer, WordAnalyzer, as_text
from dovetail.feature_extraction.text._entries import Counts, Entries, join
from dovetail.feature_extraction.text._grams import count_grams, count_rows, unique_rows
from dovetail.feature_extraction.text._symbols import Characters, Numbering, TokenRuns, Words

__all__ = ["counted", "counted_in_parts", "counted_on"]

Blocks = Iterator[list[Any]]

_TERMS = 1 << 16  # strings in a block, where an analyzer is called
_PART = 1 << 21  # stored values, after which a part ends


class _Tally(Protocol):
    """Adds up blocks of prepared documents."""

    def add(self, block: list[Any]) -> None:
        """Count one more block."""

    def __len__(self) -> int:
        """Stored values so far."""

    def result(self, *, ordered: bool) -> Counts:
        """The counts of all blocks, terms sorted or in any order. To be called once."""


def counted(documents: Iterable[Any], analyze: Any) -> Counts:
    """The terms of all documents, sorted, and their counts."""
    make, blocks = _planned(documents, analyze)
    tally = make()
    for block in blocks:
        tally.add(block)
    return tally.result(ordered=True)


def counted_in_parts(documents: Iterable[Any], analyze: Any) -> Iterator[Counts]:
    """The same for some documents at a time, terms in any order: memory is bounded by what the
    caller makes of the parts.
    """
    return _in_parts(*_planned(documents, analyze))


def counted_on(documents: Iterable[Any], analyze: Any, vocabulary: Mapping[Any, int]) -> Entries:
    """The counts of the terms in a vocabulary, over the columns that it says."""
    make, blocks = _planned(documents, analyze)
    if make is _TermTally:
        tally = _TermTally(vocabulary)
        for block in blocks:
            tally.add(block)
        return tally.entries()

    def placed(counts: Counts) -> Entries:
        columns = map(vocabulary.get, counts.terms, repeat(-1))
        return counts.entries.onto(np.fromiter(columns, np.int32, len(counts.terms)))

    return join(map(placed, _in_parts(make, blocks)))


def _in_parts(make: Callable[[], _Tally], blocks: Blocks) -> Iterator[Counts]:
    tally = make()
    for block in blocks:
        tally.add(block)
        if len(tally) > _PART:
            yield tally.result(ordered=False)
            tally = make()
    yield tally.result(ordered=False)


def _planned(documents: Iterable[Any], analyze: Any) -> tuple[Callable[[], _Tally], Blocks]:
    """What counts the terms of an analyzer, and the documents in blocks, prepared for it."""
    plan = _plan(analyze)
    if plan is None:
        return _TermTally, _blocks(map(list, map(analyze, documents)), _TERMS)
    texts = map(as_text, map(analyze.text, documents))
    blocks = _blocks(texts, plan.read.block)
    first = next(blocks, [])
    if sum(map(len, first)) < plan.read.few:  # there is no second
        return _TermTally, iter([[list(analyze.terms(text)) for text in first]])
    return partial(_TextTally, plan), chain([first], blocks)


class _Plan(NamedTuple):
    """What a built-in analyzer does to a block of texts.

    read : from the block to symbols
    shortest, longest : of the n-grams
    whole : whether a sequence shorter than `shortest` is counted as one n-gram
    joiner : between the symbols of an n-gram, in its name
    """

    read: Words | Characters
    shortest: int
    longest: int
    whole: bool = False
    joiner: str = ""


def _plan(analyze: Callable[[Any], Iterable[Any]]) -> _Plan | None:
    """None for an analyzer that has to be called."""
    if isinstance(analyze, CharacterAnalyzer):
        within = analyze.within_words
        return _Plan(Characters(within), *analyze.ngram_range, whole=within)
    if isinstance(analyze, WordAnalyzer):
        runs = TokenRuns.of(analyze.tokenize)
        if runs is not None:
            return _Plan(Words(runs, analyze.stop_words), *analyze.ngram_range, joiner=" ")
    return None


def _blocks(prepared: Iterable[Any], size: int) -> Blocks:
    """Lists of documents, each list but the last with at least `size` characters or terms."""
    block, length = [], 0
    for document in prepared:
        block.append(document)
        length += len(document)
        if length >= size:
            yield block
            block, length = [], 0
    if block:
        yield block


class _TermTally:
    """Counts lists of terms, of any hashable type: all of them, or those of a vocabulary."""

    def __init__(self, vocabulary: Mapping[Any, int] | None = None) -> None:
        self.numbers: defaultdict[Any, int] = defaultdict()
        self.numbers.default_factory = self.numbers.__len__
        self.vocabulary = vocabulary
        self.starts = [np.zeros(1, np.int64)]
        self.indices, self.values = array("i"), array("i")

    def __len__(self) -> int:
        return len(self.indices)

    def add(self, block: list[list[Any]]) -> None:
        lengths = np.fromiter(map(len, block), np.int64, len(block))
        terms = chain.from_iterable(block)
        if self.vocabulary is None:
            found = map(self.numbers.__getitem__, terms)
        else:
            found = map(self.vocabulary.get, terms, repeat(-1))
        values = np.fromiter(found, np.int64, lengths.sum())
        documents = np.repeat(np.arange(len(block)), lengths)
        known = values >= 0
        counts = count_rows(documents[known], values[known], len(block))
        self.starts.append(counts.starts[1:] + len(self.indices))
        self.indices.frombytes(counts.indices.tobytes())
        self.values.frombytes(counts.values.tobytes())

    def entries(self) -> Entries:
        """The counts of all blocks, columns as the terms are numbered or as the vocabulary says."""
        indices, values = (np.frombuffer(a, np.int32) for a in (self.indices, self.values))
        return Entries(np.concatenate(self.starts), indices, values)

    def result(self, *, ordered: bool) -> Counts:
        terms = list(self.numbers)
        if not ordered:
            return Counts(terms, self.entries())
        terms.sort()
        columns = np.empty(len(terms), np.int32)
        columns[[self.numbers[term] for term in terms]] = np.arange(len(terms))
        return Counts(terms, self.entries().onto(columns))


class _TextTally:
    """Counts texts: for each block, the counts of its distinct n-grams, and these n-grams as rows
    of symbol numbers.
    """

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.numbering = Numbering()
        self.rows: list[npt.NDArray[np.int32]] = []
        self.n_rows = 0
        self.starts = [np.zeros(1, np.int64)]
        # These grow in place; joining a list of arrays takes twice the room.
        self.indices, self.values = array("i"), array("i")

    def __len__(self) -> int:
        return len(self.indices)

    def add(self, block: list[str]) -> None:
        read, shortest, longest, whole, _ = self.plan
        counts, rows = count_grams(read(block, self.numbering), shortest, longest, whole=whole)
        self.starts.append(counts.indptr[1:] + np.int64(len(self.indices)))
        self.indices.frombytes((counts.indices + np.int32(self.n_rows)).tobytes())
        self.values.frombytes(counts.data.tobytes())
        self.rows.append(rows)
        self.n_rows += len(rows)

    def result(self, *, ordered: bool) -> Counts:
        width = max((rows.shape[1] for rows in self.rows), default=1)
        rows = np.concatenate(
            [np.zeros((0, width), np.int32), *(_widened(r, width) for r in self.rows)]
        )
        things = self.numbering.things()
        if ordered:
            things.sort()
            rank = np.zeros(len(things) + 1, np.int32)
            rank[[self.numbering[thing] for thing in things]] = np.arange(1, len(things) + 1)
            rows = rank[rows]
        if self.plan.longest == 1:  # an n-gram is a symbol, and every symbol is one
            columns, terms = rows[:, 0] - 1, things
        else:
            rows, columns = unique_rows(rows)
            terms = _joined(rows, things, self.plan.joiner)
        indices = np.frombuffer(self.indices, np.int32)
        np.take(columns.astype(np.int32, copy=False), indices, out=indices, mode="clip")
        values = np.frombuffer(self.values, np.int32)
        return Counts(terms, Entries(np.concatenate(self.starts), indices, values))


def _widened(rows: npt.NDArray[np.int32], width: int) -> npt.NDArray[np.int32]:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1]))) if rows.shape[1] < width else rows


def _joined(rows: npt.NDArray[np.int32], things: list[str], joiner: str) -> list[str]:
    """The names of n-grams, given by the numbers of their symbols."""
    names = np.array(["", *things], dtype=object)
    terms = np.empty(len(rows), dtype=object)
    lengths = (rows > 0).sum(1)
    for n in range(1, rows.shape[1] + 1):
        at = np.flatnonzero(lengths == n)
        symbols = (names[rows[at, j]].tolist() for j in range(n))
        terms[at] = list(map(joiner.join, zip(*symbols, strict=True)))
    named: list[str] = terms.tolist()
    return named
