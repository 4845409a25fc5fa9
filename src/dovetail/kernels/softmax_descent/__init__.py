"""One pass of dual coordinate descent for multinomial logistic regression."""

from dovetail.kernels.softmax_descent.cpu import sweep
from dovetail.kernels.softmax_descent.reference import sweep as reference_sweep

__all__ = ["reference_sweep", "sweep"]
