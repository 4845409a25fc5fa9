"""What nets that read texts share: how they take texts apart, and where they start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from functools import partial
from operator import add
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from sklearn.utils import Tags
from torch import Tensor

from dovetail.data.batches import Batch, Batches, stacked
from dovetail.data.ragged import Ragged
from dovetail.data.tensors import as_tensor, target_device
from dovetail.deep._by_length import LikeLengths, by_length
from dovetail.deep._making import Recipe
from dovetail.deep._net import Net
from dovetail.deep._pretrained import Pieces, weights_of
from dovetail.deep._readers import LearnedReader, PretrainedReader
from dovetail.deep._sharing import of_all
from dovetail.deep._texts import open_texts, say_empty
from dovetail.deep._tokens import Tokenizer
from dovetail.deep._training import refuse_beside
from dovetail.deep._wide import as_sums, gained, joined, learned_again, starts
from dovetail.nn.encoder_scores import EncoderScores
from dovetail.nn.text_scores import TextScores
from dovetail.objective.losses import Loss
from dovetail.params import AboveZero, AtLeast, Between
from dovetail.solve.wrappers import Schedule

__all__ = ["TextNet"]

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
    n_runs: Annotated[int, AtLeast(0)] = 100_000
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
            everyones = of_all(lambda: texts, add)
            say_empty(everyones, whom)
            self._reader = self._read(everyones)
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

    def _problems(self, module: Any, rows: Batches) -> list[tuple[Batches, Loss]]:
        """What a linear map of X is to minimize: targets and losses, one or several."""
        raise TypeError(f"{type(self).__name__} does not say what it minimizes.")

    def _begin(
        self, module: Any, rows: Batches, held_out: Batches | None
    ) -> Callable[[], None] | None:
        if isinstance(module, EncoderScores):
            self._begin_pretrained(module, rows, held_out)
            return None

        def problems(of: Batches) -> list[tuple[Batches, Loss]]:
            return self._problems(
                module, of.mapped(partial(_as_sums, idf=module.idf.to(rows.device)))
            )

        start = starts(problems, rows, held_out)
        module.add_to_sum(*joined(start))
        if held_out is None:
            return None

        def finish() -> None:
            if not gained(problems, held_out, start, partial(_scored, module)):
                module.go_back_to_sum(*joined(start))
            if self.validation_data is None:  # what the texts held out would have added
                again = joined(learned_again(problems, _both(rows, held_out), start))
                module.add_to_sum(*(a - b for a, b in zip(again, joined(start), strict=True)))

        return finish

    def _begin_pretrained(
        self, module: EncoderScores, rows: Batches, held_out: Batches | None
    ) -> None:
        """The encoder as it was published, under the best linear map of its vectors."""
        assert self.pretrained is not None
        encoder = module.encoder
        encoder.load_state_dict(weights_of(Path(self.pretrained), encoder.state_dict()))

        def vectors(of: Batch) -> Batch:
            return of.mapped(partial(_by_module, module, lambda X: module.encode(X["ids"])))

        rows = rows.mapped(vectors)
        held_out = None if held_out is None else held_out.mapped(vectors)
        # columns of mean 0 and equal spread, rows of length 1 on the average
        mean = rows.sum(lambda b: b.X.sum(0)) / len(rows)
        spread = (rows.sum(lambda b: (b.X - mean).square().sum(0)) / len(rows)).sqrt()
        scale = torch.where(spread > 0, spread, 1.0) * len(mean) ** 0.5

        def problems(of: Batches) -> list[tuple[Batches, Loss]]:
            return self._problems(
                module, of.mapped(lambda b: b.mapped(lambda X: (X - mean) / scale))
            )

        module.start_from(*joined(starts(problems, rows, held_out)), mean, scale)

    # -- batches

    def _vectors_of_a_row(self) -> int:
        return self.context if self.pretrained is None else self.max_tokens

    def _source(self, rows: Batches) -> LikeLengths:
        return LikeLengths.of(rows, self._rows_of_a_step(len(rows)))

    def _run(self, compute: Callable[[Any], Any], X: Any) -> Any:
        return Net._run(self, lambda opened: by_length(compute, opened), X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = tags.input_tags.categorical = False
        tags.input_tags.string = True
        return tags


def _as_sums(rows: Batch, idf: Tensor) -> Batch:
    return rows.mapped(lambda X: as_sums(X.sequences["runs"], idf, X.sequences["counts"]))


def _both(rows: Batches, others: Batches) -> Batches:
    total = len(rows) + len(others)
    return Batches(stacked([rows.own, others.own]), group=rows.group, total=total)


def _by_module(module: torch.nn.Module, compute: Callable[[Any], Tensor], X: Ragged) -> Tensor:
    """What a module makes of texts without dropout, where the texts are."""
    there = X.to(next(module.parameters()).device)
    module.eval()
    with torch.no_grad():
        found: Tensor = by_length(compute, there).to(X.device)
    module.train()
    return found


def _scored(module: TextScores, rows: Batch) -> Tensor:
    return _by_module(module, lambda X: module.scores(**X), rows.X)
