"""A decision tree for classes."""

from dataclasses import KW_ONLY
from typing import Any, Literal, Self

from dovetail.tree._decision_tree import DecisionTree
from dovetail.tree._roles import ClassTrees

__all__ = ["DecisionTreeClassifier"]


class DecisionTreeClassifier(ClassTrees, DecisionTree):
    """Classes from a tree of yes-or-no questions about single features.

    A node is split where Σ_parts W_part · I(part) is least, W the weight of the rows and I the gini
    impurity 1 − Σ_c p_c² or the entropy − Σ_c p_c log₂ p_c, p_c the shares of the classes. Numbers
    are compared as they are, in the precision of X; a threshold lies halfway between two values.

    Parameters
    ----------
    criterion : {"gini", "entropy", "log_loss"}, default="gini"
        "log_loss" is "entropy".
    splitter : {"best", "random"}, default="best"
        "random" draws one threshold for each feature and takes the best of these.
    max_depth : int >= 1 or None, default=None
    min_samples_split, min_samples_leaf : int, or float in (0, 1) of the rows, default=2, 1
        Fewest rows of a node that is split, and of a leaf.
    min_weight_fraction_leaf : float in [0, 0.5], default=0
        Least share of the weight in a leaf.
    max_features : int, float in (0, 1], "sqrt", "log2" or None, default=None
        Features looked at in a node, drawn at random; None for all. More are drawn if none of them
        varies in the node.
    random_state : int, RandomState or None
        Draws features and thresholds; also decides between equally good splits.
    max_leaf_nodes : int >= 2 or None, default=None
        With a limit the leaf whose split gains most is split next.
    min_impurity_decrease : float >= 0, default=0
        Least gain of a split, as a share of the weight of all rows.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weight of each class, times the sample weights; a list has one dict an output.
    ccp_alpha : float >= 0, default=0
        Price of a leaf: the tree is pruned to the smallest of least impurity + ccp_alpha · leaves.
    monotonic_cst : array-like of shape (n_features,) of 1, 0 and -1, or None, default=None
        Whether the probability of the second class must rise or fall along a feature; for two
        classes.

    Attributes
    ----------
    classes_ : array of shape (n_classes,), or a list of n_outputs of these
    n_classes_ : int, or array of shape (n_outputs,)
    n_outputs_, n_features_in_, max_features_ : int
    tree_ : Tree
        The nodes as arrays.
    feature_importances_ : array of shape (n_features,)

    Cost of fit O(n f log n) a level, f the features looked at; of predict O(depth) a row. Breiman
    et al. (1984), Classification and Regression Trees; Geurts et al. (2006),
    https://doi.org/10.1007/s10994-006-6226-1.

    Examples
    --------
    >>> from dovetail.tree import DecisionTreeClassifier
    >>> X, y = [[0, 0], [1, 0], [0, 1], [1, 1]], ["no", "no", "no", "yes"]
    >>> DecisionTreeClassifier().fit(X, y).predict([[1, 1], [0, 1]])
    array(['yes', 'no'], dtype='<U3')
    """

    _: KW_ONLY
    criterion: Literal["gini", "entropy", "log_loss"] = "gini"
    class_weight: dict[Any, float] | list[Any] | Literal["balanced"] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(criterion="entropy", max_depth=3, max_features=2, random_state=0)]
