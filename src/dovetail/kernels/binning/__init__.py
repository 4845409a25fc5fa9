"""Codes of values: which bin of its column each value falls in."""

from dovetail.kernels.binning.cpu import MISSING, encode
from dovetail.kernels.binning.reference import encode as reference_encode

__all__ = ["MISSING", "encode", "reference_encode"]
