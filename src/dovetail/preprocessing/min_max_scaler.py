"""Scaling of columns to a range."""

from dataclasses import KW_ONLY
from typing import Any

import torch
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, Incremental, Learned, Transformer
from dovetail.data.batches import Batches
from dovetail.data.statistics import column_ranges
from dovetail.preprocessing._affine import applied
from dovetail.preprocessing._shared import InPlace, nonzero_scale
from dovetail.program import Program

__all__ = ["MinMaxScaler"]


class _Rescale(Program):
    """X · scale + shift, held between floor and ceiling where these are given.

    scale, shift, low, high : Tensor of shape (d,); low and high are the range the columns had
    """

    scale: Tensor
    shift: Tensor
    low: Tensor
    high: Tensor
    rows: int
    floor: float | None = None
    ceiling: float | None = None

    def forward(self, X: Tensor) -> Tensor:
        X = X * self.scale.to(X.dtype) + self.shift.to(X.dtype)
        return X if self.floor is None else X.clamp(self.floor, self.ceiling)

    def transformed(self, X: Tensor, *, copy: bool) -> Tensor:
        """The same outside autograd without temporaries, into a new tensor or over X."""
        if X.requires_grad:
            out: Tensor = self(X)
            return out
        X = applied(X, (torch.mul, self.scale), (torch.add, self.shift), copy=copy)
        return X if self.floor is None else X.clamp_(self.floor, self.ceiling)


class MinMaxScaler(OneToOneFeatureMixin, InPlace, Incremental, Transformer):
    """Map the range of each column to [a, b]: a + (b − a) (x − min) / (max − min).

    Parameters
    ----------
    feature_range : tuple (a, b) with a < b, default=(0, 1)
    copy : bool, default=True
        False overwrites X where it is a float array.
    clip : bool, default=False
        Whether values outside the range seen in fit become a or b.

    Attributes
    ----------
    data_min_, data_max_, data_range_ : ndarray or tensor of shape (n_features,), float64
        Least and greatest value of each column, and their difference.
    scale_, min_ : ndarray or tensor of shape (n_features,), float64
        The map is x · scale_ + min_. Constant columns map to a.
    n_samples_seen_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        `feature_range` is not ascending.

    Missing values (NaN) do not count and stay NaN. Cost O(n d), one pass over X; outliers set the
    range, see RobustScaler where that hurts.

    Examples
    --------
    >>> from dovetail.preprocessing import MinMaxScaler
    >>> MinMaxScaler().fit_transform([[-1.0, 2.0], [0.0, 6.0], [1.0, 18.0]])
    array([[0.  , 0.  ],
           [0.5 , 0.25],
           [1.  , 1.  ]])
    """

    accepts = Accepts(missing=True, half=True)

    feature_range: tuple[float, float] = (0, 1)
    _: KW_ONLY
    copy: bool = True
    clip: bool = False

    data_min_ = Learned("low")
    data_max_ = Learned("high")
    scale_ = Learned("scale")
    min_ = Learned("shift")
    n_samples_seen_ = Learned("rows")

    @property
    def data_range_(self) -> Any:
        """Greatest less least value of each column."""
        return self.data_max_ - self.data_min_

    @classmethod
    def _examples(cls) -> list["MinMaxScaler"]:
        return [cls(), cls((-1, 1), clip=True)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _update(self, before: Any, batches: Batches) -> _Rescale:
        a, b = self.feature_range
        if a >= b:
            raise ValueError(
                "Minimum of desired feature range must be smaller than maximum. Got "
                f"{self.feature_range}."
            )
        low, high = (bound.to(torch.float64) for bound in column_ranges(batches))
        rows = len(batches)
        if before is not None:
            low, high = torch.fmin(low, before.low), torch.fmax(high, before.high)
            rows += before.rows
        scale = (b - a) / nonzero_scale(high - low)
        clip = (float(a), float(b)) if self.clip else (None, None)
        return _Rescale(scale, a - low * scale, low, high, rows, *clip)

    def _transform(self, X: Tensor, *, copy: bool = True) -> Tensor:
        return self._program.transformed(X, copy=copy)

    def _inverse(self, X: Tensor, *, copy: bool = True) -> Tensor:
        program = self._program
        return applied(X, (torch.sub, program.shift), (torch.div, program.scale), copy=copy)
