"""Ridge regression, its penalty chosen by cross-validation."""

from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batches
from dovetail.data.tensors import as_numpy
from dovetail.linear_model._ridge_search import RidgeSearch
from dovetail.linear_model._roles import Coefficients, with_matrix
from dovetail.linear_scores import Linear
from dovetail.params import AboveZero, ArrayLike, Scoring, Splitter

__all__ = ["RidgeCV"]


class RidgeCV(Coefficients, RidgeSearch, WeightedRegressor):
    """`Ridge` with the alpha of best cross-validated score; by default each row is predicted by all
    others, in closed form.

    Parameters
    ----------
    alphas : float > 0 or array-like of these, default=(0.1, 1.0, 10.0)
        Penalties to try; 0 is allowed with `cv`.
    fit_intercept : bool, default=True
    scoring : str, callable or None, default=None
        What the best penalty is best in; None means the least squared error of left-out rows, or
        with `cv` the coefficient of determination.
    cv : int, splitter, iterable of splits or None, default=None
        Folds; None leaves out one row at a time.
    gcv_mode : {"auto", "svd", "eigen"} or None, default=None
        How X is decomposed without `cv`: itself, dense X only, or its smaller Gram matrix, which
        is faster.
    store_cv_results : bool, default=False
        Whether to keep `cv_results_`.
    alpha_per_target : bool, default=False
        Whether each target has its own penalty, without `cv`.

    Attributes
    ----------
    alpha_ : float or array of shape (n_targets,)
    best_score_ : float or array of shape (n_targets,)
    coef_ : array of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or array of shape (n_targets,)
    cv_results_ : array of shape (n_samples, n_alphas) or (n_samples, n_targets, n_alphas)
        Squared errors of left-out rows, or with `scoring` their predictions.

    Cost O(n d min(n, d)) for all penalties together, a fold. Golub, Heath & Wahba 1979,
    https://doi.org/10.1080/00401706.1979.10489751.

    Examples
    --------
    >>> from dovetail.linear_model import RidgeCV
    >>> model = RidgeCV().fit([[0.0], [1.0], [2.0], [3.0]], [0.1, 0.9, 2.1, 2.9])
    >>> model.alpha_
    0.1
    """

    accepts = Accepts(sparse=("csr", "csc"), multi_output=True, negative_weights=False)

    alphas: Annotated[float, AboveZero] | ArrayLike = (0.1, 1.0, 10.0)
    _: KW_ONLY
    fit_intercept: bool = True
    scoring: Scoring = None
    cv: Splitter = None
    gcv_mode: Literal["auto", "svd", "eigen"] | None = None
    store_cv_results: bool = False
    alpha_per_target: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(alphas=[0.1, 10.0], cv=3)]

    def _choose(self, batches: Batches, *, routed: Any) -> Linear:
        self._flat_target = batches.n_targets == 0
        truth = lambda: as_numpy(batches.targets())  # noqa: E731
        coef, offset = self._search(with_matrix(batches), truth, routed)
        dtype = batches.dtype
        return Linear(coef.to(dtype), offset.to(dtype), "identity", len(coef) == 1)
