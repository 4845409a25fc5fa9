"""Naive Bayes with counts of a multinomial distribution."""

from dataclasses import KW_ONLY

from sklearn.utils import Tags
from torch import Tensor

from dovetail.naive_bayes._discrete import Alpha, Counting, Counts
from dovetail.params import ArrayLike

__all__ = ["MultinomialNB"]


class MultinomialNB(Counting):
    """The class of greatest P(class) Π_j p_j^x_j, where p_j is the share of feature j among all
    counts of the class: (N_j + α_j) / Σ_i (N_i + α_i).

    Parameters
    ----------
    alpha : float >= 0 or array of shape (n_features,), default=1.0
        What is added to the counts N, so that no probability is zero.
    force_alpha : bool, default=True
        Whether an alpha below 1e-10 is left as it is.
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
        Sums of each feature over the rows of each class.
    class_log_prior_ : ndarray or tensor of shape (n_classes,)
    feature_log_prob_ : ndarray or tensor of shape (n_classes, n_features)
        log p.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Cost O(n d), or O(stored values), for a fit, one pass. Manning, Raghavan & Schütze (2008),
    Introduction to Information Retrieval, chapter 13, https://nlp.stanford.edu/IR-book/.

    Examples
    --------
    >>> from dovetail.naive_bayes import MultinomialNB
    >>> counts = [[2, 1, 0], [3, 0, 0], [0, 1, 2], [0, 0, 4]]
    >>> MultinomialNB().fit(counts, ["a", "a", "b", "b"]).predict([[1, 1, 0], [0, 1, 1]])
    array(['a', 'b'], dtype='<U1')
    """

    _: KW_ONLY
    alpha: Alpha = 1.0
    force_alpha: bool = True
    fit_prior: bool = True
    class_prior: ArrayLike | None = None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    def _program_of(self, class_count: Tensor, feature_count: Tensor, alpha: Tensor) -> Counts:
        smoothed = feature_count + alpha
        log_prob = smoothed.log() - smoothed.sum(1, keepdim=True).log()
        return Counts(class_count, feature_count, log_prob, self._log_prior(class_count))
