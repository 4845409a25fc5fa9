"""Linear discriminant analysis."""

from functools import partial
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from torch import Tensor

from dovetail.base import Accepts, Classifier, Decisions, Learned, Probabilities
from dovetail.data.batches import Batch, Batches
from dovetail.data.scatter import pooled_scatter
from dovetail.data.tensors import as_tensor
from dovetail.data.triangle import triangle
from dovetail.discriminant_analysis._shared import (
    Classes,
    CombinationError,
    Kept,
    both_scores,
    classes_of,
    covariance_of,
    covariances_of_classes,
    refuse_with_svd,
)
from dovetail.errors import warn
from dovetail.objective.covariance import shrunk
from dovetail.objective.linear import scores
from dovetail.params import ArrayLike, AtLeast, Between, Has
from dovetail.program import Program

__all__ = ["LinearDiscriminantAnalysis"]

# Least tol at which singular values may be roots of eigenvalues: they are exact to 1e-8 or better,
# beside the largest.
_SAFE_TOL = 1e-5


class _Discriminants(Program):
    """Linear scores of classes, and the directions that tell them apart.

    coef : Tensor of shape (k, d), or (1, d) for two classes; intercept : (k,) or (1,)
    means : Tensor of shape (k, d); priors : (k,)
    center : Tensor of shape (d,), from which directions are measured, or None for zero
    directions : Tensor of shape (d, r), or None
    ratios : Tensor of shape (m,), share of the variance between classes along each, or None
    covariance : Tensor of shape (d, d), within classes, or None
    flat : whether there are two classes, and the scores are those of the second
    """

    coef: Tensor
    intercept: Tensor
    means: Tensor
    priors: Tensor
    center: Tensor | None
    directions: Tensor | None
    ratios: Tensor | None
    covariance: Tensor | None
    flat: bool

    def forward(self, X: Tensor) -> Tensor:
        F = scores(X, self.coef, self.intercept)
        return F[:, 0] if self.flat else F

    def link(self, F: Tensor) -> Tensor:
        """Probabilities of the classes."""
        return both_scores(F).softmax(1)

    def project(self, X: Tensor, m: int) -> Tensor:
        """Coordinates along the first m directions."""
        assert self.directions is not None
        Z = X if self.center is None else X - self.center.to(X.dtype)
        return Z @ self.directions[:, :m].to(X.dtype)


class _Solved(NamedTuple):
    """What a solver finds; the fields of the Program."""

    coef: Tensor
    intercept: Tensor
    center: Tensor | None
    directions: Tensor | None
    ratios: Tensor | None
    covariance: Tensor | None


def _about_means(means: Tensor, b: Batch) -> Tensor:
    """Rows less the mean of their class."""
    return b.X.double() - means[b.y]


