"""Multi-layer perceptrons."""

from dovetail.neural_network.mlp_classifier import MLPClassifier
from dovetail.neural_network.mlp_regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
