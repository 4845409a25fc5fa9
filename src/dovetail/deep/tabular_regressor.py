"""A modern net for tables, for numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from dovetail.base import Accepts
from dovetail.data.batches import Batch, Batches
from dovetail.deep._numbers import NumbersNet, columns_of
from dovetail.deep._tabular import TabularNet
from dovetail.deep._tabular_program import TabularNumbers

__all__ = ["TabularRegressor"]


class _Fitted:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    _center: Tensor
    _spread: Tensor


class TabularRegressor(_Fitted, TabularNet, NumbersNet):
    """A modern net for tables, for numbers.

    The net of `TabularClassifier`, whose parameters, but for `class_weight`, it has; its members
    minimize their own squared errors of targets of unit variance, and the prediction is their mean,
    in the targets' unit. y may have several columns.

    Attributes
    ----------
    is_categorical_ : bool ndarray of shape (n_features,)
    history_ : dict of lists with an entry an epoch, as `pandas.DataFrame` takes it
    n_iter_ : int, epochs
    program_ : one module from numbers and codes of categories to predictions; `front` makes its
        input

    Examples
    --------
    >>> from dovetail.datasets import load_penguins
    >>> from dovetail.deep import TabularRegressor
    >>> X = load_penguins().frame.dropna(subset=["body_mass_g"])  # strings and numbers
    >>> y = X.pop("body_mass_g")
    >>> model = TabularRegressor(n_members=4, width=32, max_epochs=20, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.8)
    True
    """

    accepts = Accepts(missing=True, multi_output=True)
    program_type = TabularNumbers

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"n_members": 3, "width": 8, "max_epochs": 8, "lr": 0.02}
        quick |= {"dtype": "float64", "random_state": 0}
        plain: dict[str, Any] = {"early_stopping": False, "dropout": 0.0, "n_bins": 4}
        return [cls(**quick), cls(embedding="periodic", **plain, **quick)]

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        batches = super()._receive(X, y, sample_weight, reset=reset)
        if reset:
            self._look_at_targets(batches)
        return batches

    def _look_at_targets(self, batches: Batches) -> None:
        """Mean and standard deviation of the targets, weighted, float64 of shape (o,)."""
        assert batches.head.y is not None
        self._flat_target = batches.head.y.ndim == 1

        def mean(f: Callable[[Tensor], Tensor]) -> Tensor:
            def sums(rows: Batch) -> tuple[Tensor, Tensor]:
                y = columns_of(rows).double()
                w = torch.ones_like(y[:, :1]) if rows.w is None else rows.w.double()[:, None]
                return (w * f(y)).sum(0), w.sum()

            total, weight = batches.sum(sums)
            return total / weight

        self._center = mean(lambda y: y)
        spread = mean(lambda y: (y - self._center).square()).sqrt()
        self._spread = torch.where(spread > 0, spread, 1.0)

    def _targets(self, rows: Batch) -> Batch:
        y = (columns_of(rows).double() - self._center) / self._spread
        w = None if rows.w is None else rows.w.to(self._dtype)
        return replace(rows, y=y.to(self._dtype), w=w)

    def _n_outputs(self, rows: Batch) -> int:
        return len(self._center)

    def _together(self, outputs: Tensor) -> Tensor:
        return outputs.mean(1)

    def _losses(self, outputs: Tensor, y: Any) -> Tensor:
        return (outputs - y[:, None]).square().mean(2)

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return super()._program_fields(module) | {"center": self._center, "spread": self._spread}
