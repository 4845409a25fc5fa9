"""Sequential minimal optimization on a working set, and the sums of kernel rows it leads to."""

from dovetail.kernels.smo.cpu import accumulate, levels, optimize, optimize_pairs, sides
from dovetail.kernels.smo.reference import optimize as reference_optimize

__all__ = ["accumulate", "levels", "optimize", "optimize_pairs", "reference_optimize", "sides"]
