"""What all estimators of a covariance share."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import metadata_routing
from torch import Tensor

from dovetail.base import Accepts, Estimator, Learned
from dovetail.data.batches import Batches
from dovetail.data.results import by_rows
from dovetail.data.scatter import Scatter, scatter
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.objective.covariance import gaussian_log_likelihood, symmetric_inverse
from dovetail.program import Program

__all__ = ["Covariance", "Normal"]


class Normal(Program):
    """Squared Mahalanobis distances (x − location)ᵀ P (x − location) of rows, shape (n,).

    location : Tensor of shape (d,)
    covariance : Tensor of shape (d, d)
    precision : its inverse, or None where it is formed when it is needed
    shrinkage : the share of the identity in the covariance, or None
    """

    location: Tensor
    covariance: Tensor
    precision: Tensor | None
    shrinkage: Tensor | None = None

    def forward(self, X: Tensor) -> Tensor:
        Z = X.double() - self.location
        return (Z @ self.inverse() * Z).sum(1).to(X.dtype)

    def inverse(self) -> Tensor:
        """The precision, kept or formed."""
        return symmetric_inverse(self.covariance) if self.precision is None else self.precision


class _Matrix(Learned):
    """A covariance, which may also be given instead of learned: the mean is zero then."""

    def __set__(self, instance: Any, value: Any) -> None:
        if "_program" not in instance.__dict__:
            given = torch.from_numpy(_matrix(value))
            instance._program = Normal(given.new_zeros(len(given)), given, None)
            instance._container = "numpy"
        super().__set__(instance, value)


class Covariance(Estimator):
    """Learns a mean and a covariance matrix; subclasses say how they regularize it."""

    # scikit-learn's name for the rows of `score`, which routing would take for metadata
    __metadata_request__score: ClassVar[dict[str, Any]] = {"X_test": metadata_routing.UNUSED}

    accepts = Accepts()

    store_precision: bool
    assume_centered: bool

    location_ = Learned("location")
    covariance_ = _Matrix("covariance")
    precision_ = Learned("precision")

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn mean and covariance.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
        y : ignored, there for the Pipeline

        Returns
        -------
        self
        """
        return self._learn(X)

    def _fit(self, batches: Batches) -> Normal:
        if len(batches) == 1:
            warn("Only one sample available. You may want to reshape your data array")
        found = scatter(batches, centered=not self.assume_centered)
        covariance, shrinkage = self._regularized(found, batches)
        precision = symmetric_inverse(covariance) if self.store_precision else None
        kept = None if shrinkage is None else covariance.new_tensor(shrinkage)
        return Normal(found.mean, covariance, precision, kept)

    def _regularized(self, found: Scatter, batches: Batches) -> tuple[Tensor, float | None]:
        """The covariance to keep, and the share of the identity in it, where one was chosen."""
        raise TypeError(f"{type(self).__name__} does not say how it estimates.")

    def get_precision(self) -> Any:
        """The inverse of `covariance_`, or its pseudo-inverse, shape (n_features, n_features)."""
        program: Any = self.program_
        return self._shown(program.inverse())

    def mahalanobis(self, X: Any) -> Any:
        """Squared Mahalanobis distance of each row to the mean, shape (n_samples,)."""
        program: Any = self.program_
        precision = program.inverse()
        ready = Normal(program.location, program.covariance, precision)
        return self._run(lambda rows: by_rows(lambda x: ready(x)[:, None], rows, width=1)[:, 0], X)

    def score(self, X_test: Any, y: Any = None) -> float:
        """Mean log density of rows under the normal distribution that was learned.

        Parameters
        ----------
        X_test : array-like, frame or tensor of shape (n_samples, n_features)
        y : ignored, there for the Pipeline
        """
        program: Any = self.program_
        rows = self.front(X_test)
        moved = rows.double() - program.location
        C = moved.T @ moved / len(moved)
        return float(gaussian_log_likelihood(C, program.inverse()))

    def error_norm(
        self,
        comp_cov: Any,
        norm: Literal["frobenius", "spectral"] = "frobenius",
        scaling: bool = True,
        squared: bool = True,
    ) -> float:
        """Distance between the covariance that was learned and another.

        Parameters
        ----------
        comp_cov : array-like of shape (n_features, n_features)
        norm : {"frobenius", "spectral"}, default="frobenius"
            The root of the sum of squares of the difference's elements, or its greatest singular
            value.
        scaling : bool, default=True
            Whether the squared norm is divided by n_features.
        squared : bool, default=True
            Whether the squared norm is returned.
        """
        program: Any = self.program_
        held = program.covariance
        other = comp_cov if isinstance(comp_cov, Tensor) else torch.from_numpy(_matrix(comp_cov))
        if other.shape != held.shape:
            raise ValueError(
                f"comp_cov must have the shape of covariance_, {tuple(held.shape)}. Got "
                f"{tuple(other.shape)}."
            )
        error = other.to(held) - held
        if norm == "frobenius":
            value = float(error.square().sum())
        elif norm == "spectral":
            value = float(torch.linalg.matrix_norm(error, 2)) ** 2
        else:
            raise _UnknownNormError(
                "Only spectral and frobenius norms are implemented: norm is one of 'frobenius', "
                f"'spectral'. Got {norm!r}."
            )
        value = value / len(error) if scaling else value
        return value if squared else value**0.5

    def _shown(self, values: Tensor) -> Any:
        return values if self._container == "torch" else as_numpy(values)


class _UnknownNormError(ValueError, NotImplementedError):
    """What scikit-learn raises, too, for a norm that has no name."""


def _matrix(values: Any) -> npt.NDArray[np.float64]:
    return np.ascontiguousarray(values, dtype=np.float64)
