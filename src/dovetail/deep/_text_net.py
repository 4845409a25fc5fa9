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
from dovetail.data.tensors import as_tensor, target_device
from dovetail.deep._grams import Runs
from dovetail.deep._making import Recipe
from dovetail.deep._net import Net
from dovetail.deep._texts import open_texts
from dovetail.deep._tokens import Characters, Kind, tokenizer_of
from dovetail.deep._wide import as_sums
from dovetail.errors import DataError
from dovetail.nn.text_scores import TextScores
from dovetail.params import AtLeast, Between
from dovetail.solve.wrappers import Schedule

__all__ = ["LikeLengths", "TextNet", "by_length"]

# Characters of a text on the average: below the first, texts are read character by character, as
# names are; above the second, runs of characters tell no more than words do, and are left out.
_NAME, _LONG = 24, 400
_RUNS = {"bpe": 3, "char": 5, "byte": 5}
_ROWS = 64  # of a pass without gradients
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class TextNet(Net):
    """A net that reads texts.

    It starts from the best sum over runs of tokens, a convex problem, and learns from there.
    """

    begins_fitted = True

    tokenizer: Literal["auto", "bpe", "char", "byte"] = "auto"
    _: KW_ONLY
    vocab_size: Annotated[int, AtLeast(258)] = 8192
    n_runs: Annotated[int, AtLeast(0)] = 50_000
    lowercase: bool = True
    width: Annotated[int, AtLeast(2)] = 64
    depth: Annotated[int, AtLeast(1)] = 2
    heads: Annotated[int, AtLeast(1)] = 4
    context: Annotated[int, AtLeast(1)] = 128
    max_tokens: Annotated[int, AtLeast(1)] = 256
    dropout: Annotated[float, Between(0, 1, "left")] = 0.2
    dtype: Literal["float32", "float64"] = "float32"
    max_epochs: Annotated[int, AtLeast(1)] = 10
    batch_size: Annotated[int, AtLeast(1)] = 32
    schedule: Schedule | Callable[[int], float] = "linear"
    warmup: Annotated[float, Between(0, 1)] = 0.05
    early_stopping: bool = True
    n_iter_no_change: Annotated[int, AtLeast(1)] = 3

    @property
    def _dtype(self) -> torch.dtype:
        return _DTYPES[self.dtype]

    # -- the door

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Ragged:
        texts = open_texts(X, type(self).__name__)
        if self.lowercase:
            texts = [text.lower() for text in texts]
        if reset:
            self._read(texts)
        sequences = {
            "ids": Sequences.of([ids[: self.max_tokens] for ids in self.tokenizer_.ids(texts)]),
            "runs": Sequences.of(self._runs.of(texts)),
        }
        return Ragged(sequences, self._dtype).to(device or target_device())

    def _read(self, texts: list[str]) -> None:
        """Learn how to take texts apart."""
        if not any(texts):
            raise DataError("All texts are empty: there is nothing to learn from.")
        mean = sum(map(len, texts)) / len(texts)
        kind: Kind = "char" if mean < _NAME else "bpe"
        if self.tokenizer != "auto":
            kind = self.tokenizer
        self.tokenizer_ = tokenizer_of(kind, texts, self.vocab_size)
        readers = {self.tokenizer_: _RUNS[kind]}
        if kind == "bpe" and mean < _LONG:
            readers[Characters.learned(texts)] = _RUNS["char"]
        self._runs = Runs.learned(texts, readers, self.n_runs)

    # -- the module

    @classmethod
    def _quick(cls) -> dict[str, Any]:
        """Of the example that the contract tests run on."""
        small = {"width": 8, "depth": 1, "heads": 2, "max_epochs": 2, "n_runs": 200}
        return {**small, "early_stopping": False, "dtype": "float64", "random_state": 0}

    def _shape(self) -> dict[str, Any]:
        """The arguments of the module that are parameters, or follow from the texts."""
        return {
            "n_tokens": self.tokenizer_.n_tokens,
            "idf": as_tensor(self._runs.idf).to(self._dtype),
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

    def _begin(self, module: Any, rows: Batches) -> None:
        whole = rows.whole
        X = as_sums(whole.X.sequences["runs"], module.idf)
        coef, intercept = self._best_sum(module, Batch(X, whole.y, whole.w))
        with torch.no_grad():
            module.wide[1:] = coef.T
            module.deep.bias.copy_(intercept)

    def _best_sum(self, module: Any, rows: Batch) -> tuple[Tensor, Tensor]:
        """Coefficients (k, g) and intercepts (k,) of the best sums over runs."""
        raise TypeError(f"{type(self).__name__} does not say what it minimizes.")

    # -- batches

    def _vectors_of_a_row(self) -> int:
        return self.context

    def _source(self, rows: Batches) -> LikeLengths:
        return LikeLengths(rows.whole, self._rows_of_a_step(len(rows)))

    def _run(self, compute: Callable[[Any], Any], X: Any) -> Any:
        return Net._run(self, lambda opened: by_length(compute, opened), X)

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
        starts = np.arange(0, len(self), self.size)
        for start in random.permutation(starts)[done:]:
            part = order[start : start + self.size]
            yield self.rows.take(as_tensor(part, self.rows.X.device))


def by_length(compute: Callable[[Any], Any], X: Ragged) -> Any:
    """In blocks of texts that are about as long, given back in their order."""
    if len(X) <= _ROWS or torch.compiler.is_compiling():
        return compute(X)
    order = X.sequences["ids"].lengths.argsort(stable=True)
    parts: list[Tensor] = [compute(X.take_rows(part)) for part in torch.split(order, _ROWS)]
    return torch.cat(parts)[order.argsort()]
