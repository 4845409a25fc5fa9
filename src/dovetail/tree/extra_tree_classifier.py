"""A decision tree for classes whose thresholds are drawn."""

from dataclasses import KW_ONLY
from typing import Literal

from dovetail.tree._decision_tree import MaxFeatures
from dovetail.tree.decision_tree_classifier import DecisionTreeClassifier

__all__ = ["ExtraTreeClassifier"]


class ExtraTreeClassifier(DecisionTreeClassifier):
    """An extremely randomized tree: for each of some features a threshold is drawn between their
    least and greatest value in the node, and the best of these splits is taken.

    Meant for ensembles: see ExtraTreesClassifier. The parameters, attributes and costs are those of
    DecisionTreeClassifier, with other defaults.

    Parameters
    ----------
    splitter : {"random", "best"}, default="random"
    max_features : int, float in (0, 1], "sqrt", "log2" or None, default="sqrt"

    Geurts, Ernst & Wehenkel (2006), https://doi.org/10.1007/s10994-006-6226-1.

    Examples
    --------
    >>> from dovetail.tree import ExtraTreeClassifier
    >>> X, y = [[0, 0], [1, 0], [0, 1], [1, 1]], ["no", "no", "no", "yes"]
    >>> ExtraTreeClassifier(random_state=0).fit(X, y).score(X, y)
    1.0
    """

    _: KW_ONLY
    splitter: Literal["best", "random"] = "random"
    max_features: MaxFeatures = "sqrt"
