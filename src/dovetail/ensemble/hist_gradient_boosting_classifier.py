"""Gradient boosting of histogram trees, for classes."""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.base import Decisions, Probabilities, WeightedClassifier
from dovetail.data.door import column_of
from dovetail.data.sparse import Matrix
from dovetail.data.tensors import as_numpy
from dovetail.ensemble._hist_gradient_boosting import HistGradientBoosting
from dovetail.objective.losses import BinaryLogLoss, Loss, MultinomialLogLoss

__all__ = ["HistGradientBoostingClassifier"]


class HistGradientBoostingClassifier(
    HistGradientBoosting, Probabilities, Decisions, WeightedClassifier
):
    """Gradient boosting of histogram trees, for classes.

    Minimizes Σ w_i l_i, the logistic loss, by a sum of trees F: probabilities are
    1 / (1 + exp(−F)), or for k > 2 classes softmax(F) with one tree a class and iteration.

    Each tree takes a Newton step: a leaf with sums G and H of gradients and Hessians of its rows
    has the value −G / (H + λ), and splits are those that lower the loss most by this measure.
    Features are cut into at most 255 bins at quantiles. Missing values, and categories that fit has
    not seen, go to the side that lowered the loss, or with most rows where fit saw none missing;
    categories are ordered by G / H and split in that order.

    Parameters
    ----------
    loss : "log_loss"
    learning_rate : float > 0, default=0.1
        The values of leaves are multiplied by it.
    max_iter : int >= 1, default=100
        Most iterations, each of one tree (of each class where there are more than two).
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
        1 or −1 for features along which the prediction must rise or fall, else 0.
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
    class_weight : dict of class to float, "balanced" or None
        Factors of the rows' weights; "balanced" gives all classes the same total.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
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
        Where a categorical feature has more than `max_bins` categories, or a constraint names what
        cannot have one.

    Cost of fit O(n d) for bins and at most O(n d depth) a tree, of predict O(depth) a row and tree.
    Ke et al. (2017), LightGBM, https://dl.acm.org/doi/10.5555/3294996.3295074; Chen & Guestrin
    (2016), https://arxiv.org/abs/1603.02754. Gradients are summed as integers, as in Shi et al.
    (2022), https://arxiv.org/abs/2207.09682.

    Examples
    --------
    >>> from dovetail.datasets import load_penguins
    >>> from dovetail.ensemble import HistGradientBoostingClassifier
    >>> X, y = load_penguins(return_X_y=True)
    >>> model = HistGradientBoostingClassifier(max_iter=20, categorical_features=["island", "sex"])
    >>> model.fit(X, y).score(X, y)
    1.0
    """

    keeps_shares: ClassVar[bool] = True

    loss: Literal["log_loss"] = "log_loss"
    _: KW_ONLY
    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        # `min_samples_leaf` counts rows: only with 1 are weights repetitions
        small: dict[str, Any] = {"max_iter": 10, "min_samples_leaf": 1, "max_leaf_nodes": 8}
        return [cls(**small), cls(**small, max_depth=2, max_bins=7, l2_regularization=1.0)]

    def _objective(self, y: Tensor) -> tuple[Tensor, Loss, int]:
        k = len(self.classes_)
        return (y.double(), BinaryLogLoss(), 1) if k <= 2 else (y, MultinomialLogLoss(k), k)

    def _open_further_y(self, y: Any, X: Matrix) -> Tensor:
        labels = column_of(y, self)
        codes = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        unseen = labels[self.classes_[codes] != labels]
        if len(unseen):
            raise ValueError(f"y contains previously unseen labels: {np.unique(unseen).tolist()}")
        return torch.from_numpy(codes)

    def _labels(self, y: Tensor) -> npt.NDArray[Any]:
        return self.classes_[as_numpy(y).astype(np.int64)]

    def staged_predict(self, X: Any) -> Iterator[npt.NDArray[Any]]:
        """Predicted labels after each iteration, each of shape (n_samples,)."""
        return (self._decoded(codes) for codes in self._staged(X, self._codes))

    def staged_predict_proba(self, X: Any) -> Iterator[Any]:
        """Probabilities after each iteration, each of shape (n_samples, n_classes)."""
        return self._staged(X, lambda F: self._program.link(F))

    def staged_decision_function(self, X: Any) -> Iterator[Any]:
        """Scores after each iteration, shape (n_samples,) for two classes, else (n_samples,
        n_classes).
        """
        return self._staged(X, lambda F: F)
