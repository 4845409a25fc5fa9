"""Extremely randomized trees for classes."""

from dataclasses import KW_ONLY
from typing import Any, ClassVar, Literal, Self

from dovetail.ensemble._forest import ForestClassifier
from dovetail.tree.extra_tree_classifier import ExtraTreeClassifier

__all__ = ["ExtraTreesClassifier"]


class ExtraTreesClassifier(ForestClassifier):
    """Classes from the mean of extremely randomized trees.

    In each node a threshold is drawn for each of some features, and the best of these splits
    is taken: more varied trees than those of a random forest, grown faster.

    Parameters
    ----------
    n_estimators : int >= 1, default=100
    criterion : {"gini", "entropy", "log_loss"}, default="gini"
        What a split makes less, see DecisionTreeClassifier.
    max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_leaf_nodes,
    min_impurity_decrease, ccp_alpha, monotonic_cst
        Of each tree, see DecisionTreeClassifier.
    max_features : int, float in (0, 1], "sqrt", "log2" or None, default="sqrt"
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
    class_weight : dict, list of dict, "balanced", "balanced_subsample" or None, default=None
        Weight of each class; "balanced_subsample" balances the rows that each tree draws.
    max_samples : int, float in (0, 1] or None, default=None
        Rows drawn for each tree, None for as many as there are.

    Attributes
    ----------
    classes_ : array of shape (n_classes,), or a list of n_outputs of these
    n_classes_ : int, or array of shape (n_outputs,)
    n_outputs_, n_features_in_, max_features_ : int
    estimators_ : list of ExtraTreeClassifier
    feature_importances_ : array of shape (n_features,)
    oob_score_ : float, with `oob_score`
    oob_decision_function_ : array of shape (n_samples, n_classes), or with a last axis of outputs

    Cost of fit O(t f n) a level for t trees and f features looked at, of predict O(t depth) a
    row; memory of a copy of X and O(n) a tree that is growing. Geurts, Ernst & Wehenkel
    (2006), https://doi.org/10.1007/s10994-006-6226-1.

    Examples
    --------
    >>> from dovetail.datasets import load_penguins
    >>> from dovetail.ensemble import ExtraTreesClassifier
    >>> X, y = load_penguins(return_X_y=True)
    >>> X = X[["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]]  # some values are missing
    >>> model = ExtraTreesClassifier(random_state=0, bootstrap=True, oob_score=True).fit(X, y)
    >>> model.oob_score_ > 0.95
    True
    """

    tree_type: ClassVar[type[Any]] = ExtraTreeClassifier
    splitter: ClassVar[str] = "random"
    _: KW_ONLY
    criterion: Literal["gini", "entropy", "log_loss"] = "gini"
    bootstrap: bool = False
    class_weight: (
        dict[Any, float] | list[Any] | Literal["balanced", "balanced_subsample"] | None
    ) = None

    @classmethod
    def _examples(cls) -> list[Self]:
        return [
            cls(n_estimators=5, random_state=0),
            cls(n_estimators=3, max_depth=3, bootstrap=True, random_state=0),
        ]
