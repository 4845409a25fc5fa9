"""Texts as token ids and back: bytes, characters, or byte pairs.

Ids 0 and 1 are marks in every vocabulary; pieces of text follow.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tokenizers

__all__ = ["END", "OTHER", "BytePairs", "Bytes", "Characters", "Kind", "Tokenizer", "tokenizer_of"]

END = 0  # of a text; padding where texts are rows of a matrix
OTHER = 1  # a character that fit did not see
_MARKS = ["<end>", "<other>"]

Ids = npt.NDArray[np.int64]
Kind = Literal["bpe", "char", "byte"]


class Tokenizer:
    """Texts to ids and back."""

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary, the marks included."""
        raise TypeError(f"{type(self).__name__} does not say what it knows.")

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text."""
        raise TypeError(f"{type(self).__name__} does not say how it reads.")

    def content(self, ids: Sequence[int]) -> bytes:
        """The text of ids, in UTF-8; a part of it may end within a character."""
        raise TypeError(f"{type(self).__name__} does not say how it writes.")

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids."""
        return self.content(ids).decode("utf-8", "replace")


@dataclass(frozen=True)
class Bytes(Tokenizer):
    """The bytes of UTF-8, a token each: any text, no vocabulary to learn."""

    @property
    def n_tokens(self) -> int:
        return len(_MARKS) + 256

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        bytes_of = (text.encode("utf-8", "replace") for text in texts)
        return [np.frombuffer(b, np.uint8).astype(np.int64) + len(_MARKS) for b in bytes_of]

    def content(self, ids: Sequence[int]) -> bytes:
        return bytes(i - len(_MARKS) for i in ids if i >= len(_MARKS))


@dataclass(frozen=True)
class Characters(Tokenizer):
    """The characters that fit saw, a token each; others are one token "other".

    characters : in the order of their code points
    """

    characters: str

    @classmethod
    def learned(cls, texts: Iterable[str]) -> Characters:
        """Of the characters in texts."""
        return cls("".join(sorted(set().union(*map(set, texts)))))

    @property
    def n_tokens(self) -> int:
        return len(_MARKS) + len(self.characters)

    @functools.cached_property
    def _points(self) -> npt.NDArray[np.uint32]:
        return _points(self.characters)

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        return [self._ids(_points(text)) for text in texts]

    def _ids(self, points: npt.NDArray[np.uint32]) -> Ids:
        if not len(self._points):
            return np.full(len(points), OTHER, np.int64)
        at = np.searchsorted(self._points, points).clip(max=len(self._points) - 1)
        return np.where(self._points[at] == points, at + len(_MARKS), OTHER).astype(np.int64)

    def content(self, ids: Sequence[int]) -> bytes:
        table = ["", "\N{REPLACEMENT CHARACTER}", *self.characters]
        return "".join(table[i] for i in ids).encode("utf-8", "surrogatepass")


def _points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@dataclass(frozen=True)
class BytePairs(Tokenizer):
    """Pairs of bytes, then of pairs, that occur together most often: frequent words are one token,
    rare ones several, and no text is impossible.

    table : the tokenizer as `tokenizers` writes it, JSON

    Sennrich, Haddow & Birch (2016), https://arxiv.org/abs/1508.07909; on bytes: Radford et al.
    (2019), Language Models are Unsupervised Multitask Learners.
    """

    table: str

    @classmethod
    def learned(cls, texts: Iterable[str], n_tokens: int) -> BytePairs:
        """Of the pairs in texts, those that occur at least twice, up to so many tokens."""
        made: Any = tokenizers.Tokenizer(tokenizers.models.BPE())
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = tokenizers.decoders.ByteLevel()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=n_tokens,
            min_frequency=2,
            special_tokens=_MARKS,
            initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        made.train_from_iterator(texts, trainer)
        return cls(made.to_str())

    @functools.cached_property
    def _made(self) -> Any:
        made = tokenizers.Tokenizer.from_str(self.table)
        made.encode_special_tokens = True  # a mark that is written in a text is text
        return made

    @functools.cached_property
    def _bytes(self) -> list[bytes]:
        """The bytes of each token."""
        letters = _byte_of_letter()
        pieces = (self._made.id_to_token(i) for i in range(len(_MARKS), self.n_tokens))
        return [b"", b""] + [bytes(letters[c] for c in piece) for piece in pieces]

    @property
    def n_tokens(self) -> int:
        return int(self._made.get_vocab_size())

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        whole = [text.encode("utf-8", "replace").decode() for text in texts]  # no lone surrogates
        found = self._made.encode_batch_fast(whole, add_special_tokens=False)
        return [np.asarray(each.ids, np.int64) for each in found]

    def content(self, ids: Sequence[int]) -> bytes:
        return b"".join(self._bytes[i] for i in ids)


@functools.cache
def _byte_of_letter() -> dict[str, int]:
    """Which byte each letter of GPT-2's byte alphabet stands for: printable ones themselves, the
    others, in order, the letters from U+0100 on.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def tokenizer_of(kind: Kind, texts: Iterable[str], n_tokens: int) -> Tokenizer:
    """A tokenizer of this kind, learned from texts.

    n_tokens : most tokens of "bpe"
    """
    if kind == "byte":
        return Bytes()
    return Characters.learned(texts) if kind == "char" else BytePairs.learned(texts, n_tokens)
