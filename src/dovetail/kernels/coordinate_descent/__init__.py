"""Coordinate descent on a weighted, elastic-net penalized least-squares problem."""

from dovetail.kernels.coordinate_descent.cpu import sweeps
from dovetail.kernels.coordinate_descent.reference import sweeps as reference_sweeps

__all__ = ["reference_sweeps", "sweeps"]
