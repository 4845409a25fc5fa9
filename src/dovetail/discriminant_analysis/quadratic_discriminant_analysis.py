"""Quadratic discriminant analysis."""

from dataclasses import KW_ONLY
from functools import partial
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from dovetail.base import Accepts, Classifier, Decisions, Learned, Probabilities
from dovetail.data.batches import Batch, Batches
from dovetail.data.results import by_rows
from dovetail.data.scatter import class_scatters
from dovetail.data.tensors import as_tensor
from dovetail.data.triangle import triangle
from dovetail.discriminant_analysis._shared import (
    Classes,
    Kept,
    both_scores,
    classes_of,
    covariances_of_classes,
    refuse_with_svd,
)
from dovetail.objective.normal import whitened_distance
from dovetail.params import ArrayLike, AtLeast, Between, Has
from dovetail.program import Program

__all__ = ["QuadraticDiscriminantAnalysis"]

# Numbers of a block to predict: 50,000 x 28 of ten classes take 0.13 s with two threads, in blocks
# of 2¹⁶ twice that.
_BLOCK = 2**20

# Least ratio of eigenvalues at which they are taken from products: below it the smallest would have
# fewer than six digits.
_SAFE_RATIO = 1e-10


class _Ellipsoids(Program):
    """Log densities of normal distributions, one a class, and log priors.

    means : Tensor of shape (k, d); priors : (k,)
    rotations : k Tensors of shape (d, d), axes as columns; scalings : k Tensors of shape (d,),
        variances along them
    covariances : k Tensors of shape (d, d), or None
    """

    means: Tensor
    priors: Tensor
    rotations: list[Tensor]
    scalings: list[Tensor]
    covariances: list[Tensor] | None

    def forward(self, X: Tensor) -> Tensor:
        parts = zip(self.means, self.rotations, self.scalings, strict=True)
        far = torch.stack([_log_density(X, *part) for part in parts], 1)
        F = far + self.priors.log().to(X.dtype)
        return F[:, 1] - F[:, 0] if len(self.priors) == 2 else F

    def link(self, F: Tensor) -> Tensor:
        """Probabilities of the classes."""
        return both_scores(F).softmax(1)


def _log_density(X: Tensor, mean: Tensor, rotation: Tensor, scaling: Tensor) -> Tensor:
    """−(‖whitened x − mean‖² + log det C) / 2."""
    far = whitened_distance(X, mean.to(X.dtype), (rotation * scaling.rsqrt()).to(X.dtype))
    return -0.5 * (far + scaling.log().sum().to(X.dtype))


def _rows_of(c: int, mean: Tensor, b: Batch) -> Tensor:
    """The rows of a class, less its mean."""
    X: Tensor = b.X
    return X[b.y == c].double() - mean


