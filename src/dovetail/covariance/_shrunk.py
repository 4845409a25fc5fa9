"""A covariance with a given share of the identity."""

from dataclasses import KW_ONLY
from typing import Annotated

from torch import Tensor

from dovetail.covariance._covariance import Covariance
from dovetail.data.batches import Batches
from dovetail.data.scatter import Scatter
from dovetail.objective.covariance import shrunk
from dovetail.params import Between

__all__ = ["ShrunkCovariance"]


class ShrunkCovariance(Covariance):
    """(1 − shrinkage) C + shrinkage (tr C / d) I of the maximum-likelihood covariance C.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether the inverse is formed by the fit and kept.
    assume_centered : bool, default=False
        Whether the mean is taken to be zero.
    shrinkage : float in [0, 1], default=0.1

    Attributes
    ----------
    location_ : ndarray or tensor of shape (n_features,), float64
        The mean.
    covariance_ : ndarray or tensor of shape (n_features, n_features), float64
    precision_ : ndarray or tensor of shape (n_features, n_features), or None
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Cost O(n d²), one pass over X in blocks, and O(d³) for the inverse.

    Examples
    --------
    >>> from dovetail.covariance import ShrunkCovariance
    >>> X = [[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]]
    >>> ShrunkCovariance(shrinkage=0.5).fit(X).covariance_
    array([[1.75, 0.  ],
           [0.  , 3.25]])
    """

    _: KW_ONLY
    store_precision: bool = True
    assume_centered: bool = False
    shrinkage: Annotated[float, Between(0, 1)] = 0.1

    def _regularized(self, found: Scatter, batches: Batches) -> tuple[Tensor, None]:
        return shrunk(found.covariance, self.shrinkage), None
