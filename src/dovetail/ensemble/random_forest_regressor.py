"""A random forest for numbers."""

from dataclasses import KW_ONLY
from typing import Any, ClassVar, Literal, Self

from dovetail.ensemble._forest import ForestRegressor
from dovetail.tree._decision_tree import MaxFeatures
from dovetail.tree.decision_tree_regressor import DecisionTreeRegressor

__all__ = ["RandomForestRegressor"]


class RandomForestRegressor(ForestRegressor):
    """Numbers from the mean of trees on random draws of rows and features.

    Each tree is grown on rows drawn with replacement; each of its nodes looks at some features
    drawn at random. The mean varies less than its trees, the less the more these differ.

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
    bootstrap : bool, default=True
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
    estimators_ : list of DecisionTreeRegressor
    feature_importances_ : array of shape (n_features,)
    oob_score_ : float, with `oob_score`
    oob_prediction_ : array of shape (n_samples,) or (n_samples, n_outputs)

    Cost of fit O(t f n log n) a level for t trees and f features looked at, of predict O(t depth) a
    row; memory up to 13 n bytes a feature and O(n) a tree that is growing. Breiman
    (2001), https://doi.org/10.1023/A:1010933404324.

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.ensemble import RandomForestRegressor
    >>> x = np.linspace(0, 6, 200)
    >>> model = RandomForestRegressor(random_state=0).fit(x[:, None], np.sin(x))
    >>> bool(abs(model.predict([[1.5]])[0] - np.sin(1.5)) < 0.02)
    True
    """

    tree_type: ClassVar[type[Any]] = DecisionTreeRegressor

    _: KW_ONLY
    criterion: Literal["squared_error", "absolute_error", "poisson", "friedman_mse"] = (
        "squared_error"
    )
    max_features: MaxFeatures = 1.0

    @classmethod
    def _examples(cls) -> list[Self]:
        return [
            cls(n_estimators=5, random_state=0),
            cls(n_estimators=3, max_depth=3, bootstrap=False, random_state=0),
        ]
