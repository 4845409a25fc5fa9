"""Draws of rows without replacement."""

from dovetail.kernels.draws.cpu import part
from dovetail.kernels.draws.reference import part as reference_part

__all__ = ["part", "reference_part"]
