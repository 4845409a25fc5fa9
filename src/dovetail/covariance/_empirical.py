"""The maximum-likelihood covariance."""

from dataclasses import KW_ONLY
from typing import Self

from torch import Tensor

from dovetail.covariance._covariance import Covariance
from dovetail.data.batches import Batches
from dovetail.data.scatter import Scatter

__all__ = ["EmpiricalCovariance"]


class EmpiricalCovariance(Covariance):
    """Mean m = Σ x / n and covariance C = Σ (x − m)(x − m)ᵀ / n.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether the inverse is formed by the fit and kept.
    assume_centered : bool, default=False
        Whether the mean is taken to be zero.

    Attributes
    ----------
    location_ : ndarray or tensor of shape (n_features,), float64
        The mean.
    covariance_ : ndarray or tensor of shape (n_features, n_features), float64
    precision_ : ndarray or tensor of shape (n_features, n_features), or None
        The inverse of the covariance, its pseudo-inverse where it is singular.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Cost O(n d²), one pass over X in blocks, and O(d³) for the inverse.

    Examples
    --------
    >>> from dovetail.covariance import EmpiricalCovariance
    >>> model = EmpiricalCovariance().fit([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]])
    >>> model.covariance_
    array([[1., 0.],
           [0., 4.]])
    >>> model.mahalanobis([[3.0, 2.0]])
    array([4.])
    """

    _: KW_ONLY
    store_precision: bool = True
    assume_centered: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(store_precision=False, assume_centered=True)]

    def _regularized(self, found: Scatter, batches: Batches) -> tuple[Tensor, None]:
        return found.covariance, None
