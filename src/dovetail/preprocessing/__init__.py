"""Preparation of columns: scale, bin, expand, encode."""

from dovetail.preprocessing.standard_scaler import StandardScaler

__all__ = ["StandardScaler"]
