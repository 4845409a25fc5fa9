"""Covariances without estimators: what the classes compute, as functions."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from sklearn.utils import check_array
from torch import Tensor

from dovetail.covariance._empirical import EmpiricalCovariance
from dovetail.covariance._ledoit_wolf import LedoitWolf
from dovetail.covariance._oas import OAS
from dovetail.data.batches import Batch, Batches
from dovetail.data.door import Accepts, open_matrix
from dovetail.data.scatter import fourth_powers
from dovetail.data.statistics import column_moments
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import warn
from dovetail.objective.covariance import gaussian_log_likelihood, ledoit_wolf_share, shrunk
from dovetail.params import ArrayLike, AtLeast, Between, checked

__all__ = [
    "empirical_covariance",
    "ledoit_wolf",
    "ledoit_wolf_shrinkage",
    "log_likelihood",
    "oas",
    "shrunk_covariance",
]

Matrix = np.ndarray | Tensor


@checked
def empirical_covariance(X: ArrayLike | Tensor, *, assume_centered: bool = False) -> Any:
    """The maximum-likelihood covariance Σ (x − m)(x − m)ᵀ / n, shape (n_features, n_features).

    Parameters
    ----------
    X : array-like or tensor of shape (n_samples, n_features)
        A single row may have the shape (n_features,).
    assume_centered : bool, default=False
        Whether the mean m is taken to be zero.

    Examples
    --------
    >>> from dovetail.covariance import empirical_covariance
    >>> empirical_covariance([[1.0, 1.0], [1.0, 1.0], [2.0, 3.0]])
    array([[0.22222222, 0.44444444],
           [0.44444444, 0.88888889]])
    """
    model = EmpiricalCovariance(store_precision=False, assume_centered=assume_centered)
    return model.fit(_rows(X)).covariance_


@checked
def shrunk_covariance(
    emp_cov: ArrayLike | Tensor, shrinkage: Annotated[float, Between(0, 1)] = 0.1
) -> Any:
    """(1 − shrinkage) C + shrinkage (tr C / d) I, of one matrix or several.

    Parameters
    ----------
    emp_cov : array-like or tensor of shape (..., n_features, n_features)
    shrinkage : float in [0, 1], default=0.1

    Examples
    --------
    >>> from dovetail.covariance import shrunk_covariance
    >>> shrunk_covariance([[1.0, 0.5], [0.5, 3.0]], 0.5)
    array([[1.5 , 0.25],
           [0.25, 2.5 ]])
    """
    if isinstance(emp_cov, Tensor):
        return shrunk(emp_cov, shrinkage)
    C = check_array(emp_cov, allow_nd=True, dtype=[np.float64, np.float32])
    return as_numpy(shrunk(as_tensor(np.asarray(C)), shrinkage))


@checked
def ledoit_wolf(
    X: ArrayLike | Tensor,
    *,
    assume_centered: bool = False,
    block_size: Annotated[int, AtLeast(1)] = 1000,
) -> tuple[Any, float]:
    """The covariance that `LedoitWolf` learns, and its share of the identity.

    Parameters
    ----------
    X : array-like or tensor of shape (n_samples, n_features)
    assume_centered : bool, default=False
        Whether the mean is taken to be zero.
    block_size : int >= 1, default=1000
        As in `LedoitWolf`.
    """
    model = LedoitWolf(
        store_precision=False, assume_centered=assume_centered, block_size=block_size
    ).fit(_rows(X))
    return model.covariance_, model.shrinkage_


@checked
def ledoit_wolf_shrinkage(
    X: ArrayLike | Tensor,
    assume_centered: bool = False,
    block_size: Annotated[int, AtLeast(1)] = 1000,
) -> float:
    """The share of the identity that `LedoitWolf` estimates, without its covariance.

    Parameters
    ----------
    X : array-like or tensor of shape (n_samples, n_features)
    assume_centered : bool, default=False
        Whether the mean is taken to be zero.
    block_size : int >= 1, default=1000
        Columns whose products are formed at a time: memory is O(block_size²).
    """
    rows = open_matrix(EmpiricalCovariance(), _rows(X), Accepts(), reset=None)
    assert isinstance(rows, Tensor)
    n, d = rows.shape
    if n == 1:
        warn("Only one sample available. You may want to reshape your data array")
    if d == 1:
        return 0.0
    batches = Batches(Batch(rows))
    moments = column_moments(batches)
    mean = torch.zeros_like(moments.mean) if assume_centered else moments.mean
    trace = float((moments.variance + (moments.mean - mean).square()).sum())
    blocks = [slice(i, i + block_size) for i in range(0, d, block_size)]
    norm = 0.0
    for i, a in enumerate(blocks):
        for b in blocks[i:]:
            products = _products(batches, mean, a, b)
            norm += (1 if a == b else 2) * float((products / n).square().sum())
    return ledoit_wolf_share(norm, trace, float(fourth_powers(batches, mean)), n, d)


def _products(batches: Batches, mean: Tensor, a: slice, b: slice) -> Tensor:
    """Products of two blocks of centered columns."""

    def block(rows: Batch) -> Tensor:
        X: Tensor = rows.X
        return (X[:, a].double() - mean[a]).T @ (X[:, b].double() - mean[b])

    return batches.in_blocks(4096).sum(block)


@checked
def oas(X: ArrayLike | Tensor, *, assume_centered: bool = False) -> tuple[Any, float]:
    """The covariance that `OAS` learns, and its share of the identity.

    Parameters
    ----------
    X : array-like or tensor of shape (n_samples, n_features)
    assume_centered : bool, default=False
        Whether the mean is taken to be zero.
    """
    model = OAS(store_precision=False, assume_centered=assume_centered).fit(_rows(X))
    return model.covariance_, model.shrinkage_


@checked
def log_likelihood(emp_cov: Matrix, precision: Matrix) -> float:
    """Mean log density of rows of covariance `emp_cov` under a normal distribution of a precision.

    Parameters
    ----------
    emp_cov, precision : ndarray or tensor of shape (n_features, n_features)
    """
    C, P = (m if isinstance(m, Tensor) else as_tensor(m) for m in (emp_cov, precision))
    return float(gaussian_log_likelihood(C.double(), P.double()))


def _rows(X: Any) -> Any:
    """X, a vector of which is one row."""
    shape = X.shape if hasattr(X, "shape") else np.shape(X)
    if len(shape) != 1:
        return X
    return X[None] if isinstance(X, Tensor) else np.reshape(X, (1, -1))
