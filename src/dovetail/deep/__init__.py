"""Deep learning: any torch module as an estimator."""

from dovetail.deep.autoencoder import Autoencoder
from dovetail.deep.image_classifier import ImageClassifier
from dovetail.deep.net_classifier import NetClassifier
from dovetail.deep.net_regressor import NetRegressor
from dovetail.deep.net_transformer import NetTransformer

__all__ = ["Autoencoder", "ImageClassifier", "NetClassifier", "NetRegressor", "NetTransformer"]
