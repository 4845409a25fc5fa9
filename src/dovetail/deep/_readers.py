"""Texts as the sequences that a net takes: in tokens and runs that fit learned, or in the tokens of
a pretrained encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from dovetail.data.ragged import Sequences
from dovetail.deep._grams import Runs
from dovetail.deep._pretrained import Pieces, sizes_of
from dovetail.deep._texts import say_cut
from dovetail.deep._tokens import Characters, Kind, Tokenizer, tokenizer_of

__all__ = ["LearnedReader", "PretrainedReader"]

# Characters of a text on the average: below the first, texts are read character by character, as
# names are; above the second, runs of characters tell no more than words do, and are left out, and
# runs of three pairs only displace others: of 6,000 messages of 20 Newsgroups, a fifth held out,
# the best sum tells 0.886 with them and 0.898 without.
_NAME, _LONG = 24, 400
_RUNS = {"bpe": 3, "char": 5, "byte": 5}
_RUNS_OF_LONG = 2


@dataclass(frozen=True)
class LearnedReader:
    """Tokens of a text, the first `max_tokens`, and all runs of tokens in it.

    runs : of the tokens, and perhaps of characters besides
    """

    runs: Runs
    lowercase: bool
    max_tokens: int

    @property
    def tokenizer(self) -> Tokenizer:
        """What makes the tokens."""
        return self.runs.readers[0]

    @classmethod
    def learned(
        cls,
        texts: list[str],
        kind: Kind | Literal["auto"],
        *,
        vocab_size: int,
        n_runs: int,
        lowercase: bool,
        max_tokens: int,
    ) -> Self:
        """From texts; parameters as those of the net."""
        texts = _cased(texts, lowercase)
        mean = sum(map(len, texts)) / len(texts)
        if kind == "auto":
            kind = "char" if mean < _NAME else "bpe"
        tokenizer = tokenizer_of(kind, texts, vocab_size)
        readers = {tokenizer: _RUNS[kind] if mean < _LONG else _RUNS_OF_LONG}
        if kind == "bpe" and mean < _LONG:
            readers[Characters.learned(texts)] = _RUNS["char"]
        return cls(Runs.learned(texts, readers, n_runs), lowercase, max_tokens)

    def read(self, texts: list[str], whom: str = "") -> dict[str, Sequences]:
        """The sequences of texts; `whom` says to the user what of them is not read."""
        texts = _cased(texts, self.lowercase)
        each_way = [reader.ids(texts) for reader in self.runs.readers]
        ids = each_way[0]
        if whom:
            cut = sum(len(each) > self.max_tokens for each in ids)
            also = " The sum over runs is of all of them." if len(self.runs.idf) else ""
            say_cut(whom, cut, len(texts), self.max_tokens, f"{_RAISE}{also}")
        runs, counts = map(Sequences.of, self.runs.counted(each_way))
        first = Sequences.of([each[: self.max_tokens] for each in ids])
        return {"ids": first, "runs": runs, "counts": counts}


_RAISE = "Raise max_tokens to read more."


def _cased(texts: list[str], lowercase: bool) -> list[str]:
    return [text.lower() for text in texts] if lowercase else texts


@dataclass(frozen=True)
class PretrainedReader:
    """Tokens as a pretrained encoder was taught them.

    sizes : of the encoder
    """

    tokenizer: Pieces
    sizes: dict[str, Any]

    @classmethod
    def of(cls, folder: str | Path, max_tokens: int) -> Self:
        """From the encoder's files."""
        sizes = sizes_of(Path(folder))
        return cls(Pieces.read(Path(folder), sizes, max_tokens), sizes)

    def read(self, texts: list[str], whom: str = "") -> dict[str, Sequences]:
        """The sequences of texts; `whom` says to the user what of them is not read."""
        ids, cut = self.tokenizer.cut(texts)
        limit = self.tokenizer.length
        all_there_are = f"The encoder has places for no more than {limit}."
        say_cut(
            whom, cut if whom else 0, len(texts), limit,
            all_there_are if limit == self.sizes["length"] else _RAISE,
        )  # fmt: skip
        return {"ids": Sequences.of(ids)}
