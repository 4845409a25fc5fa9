"""What nets that read texts share: tokens, runs of tokens, and batches of texts of like length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal

import numpy as np
import torch
from sklearn.utils import Tags
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.ragged import Ragged, Sequences
from dovetail.data.tensors import as_tensor
from dovetail.deep._grams import Grams
from dovetail.deep._making import Recipe
from dovetail.deep._net import Net
from dovetail.deep._texts import open_texts
from dovetail.deep._tokens import BytePairs, Bytes, Characters, Tokenizer
from dovetail.errors import DataError
from dovetail.nn.text_scores import TextScores
from dovetail.params import AtLeast, Between
from dovetail.solve.wrappers import Schedule

__all__ = ["TextNet"]

_NAME = 24  # characters: texts that are shorter on the average are read character by character
_RUNS = {"bpe": 3, "char": 5, "byte": 5}
_ROWS = 64  # of a pass without gradients
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class TextNet(Net):
    """A net that reads texts."""

    tokenizer: Literal["auto", "bpe", "char", "byte"] = "auto"
    _: KW_ONLY
    vocab_size: Annotated[int, AtLeast(258)] = 8192
    n_runs: Annotated[int, AtLeast(0)] = 100_000
    longest_run: Annotated[int, AtLeast(1)] | None = None
    width: Annotated[int, AtLeast(2)] = 64
    depth: Annotated[int, AtLeast(1)] = 2
    heads: Annotated[int, AtLeast(1)] = 4
    context: Annotated[int, AtLeast(1)] = 128
    max_tokens: Annotated[int, AtLeast(1)] = 256
    dropout: Annotated[float, Between(0, 1, "left")] = 0.2
    dtype: Literal["float32", "float64"] = "float32"
    max_epochs: Annotated[int, AtLeast(1)] = 20
    batch_size: Annotated[int, AtLeast(1)] = 32
    schedule: Schedule | Callable[[int], float] = "linear"
    warmup: Annotated[float, Between(0, 1)] = 0.05
    early_stopping: bool = True
    n_iter_no_change: Annotated[int, AtLeast(1)] = 4

    @property
    def _dtype(self) -> torch.dtype:
        return _DTYPES[self.dtype]

    # -- the door

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Ragged:
        texts = open_texts(X, type(self).__name__)
        if reset:
            if not any(texts):
                raise DataError("All texts are empty: there is nothing to learn from.")
            self._kind = self._chosen(texts)
            self.tokenizer_ = self._learned(texts)
        ids = self.tokenizer_.ids(texts)
        if reset:
            self._grams = Grams.learned(ids, self.longest_run or _RUNS[self._kind], self.n_runs)
        sequences = {
            "ids": Sequences.of([i[: self.max_tokens] for i in ids]),
            "grams": Sequences.of(self._grams.of(ids)),
        }
        opened = Ragged(sequences, self._dtype)
        return opened if device is None else opened.to(device)

    def _chosen(self, texts: list[str]) -> str:
        """How texts are cut where it is left open."""
        if self.tokenizer != "auto":
            return self.tokenizer
        return "char" if sum(map(len, texts)) < _NAME * len(texts) else "bpe"

    def _learned(self, texts: list[str]) -> Tokenizer:
        if self._kind == "bpe":
            return BytePairs.learned(texts, self.vocab_size, lowercase=True)
        return Bytes() if self._kind == "byte" else Characters.learned(texts)

    # -- the module

    def _shape(self) -> dict[str, Any]:
        """The arguments of the module that are parameters, or follow from the texts."""
        return {
            "n_tokens": self.tokenizer_.n_tokens,
            "idf": as_tensor(self._grams.idf).to(self._dtype),
            "width": self.width,
            "depth": self.depth,
            "heads": self.heads,
            "length": self.context,
            "dropout": self.dropout,
        }

    def _recipe(self, rows: Batch) -> Recipe:
        return Recipe(TextScores, {**self._shape(), **self._outputs(rows)})

    def _outputs(self, rows: Batch) -> dict[str, Any]:
        raise TypeError(f"{type(self).__name__} does not say what it predicts.")

    # -- batches

    def _vectors_of_a_row(self) -> int:
        return self.context

    def _epochs(self, rows: Batches) -> LikeLengths:
        return LikeLengths(rows.whole, self._rows_of_a_step(len(rows)))

    def _run(self, compute: Callable[[Any], Any], X: Any) -> Any:
        return Net._run(self, lambda opened: _by_length(compute, opened), X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = tags.input_tags.categorical = False
        tags.input_tags.string = True
        return tags


class LikeLengths:
    """Batches of texts that are about as long, in random order: little of a batch is padding."""

    def __init__(self, rows: Batch, size: int) -> None:
        self.rows, self.size = rows, size
        self._lengths = rows.X.sequences["ids"].lengths.cpu().numpy()

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        """The batches of the epoch of this seed from the one of number `done` on."""
        if seed is None:
            yield from list(self.rows.split(self.size))[done:]
            return
        random = np.random.RandomState(seed)
        near = self._lengths * random.uniform(0.8, 1.25, len(self))  # other neighbours each time
        order = np.argsort(near, kind="stable")
        cuts = np.arange(self.size, len(self), self.size)
        parts = np.split(order, cuts)
        for i in random.permutation(len(parts))[done:]:
            yield self.rows.take(as_tensor(parts[i], self.rows.X.device))


def _by_length(compute: Callable[[Any], Any], X: Ragged) -> Any:
    """In blocks of texts that are about as long, given back in their order."""
    if len(X) <= _ROWS or torch.compiler.is_compiling():
        return compute(X)
    order = X.sequences["ids"].lengths.argsort(stable=True)
    parts: list[Tensor] = [compute(X.take_rows(part)) for part in order.split(_ROWS)]
    return torch.cat(parts)[order.argsort()]
