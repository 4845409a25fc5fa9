"""Naive Bayes with normally distributed features."""

import math
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import numpy as np
import torch
from torch import Tensor

from dovetail.base import Accepts, Learned
from dovetail.data.batches import Batches
from dovetail.data.class_statistics import ClassMoments, class_moments, merge_class_moments
from dovetail.data.tensors import as_tensor
from dovetail.errors import warn
from dovetail.kernels.scaled_distances import scaled_distances
from dovetail.naive_bayes._naive_bayes import JointLogProbability, NaiveBayes, check_prior_count
from dovetail.params import ArrayLike, AtLeast

__all__ = ["GaussianNB"]


class _Gaussian(JointLogProbability):
    """Joint log probabilities of independent normal features.

    weight : Tensor of shape (k,), rows seen of each class
    prior : Tensor of shape (k,), probabilities of the classes
    mean, variance : Tensor of shape (k, d)
    epsilon : Tensor of shape (), the part of the variances that smooths them
    """

    weight: Tensor
    prior: Tensor
    mean: Tensor
    variance: Tensor
    epsilon: Tensor

    def forward(self, X: Tensor) -> Tensor:
        constant = self.prior.log() - 0.5 * (2 * math.pi * self.variance).log().sum(1)
        far = scaled_distances(X, self.mean, self.variance.reciprocal())
        return constant.to(X.dtype) - 0.5 * far

    def moments(self) -> ClassMoments:
        """What was learned, so that learning can go on."""
        squares = (self.variance - self.epsilon) * self.weight[:, None]
        return ClassMoments(self.weight, self.mean, squares)


class GaussianNB(NaiveBayes):
    """The class of greatest P(class) Π_j N(x_j; mean, variance) of the class and feature j.

    Parameters
    ----------
    priors : array-like of shape (n_classes,) or None
        Probabilities of the classes; None takes their shares of the rows.
    var_smoothing : float >= 0, default=1e-9
        Share of the largest variance of a feature, over all rows, that is added to all variances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_count_ : ndarray or tensor of shape (n_classes,)
        Rows of each class, or their weight.
    class_prior_ : ndarray or tensor of shape (n_classes,)
    theta_, var_ : ndarray or tensor of shape (n_classes, n_features), float64
        Mean and variance of each feature in each class.
    epsilon_ : float
        What is added to variances.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Cost O(n d) for a fit, one pass over X in blocks, whose moments are merged by the pairwise
    formula of Chan, Golub & LeVeque (1983, https://doi.org/10.1080/00031305.1983.10483115): in
    portions, the result is that of one fit on all rows. O(n d k) to predict.

    Examples
    --------
    >>> from dovetail.naive_bayes import GaussianNB
    >>> model = GaussianNB().fit([[-1.0], [-2.0], [1.0], [3.0]], ["low", "low", "high", "high"])
    >>> model.predict([[-1.5], [2.5]])
    array(['low', 'high'], dtype='<U4')
    """

    accepts = Accepts()

    _: KW_ONLY
    priors: ArrayLike | None = None
    var_smoothing: Annotated[float, AtLeast(0)] = 1e-9

    class_count_ = Learned("weight")
    class_prior_ = Learned("prior")
    theta_ = Learned("mean")
    var_ = Learned("variance")
    epsilon_ = Learned("epsilon", scalar=True)

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(var_smoothing=1e-3)]

    def _update(self, before: Any, batches: Batches) -> _Gaussian:
        k = len(self.classes_)
        given = self._given_prior(k)
        moments = class_moments(batches, k)
        if before is not None:
            moments = merge_class_moments(before.moments(), moments)
        weight = moments.weight
        epsilon = self.var_smoothing * moments.variance_of_all().max()
        variance = torch.where(weight > 0, 1 / weight, 0.0)[:, None] * moments.squares + epsilon
        self._warn_of_constants(variance, weight)
        prior = weight / weight.sum() if given is None else given.to(weight.device)
        return _Gaussian(weight, prior, moments.mean, variance, epsilon)

    def _warn_of_constants(self, variance: Tensor, weight: Tensor) -> None:
        """A variance of zero makes probabilities NaN."""
        zero = ((variance == 0) & (weight > 0)[:, None]).nonzero().tolist()
        if zero:
            c, j = zero[0]
            warn(
                f"GaussianNB: feature {j} is constant in class {self.classes_[c]} and its variance "
                f"is not smoothed (var_smoothing={self.var_smoothing} of the largest variance), so "
                "that probabilities are NaN. Raise var_smoothing, or leave constant features out.",
                RuntimeWarning,
            )

    def _given_prior(self, k: int) -> Tensor | None:
        if self.priors is None:
            return None
        prior = np.array(self.priors, dtype=np.float64)
        check_prior_count(prior, k)
        if (prior < 0).any():
            raise ValueError(f"Priors must be non-negative. Got {prior}.")
        if not np.isclose(prior.sum(), 1.0):
            raise ValueError(f"The sum of the priors should be 1. Got {prior.sum()}.")
        return as_tensor(prior)
