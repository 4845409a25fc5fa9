"""Gradient boosting of histogram trees, for numbers."""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, replace
from typing import Annotated, Any, Literal, Self

import numpy.typing as npt
from torch import Tensor

from dovetail.base import WeightedRegressor
from dovetail.data.door import flat_if_single, open_targets
from dovetail.data.sparse import Matrix
from dovetail.data.tensors import as_numpy
from dovetail.ensemble._hist_gradient_boosting import HistGradientBoosting
from dovetail.ensemble._program import TreePrediction
from dovetail.objective.autograd_loss import AutogradLoss
from dovetail.objective.losses import (
    AbsoluteError,
    GammaDeviance,
    HuberLoss,
    Loss,
    PinballLoss,
    PoissonDeviance,
    SquaredError,
    TweedieDeviance,
    weighted_quantile,
)
from dovetail.objective.outputs import OutputsLoss
from dovetail.params import Between

__all__ = ["HistGradientBoostingRegressor"]

_LOSSES: dict[str, Callable[[], Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "gamma": GammaDeviance,
    "poisson": PoissonDeviance,
}
_NEEDS = {
    "gamma": "strictly positive y",
    "poisson": "non-negative y and sum(y) > 0",
    "tweedie": "non-negative y and sum(y) > 0",
}


class HistGradientBoostingRegressor(HistGradientBoosting, WeightedRegressor):
    """Gradient boosting of histogram trees, for numbers.

    Minimizes Σ w_i l_i by a sum of trees F: the prediction is F, or exp(F) for "gamma", "poisson"
    and "tweedie".

    Each tree takes a Newton step: a leaf with sums G and H of gradients and Hessians of its rows
    has the value −G / (H + λ), and splits are those that lower the loss most by this measure.
    Features are cut into at most 255 bins at quantiles. Missing values, and categories that fit has
    not seen, go to the side that lowered the loss, or with most rows where fit saw none missing;
    categories are ordered by G / H and split in that order. "absolute_error", "quantile" and
    "huber" have no second derivative to rely on: there a leaf's value is the median, the quantile
    or the robust mean of what its rows still miss.

    Where y has several outputs, an iteration is one tree for all of them: its splits are those that
    lower the sum of their losses most, and a leaf has a value for each. That predicts faster than a
    tree for each, and often better where outputs are related. An output of a much larger scale than
    the others decides on the splits: outputs of different units should be scaled.

    Parameters
    ----------
    loss : str or callable, default="squared_error"
        Or "absolute_error", "quantile", "huber" (squared for small errors, absolute for large
        ones), "poisson" (y >= 0), "gamma" (y > 0), "tweedie" (y >= 0). A callable loss(y, F) gives
        the loss of each row, a tensor of shape (n,), from targets and scores, float64 tensors of
        that shape (where there are several outputs, of one at a time); torch differentiates it
        twice, negative second derivatives count as 0, and the prediction is F. It is code: to save
        the model, name it in `trusted`.
    quantile : float in [0, 1] or None
        The one to predict with loss="quantile".
    huber_quantile : float in (0, 1), default=0.9
        With loss="huber", errors up to this quantile of all training errors, taken anew in each
        iteration, count as small: in a table with a share of p outliers, 1 − p or less. Early
        stopping looks at the loss with the quantile of the first iteration.
    tweedie_power : float in (1, 2), default=1.5
        With loss="tweedie", the variance of y grows like this power of its mean: 1 is that of
        counts, 2 that of gamma; between, y is 0 with a probability above 0.
    learning_rate : float > 0, default=0.1
        The values of leaves are multiplied by it.
    max_iter : int >= 1, default=100
        Most iterations, each of one tree.
    max_leaf_nodes : int >= 2 or None, default=31
        Leaves of a tree; the leaf whose split gains most is split next.
    max_depth : int >= 1 or None
    min_samples_leaf : int >= 1, default=20
        Fewest rows of a leaf, whatever their weights.
    l2_regularization : float >= 0, default=0
        λ, added to the Hessian of each leaf; 0 to 100 are sensible.
    max_features : float in (0, 1], default=1.0
        Share of the features, drawn anew for each leaf, that its split is looked for among.
    max_bins : int from 2 to 255, default=255
        Most bins of a feature, missing values apart. A categorical feature has as many as
        categories, and may have up to 65,535 where this is left at 255.
    categorical_features : array-like of bool, int or str, "from_dtype" or None
        A mask, positions or names. "from_dtype", the default, takes the columns of a frame that are
        categorical: pandas' category, polars' Categorical and Enum, arrow's dictionary. Categories
        are told apart by value, whatever codes a frame gives them.
    monotonic_cst : array-like of int, dict of str to int, or None
        1 or −1 for features along which the prediction must rise or fall, else 0. Of one output.
    interaction_cst : sequence of sets of int, "pairwise", "no_interactions" or None
        Sets of features that may be used together on one path of a tree; features in no set form
        one of their own.
    warm_start : bool, default=False
        Whether to add trees, up to `max_iter`, to those of the last fit on the same data.
    early_stopping : "auto" or bool, default="auto"
        Whether to stop when the score no longer improves; "auto" from 10,001 rows on, or where
        `X_val` is given.
    scoring : str, callable, None or "loss", default="loss"
        What early stopping looks at; None is `score`.
    validation_fraction : int >= 1, float in (0, 1) or None, default=0.1
        Number or share of the rows held out for early stopping; None looks at the training rows.
    n_iter_no_change : int >= 1, default=10
    tol : float >= 0, default=1e-7
        Training stops when none of the last `n_iter_no_change` scores exceeds the one before them
        by more than `tol`.
    verbose : int or bool, default=0
        1 prints a line at the end, 2 one an iteration.
    random_state : int, RandomState or None
        Draws the rows held out, those that bins are made of (where there are more than 200,000),
        those that trees are grown on, and features.
    subsample : float in (0, 1], default=1.0
        Share of the rows that each iteration's trees are grown on; the leaves they come to hold the
        other rows, too. Less makes a fit faster, and trees differ more.
    sampling : "uniform" or "gradient", default="uniform"
        How those rows are drawn, without replacement: each with the same chance; or two thirds as
        those of the largest gradients and one third among the others, which then weigh as much as
        all of these.
    quantized : "auto" or bool, default="auto"
        Whether splits are found from gradients rounded to 11 bits and Hessians rounded to 10; the
        values of leaves are exact in any case. "auto" does so for more than 4096 rows, where it
        saves half of the time, and differences of scores lie within those between seeds.

    Attributes
    ----------
    do_early_stopping_ : bool
    n_iter_ : int
    n_trees_per_iteration_ : int
    train_score_, validation_score_ : arrays of shape (n_iter_ + 1,), or (0,)
        Scores before the first and after each iteration, where early stopping looks at them. Of a
        loss, its negative.
    is_categorical_ : bool array of shape (n_features,), or None where no feature is
    feature_importances_ : array of shape (n_features,)
        Each feature's share of what all splits gained; see also `feature_importances`.

    Raises
    ------
    ValueError
        Where a categorical feature has too many categories (see `max_bins`), y does not suit the
        loss, or a constraint names what cannot have one.

    Cost of fit O(n d) for bins and at most O(n d depth) a tree, of predict O(depth) a row and tree.
    Ke et al. (2017), LightGBM, https://dl.acm.org/doi/10.5555/3294996.3295074; Chen & Guestrin
    (2016), https://arxiv.org/abs/1603.02754. Gradients are summed as integers, as in Shi et al.
    (2022), https://arxiv.org/abs/2207.09682.

    Examples
    --------
    >>> from dovetail.ensemble import HistGradientBoostingRegressor
    >>> X, y = [[i / 100] for i in range(400)], [abs(i / 100 - 2) for i in range(400)]
    >>> model = HistGradientBoostingRegressor().fit(X, y)
    >>> model.predict([[0.5], [2.0]]).round(1)
    array([1.5, 0. ])
    """

    accepts = replace(HistGradientBoosting.accepts, multi_output=True)
    program_type = TreePrediction

    loss: (
        Literal[
            "squared_error",
            "absolute_error",
            "gamma",
            "poisson",
            "quantile",
            "huber",
            "tweedie",
        ]
        | Callable[..., Any]
    ) = "squared_error"
    _: KW_ONLY
    quantile: Annotated[float, Between(0, 1)] | None = None
    huber_quantile: Annotated[float, Between(0, 1, "neither")] = 0.9
    tweedie_power: Annotated[float, Between(1, 2, "neither")] = 1.5

    @classmethod
    def _examples(cls) -> list[Self]:
        # `min_samples_leaf` counts rows: only with 1 are weights repetitions
        small: dict[str, Any] = {"max_iter": 10, "min_samples_leaf": 1, "max_leaf_nodes": 8}
        return [cls(**small), cls("poisson", **small, categorical_features=None, max_bins=7)]

    def _objective(self, y: Tensor) -> tuple[Tensor, Loss, int]:
        y = y.double()
        if y.ndim == 1:
            loss, k = self._loss(y), 1
        else:
            loss, k = OutputsLoss(tuple(self._loss(target) for target in y.unbind(1))), y.shape[1]
        if loss.check_targets(y):
            raise ValueError(f"loss={self.loss!r} requires {_NEEDS[str(self.loss)]}.")
        return y, loss, k

    def _loss(self, y: Tensor) -> Loss:
        if callable(self.loss):
            return AutogradLoss(self.loss)
        if self.loss == "quantile":
            if self.quantile is None:
                raise ValueError("loss='quantile' needs the parameter quantile, from 0 to 1.")
            return PinballLoss(self.quantile)
        if self.loss == "huber":
            return HuberLoss(self.huber_quantile).adapted(y, weighted_quantile(y, None, 0.5), None)
        if self.loss == "tweedie":
            return TweedieDeviance(self.tweedie_power)
        return _LOSSES[self.loss]()

    def _open_y(self, y: Any, X: Any) -> Tensor:
        return flat_if_single(open_targets(y, X, self, multi_output=True))

    def _open_further_y(self, y: Any, X: Matrix) -> Tensor:
        return self._open_y(y, X)

    def _labels(self, y: Tensor) -> npt.NDArray[Any]:
        return as_numpy(y)

    def _predict(self, X: Tensor) -> Tensor:
        prediction: Tensor = self._program.link(self._scores(X))
        return prediction

    def staged_predict(self, X: Any) -> Iterator[Any]:
        """Predictions after each iteration, each of shape (n_samples,) or (n_samples,
        n_outputs).
        """
        return self._staged(X, lambda F: self._program.link(F))
