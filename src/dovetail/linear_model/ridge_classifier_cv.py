"""Classification by ridge regression, its penalty chosen by cross-validation."""

from dataclasses import KW_ONLY
from functools import partial
from typing import Annotated, Any, Literal, Self

from dovetail.data.batches import Batches
from dovetail.linear_model._ridge_classes import RidgeClasses
from dovetail.linear_model._ridge_search import RidgeSearch
from dovetail.linear_scores import Linear
from dovetail.params import AboveZero, ArrayLike, Scoring, Splitter

__all__ = ["RidgeClassifierCV"]


class RidgeClassifierCV(RidgeSearch, RidgeClasses):
    """`RidgeClassifier` with the alpha of best cross-validated score; by default each row is
    predicted by all others, in closed form.

    Parameters
    ----------
    alphas : float > 0 or array-like of these, default=(0.1, 1.0, 10.0)
        Penalties to try; 0 is allowed with `cv`.
    fit_intercept : bool, default=True
    scoring : str, callable or None, default=None
        What the best penalty is best in; None means the least squared error of left-out rows, or
        with `cv` the accuracy.
    cv : int, splitter, iterable of splits or None, default=None
        Folds; None leaves out one row at a time.
    class_weight : dict, "balanced" or None
        Weight of each class's rows, times their sample weights.
    store_cv_results : bool, default=False
        Whether to keep `cv_results_`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    alpha_ : float
    best_score_ : float
    coef_ : array of shape (n_features,) for two classes, else (n_classes, n_features)
    intercept_ : array of shape (1,) or (n_classes,)
    cv_results_ : array of shape (n_samples, n_targets, n_alphas)
        Squared errors of left-out rows, or with `scoring` their scores.

    Cost O(n d min(n, d)) for all penalties and classes together, a fold.

    Examples
    --------
    >>> from dovetail.linear_model import RidgeClassifierCV
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"]
    >>> RidgeClassifierCV().fit(X, y).predict([[0.5], [2.5]])
    array(['no', 'yes'], dtype='<U3')
    """

    alphas: Annotated[float, AboveZero] | ArrayLike = (0.1, 1.0, 10.0)
    _: KW_ONLY
    fit_intercept: bool = True
    scoring: Scoring = None
    cv: Splitter = None
    class_weight: dict[Any, float] | Literal["balanced"] | None = None
    store_cv_results: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(alphas=[0.1, 10.0], cv=3)]

    def _choose(self, batches: Batches, *, routed: Any) -> Linear:
        found = self._search(self._targets(batches), partial(self._truth, batches), routed)
        return self._as_program(*found, batches.dtype)
