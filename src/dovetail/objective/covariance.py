"""Mathematics of covariance matrices: shrinkage towards a multiple of the identity, likelihood,
inverse.

Legend: n rows, d columns; C a maximum-likelihood covariance of shape (d, d), μ = tr C / d.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "gaussian_log_likelihood",
    "ledoit_wolf_share",
    "oas_share",
    "shrunk",
    "symmetric_inverse",
]


def shrunk(C: Tensor, share: float) -> Tensor:
    """(1 − share) C + share μ I, of one matrix or several, shape (..., d, d)."""
    d = C.shape[-1]
    mu = C.diagonal(dim1=-2, dim2=-1).sum(-1) / d
    eye = torch.eye(d, dtype=C.dtype, device=C.device)
    return (1 - share) * C + share * mu[..., None, None] * eye


def ledoit_wolf_share(norm: float, trace: float, fourth: float, n: int, d: int) -> float:
    """The share of the identity at which the expected squared error is least, estimated from ‖C‖²
    (squares of all elements), tr C and Σ ‖x − mean‖⁴ (Ledoit & Wolf 2004,
    https://doi.org/10.1016/S0047-259X(03)00096-4).
    """
    if d == 1:
        return 0.0
    variance = (fourth / n - norm) / (n * d)
    distance = (norm - trace**2 / d) / d
    variance = min(variance, distance)
    return 0.0 if variance == 0 else variance / distance


def oas_share(C: Tensor, n: int) -> float:
    """The share of the identity by the oracle approximating estimator for normal data (Chen,
    Wiesel, Eldar & Hero 2010, https://doi.org/10.1109/TSP.2010.2053029).

    As scikit-learn, in the limit of many columns: the factors 1 − 2 / d of the article are 1.
    """
    d = len(C)
    if d == 1:
        return 0.0
    mean_square = float(C.square().mean())
    mu_square = float(C.trace() / d) ** 2
    below = (n + 1) * (mean_square - mu_square / d)
    return 1.0 if below == 0 else min((mean_square + mu_square) / below, 1.0)


def gaussian_log_likelihood(C: Tensor, precision: Tensor) -> Tensor:
    """Mean log density of rows of covariance C under a normal distribution of this precision:
    (log det P − tr(C P) − d log 2π) / 2.
    """
    d = len(precision)
    sign, logarithm = torch.linalg.slogdet(precision)
    logarithm = torch.where(sign > 0, logarithm, -torch.inf)
    return (logarithm - (C * precision).sum() - d * math.log(2 * math.pi)) / 2


def symmetric_inverse(C: Tensor) -> Tensor:
    """The inverse, or the pseudo-inverse where C is singular, in the dtype of C."""
    inverse: Tensor = torch.linalg.pinv(C.double(), hermitian=True)
    return inverse.to(C.dtype)
