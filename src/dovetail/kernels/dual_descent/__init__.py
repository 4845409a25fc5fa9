"""One pass of dual coordinate descent for linear support-vector machines."""

from dovetail.kernels.dual_descent.cpu import LANES, sweep
from dovetail.kernels.dual_descent.reference import sweep as reference_sweep

__all__ = ["LANES", "reference_sweep", "sweep"]
