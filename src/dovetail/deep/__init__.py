"""Deep learning: any torch module as an estimator, and nets that are ready for use."""

from dovetail.deep.autoencoder import Autoencoder
from dovetail.deep.embedder import Embedder
from dovetail.deep.find_lr import RateSweep, find_lr
from dovetail.deep.gan import GAN
from dovetail.deep.image_classifier import ImageClassifier
from dovetail.deep.language_model import LanguageModel
from dovetail.deep.net_classifier import NetClassifier
from dovetail.deep.net_regressor import NetRegressor
from dovetail.deep.net_transformer import NetTransformer
from dovetail.deep.tabular_classifier import TabularClassifier
from dovetail.deep.tabular_regressor import TabularRegressor
from dovetail.deep.text_classifier import TextClassifier
from dovetail.deep.text_embedder import TextEmbedder
from dovetail.deep.text_regressor import TextRegressor
from dovetail.deep.trackers import MLflow, TensorBoard
from dovetail.deep.training_display import TrainingDisplay
from dovetail.deep.vae import VAE

__all__ = [
    "GAN",
    "VAE",
    "Autoencoder",
    "Embedder",
    "ImageClassifier",
    "LanguageModel",
    "MLflow",
    "NetClassifier",
    "NetRegressor",
    "NetTransformer",
    "RateSweep",
    "TabularClassifier",
    "TabularRegressor",
    "TensorBoard",
    "TextClassifier",
    "TextEmbedder",
    "TextRegressor",
    "TrainingDisplay",
    "find_lr",
]
