"""Sequential minimal optimization on a working set, and the sums of kernel rows it leads to."""

from dovetail.kernels.smo.cpu import accumulate, optimize
from dovetail.kernels.smo.reference import optimize as reference_optimize

__all__ = ["accumulate", "optimize", "reference_optimize"]
