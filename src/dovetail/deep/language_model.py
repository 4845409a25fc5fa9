"""A model of texts that writes further ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import torch
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from dovetail.data.batches import Batch, Batches
from dovetail.data.tensors import target_device
from dovetail.deep._making import Recipe
from dovetail.deep._net import Net
from dovetail.deep._sampling import generate
from dovetail.deep._texts import open_texts
from dovetail.deep._tokens import Kind, Tokenizer, tokenizer_of
from dovetail.deep._windows import (
    DrawnWindows,
    batched,
    held_out,
    mean_nats,
    nats,
    side_by_side,
    stream_of,
    windows,
)
from dovetail.errors import DataError
from dovetail.nn.transformer import NextToken
from dovetail.params import AboveZero, AtLeast, Between
from dovetail.solve.wrappers import Schedule

__all__ = ["LanguageModel"]

_ROWS = 64  # windows of a pass without gradients


class LanguageModel(Net):
    """Texts, a token after the other: a decoder-only transformer.

    It learns p(token | tokens before) from windows of `context` tokens, drawn from anywhere in the
    texts, and writes by drawing from it. Texts longer than that are windowed, short ones follow one
    another with a mark between them. Rotary positions, gated layers, normalization by root mean
    squares, one table for tokens in and out.

    Parameters
    ----------
    tokenizer : {"bpe", "char", "byte"}, default="bpe"
        Learned pairs of bytes; the characters of the texts; or bytes.
    vocab_size : int >= 258, default=2048
        Most tokens of "bpe".
    width : int >= 2, default=128
        Numbers of a position; a multiple of `heads`, by an even number.
    depth : int >= 1, default=4
        Blocks of attention and gated layer.
    heads : int >= 1, default=4
    context : int >= 2, default=128
        Tokens that are looked back at.
    dropout : float in [0, 1), default=0.1
    steps_per_epoch : int >= 1 or None, default=None
        Batches between two looks at the validation loss; None for as many as hold the texts once.
    optimizer, lr, weight_decay, max_epochs, batch_size, shuffle, schedule, warmup, clip_norm, ...
        As those of `NetClassifier`. `early_stopping` holds out the last texts;
        `validation_data=(texts, None)` gives others.

    Attributes
    ----------
    tokenizer_ : the texts' tokenizer
    history_ : dict of lists, an entry an epoch; losses in nats a token
    n_iter_ : int, epochs
    program_ : ids, int64 of shape (n, t), to scores of shape (n, t, n_tokens)

    Raises
    ------
    DataError
        No texts, an empty one, or something that is no string.

    Cost O(depth · s (width² + context · width)) an epoch of s tokens.

    Vaswani et al. (2017), https://arxiv.org/abs/1706.03762; Radford et al. (2019), Language Models
    are Unsupervised Multitask Learners; Touvron et al. (2023), https://arxiv.org/abs/2302.13971.

    Examples
    --------
    >>> from dovetail.deep import LanguageModel
    >>> texts = ["the cat sat on the mat. ", "the dog sat on the log. "] * 20
    >>> model = LanguageModel(tokenizer="char", width=32, depth=1, heads=2, context=32, lr=0.01,
    ...     dropout=0.0, batch_size=8, max_epochs=20, random_state=0).fit(texts)
    >>> model.generate("the dog", max_new_tokens=12, temperature=0)
    ' sat on the '
    """

    tokenizer: Kind = "bpe"
    _: KW_ONLY
    vocab_size: Annotated[int, AtLeast(258)] = 2048
    width: Annotated[int, AtLeast(2)] = 128
    depth: Annotated[int, AtLeast(1)] = 4
    heads: Annotated[int, AtLeast(1)] = 4
    context: Annotated[int, AtLeast(2)] = 128
    dropout: Annotated[float, Between(0, 1, "left")] = 0.1
    steps_per_epoch: Annotated[int, AtLeast(1)] | None = None
    weight_decay: Annotated[float, AtLeast(0)] = 0.1
    max_epochs: Annotated[int, AtLeast(1)] = 10
    batch_size: Annotated[int, AtLeast(1)] = 16
    schedule: Schedule | Callable[[int], float] = "cosine"
    warmup: Annotated[float, Between(0, 1)] = 0.05
    clip_norm: Annotated[float, AboveZero] | None = 1.0

    @classmethod
    def _examples(cls) -> list[Self]:
        return []  # it has no prediction of rows to hold against others

    # -- learning

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from texts.

        Parameters
        ----------
        X : list of str, Series or frame of one column, or path of a text file
        y : ignored

        Returns
        -------
        self
        """
        return self._learn(X)

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Tensor:
        texts = self._texts(X)
        if reset:
            self.tokenizer_: Tokenizer = tokenizer_of(self.tokenizer, texts, self.vocab_size)
        stream = stream_of(self.tokenizer_.ids(texts))
        return windows(stream.to(device or target_device()), self.context)

    def _texts(self, X: Any) -> list[str]:
        texts = open_texts(X, type(self).__name__)
        empty = next((i for i, text in enumerate(texts) if not text), None)
        if empty is not None:
            raise DataError(f"Text {empty} is empty. Leave out texts with nothing in them.")
        return texts

    def _targets(self, rows: Batch) -> Batch:
        return Batch(rows.X[:, :-1], rows.X[:, 1:])

    def _recipe(self, rows: Batch) -> Recipe:
        sizes = {
            "n_tokens": self.tokenizer_.n_tokens,
            "width": self.width,
            "depth": self.depth,
            "heads": self.heads,
            "length": self.context,
            "dropout": self.dropout,
        }
        return Recipe(NextToken, sizes)

    def _criterion(self, module: nn.Module) -> Callable[[Any, Batch], Tensor]:
        return mean_nats

    def _nested(self, part: str) -> dict[str, Any]:
        given = super()._nested(part)
        # a shorter memory of squares than Adam's own, which suits gradients of few tokens
        known = {"betas": (0.9, 0.99)} if self.optimizer in ("adam", "adamw") else {}
        return known | given if part == "optimizer" else given

    def _split(self, batches: Batches, random: Any) -> tuple[Batches, Batches | None]:
        if self.validation_data is None and self.early_stopping:
            first, last = held_out(batches.whole, self.validation_fraction)
            return Batches(first), Batches(last)
        learned, given = super()._split(batches, random)
        return learned, None if given is None else Batches(side_by_side(given.whole))

    def _vectors_of_a_row(self) -> int:
        return self.context

    def _source(self, rows: Batches) -> DrawnWindows:
        size = self._rows_of_a_step(len(rows))
        return DrawnWindows(rows, size, self.steps_per_epoch)

    # -- judging

    def score(self, X: Any, y: Any = None) -> float:
        """The negative of `bits_per_byte`: the greater, the better.

        Parameters
        ----------
        X : texts as in `fit`
        y : ignored
        """
        return -self.bits_per_byte(X)

    def bits_per_byte(self, X: Any) -> float:
        """Bits that the model needs to tell the texts, a byte of their UTF-8 form; it does not
        depend on how texts are cut into tokens.
        """
        texts, total, _ = self._judged(X)
        return total / math.log(2) / sum(len(t.encode("utf-8", "replace")) for t in texts)

    def perplexity(self, X: Any) -> float:
        """exp of the mean negative logarithm of the probability of a token."""
        _, total, n = self._judged(X)
        return math.exp(total / n)

    def _judged(self, X: Any) -> tuple[list[str], float, int]:
        """The texts, nats in all, and tokens; each is seen after at least half a context of others
        where there are so many.
        """
        check_is_fitted(self)
        texts = self._texts(X)
        net = self._net()
        stream = stream_of(self.tokenizer_.ids(texts)).to(self._program.device)
        total = 0.0
        with torch.no_grad():
            for block in batched(len(stream), self.context, _ROWS):
                rows = torch.stack([stream[start:stop] for start, stop, _ in block])
                each = nats(net(rows[:, :-1]), rows[:, 1:])
                for row, (start, _, counted) in zip(each, block, strict=True):
                    total += float(row[counted - start - 1 :].double().sum())
        return texts, total, len(stream) - 1

    # -- writing

    def generate(
        self,
        prompt: str = "",
        max_new_tokens: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        stream: bool = False,
        random_state: Any = None,
    ) -> str | Iterator[str]:
        """Write what may follow.

        Parameters
        ----------
        prompt : str
            What to go on from; its last `context` tokens count. Nothing, for a new text.
        max_new_tokens : int >= 1, default=200
            The text may end before.
        temperature : float >= 0, default=1
            Below 1 what is likely becomes likelier; 0 takes the most likely token.
        top_k : int >= 1 or None
            Draw from the k most likely tokens only.
        top_p : float in (0, 1] or None
            Draw from the most likely tokens only whose probabilities add up to p.
        stream : bool, default=False
            Whether to give an iterator of pieces, as they are written.
        random_state : int, RandomState or None
            None takes the model's.

        Returns
        -------
        str without the prompt, or iterator of str
        """
        check_is_fitted(self)
        seed = self.random_state if random_state is None else random_state
        written = generate(
            self._net(), self.tokenizer_, prompt, max_new_tokens, temperature, top_k, top_p, seed
        )
        return written if stream else "".join(written)

    def _net(self) -> NextToken:
        net = self._program.module
        assert isinstance(net, NextToken)
        return net

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = tags.input_tags.categorical = False
        tags.input_tags.string = True
        return tags
