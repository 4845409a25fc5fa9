"""A decision tree for numbers whose thresholds are drawn."""

from dataclasses import KW_ONLY
from typing import Literal

from dovetail.tree._decision_tree import MaxFeatures
from dovetail.tree.decision_tree_regressor import DecisionTreeRegressor

__all__ = ["ExtraTreeRegressor"]


class ExtraTreeRegressor(DecisionTreeRegressor):
    """An extremely randomized tree: for each of some features a threshold is drawn between their
    least and greatest value in the node, and the best of these splits is taken.

    Meant for ensembles: see ExtraTreesRegressor. The parameters, attributes and costs are those of
    DecisionTreeRegressor, with other defaults.

    Parameters
    ----------
    splitter : {"random", "best"}, default="random"
    max_features : int, float in (0, 1], "sqrt", "log2" or None, default=1.0

    Geurts, Ernst & Wehenkel (2006), https://doi.org/10.1007/s10994-006-6226-1.

    Examples
    --------
    >>> from dovetail.tree import ExtraTreeRegressor
    >>> X, y = [[0], [1], [2], [3]], [1.0, 1.0, 5.0, 7.0]
    >>> ExtraTreeRegressor(random_state=0).fit(X, y).predict(X)
    array([1., 1., 5., 7.])
    """

    _: KW_ONLY
    splitter: Literal["best", "random"] = "random"
    max_features: MaxFeatures = 1.0
