"""One pass of the sequential dual method for machines of all classes at once."""

from dovetail.kernels.crammer_singer.cpu import sweep
from dovetail.kernels.crammer_singer.reference import sweep as reference_sweep

__all__ = ["reference_sweep", "sweep"]
