"""What nets that read texts share: tokens, runs of tokens, and batches of texts of like length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from sklearn.utils import Tags
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.ragged import Ragged
from dovetail.data.tensors import as_tensor, target_device
from dovetail.deep._making import Recipe
from dovetail.deep._net import Net
from dovetail.deep._pretrained import Pieces, weights_of
from dovetail.deep._readers import LearnedReader, PretrainedReader
from dovetail.deep._texts import open_texts, say_empty
from dovetail.deep._tokens import Tokenizer
from dovetail.deep._training import refuse_beside
from dovetail.deep._wide import as_sums, whitened
from dovetail.nn.encoder_scores import EncoderScores
from dovetail.nn.text_scores import TextScores
from dovetail.params import AboveZero, AtLeast, Between
from dovetail.solve.wrappers import Schedule

__all__ = ["LikeLengths", "TextNet", "by_length"]

_ROWS = 64  # of a pass without gradients
_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_OF_OWN = (
    "tokenizer", "vocab_size", "n_runs", "lowercase", "width", "depth", "heads", "context",
)  # fmt: skip
_OF_PRETRAINED = ("freeze", "pooling")
# What "auto" is for a net that starts from nothing, and for a pretrained encoder, which many or
# long steps would make forget (Devlin et al., appendix A.3).
_AUTO: dict[str, tuple[Any, Any]] = {
    "lr": (1e-3, 5e-5),
    "max_epochs": (10, 4),
    "dropout": (0.2, 0.1),
}


class _Fitted:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    _reader: LearnedReader | PretrainedReader


class TextNet(_Fitted, Net):
    """A net that reads texts: a transformer of its own, or a pretrained one.

    It starts from the best linear map, a convex problem, and learns from there: of the runs of
    tokens in a text, or of what the pretrained encoder makes of it.
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
    dropout: Annotated[float, Between(0, 1, "left")] | Literal["auto"] = "auto"
    pretrained: str | Path | None = None
    freeze: bool = False
    pooling: Literal["mean", "first"] = "mean"
    dtype: Literal["float32", "float64"] = "float32"
    lr: Annotated[float, AboveZero] | Literal["auto"] = "auto"  # type: ignore[assignment]
    max_epochs: Annotated[int, AtLeast(1)] | Literal["auto"] = "auto"  # type: ignore[assignment]
    batch_size: Annotated[int, AtLeast(1)] = 32
    schedule: Schedule | Callable[[int], float] = "linear"
    warmup: Annotated[float, Between(0, 1)] = 0.05
    early_stopping: bool = True
    n_iter_no_change: Annotated[int, AtLeast(1)] = 3

    @property
    def _dtype(self) -> torch.dtype:
        return _DTYPES[self.dtype]

    def _chosen(self, name: str) -> Any:
        """A parameter, or what "auto" stands for."""
        value = getattr(self, name)
        return _AUTO[name][self.pretrained is not None] if value == "auto" else value

    def _rate(self) -> float:
        return float(self._chosen("lr"))

    def _epochs(self, n: int) -> int:
        return int(self._chosen("max_epochs"))

    # -- the door

    @property
    def tokenizer_(self) -> Tokenizer | Pieces:
        """How texts are taken apart."""
        if "_reader" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} has no tokenizer_ before fit.")
        return self._reader.tokenizer

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Ragged:
        whom = type(self).__name__
        texts = open_texts(X, whom)
        if reset:
            say_empty(texts, whom)
            self._reader = self._read(texts)
        sequences = self._reader.read(texts, whom if reset else "")
        return Ragged(sequences, self._dtype).to(device or target_device())

    def _read(self, texts: list[str]) -> LearnedReader | PretrainedReader:
        """How to take texts apart."""
        if self.pretrained is not None:
            refuse_beside(self, "pretrained=, which reads texts its own way", _OF_OWN)
            return PretrainedReader.of(self.pretrained, self.max_tokens)
        refuse_beside(self, "a net that starts from nothing. Give pretrained=", _OF_PRETRAINED)
        return LearnedReader.learned(
            texts,
            self.tokenizer,
            vocab_size=self.vocab_size,
            n_runs=self.n_runs,
            lowercase=self.lowercase,
            max_tokens=self.max_tokens,
        )

    # -- the module

    @classmethod
    def _quick(cls) -> dict[str, Any]:
        """Of the example that the contract tests run on."""
        small = {"width": 8, "depth": 1, "heads": 2, "max_epochs": 2, "n_runs": 200}
        return {**small, "early_stopping": False, "dtype": "float64", "random_state": 0}

    def _recipe(self, rows: Batch) -> Recipe:
        reader, outputs = self._reader, {**self._outputs(rows), "dropout": self._chosen("dropout")}
        if isinstance(reader, PretrainedReader):
            encoder = {**reader.sizes, "pooling": self.pooling, "normalize": False}
            return Recipe(EncoderScores, {"encoder": encoder, "frozen": self.freeze, **outputs})
        own = {
            "n_tokens": reader.tokenizer.n_tokens,
            "idf": as_tensor(reader.runs.idf).to(self._dtype),
            "width": self.width,
            "depth": self.depth,
            "heads": self.heads,
            "length": self.context,
        }
        return Recipe(TextScores, own | outputs)

    def _outputs(self, rows: Batch) -> dict[str, Any]:
        raise TypeError(f"{type(self).__name__} does not say what it predicts.")

    def _begin(self, module: Any, rows: Batches) -> None:
        whole = rows.whole
        if isinstance(module, EncoderScores):
            self._begin_pretrained(module, whole)
            return
        X = as_sums(whole.X.sequences["runs"], module.idf)
        coef, intercept = self._best_sum(module, Batch(X, whole.y, whole.w))
        with torch.no_grad():
            module.wide[1:] = coef.T
            module.deep.bias.copy_(intercept)

    def _begin_pretrained(self, module: EncoderScores, rows: Batch) -> None:
        """The encoder as it was published, under the best linear map of its vectors."""
        assert self.pretrained is not None
        encoder = module.encoder
        encoder.load_state_dict(weights_of(Path(self.pretrained), encoder.state_dict()))
        with torch.no_grad():
            module.eval()
            vectors = by_length(lambda X: module.encode(X["ids"]), rows.X)
            module.train()
        X, of_plain = whitened(vectors)
        coef, intercept = of_plain(*self._best_sum(module, Batch(X, rows.y, rows.w)))
        with torch.no_grad():
            module.head.weight.copy_(coef)
            module.head.bias.copy_(intercept)

    def _best_sum(self, module: Any, rows: Batch) -> tuple[Tensor, Tensor]:
        """Coefficients (k, g) and intercepts (k,) of the best sums over runs."""
        raise TypeError(f"{type(self).__name__} does not say what it minimizes.")

    # -- batches

    def _vectors_of_a_row(self) -> int:
        return self.context if self.pretrained is None else self.max_tokens

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
