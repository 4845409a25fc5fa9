"""Targets that choose their features together."""

from typing import Any

from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.columns import Columns
from dovetail.data.sparse import Matrix
from dovetail.linear_model._elastic_net import CoordinateDescent
from dovetail.linear_model._path import PenaltySearch

__all__ = ["MultiTask", "MultiTaskSearch"]


class _Joint(WeightedRegressor):
    """Takes several targets, and no single one."""

    accepts = Accepts(sparse=("csc", "csr"), multi_output=True)
    _joint = True

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        targets = super()._open_y(y, X)
        if targets is not None and targets.ndim == 1:
            instead = type(self).__name__.removeprefix("MultiTask")
            raise ValueError(f"For mono-task outputs, use {instead}")
        return targets

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags


class MultiTask(CoordinateDescent, _Joint):
    """Role of the multi-task lasso and elastic net."""

    _joint = True


class MultiTaskSearch(_Joint, PenaltySearch):
    """Role of those that choose their penalty."""
