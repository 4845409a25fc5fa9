"""Sums and averages of many simple models."""

from dovetail.ensemble.hist_gradient_boosting_classifier import HistGradientBoostingClassifier
from dovetail.ensemble.hist_gradient_boosting_regressor import HistGradientBoostingRegressor

__all__ = ["HistGradientBoostingClassifier", "HistGradientBoostingRegressor"]
