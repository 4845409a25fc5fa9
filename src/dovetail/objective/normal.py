"""Normal distributions of one center each: log densities, and roots of precisions.

A covariance is of one of four kinds: "full" (k, d, d), "tied" (d, d) for all centers, "diag"
(k, d), "spherical" (k,). The root R of a precision, R Rᵀ = C⁻¹, has the shape of the covariance and
is upper triangular.

Legend: n rows, d columns, k centers.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from dovetail.kernels.scaled_distances import scaled_distances

__all__ = [
    "CovarianceKind",
    "covariances_of_roots",
    "log_densities",
    "precisions_of_roots",
    "roots_of_covariances",
    "roots_of_precisions",
    "whitened_distance",
]

CovarianceKind = Literal["full", "tied", "diag", "spherical"]


def whitened_distance(X: Tensor, mean: Tensor, root: Tensor) -> Tensor:
    """‖(x − mean) R‖² of each row, (n,), for one center and a root (d, d). By differences, so that
    large means cost no digits.
    """
    white = (X - mean) @ root
    return white.square() @ white.new_ones(white.shape[1])  # a sum by rows takes twice as long


def log_densities(X: Tensor, means: Tensor, roots: Tensor, kind: CovarianceKind) -> Tensor:
    """log N(x; mean, C) of each row and center, (n, k), in the dtype of X. Cost O(n k d²) for full
    covariances, O(n d² + n k d) for tied ones, O(n k d) for the others.
    """
    d = means.shape[1]
    if kind == "full":
        parts = zip(means.to(X.dtype), roots.to(X.dtype), strict=True)
        far = torch.stack([whitened_distance(X, mean, root) for mean, root in parts], 1)
    elif kind == "tied":
        origin = means.mean(0)
        white = (X - origin.to(X.dtype)) @ roots.to(X.dtype)
        far = scaled_distances(white, (means - origin) @ roots, torch.ones_like(means))
    else:
        wide = roots[:, None].expand_as(means) if kind == "spherical" else roots
        far = scaled_distances(X, means, wide.square().contiguous())
    constant = _log_determinants(roots, d, kind) - 0.5 * d * math.log(2 * math.pi)
    return constant.to(X.dtype) - 0.5 * far


def _log_determinants(roots: Tensor, d: int, kind: CovarianceKind) -> Tensor:
    """log det R, (k,) or ()."""
    if kind in ("full", "tied"):
        return roots.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return roots.log().sum(1) if kind == "diag" else d * roots.log()


def roots_of_covariances(C: Tensor, kind: CovarianceKind) -> Tensor | None:
    """Roots of the inverses; None where a covariance is not positive definite."""
    if kind in ("diag", "spherical"):
        return None if bool((C <= 0).any()) else C.rsqrt()
    L, info = torch.linalg.cholesky_ex(C)
    if bool(info.any()):
        return None
    eye = torch.eye(C.shape[-1], dtype=C.dtype, device=C.device)
    inverse: Tensor = torch.linalg.solve_triangular(L, eye, upper=False)
    return inverse.mT.contiguous()


def roots_of_precisions(P: Tensor, kind: CovarianceKind) -> Tensor:
    """Roots of precisions that are known to be positive definite."""
    if kind in ("diag", "spherical"):
        return P.sqrt()
    # the factor of the matrix read backwards, read backwards, is upper triangular
    backwards: Tensor = torch.linalg.cholesky(P.flip(-2, -1))
    return backwards.flip(-2, -1)


def precisions_of_roots(roots: Tensor, kind: CovarianceKind) -> Tensor:
    """R Rᵀ."""
    return roots @ roots.mT if kind in ("full", "tied") else roots.square()


def covariances_of_roots(roots: Tensor, kind: CovarianceKind) -> Tensor:
    """(R Rᵀ)⁻¹."""
    P = precisions_of_roots(roots, kind)
    return torch.linalg.inv(P) if kind in ("full", "tied") else P.reciprocal()