class LinearDiscriminantAnalysis(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, Probabilities, Decisions, Classifier
):
    """The class of greatest P(class) N(x; mean of the class, C), with one covariance C for all
    classes: a linear function of x. Also the directions along which classes are farthest apart.

    Parameters
    ----------
    solver : {"svd", "lsqr", "eigen"}, default="svd"
        "svd" looks for directions that vary within classes, and is safe where columns depend on one
        another; "lsqr" solves C w = mean, without directions to transform to; "eigen" solves the
        generalized eigenvalue problem. The latter two take shrinkage.
    shrinkage : "auto", float in [0, 1] or None
        Share of a multiple of the identity in the covariances; "auto" estimates it by Ledoit and
        Wolf.
    priors : array-like of shape (n_classes,) or None
        Probabilities of the classes; None takes their shares of the rows.
    n_components : int >= 1 or None
        Directions to transform to, at most min(n_classes − 1, n_features), which None means.
    store_covariance : bool, default=False
        Whether "svd" keeps the covariance, too.
    tol : float >= 0, default=1e-4
        Singular values of standardized rows within classes, at or below which "svd" takes a
        direction as constant.
    covariance_estimator : estimator with `fit` and `covariance_`, or None
        How "lsqr" and "eigen" estimate covariances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : array of shape (1, n_features) for two classes, else (n_classes, n_features)
    intercept_ : array of shape (1,) or (n_classes,)
    means_ : array of shape (n_classes, n_features)
    priors_ : array of shape (n_classes,)
    covariance_ : array of shape (n_features, n_features)
        Within classes, weighed by their priors; with "svd" only by store_covariance.
    explained_variance_ratio_ : array of shape (n_components,)
        Share of the variance between classes along each direction; not with "lsqr".
    scalings_ : array of shape (n_features, n_directions)
        The directions; not with "lsqr".
    xbar_ : array of shape (n_features,)
        Mean of the classes' means, weighed by their priors; with "svd".
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Cost O(n d²), two passes over X in blocks, and O(d³); for fewer rows than columns O(n² d) with
    "svd". Fisher (1936), https://doi.org/10.1111/j.1469-1809.1936.tb02137.x; Ledoit & Wolf (2004),
    https://doi.org/10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> from dovetail.discriminant_analysis import LinearDiscriminantAnalysis
    >>> X = [[-1.0, -1.0], [-2.0, -1.0], [-3.0, -2.0], [1.0, 1.0], [2.0, 1.0], [3.0, 2.0]]
    >>> model = LinearDiscriminantAnalysis().fit(X, ["low"] * 3 + ["high"] * 3)
    >>> model.predict([[-0.8, -1.0]])
    array(['low'], dtype='<U4')
    """

    accepts = Accepts(min_rows=2)

    solver: Literal["svd", "lsqr", "eigen"] = "svd"
    shrinkage: Literal["auto"] | Annotated[float, Between(0, 1)] | None = None
    priors: ArrayLike | None = None
    n_components: Annotated[int, AtLeast(1)] | None = None
    store_covariance: bool = False
    tol: Annotated[float, AtLeast(0)] = 1e-4
    covariance_estimator: Annotated[Any, Has("fit")] | None = None

    coef_ = Learned("coef")
    intercept_ = Learned("intercept")
    means_ = Learned("means")
    priors_ = Learned("priors")
    covariance_ = Kept("covariance")
    explained_variance_ratio_ = Kept("ratios")
    scalings_ = Kept("directions")
    xbar_ = Kept("center")

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(solver="eigen", shrinkage="auto"), cls(n_components=1)]

    def _fit(self, batches: Batches) -> _Discriminants:
        k, d = len(self.classes_), batches.n_features
        if len(batches) == k:
            raise ValueError(
                "The number of samples must be more than the number of classes. Got "
                f"{len(batches)} samples and {k} classes."
            )
        refuse_with_svd(self)
        most = min(k - 1, d)
        if self.n_components is not None and self.n_components > most:
            raise ValueError(
                "n_components cannot be larger than min(n_features, n_classes - 1). Got "
                f"{self.n_components}, where at most {most} directions tell {k} classes apart."
            )
        self._n_features_out = most if self.n_components is None else self.n_components
        classes = classes_of(batches, k)
        priors = self._priors(classes)
        solvers = {"svd": self._by_svd, "lsqr": self._by_products, "eigen": self._by_eigenvectors}
        found = solvers[self.solver](batches, classes, priors)
        if k == 2:
            coef = found.coef[1:] - found.coef[:1]
            found = found._replace(coef=coef, intercept=found.intercept[1:] - found.intercept[:1])
        held: Any = {n: v if v is None else v.to(batches.dtype) for n, v in found._asdict().items()}
        means, shares = classes.mean.to(batches.dtype), priors.to(batches.dtype)
        return _Discriminants(means=means, priors=shares, flat=k == 2, **held)

    def _priors(self, classes: Classes) -> Tensor:
        if self.priors is None:
            return classes.count / classes.count.sum()
        priors = as_tensor(np.array(self.priors, dtype=np.float64)).to(classes.count.device)
        if priors.shape != classes.count.shape:
            raise ValueError(
                f"priors must be one number a class. Got shape {tuple(priors.shape)} for "
                f"{len(classes.count)} classes."
            )
        if bool((priors < 0).any()):
            raise ValueError(f"priors must be non-negative. Got {priors.tolist()}.")
        if abs(float(priors.sum()) - 1) > 1e-5:
            warn("The priors do not sum to 1. Renormalizing", UserWarning)
            priors = priors / priors.sum()
        return priors

    def _by_svd(self, batches: Batches, classes: Classes, priors: Tensor) -> _Solved:
        """Directions that vary within classes, scaled to variance 1, and among them those along
        which the means of the classes differ.
        """
        n, k = len(batches), len(classes.count)
        scale, S, V = self._within(batches, classes)
        keep = self.tol < S
        scaled = V[:, keep] / scale[:, None] / S[keep]
        center = priors @ classes.mean
        away = classes.mean - center
        between = (n * priors / max(k - 1, 1)).sqrt()[:, None] * away @ scaled
        _, s, Vh = torch.linalg.svd(between, full_matrices=False)
        ratios = (s.square() / s.square().sum())[: self._n_features_out]
        directions = scaled @ Vh[self.tol * s[:1].sum() < s].T
        coordinates = away @ directions
        coef = coordinates @ directions.T
        offset = priors.log() - 0.5 * coordinates.square().sum(1) - coef @ center
        covariance = None
        if self.store_covariance:
            covariance = pooled_scatter(batches, classes.mean, priors / classes.count)
        return _Solved(coef, offset, center, directions, ratios, covariance)

    def _within(self, batches: Batches, classes: Classes) -> tuple[Tensor, Tensor, Tensor]:
        """Standard deviations within classes, and singular values and right vectors of the
        standardized rows, divided by √n: of their products, or of a triangle where a square would
        lose too many digits, or rows are few.
        """
        n, d = len(batches), batches.n_features
        if n > d and self.tol >= _SAFE_TOL:
            ones = torch.ones_like(classes.count)
            C = pooled_scatter(batches, classes.mean, ones) / n
            scale = _nonzero(C.diagonal().sqrt())
            values, V = torch.linalg.eigh(C / torch.outer(scale, scale))
            return scale, values.clamp(min=0).sqrt().flip(0), V.flip(1)
        R = triangle(batches, partial(_about_means, classes.mean), width=batches.n_features)
        R = R / n**0.5
        scale = _nonzero(R.square().sum(0).sqrt())
        _, S, Vh = torch.linalg.svd(R / scale, full_matrices=False)
        return scale, S, Vh.T

    def _covariance(self, batches: Batches, classes: Classes, priors: Tensor) -> Tensor:
        """Within classes, weighed by their priors."""
        if self.covariance_estimator is not None or self.shrinkage == "auto":
            own = covariances_of_classes(self, batches, classes)
            return (priors[:, None, None] * own).sum(0)
        C = pooled_scatter(batches, classes.mean, priors / classes.count)
        return C if self.shrinkage is None else shrunk(C, self.shrinkage)

    def _by_products(self, batches: Batches, classes: Classes, priors: Tensor) -> _Solved:
        C = self._covariance(batches, classes, priors)
        coef = (torch.linalg.pinv(C, hermitian=True) @ classes.mean.T).T
        return _Solved(coef, _offset(classes, coef, priors), None, None, None, C)

    def _by_eigenvectors(self, batches: Batches, classes: Classes, priors: Tensor) -> _Solved:
        within = self._covariance(batches, classes, priors)
        total = covariance_of(self, batches)
        L, info = torch.linalg.cholesky_ex(within)
        if int(info):
            raise np.linalg.LinAlgError(
                "The covariance within classes is singular, to which solver='eigen' has no "
                "answer. Give a shrinkage, or use solver='svd'."
            )
        half = torch.linalg.solve_triangular(L, total - within, upper=False)
        values, U = torch.linalg.eigh(torch.linalg.solve_triangular(L, half.T, upper=False))
        directions = torch.linalg.solve_triangular(L.T, U.flip(1), upper=True)
        ratios = (values.flip(0) / values.sum())[: self._n_features_out]
        coef = classes.mean @ directions @ directions.T
        return _Solved(coef, _offset(classes, coef, priors), None, directions, ratios, within)

    def transform(self, X: Any) -> Any:
        """Coordinates of rows along the directions that tell classes apart, shape (n_samples,
        n_components).
        """
        if self.solver == "lsqr":
            raise CombinationError(
                "transform not implemented for 'lsqr' solver (use 'svd' or 'eigen')."
            )
        return self._run(lambda rows: self._program.project(rows, self._n_features_out), X)

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithm of `predict_proba`, precise for small probabilities, too."""
        return self._run(lambda rows: both_scores(self._program(rows)).log_softmax(1), X)


def _nonzero(scale: Tensor) -> Tensor:
    return torch.where(scale == 0, 1.0, scale)


def _offset(classes: Classes, coef: Tensor, priors: Tensor) -> Tensor:
    """Intercepts log P(class) − mean · coef / 2."""
    return priors.log() - 0.5 * (classes.mean * coef).sum(1)
