"""A decision tree for numbers."""

from dataclasses import KW_ONLY
from typing import Literal, Self

from dovetail.tree._decision_tree import DecisionTree
from dovetail.tree._roles import NumberTrees

__all__ = ["DecisionTreeRegressor"]


class DecisionTreeRegressor(NumberTrees, DecisionTree):
    """Numbers from a tree of yes-or-no questions about single features.

    A node is split where Σ_parts W_part · I(part) is least, W the weight of the rows and I the mean
    squared error of their mean, the mean absolute error of their median, or the mean of
    y log(y / mean), half the Poisson deviance. A leaf predicts that mean or median.

    Parameters
    ----------
    criterion : {"squared_error", "absolute_error", "poisson"}, default="squared_error"
        "friedman_mse" is deprecated, and the same as "squared_error".
    splitter, max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf,
    max_features, random_state, max_leaf_nodes, min_impurity_decrease, ccp_alpha
        See DecisionTreeClassifier.
    monotonic_cst : array-like of shape (n_features,) of 1, 0 and -1, or None, default=None
        Whether the prediction must rise or fall along a feature; for one output.

    Attributes
    ----------
    n_outputs_, n_features_in_, max_features_ : int
    tree_ : Tree
        The nodes as arrays.
    feature_importances_ : array of shape (n_features,)

    Raises
    ------
    ValueError
        For "poisson", where y is negative or all zero; for "absolute_error", where X misses values.

    Cost of fit O(n f log n) a level, f the features looked at, times log n again for
    "absolute_error"; of predict O(depth) a row. Breiman et al. (1984), Classification and
    Regression Trees.

    Examples
    --------
    >>> from dovetail.tree import DecisionTreeRegressor
    >>> X, y = [[0], [1], [2], [3]], [1.0, 1.0, 5.0, 7.0]
    >>> DecisionTreeRegressor(max_leaf_nodes=2).fit(X, y).predict([[0.5], [9]])
    array([1., 6.])
    """

    _: KW_ONLY
    criterion: Literal["squared_error", "absolute_error", "poisson", "friedman_mse"] = (
        "squared_error"
    )

    @classmethod
    def _examples(cls) -> list[Self]:
        # min_samples_leaf counts rows: only with 1 are weights repetitions
        return [cls(), cls(max_depth=3, max_features=2, random_state=0)]
