"""What linear and quadratic discriminant analysis share: probabilities, covariances of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dovetail.base import Learned
from dovetail.data.batches import Batches
from dovetail.data.class_statistics import class_totals, class_weights
from dovetail.data.scatter import class_scatters, fourth_powers, scatter
from dovetail.data.tensors import as_numpy
from dovetail.errors import DovetailError
from dovetail.objective.covariance import ledoit_wolf_share, shrunk

__all__ = [
    "Classes",
    "CombinationError",
    "Kept",
    "both_scores",
    "classes_of",
    "covariance_of",
    "covariances_of_classes",
    "refuse_with_svd",
]


class CombinationError(DovetailError, ValueError, NotImplementedError):
    """Options that exclude one another. (scikit-learn says NotImplementedError to some of them.)"""


class Kept(Learned):
    """A fitted attribute that exists only where the options have it kept."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        found = super().__get__(instance, owner)
        if found is None:
            raise AttributeError(
                f"{type(instance).__name__!r} object has no attribute {self.name!r} with these "
                "options."
            )
        return found


def both_scores(F: Tensor) -> Tensor:
    """Scores (n, k) of which differences count, from those that Programs give: one a row, of the
    second class, where there are two.
    """
    return torch.stack([torch.zeros_like(F), F], 1) if F.ndim == 1 else F


class Classes:
    """Means and shares of the classes.

    count : Tensor of shape (k,); mean : Tensor of shape (k, d); float64
    """

    def __init__(self, count: Tensor, mean: Tensor) -> None:
        self.count, self.mean = count, mean


def classes_of(batches: Batches, k: int) -> Classes:
    """Rows and mean of each class. Cost O(n d)."""
    count = class_weights(batches, k)
    return Classes(count, class_totals(batches, k) / count[:, None])


def refuse_with_svd(model: Any) -> None:
    """Say what solver="svd", which forms no covariance, cannot do."""
    if model.solver == "svd" and model.shrinkage is not None:
        raise CombinationError(
            "shrinkage not supported with 'svd' solver. Use solver='eigen'"
            + (" or 'lsqr'." if "Linear" in type(model).__name__ else ".")
        )
    if model.solver == "svd" and model.covariance_estimator is not None:
        raise ValueError(
            "covariance estimator is not supported with svd solver. Try another solver"
            if "Linear" in type(model).__name__
            else "covariance_estimator is not supported with solver='svd'. Try solver='eigen' "
            "instead."
        )
    if model.covariance_estimator is not None and model.shrinkage:
        raise ValueError(
            "covariance_estimator and shrinkage parameters are not None. Only one of the two can "
            "be set."
        )


def covariance_of(model: Any, batches: Batches) -> Tensor:
    """The covariance of all rows, (d, d), with the model's shrinkage or by its estimator."""
    if model.covariance_estimator is not None:
        return _estimated(model.covariance_estimator, batches)
    found = scatter(batches)
    C = found.covariance
    if model.shrinkage == "auto":
        scale = _scales(C, found.mean)
        fourth = fourth_powers(batches, found.mean, scale)
        return _shrunk_as_needed(C, scale, float(fourth), found.rows)
    return C if model.shrinkage is None else shrunk(C, model.shrinkage)


def covariances_of_classes(model: Any, batches: Batches, classes: Classes) -> Tensor:
    """The covariance of each class, (k, d, d)."""
    k = len(classes.count)
    if model.covariance_estimator is not None:
        own = [batches.take((batches.y == c).nonzero()[:, 0]) for c in range(k)]
        return torch.stack([_estimated(model.covariance_estimator, rows) for rows in own])
    C = class_scatters(batches, classes.mean) / classes.count[:, None, None]
    if model.shrinkage != "auto":
        return C if model.shrinkage is None else shrunk(C, model.shrinkage)
    scales = _scales(C, classes.mean)
    fourth = fourth_powers(batches, classes.mean, scales).tolist()
    counts = [int(n) for n in classes.count]
    parts = zip(C, scales, fourth, counts, strict=True)
    return torch.stack([_shrunk_as_needed(*part) for part in parts])


def _scales(C: Tensor, mean: Tensor) -> Tensor:
    """Standard deviations, 1 for columns that are constant but for rounding."""
    variance = C.diagonal(dim1=-2, dim2=-1)
    constant = variance <= (10 * torch.finfo(C.dtype).eps * mean).square()
    return torch.where(constant, 1.0, variance.clamp(min=0).sqrt())


def _shrunk_as_needed(C: Tensor, scale: Tensor, fourth: float, n: int) -> Tensor:
    """Shrinkage of standardized columns by the share that Ledoit and Wolf estimate.

    fourth : Σ ‖(x − mean) / scale‖⁴ over the n rows
    """
    units = torch.outer(scale, scale)
    R = C / units
    share = ledoit_wolf_share(float(R.square().sum()), float(R.trace()), fourth, n, len(C))
    return shrunk(R, share) * units


def _estimated(estimator: Any, rows: Batches) -> Tensor:
    X: Any = rows.X
    estimator.fit(as_numpy(X))
    if not hasattr(estimator, "covariance_"):
        raise ValueError(
            f"{type(estimator).__name__} does not have a covariance_ attribute: "
            "covariance_estimator must learn one in its fit."
        )
    C = torch.as_tensor(np.asarray(estimator.covariance_), dtype=torch.float64)
    return C.reshape(rows.n_features, rows.n_features).to(rows.device)
