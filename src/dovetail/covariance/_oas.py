"""A covariance whose share of the identity is estimated for normal data."""

from dataclasses import KW_ONLY

from torch import Tensor

from dovetail.base import Learned
from dovetail.covariance._covariance import Covariance
from dovetail.data.batches import Batches
from dovetail.data.scatter import Scatter
from dovetail.objective.covariance import oas_share, shrunk

__all__ = ["OAS"]


class OAS(Covariance):
    """(1 − s) C + s (tr C / d) I of the maximum-likelihood covariance C, with the share s that the
    oracle approximating estimator takes for normal data.

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
    shrinkage_ : float in [0, 1]
        s.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Cost O(n d²), one pass over X in blocks, and O(d³) for the inverse. Chen, Wiesel, Eldar & Hero
    (2010), https://doi.org/10.1109/TSP.2010.2053029.

    Examples
    --------
    >>> from dovetail.covariance import OAS
    >>> round(OAS().fit([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [3.0, 4.0]]).shrinkage_, 4)
    1.0
    """

    _: KW_ONLY
    store_precision: bool = True
    assume_centered: bool = False

    shrinkage_ = Learned("shrinkage", scalar=True)

    def _regularized(self, found: Scatter, batches: Batches) -> tuple[Tensor, float]:
        share = oas_share(found.covariance, found.rows)
        return shrunk(found.covariance, share), share
