"""What the tabular nets share: parameters, the door, their module, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import _check_categorical_features
from torch import Tensor, nn

from dovetail.base import Accepts
from dovetail.data.batches import Batch, Batches
from dovetail.data.categories import (
    Categories,
    coded,
    columns_of_words,
    joint_categories,
    learn_categories,
)
from dovetail.data.door import open_columns, open_matrix, source
from dovetail.deep._making import Recipe
from dovetail.deep._net import Net
from dovetail.deep._program import NetOutputs
from dovetail.deep._sharing import of_all
from dovetail.nn.number_embedding import Embedding
from dovetail.nn.tabular import Tabular
from dovetail.params import AboveZero, ArrayLike, AtLeast, Between
from dovetail.settings import threads_at_most

__all__ = ["TabularNet"]

# Rows of a mini-batch by the rows there are: the first limit they do not exceed.
_BATCH_ROWS = ((3_000, 32), (6_000, 64), (12_000, 128), (40_000, 256), (120_000, 512))
_MOST_BATCH_ROWS = 1024
# Activations of a layer that are computed at once, a megabyte: 256 rows of 16 members in two parts
# take 0.8 of the time that they take at once, in four parts as long.
_CACHED = 256 * 1024
# Activations of a layer and step up to which one thread is taken.
_PARALLEL = 128 * 1024
# A row's vectors have no more numbers in all, so that the first layer stays small.
_VECTOR_NUMBERS = 1024
_LEAST_ROWS_OF_A_BIN = 16


class _Fitted:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    is_categorical_: npt.NDArray[np.bool_]
    _categories: Categories


class TabularNet(_Fitted, Net):
    """`nn.tabular.Tabular` on tables of numbers and categories; subclasses say what it predicts."""

    accepts = Accepts(missing=True)
    block_rows = 128  # activations of all members stay in the cache

    _: KW_ONLY
    n_members: Annotated[int, AtLeast(1)] = 16
    width: Annotated[int, AtLeast(1)] = 128
    n_layers: Annotated[int, AtLeast(1)] = 2
    dropout: Annotated[float, Between(0, 1, "left")] = 0.1
    embedding: Embedding = "piecewise"
    embedding_width: Annotated[int, AtLeast(1)] | Literal["auto"] = "auto"
    n_bins: Annotated[int, AtLeast(1)] = 48
    categorical_features: ArrayLike | Literal["auto", "from_dtype"] | None = "auto"
    lr: Annotated[float, AboveZero] = 5e-3
    max_epochs: Annotated[int, AtLeast(1)] = 100
    batch_size: Annotated[int, AtLeast(1)] | Literal["auto"] = "auto"  # type: ignore[assignment]
    ema: Annotated[float, Between(0, 1, "neither")] | None = 0.998
    early_stopping: bool = True
    n_iter_no_change: Annotated[int, AtLeast(1)] = 8
    dtype: Literal["float32", "float64"] = "float32"

    @property
    def partial_fit(self) -> NoReturn:
        """There is none: scales, breaks and categories are of all rows."""
        raise AttributeError(f"{type(self).__name__} has no partial_fit. warm_start=True goes on.")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    # -- the door

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Tensor:
        """X as numbers, categories as codes: −1 for those that fit did not see, NaN where
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
            self._categories = of_all(
                lambda: learn_categories(columns, self.is_categorical_), joint_categories
            )
        target = X.device if isinstance(X, Tensor) else device or torch.device("cpu")
        return coded(columns, self._categories, unknown=-1.0).to(target)

    def _categorical(self, X: Any) -> npt.NDArray[np.bool_]:
        """Which columns hold categories, of the rows of any process."""
        return of_all(lambda: self._own_categorical(X), np.logical_or)

    def _own_categorical(self, X: Any) -> npt.NDArray[np.bool_]:
        if isinstance(self.categorical_features, str) and self.categorical_features == "auto":
            return columns_of_words(X)
        found = _check_categorical_features(X, self.categorical_features)
        return np.zeros(X.shape[1], dtype=bool) if found is None else np.asarray(found)

    # -- the module

    @property
    def _dtype(self) -> torch.dtype:
        return torch.float64 if self.dtype == "float64" else torch.float32

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        if not batches.loaded:  # quantiles and categories are of all rows
            batches = Batches(batches.whole)
        return super()._train(batches, before, incremental=incremental)

    def _recipe(self, rows: Batch) -> Recipe:
        n, d = rows.X.shape
        kinds: list[int | None] = [None] * d
        if self.is_categorical_.any():
            kinds = [None if c is None else len(c) for c in self._categories]
        width = self.embedding_width
        arguments = {
            "categories": kinds,
            "n_outputs": self._n_outputs(rows),
            "n_members": self.n_members,
            "width": self.width,
            "n_layers": self.n_layers,
            "dropout": self.dropout,
            "embedding": self.embedding,
            "n_bins": max(2, min(self.n_bins, n // _LEAST_ROWS_OF_A_BIN)),
            "embedding_width": max(2, min(16, _VECTOR_NUMBERS // d)) if width == "auto" else width,
        }
        return Recipe(Tabular, arguments)

    def _module(self, rows: Batch, before: Any) -> tuple[nn.Module, Recipe]:
        module, recipe = super()._module(rows, before)
        if before is None:
            module.look_at(rows.X, rows.w)  # type: ignore[operator]
        return module, recipe

    def _n_outputs(self, rows: Batch) -> int:
        raise TypeError(f"{type(self).__name__} does not say what it predicts.")

    # -- steps

    def _rows_of_a_step(self, n: int) -> int:
        if isinstance(self.batch_size, int):
            return min(self.batch_size, n)
        fitting = (size for most, size in _BATCH_ROWS if n <= most)
        return min(next(fitting, _MOST_BATCH_ROWS), n)

    def _parts_of_a_step(self, rows: int) -> int:
        return max(self.accumulate, -(-rows * self.n_members * self.width // _CACHED))

    @contextmanager
    def _threads(self, module: nn.Module) -> Iterator[None]:
        """One thread where a step is little work."""
        activations = self._rows_of_a_step(2**31) * self.n_members * self.width
        with threads_at_most(1 if activations <= _PARALLEL else torch.get_num_threads()):
            yield

    def _criterion(self, module: nn.Module) -> Callable[[Any, Batch], Tensor]:
        """In training the mean of the members' losses, else the loss of what they say together."""

        def criterion(outputs: Tensor, batch: Batch) -> Tensor:
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