class QuadraticDiscriminantAnalysis(Probabilities, Decisions, Classifier):
    """The class of greatest P(class) N(x; mean, C), with mean and covariance C of each class.

    Parameters
    ----------
    solver : {"svd", "eigen"}, default="svd"
        "eigen" takes shrinkage and a covariance_estimator.
    shrinkage : "auto", float in [0, 1] or None
        Share of a multiple of the identity in the covariances; "auto" estimates it by Ledoit and
        Wolf.
    priors : array-like of shape (n_classes,) or None
        Probabilities of the classes; None takes their shares of the rows.
    reg_param : float in [0, 1], default=0.0
        With "svd", share of 1 in the variances along the axes: (1 − reg_param) S + reg_param.
    store_covariance : bool, default=False
        Whether covariances are kept.
    tol : float >= 0, default=1e-4
        Variance along an axis at or below which a covariance counts as singular, which is refused.
    covariance_estimator : estimator with `fit` and `covariance_`, or None
        How "eigen" estimates covariances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    means_ : array of shape (n_classes, n_features)
    priors_ : array of shape (n_classes,)
    covariance_ : list of n_classes arrays of shape (n_features, n_features), by store_covariance
    rotations_ : list of n_classes arrays of shape (n_features, n_features)
        Axes of each class's distribution, as columns.
    scalings_ : list of n_classes arrays of shape (n_features,)
        Variances along the axes.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Fewer than two classes, or a class of one row.
    LinAlgError
        A class whose covariance is singular.

    Cost O(n d²), two passes over X in blocks, and O(k d³); O(n k d²) to predict. Hastie, Tibshirani
    & Friedman (2009), The Elements of Statistical Learning, section 4.3.

    Examples
    --------
    >>> from dovetail.discriminant_analysis import QuadraticDiscriminantAnalysis
    >>> X = [[-1.0, -1.0], [-2.0, -1.0], [-3.0, -2.0], [1.0, 1.0], [2.0, 1.0], [3.0, 2.0]]
    >>> model = QuadraticDiscriminantAnalysis().fit(X, ["low"] * 3 + ["high"] * 3)
    >>> model.predict([[-0.8, -1.0]])
    array(['low'], dtype='<U4')
    """

    accepts = Accepts()

    _: KW_ONLY
    solver: Literal["svd", "eigen"] = "svd"
    shrinkage: Literal["auto"] | Annotated[float, Between(0, 1)] | None = None
    priors: ArrayLike | None = None
    reg_param: Annotated[float, Between(0, 1)] = 0.0
    store_covariance: bool = False
    tol: Annotated[float, AtLeast(0)] = 1e-4
    covariance_estimator: Annotated[Any, Has("fit")] | None = None

    means_ = Learned("means")
    priors_ = Learned("priors")
    rotations_ = Learned("rotations")
    scalings_ = Learned("scalings")
    covariance_ = Kept("covariances")

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(solver="eigen", shrinkage="auto"), cls(reg_param=0.1)]

    def _fit(self, batches: Batches) -> _Ellipsoids:
        k = len(self.classes_)
        if k < 2:
            raise ValueError(f"The number of classes has to be greater than one. Got {k} class.")
        refuse_with_svd(self)
        classes = classes_of(batches, k)
        alone = (classes.count == 1).nonzero()[:, 0].tolist()
        if alone:
            raise ValueError(
                f"y has only 1 sample in class {self.classes_[alone[0]]}, covariance is ill "
                "defined."
            )
        if self.solver == "eigen":
            C = covariances_of_classes(self, batches, classes)
            scalings, rotations = torch.linalg.eigh(C)
            scalings, rotations = scalings.flip(1), rotations.flip(2)
        else:
            scalings, rotations = self._axes(batches, classes)
            scalings = (1 - self.reg_param) * scalings + self.reg_param
            C = (rotations * scalings[:, None]) @ rotations.mT
        self._refuse_singular(scalings, classes)
        dtype = batches.dtype
        covariances = list(C.to(dtype)) if self.store_covariance else None
        return _Ellipsoids(
            classes.mean.to(dtype),
            self._priors(classes),
            list(rotations.to(dtype)),
            list(scalings.to(dtype)),
            covariances,
        )

    def _axes(self, batches: Batches, classes: Classes) -> tuple[Tensor, Tensor]:
        """Variances of each class along its axes, descending, and the axes: of products, or of the
        rows themselves where a square would lose too many digits.
        """
        C = class_scatters(batches, classes.mean) / classes.count[:, None, None]
        values, axes = torch.linalg.eigh(C)
        values, axes = values.flip(1).clamp(min=0), axes.flip(2)
        for c in (values[:, -1] < _SAFE_RATIO * values[:, 0]).nonzero()[:, 0].tolist():
            R = triangle(batches, partial(_rows_of, c, classes.mean[c]), width=C.shape[1])
            _, S, Vh = torch.linalg.svd(R, full_matrices=False)
            values[c] = 0
            values[c, : len(S)] = S.square() / classes.count[c]
            axes[c, :, : len(S)] = Vh.T
        return values, axes

    def _refuse_singular(self, scalings: Tensor, classes: Classes) -> None:
        d = scalings.shape[1]
        too_few = (classes.count < d) if self.solver == "svd" else torch.zeros_like(classes.count)
        singular = ((scalings > self.tol).sum(1) < d) | too_few.bool()
        if not bool(singular.any()):
            return
        c = int(singular.nonzero()[0, 0])
        label, n = self.classes_[c], int(classes.count[c])
        if self.solver == "svd" and n <= d:
            raise np.linalg.LinAlgError(
                f"The covariance matrix of class {label} is not full rank. When using "
                "`solver='svd'` the number of samples in each class should be more than the "
                f"number of features, but class {label} has {n} samples and {d} features. Try "
                "using `solver='eigen'` and setting the parameter `shrinkage` for regularization."
            )
        lever = "shrinkage" if self.solver == "eigen" else "reg_param"
        raise np.linalg.LinAlgError(
            f"The covariance matrix of class {label} is not full rank. Increase the value of "
            f"`{lever}` to reduce the collinearity."
        )

    def _priors(self, classes: Classes) -> Tensor:
        if self.priors is None:
            return classes.count / classes.count.sum()
        priors = np.array(self.priors, dtype=np.float64)
        if priors.shape != classes.count.shape:
            raise ValueError(
                f"priors must be one number a class. Got shape {priors.shape} for "
                f"{len(classes.count)} classes."
            )
        return as_tensor(priors).to(classes.count.device)

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithm of `predict_proba`, precise for small probabilities, too."""
        return self._run(lambda rows: both_scores(self._scores(rows)).log_softmax(1), X)

    def _scores(self, X: Tensor) -> Tensor:
        k = len(self.classes_)
        if k > 2:
            return by_rows(self._program, X, width=k, numbers=_BLOCK)
        return by_rows(lambda rows: self._program(rows)[:, None], X, width=1, numbers=_BLOCK)[:, 0]
