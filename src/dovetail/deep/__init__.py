"""Deep learning: any torch module as an estimator, and estimators that bring their own."""

from dovetail.deep.net_classifier import NetClassifier
from dovetail.deep.net_regressor import NetRegressor
from dovetail.deep.net_transformer import NetTransformer
from dovetail.deep.tabular_classifier import TabularClassifier
from dovetail.deep.tabular_regressor import TabularRegressor

__all__ = [
    "NetClassifier",
    "NetRegressor",
    "NetTransformer",
    "TabularClassifier",
    "TabularRegressor",
]
