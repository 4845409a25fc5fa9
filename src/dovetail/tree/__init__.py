"""Decision trees, and what they say."""

from dovetail.tree.decision_tree_classifier import DecisionTreeClassifier
from dovetail.tree.decision_tree_regressor import DecisionTreeRegressor
from dovetail.tree.export_graphviz import export_graphviz
from dovetail.tree.export_text import export_text
from dovetail.tree.extra_tree_classifier import ExtraTreeClassifier
from dovetail.tree.extra_tree_regressor import ExtraTreeRegressor
from dovetail.tree.plot_tree import plot_tree

__all__ = [
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
    "export_graphviz",
    "export_text",
    "plot_tree",
]
