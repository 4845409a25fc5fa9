"""Gradient boosting of histogram trees, for numbers."""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy.typing as npt
from torch import Tensor

from dovetail.base import WeightedRegressor
from dovetail.data.door import open_targets
from dovetail.data.tensors import as_numpy
from dovetail.ensemble._hist_gradient_boosting import HistGradientBoosting
from dovetail.ensemble._program import TreePrediction
from dovetail.objective.losses import (
    AbsoluteError,
    GammaDeviance,
    Loss,
    PinballLoss,
    PoissonDeviance,
    SquaredError,
)
from dovetail.params import Between

__all__ = ["HistGradientBoostingRegressor"]

_LOSSES: dict[str, Callable[[], Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "gamma": GammaDeviance,
    "poisson": PoissonDeviance,
}
_NEEDS = {"gamma": "strictly positive y", "poisson": "non-negative y and sum(y) > 0"}


class HistGradientBoostingRegressor(HistGradientBoosting, WeightedRegressor):
    """..."""

    program_type = TreePrediction

    loss: Literal["squared_error", "absolute_error", "gamma", "poisson", "quantile"] = (
        "squared_error"
    )
    _: KW_ONLY
    quantile: Annotated[float, Between(0, 1)] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        # `min_samples_leaf` counts rows: only with 1 are weights repetitions
        small: dict[str, Any] = {"max_iter": 10, "min_samples_leaf": 1, "max_leaf_nodes": 8}
        return [cls(**small), cls("poisson", **small, categorical_features=None, max_bins=7)]

    def _objective(self, y: Tensor) -> tuple[Tensor, Loss, int]:
        if self.loss == "quantile":
            if self.quantile is None:
                raise ValueError("loss='quantile' needs the parameter quantile, from 0 to 1.")
            return y.double(), PinballLoss(self.quantile), 1
        loss = _LOSSES[self.loss]()
        if loss.check_targets(y):
            raise ValueError(f"loss={self.loss!r} requires {_NEEDS[self.loss]}.")
        return y.double(), loss, 1

    def _open_further_y(self, y: Any, X: Tensor) -> Tensor:
        return open_targets(y, X, self, multi_output=False)

    def _labels(self, y: Tensor) -> npt.NDArray[Any]:
        return as_numpy(y)

    def _predict(self, X: Tensor) -> Tensor:
        prediction: Tensor = self._program.link(self._scores(X))
        return prediction

    def staged_predict(self, X: Any) -> Iterator[Any]:
        """Predictions after each iteration, each of shape (n_samples,)."""
        return self._staged(X, lambda F: self._program.link(F))
