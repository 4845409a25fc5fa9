"""Block coordinate descent on elastic-net penalized least squares, given as a Gram matrix."""

from dovetail.kernels.gram_descent.cpu import descend, duality_gap
from dovetail.kernels.gram_descent.reference import descend as reference_descend

__all__ = ["descend", "duality_gap", "reference_descend"]
