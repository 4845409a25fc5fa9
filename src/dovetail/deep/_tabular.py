"""What the tabular nets share: parameters, the door, their module, and how it is judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import _check_categorical_features
from torch import Tensor, nn

from dovetail.base import Accepts
from dovetail.data.batches import Batch
from dovetail.data.categories import Categories, coded, columns_of_words, learn_categories
from dovetail.data.door import open_columns, open_matrix, source
from dovetail.deep._net import Net
from dovetail.nn.number_embedding import Embedding
from dovetail.nn.tabular import Tabular
from dovetail.params import ArrayLike, AtLeast, Between
from dovetail.settings import threads_at_most
from dovetail.solve.flat import Flat
from dovetail.solve.training import Criterion, NetGradient

__all__ = ["TabularNet"]

# Rows of a mini-batch by the rows there are: the first limit they do not exceed.
_BATCH_ROWS = ((3_000, 32), (6_000, 64), (12_000, 128), (40_000, 256), (120_000, 512))
_MOST_BATCH_ROWS = 1024
# Units of all members times rows of a step up to which one thread is taken.
_PARALLEL_UNITS = 64 * 1024
# Activations of a layer that are computed at once: half a megabyte, a quarter of a cache.
_CACHED = 128 * 1024
# A row's vectors are no longer than this in all, so that the first layer stays small.
_VECTOR_NUMBERS = 1024


class _Fitted:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    is_categorical_: npt.NDArray[np.bool_]
    _categories: Categories


class TabularNet(_Fitted, Net):
    """`nn.tabular.Tabular` on tables of numbers and categories; subclasses say what it predicts."""

    accepts = Accepts(missing=True)
    block_rows = 128  # activations of all members stay in the cache

    # what the net of any module leaves open, and this one does not
    module: ClassVar[Any] = Tabular  # type: ignore[misc]
    loss: ClassVar[Any] = None  # type: ignore[misc]
    step: ClassVar[Any] = None  # type: ignore[misc]
    inputs: ClassVar[Any] = None  # type: ignore[misc]

    _: KW_ONLY
    n_members: Annotated[int, AtLeast(1)] = 16
    width: Annotated[int, AtLeast(1)] = 128
    n_layers: Annotated[int, AtLeast(1)] = 2
    dropout: Annotated[float, Between(0, 1, "left")] = 0.1
    embedding: Embedding = "piecewise"
    embedding_width: Annotated[int, AtLeast(1)] | Literal["auto"] = "auto"
    n_bins: Annotated[int, AtLeast(1)] = 48
    categorical_features: ArrayLike | Literal["auto", "from_dtype"] | None = "auto"
    lr: Annotated[float, Between(0, None, "neither")] = 2e-3
    weight_decay: Annotated[float, AtLeast(0)] = 0.01
    max_epochs: Annotated[int, AtLeast(1)] = 100
    batch_size: Annotated[int, AtLeast(1)] | Literal["auto"] = "auto"
    ema: Annotated[float, Between(0, 1, "neither")] | None = None
    early_stopping: bool = True
    n_iter_no_change: Annotated[int, AtLeast(1)] = 10

    def _rows_of_a_step(self, n: int) -> int:
        if self.batch_size != "auto":
            return min(self.batch_size, n)
        fitting = (size for most, size in _BATCH_ROWS if n <= most)
        return min(next(fitting, _MOST_BATCH_ROWS), n)

    # -- the door

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Tensor:
        """X as numbers, categories as codes: -1 for those that fit did not see, NaN where
        missing.
        """
        X = source(X)
        if reset:
            X = X if hasattr(X, "shape") else check_array(X, dtype=None, ensure_all_finite=False)
            self.is_categorical_ = self._categorical(X)
        if not self.is_categorical_.any():
            matrix = open_matrix(self, X, self.accepts, reset=reset, device=device)
            assert isinstance(matrix, Tensor)
            return matrix
        columns = open_columns(self, X, self.accepts, reset=reset)
        if reset:
            self._categories = learn_categories(columns, self.is_categorical_)
        target = X.device if isinstance(X, Tensor) else device or torch.device("cpu")
        return coded(columns, self._categories, unknown=-1.0).to(target)

    def _categorical(self, X: Any) -> npt.NDArray[np.bool_]:
        if isinstance(self.categorical_features, str) and self.categorical_features == "auto":
            return columns_of_words(X)
        found = _check_categorical_features(X, self.categorical_features)
        return np.zeros(X.shape[1], dtype=bool) if found is None else np.asarray(found)

    # -- training

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        d = rows.X.shape[1]
        kinds: list[int | None] = [None] * d
        if self.is_categorical_.any():
            kinds = [None if c is None else len(c) for c in self._categories]
        width = self.embedding_width
        return {
            "categories": kinds,
            "n_members": self.n_members,
            "width": self.width,
            "n_layers": self.n_layers,
            "dropout": self.dropout,
            "embedding": self.embedding,
            # a bin has sixteen rows or more
            "n_bins": max(2, min(self.n_bins, len(rows) // 16)),
            "embedding_width": max(2, min(16, _VECTOR_NUMBERS // d)) if width == "auto" else width,
        }

    def _module(self, rows: Batch, before: Any) -> nn.Module:
        module = super()._module(rows, before)
        if before is None:
            module.look_at(rows.X, rows.w)  # type: ignore[operator]
        return module

    @contextmanager
    def _threads(self, module: nn.Module) -> Iterator[None]:
        """One thread where a step is little work; members share numbers, but not work."""
        work = self.n_members * self.width * self._rows_of_a_step(10**6)
        with threads_at_most(1 if work < _PARALLEL_UNITS else torch.get_num_threads()):
            yield

    def _gradient(
        self, module: nn.Module, flat: Flat, criterion: Criterion, rows: Batch
    ) -> NetGradient:
        """By parts of a mini-batch whose activations stay in the cache: the same gradient in a
        third of the time.
        """
        gradient = super()._gradient(module, flat, criterion, rows)
        if flat.values.device.type == "cpu":
            numbers = self._rows_of_a_step(len(rows)) * self.n_members * self.width
            gradient.parts = max(gradient.parts, -(-numbers // _CACHED))
        return gradient

    def _criterion(self, module: nn.Module) -> Criterion:
        """In training the mean of the members' losses, else the loss of what they say together."""

        def criterion(outputs: Any, batch: Batch) -> Tensor:
            outputs = outputs if module.training else self._together(outputs)[:, None]
            each = self._losses(outputs, batch.y).mean(1)
            return each.mean() if batch.w is None else (each * batch.w).sum() / batch.w.sum()

        return criterion

    def _together(self, outputs: Tensor) -> Tensor:
        """What the members say together, (m, k, o) to (m, o)."""
        raise TypeError(f"{type(self).__name__} does not say how members are averaged.")

    def _losses(self, outputs: Tensor, y: Any) -> Tensor:
        """The loss of each row and member, (m, k)."""
        raise TypeError(f"{type(self).__name__} does not say what it minimizes.")
