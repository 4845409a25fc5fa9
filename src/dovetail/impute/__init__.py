"""What to do about missing values."""

from dovetail.impute.missing_indicator import MissingIndicator
from dovetail.impute.simple_imputer import SimpleImputer

__all__ = ["MissingIndicator", "SimpleImputer"]
