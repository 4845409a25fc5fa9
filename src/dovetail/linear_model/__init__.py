"""Linear models."""

from dovetail.linear_model.linear_regression import LinearRegression
from dovetail.linear_model.logistic_regression import LogisticRegression
from dovetail.linear_model.ridge import Ridge

__all__ = ["LinearRegression", "LogisticRegression", "Ridge"]
