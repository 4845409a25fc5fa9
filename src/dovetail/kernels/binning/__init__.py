"""Bins of values, and which one each value falls in."""

from dovetail.kernels.binning.cpu import MISSING, encode, fill
from dovetail.kernels.binning.reference import encode as reference_encode

__all__ = ["MISSING", "encode", "fill", "reference_encode"]
