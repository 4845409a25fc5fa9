"""Features from raw data."""

from dovetail.feature_extraction import text

__all__ = ["text"]
