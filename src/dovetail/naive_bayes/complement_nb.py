"""Naive Bayes by the counts of all other classes."""

from dataclasses import KW_ONLY
from typing import Self

from sklearn.utils import Tags
from torch import Tensor

from dovetail.data.sparse import Matrix
from dovetail.naive_bayes._discrete import Alpha, Counting, Counts
from dovetail.objective.linear import scores
from dovetail.params import ArrayLike

__all__ = ["ComplementNB"]


class _Complement(Counts):
    """Scores without the classes' probabilities, unless there is only one class."""

    def forward(self, X: Matrix) -> Tensor:
        prior = self.log_prior if len(self.log_prior) == 1 else None
        return scores(X, self.log_prob, prior)


class ComplementNB(Counting):
    """The class of greatest Σ_j x_j w_j, where w_j = −log q_j and q_j is the share of feature j
    among the counts of all *other* classes, so that rare classes are estimated from many rows, too.

    Parameters
    ----------
    alpha : float >= 0 or array of shape (n_features,), default=1.0
        What is added to the counts, so that no probability is zero.
    force_alpha : bool, default=True
        Whether an alpha below 1e-10 is left as it is.
    fit_prior : bool, default=True
        Has an effect where there is only one class.
    class_prior : array-like of shape (n_classes,) or None
        Has an effect where there is only one class.
    norm : bool, default=False
        Whether weights are divided by their sum: log q_j / Σ_i log q_i.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_count_ : ndarray or tensor of shape (n_classes,)
        Rows of each class, or their weight.
    feature_count_ : ndarray or tensor of shape (n_classes, n_features)
        Sums of each feature over the rows of each class.
    feature_all_ : ndarray or tensor of shape (n_features,)
        Sums of each feature over all rows.
    class_log_prior_ : ndarray or tensor of shape (n_classes,)
    feature_log_prob_ : ndarray or tensor of shape (n_classes, n_features)
        The weights w.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Cost O(n d), or O(stored values), for a fit, one pass. Rennie, Shih, Teevan & Karger (2003),
    https://people.csail.mit.edu/jrennie/papers/icml03-nb.pdf.

    Examples
    --------
    >>> from dovetail.naive_bayes import ComplementNB
    >>> counts = [[2, 1, 0], [3, 0, 0], [0, 1, 2], [0, 0, 4]]
    >>> ComplementNB().fit(counts, ["a", "a", "b", "b"]).predict([[1, 1, 0], [0, 1, 1]])
    array(['a', 'b'], dtype='<U1')
    """

    _: KW_ONLY
    alpha: Alpha = 1.0
    force_alpha: bool = True
    fit_prior: bool = True
    class_prior: ArrayLike | None = None
    norm: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(norm=True)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    @property
    def feature_all_(self) -> Tensor:
        """Sums of each feature over all rows, shape (n_features,)."""
        return self.feature_count_.sum(0)

    def _program_of(self, class_count: Tensor, feature_count: Tensor, alpha: Tensor) -> Counts:
        others = feature_count.sum(0) - feature_count + alpha
        logs = others.log() - others.sum(1, keepdim=True).log()
        weights = logs / logs.sum(1, keepdim=True) if self.norm else -logs
        return _Complement(class_count, feature_count, weights, self._log_prior(class_count))
