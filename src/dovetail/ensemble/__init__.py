"""Sums and averages of many simple models."""

from dovetail.ensemble.extra_trees_classifier import ExtraTreesClassifier
from dovetail.ensemble.extra_trees_regressor import ExtraTreesRegressor
from dovetail.ensemble.hist_gradient_boosting_classifier import HistGradientBoostingClassifier
from dovetail.ensemble.hist_gradient_boosting_regressor import HistGradientBoostingRegressor
from dovetail.ensemble.isolation_forest import IsolationForest
from dovetail.ensemble.random_forest_classifier import RandomForestClassifier
from dovetail.ensemble.random_forest_regressor import RandomForestRegressor
from dovetail.ensemble.random_trees_embedding import RandomTreesEmbedding

__all__ = [
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "IsolationForest",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "RandomTreesEmbedding",
]
