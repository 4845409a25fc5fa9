"""A covariance whose share of the identity is estimated."""

from dataclasses import KW_ONLY
from typing import Annotated

from torch import Tensor

from dovetail.base import Learned
from dovetail.covariance._covariance import Covariance
from dovetail.data.batches import Batches
from dovetail.data.scatter import Scatter, fourth_powers
from dovetail.objective.covariance import ledoit_wolf_share, shrunk
from dovetail.params import AtLeast

__all__ = ["LedoitWolf"]


class LedoitWolf(Covariance):
    """(1 − s) C + s (tr C / d) I of the maximum-likelihood covariance C, with the share s whose
    expected squared error is least.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether the inverse is formed by the fit and kept.
    assume_centered : bool, default=False
        Whether the mean is taken to be zero.
    block_size : int >= 1, default=1000
        There for scikit-learn's signature; s follows from n numbers, the rows' squared distances to
        the mean, and from C, so that there is nothing to cut into blocks.

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

    Cost O(n d²), two passes over X in blocks, and O(d³) for the inverse. Ledoit & Wolf (2004),
    https://doi.org/10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> from dovetail.covariance import LedoitWolf
    >>> X = [[-2.0, -2.0], [2.0, 2.0], [-3.0, -3.0], [3.0, 3.0], [1.0, 0.0], [-1.0, 0.0]]
    >>> round(LedoitWolf().fit(X).shrinkage_, 4)
    0.2285
    """

    _: KW_ONLY
    store_precision: bool = True
    assume_centered: bool = False
    block_size: Annotated[int, AtLeast(1)] = 1000

    shrinkage_ = Learned("shrinkage", scalar=True)

    def _regularized(self, found: Scatter, batches: Batches) -> tuple[Tensor, float]:
        C = found.covariance
        fourth = float(fourth_powers(batches, found.mean))
        norm, trace = float(C.square().sum()), float(C.trace())
        share = ledoit_wolf_share(norm, trace, fourth, found.rows, len(C))
        return shrunk(C, share), share
