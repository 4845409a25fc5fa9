"""Naive Bayes with features that are there or not."""

from dataclasses import KW_ONLY
from functools import partial
from typing import Annotated, Self

import torch
from torch import Tensor

from dovetail.data.batches import Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.naive_bayes._discrete import Alpha, Counting, Counts
from dovetail.objective.linear import scores
from dovetail.params import ArrayLike, AtLeast

__all__ = ["BernoulliNB"]


class _Bernoulli(Counts):
    """Joint log probabilities of independent features that are 0 or 1.

    threshold : above which a number counts as 1; None takes numbers as they are
    """

    threshold: float | None

    def forward(self, X: Matrix) -> Tensor:
        """Σ_j x_j log p_j + (1 − x_j) log(1 − p_j), as a product with the log odds."""
        absent = (-self.log_prob.exp()).log1p()
        return scores(
            _there(X, self.threshold), self.log_prob - absent, self.log_prior + absent.sum(1)
        )


class BernoulliNB(Counting):
    """The class of greatest P(class) Π_j p_j^x_j (1 − p_j)^(1 − x_j), where p_j is the share of the
    class's rows that have feature j: (N_j + α) / (N + 2α).

    Parameters
    ----------
    alpha : float >= 0 or array of shape (n_features,), default=1.0
        What is added to the counts, so that no probability is zero.
    force_alpha : bool, default=True
        Whether an alpha below 1e-10 is left as it is.
    binarize : float >= 0 or None, default=0.0
        Numbers above it count as 1, others as 0; None takes X as it is.
    fit_prior : bool, default=True
        Whether probabilities of classes are their shares of the rows; else all are equal.
    class_prior : array-like of shape (n_classes,) or None
        Probabilities of the classes, instead.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_count_ : ndarray or tensor of shape (n_classes,)
        Rows of each class, or their weight.
    feature_count_ : ndarray or tensor of shape (n_classes, n_features)
        Rows of each class that have the feature.
    class_log_prior_ : ndarray or tensor of shape (n_classes,)
    feature_log_prob_ : ndarray or tensor of shape (n_classes, n_features)
        log p.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Cost O(n d), or O(stored values), for a fit, one pass. McCallum & Nigam (1998), A comparison of
    event models for naive Bayes text classification,
    https://www.cs.cmu.edu/~knigam/papers/multinomial-aaaiws98.pdf.

    Examples
    --------
    >>> from dovetail.naive_bayes import BernoulliNB
    >>> X = [[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]
    >>> BernoulliNB().fit(X, ["a", "a", "b", "b"]).predict([[1, 0, 0], [0, 1, 1]])
    array(['a', 'b'], dtype='<U1')
    """

    _: KW_ONLY
    alpha: Alpha = 1.0
    force_alpha: bool = True
    binarize: Annotated[float, AtLeast(0)] | None = 0.0
    fit_prior: bool = True
    class_prior: ArrayLike | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(binarize=0.5, fit_prior=False)]

    def _counted(self, batches: Batches) -> Batches:
        return batches.mapped(lambda b: b.mapped(partial(_there, threshold=self.binarize)))

    def _program_of(self, class_count: Tensor, feature_count: Tensor, alpha: Tensor) -> Counts:
        rows = class_count[:, None] + 2 * alpha
        log_prob = (feature_count + alpha).log() - rows.log()
        prior = self._log_prior(class_count)
        return _Bernoulli(class_count, feature_count, log_prob, prior, self.binarize)


def _there(X: Matrix, threshold: float | None) -> Matrix:
    """1 for numbers above the threshold, 0 for others, in the dtype of X."""
    if threshold is None:
        return X
    if isinstance(X, SparseMatrix):
        return X.with_values((X.values > threshold).to(X.dtype))
    return torch.gt(X, threshold).to(X.dtype)
