"""Deep learning: any torch module as an estimator, and nets that are ready for use."""

from dovetail.deep.language_model import LanguageModel
from dovetail.deep.net_classifier import NetClassifier
from dovetail.deep.net_regressor import NetRegressor
from dovetail.deep.net_transformer import NetTransformer
from dovetail.deep.text_classifier import TextClassifier
from dovetail.deep.text_embedder import TextEmbedder
from dovetail.deep.text_regressor import TextRegressor

__all__ = [
    "LanguageModel",
    "NetClassifier",
    "NetRegressor",
    "NetTransformer",
    "TextClassifier",
    "TextEmbedder",
    "TextRegressor",
]
