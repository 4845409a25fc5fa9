"""Deep learning: any torch module as an estimator, and nets that are ready for use."""

from dovetail.deep.find_lr import RateSweep, find_lr
from dovetail.deep.language_model import LanguageModel
from dovetail.deep.net_classifier import NetClassifier
from dovetail.deep.net_regressor import NetRegressor
from dovetail.deep.net_transformer import NetTransformer
from dovetail.deep.text_classifier import TextClassifier
from dovetail.deep.text_embedder import TextEmbedder
from dovetail.deep.text_regressor import TextRegressor
from dovetail.deep.trackers import MLflow, TensorBoard
from dovetail.deep.training_display import TrainingDisplay

__all__ = [
    "LanguageModel",
    "MLflow",
    "NetClassifier",
    "NetRegressor",
    "NetTransformer",
    "RateSweep",
    "TensorBoard",
    "TextClassifier",
    "TextEmbedder",
    "TextRegressor",
    "TrainingDisplay",
    "find_lr",
]
