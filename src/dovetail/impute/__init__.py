"""Missing values: what they become, and where they were."""

from dovetail.impute.missing_indicator import MissingIndicator
from dovetail.impute.simple_imputer import SimpleImputer

__all__ = ["MissingIndicator", "SimpleImputer"]
