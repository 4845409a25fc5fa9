"""What naive Bayes classifiers of counts share: smoothing, priors, and sums of counts by class."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, Learned
from dovetail.data.batches import Batch, Batches
from dovetail.data.class_statistics import class_totals, class_weights
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_tensor
from dovetail.errors import warn
from dovetail.naive_bayes._naive_bayes import JointLogProbability, NaiveBayes, check_prior_count
from dovetail.objective.linear import scores
from dovetail.params import ArrayLike, AtLeast

__all__ = ["Alpha", "Counting", "Counts", "Discrete"]

_LEAST_ALPHA = 1e-10  # scikit-learn's, without force_alpha

Alpha = Annotated[float, AtLeast(0)] | ArrayLike


class Counts(JointLogProbability):
    """Joint log probabilities that are linear in the counts of a row: log_prob · x + log_prior.

    class_count : Tensor of shape (k,)
    feature_count, log_prob : Tensor of shape (k, d)
    log_prior : Tensor of shape (k,)
    """

    class_count: Tensor
    feature_count: Tensor
    log_prob: Tensor
    log_prior: Tensor

    def forward(self, X: Matrix) -> Tensor:
        return scores(X, self.log_prob, self.log_prior)


class Discrete(NaiveBayes):
    """Smoothing and priors."""

    alpha: Any
    force_alpha: bool
    fit_prior: bool
    class_prior: Any

    class_count_ = Learned("class_count")
    class_log_prior_ = Learned("log_prior")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _log_prior(self, class_count: Tensor) -> Tensor:
        """Logarithms of the classes' probabilities, (k,): given, by their counts, or all equal."""
        k = len(class_count)
        if self.class_prior is not None:
            check_prior_count(self.class_prior, k)
            given = as_tensor(np.asarray(self.class_prior, dtype=np.float64))
            return given.to(class_count.device).log()
        if self.fit_prior:
            return class_count.log() - class_count.sum().log()
        return torch.full_like(class_count, -np.log(k))

    def _smoothing(self, device: torch.device) -> Tensor:
        """alpha, a number or one a feature; raised to a least value without `force_alpha`."""
        alpha = np.asarray(self.alpha, dtype=np.float64)
        if alpha.ndim:
            if alpha.shape != (self.n_features_in_,):
                raise ValueError(
                    "When alpha is an array, it should contains `n_features`. Got "
                    f"{alpha.shape[0]} elements instead of {self.n_features_in_}."
                )
            if alpha.min() < 0:
                raise ValueError(
                    f"All values in alpha must be greater than 0. Got {alpha.min()} at feature "
                    f"{alpha.argmin()}."
                )
        if alpha.min() < _LEAST_ALPHA and not self.force_alpha:
            warn(
                "alpha too small will result in numeric errors, setting alpha = "
                f"{_LEAST_ALPHA:.1e}. Use `force_alpha=True` to keep alpha unchanged."
            )
            alpha = np.maximum(alpha, _LEAST_ALPHA)
        return as_tensor(alpha).to(device)

    def _refuse_negative(self, batches: Batches) -> None:
        if batches.fold(_below_zero, bool.__or__):
            raise ValueError(
                f"Negative values in data passed to {type(self).__name__} (input X). Counts and "
                "categories start at 0."
            )


class Counting(Discrete):
    """Features that are counts, summed by class. Subclasses make a Program of the sums."""

    accepts = Accepts(sparse=("csr",))

    feature_count_ = Learned("feature_count")
    feature_log_prob_ = Learned("log_prob")

    def _update(self, before: Any, batches: Batches) -> Counts:
        k = len(self.classes_)
        counted = self._counted(batches)
        class_count, feature_count = class_weights(batches, k), class_totals(counted, k)
        if before is not None:
            class_count = class_count + before.class_count
            feature_count = feature_count + before.feature_count
        alpha = self._smoothing(batches.device)
        return self._program_of(class_count, feature_count, alpha)

    def _counted(self, batches: Batches) -> Batches:
        """The rows as counts."""
        self._refuse_negative(batches)
        return batches

    def _program_of(self, class_count: Tensor, feature_count: Tensor, alpha: Tensor) -> Counts:
        raise TypeError(f"{type(self).__name__} does not say what its counts mean.")


def _below_zero(b: Batch) -> bool:
    values = b.X.values if isinstance(b.X, SparseMatrix) else b.X
    return bool(values.numel()) and bool(values.min() < 0)
