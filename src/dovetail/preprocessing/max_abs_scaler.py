"""Scaling of columns by their greatest absolute value."""

from dataclasses import KW_ONLY
from typing import Any

import torch
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, Incremental, Learned, Transformer
from dovetail.data.batches import Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.statistics import column_ranges
from dovetail.preprocessing._affine import Affine
from dovetail.preprocessing._shared import InPlace, nonzero_scale

__all__ = ["MaxAbsScaler"]


class _Shrink(Affine):
    """X / scale, held between -1 and 1 where `clip` says so."""

    largest: Tensor
    rows: int
    clip: bool

    def forward(self, X: Tensor) -> Tensor:
        X = super().forward(X)
        return X.clamp(-1, 1) if self.clip else X

    def transformed(self, X: Matrix, *, copy: bool) -> Matrix:
        shrunk = super().transformed(X, copy=copy)
        if self.clip:
            values = shrunk.values if isinstance(shrunk, SparseMatrix) else shrunk
            if values.requires_grad:
                return values.clamp(-1, 1)
            values.clamp_(-1, 1)
        return shrunk


class MaxAbsScaler(OneToOneFeatureMixin, InPlace, Incremental, Transformer):
    """Divide each column by its greatest absolute value: x / max |x|, so that it lies in [−1, 1].

    Zeros stay zeros, and sparse matrices sparse.

    Parameters
    ----------
    copy : bool, default=True
        False overwrites X where it is a float array or CSR / CSC matrix.
    clip : bool, default=False
        Whether values beyond those seen in fit become −1 or 1.

    Attributes
    ----------
    max_abs_, scale_ : ndarray or tensor of shape (n_features,), float64
        Greatest absolute value of each column, and the divisor (1 for columns of zeros).
    n_samples_seen_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Missing values (NaN) do not count and stay NaN. Cost O(n d), or the number of stored values of
    sparse X; one pass.

    Examples
    --------
    >>> from dovetail.preprocessing import MaxAbsScaler
    >>> MaxAbsScaler().fit_transform([[1.0, -2.0], [-4.0, 1.0]])
    array([[ 0.25, -1.  ],
           [-1.  ,  0.5 ]])
    """

    accepts = Accepts(sparse=("csr", "csc"), missing=True, half=True)

    _: KW_ONLY
    copy: bool = True
    clip: bool = False

    max_abs_ = Learned("largest")
    scale_ = Learned("scale")
    n_samples_seen_ = Learned("rows")

    @classmethod
    def _examples(cls) -> list["MaxAbsScaler"]:
        return [cls(), cls(clip=True)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _update(self, before: Any, batches: Batches) -> _Shrink:
        low, high = column_ranges(batches)
        largest = torch.maximum(low.abs(), high.abs()).to(torch.float64)
        rows = len(batches)
        if before is not None:
            largest = torch.fmax(largest, before.largest)
            rows += before.rows
        return _Shrink(None, nonzero_scale(largest), largest, rows, self.clip)

    def _transform(self, X: Matrix, *, copy: bool = True) -> Matrix:
        return self._program.transformed(X, copy=copy)

    def _inverse(self, X: Matrix, *, copy: bool = True) -> Matrix:
        return self._program.inverse(X, copy=copy)
