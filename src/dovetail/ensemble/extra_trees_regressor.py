"""Extremely randomized trees for numbers."""

from dataclasses import KW_ONLY
from typing import Any, ClassVar, Literal, Self

from dovetail.ensemble._forest import ForestRegressor
from dovetail.tree._decision_tree import MaxFeatures
from dovetail.tree.extra_tree_regressor import ExtraTreeRegressor

__all__ = ["ExtraTreesRegressor"]


class ExtraTreesRegressor(ForestRegressor):
    """Numbers from the mean of extremely randomized trees.

    In each node a threshold is drawn for each of some features, and the best of these splits
    is taken: more varied trees than those of a random forest, grown faster.

    Parameters
    ----------
    n_estimators : int >= 1, default=100
    criterion : {"squared_error", "absolute_error", "poisson"}, default="squared_error"
        What a split makes less, see DecisionTreeRegressor.
    max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_leaf_nodes,
    min_impurity_decrease, ccp_alpha, monotonic_cst
        Of each tree, see DecisionTreeRegressor.
    max_features : int, float in (0, 1], "sqrt", "log2" or None, default=1.0
        Features looked at in a node, drawn at random; None for all.
    bootstrap : bool, default=False
        Whether each tree is grown on rows drawn with replacement, or on all of them.
    oob_score : bool or callable (y_true, y_pred) -> float, default=False
        Whether to score rows by the trees that have not seen them.
    n_jobs : int or None, default=None
        Trees grown at the same time; None for one a thread, -1 for one a core.
    random_state : int, RandomState or None
        Draws rows, features and thresholds. The trees do not depend on `n_jobs`.
    verbose : int or bool, default=0
        2 prints a line a tree.
    warm_start : bool, default=False
        Whether to keep the trees of the last fit, and add those that `n_estimators` asks for.
    max_samples : int, float in (0, 1] or None, default=None
        Rows drawn for each tree, None for as many as there are.

    Attributes
    ----------
    n_outputs_, n_features_in_, max_features_ : int
    estimators_ : list of ExtraTreeRegressor
    feature_importances_ : array of shape (n_features,)
    oob_score_ : float, with `oob_score`
    oob_prediction_ : array of shape (n_samples,) or (n_samples, n_outputs)

    Cost of fit O(t f n) a level for t trees and f features looked at, of predict O(t depth) a
    row; memory of a copy of X and O(n) a tree that is growing. Geurts, Ernst & Wehenkel
    (2006), https://doi.org/10.1007/s10994-006-6226-1.

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.ensemble import ExtraTreesRegressor
    >>> x = np.linspace(0, 6, 200)
    >>> model = ExtraTreesRegressor(random_state=0).fit(x[:, None], np.sin(x))
    >>> bool(abs(model.predict([[1.5]])[0] - np.sin(1.5)) < 0.02)
    True
    """

    tree_type: ClassVar[type[Any]] = ExtraTreeRegressor
    splitter: ClassVar[str] = "random"
    _: KW_ONLY
    criterion: Literal["squared_error", "absolute_error", "poisson", "friedman_mse"] = (
        "squared_error"
    )
    max_features: MaxFeatures = 1.0
    bootstrap: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        return [
            cls(n_estimators=5, random_state=0),
            cls(n_estimators=3, max_depth=3, bootstrap=True, random_state=0),
        ]
