"""Deep learning: any torch module as an estimator, and nets that are ready for use."""

from dovetail.deep.language_model import LanguageModel
from dovetail.deep.net_classifier import NetClassifier
from dovetail.deep.net_regressor import NetRegressor
from dovetail.deep.net_transformer import NetTransformer

__all__ = ["LanguageModel", "NetClassifier", "NetRegressor", "NetTransformer"]
