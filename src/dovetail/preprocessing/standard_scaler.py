"""Standardization: zero mean, unit variance."""

from dataclasses import KW_ONLY
from typing import Any

import numpy as np
import torch
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import (
    Accepts,
    Invertible,
    Learned,
    WeightedIncremental,
    WeightedTransformer,
    over_blocks,
)
from dovetail.data.batches import Batches
from dovetail.data.results import may_overwrite
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.statistics import Moments, column_moments, merge_moments
from dovetail.preprocessing._affine import Affine
from dovetail.preprocessing._shared import standard_deviations

__all__ = ["StandardScaler"]


class _Standardize(Affine):
    """The affine map with the moments it was made from, so that `partial_fit` can go on."""

    mean: Tensor | None
    variance: Tensor | None
    weight: Tensor


class StandardScaler(OneToOneFeatureMixin, Invertible, WeightedIncremental, WeightedTransformer):
    """Shift each column to mean 0 and scale it to variance 1: z = (x − mean) / std.

    Parameters
    ----------
    copy : bool, default=True
        False overwrites X where it is a float array.
    with_mean : bool, default=True
        Whether to shift. Not possible for sparse X, which would become dense.
    with_std : bool, default=True
        Whether to scale.

    Attributes
    ----------
    mean_, var_, scale_ : ndarray or tensor of shape (n_features,), float64, or None where not used
        Mean, population variance, and its root (1 for constant columns).
    n_samples_seen_ : int, or ndarray of shape (n_features,) where columns miss different numbers of
        values
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Missing values (NaN) are left out of the statistics and stay NaN. Cost O(n d), one pass over X
    in blocks; moments of blocks are merged by the pairwise formula of Chan, Golub & LeVeque (1983),
    so that neither a large mean nor many partial fits lose precision.

    Examples
    --------
    >>> from dovetail.preprocessing import StandardScaler
    >>> StandardScaler().fit_transform([[0.0, 1.0], [2.0, 1.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    accepts = Accepts(sparse=("csr", "csc"), missing=True, half=True)

    _: KW_ONLY
    copy: bool = True
    with_mean: bool = True
    with_std: bool = True

    mean_ = Learned("mean")
    var_ = Learned("variance")
    scale_ = Learned("scale")

    @property
    def n_samples_seen_(self) -> Any:
        """Rows (or weight) seen, by column where the columns differ."""
        count = self._program.weight.numpy(force=True)
        count = count if self._weighted else np.rint(count).astype(np.int64)
        return count[0] if (count == count[0]).all() else count

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.with_mean
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _update(self, before: Any, batches: Batches) -> _Standardize:
        self._refuse_sparse(batches.head.X)
        self._weighted = batches.weighted or (before is not None and self._weighted)
        moments = column_moments(batches, variance=self.with_std)
        if before is not None:
            moments = merge_moments(_moments_of(before), moments)
        used = self.with_mean or self.with_std
        return _Standardize(
            center=moments.mean if self.with_mean else None,
            scale=standard_deviations(moments) if self.with_std else None,
            mean=moments.mean if used else None,
            variance=moments.variance if self.with_std else None,
            weight=moments.weight,
        )

    @over_blocks
    def transform(self, X: Any, copy: bool | None = None) -> Any:
        """Standardize X.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        copy : bool or None
            None follows the parameter `copy`.

        Returns
        -------
        array, sparse matrix or tensor of the shape and dtype of X
        """
        copy = (self.copy if copy is None else copy) or not may_overwrite(X)
        return self._run(lambda opened: self._standardize(opened, copy=copy), X)

    def _standardize(self, X: Matrix, *, copy: bool) -> Matrix:
        self._refuse_sparse(X)
        return self._program.transformed(X, copy=copy)

    def inverse_transform(self, X: Any, copy: bool | None = None) -> Any:
        """Undo the standardization; `copy` is there for scikit-learn's signature: a new array is
        always made.
        """
        return super().inverse_transform(X)

    def _refuse_sparse(self, X: Matrix) -> None:
        if isinstance(X, SparseMatrix) and self.with_mean:
            raise ValueError(
                "Cannot center sparse matrices: pass `with_mean=False` instead. Centering would "
                "fill in their zeros."
            )

    def _inverse(self, X: Matrix) -> Matrix:
        self._refuse_sparse(X)
        return self._program.inverse(X)


def _moments_of(program: Any) -> Moments:
    weight = program.weight
    zeros = torch.zeros_like(weight)
    mean = zeros if program.mean is None else program.mean
    if program.variance is None:
        return Moments(weight, mean, zeros)
    squares = torch.where(weight > 0, program.variance * weight, zeros)  # NaN where none was seen
    return Moments(weight, mean, squares)
