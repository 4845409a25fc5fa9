"""The leaves that rows fall into, and what these predict."""

from dovetail.kernels.forest.cpu import add_values, find_leaves
from dovetail.kernels.forest.reference import leaves as reference_leaves

__all__ = ["add_values", "find_leaves", "reference_leaves"]
