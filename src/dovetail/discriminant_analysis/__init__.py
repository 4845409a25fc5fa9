"""Discriminant analysis: classifiers by normal distributions of the classes."""

from dovetail.discriminant_analysis.linear_discriminant_analysis import LinearDiscriminantAnalysis
from dovetail.discriminant_analysis.quadratic_discriminant_analysis import (
    QuadraticDiscriminantAnalysis,
)

__all__ = ["LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"]
