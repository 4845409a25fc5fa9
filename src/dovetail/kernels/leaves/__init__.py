"""Sums over the rows of each leaf of a tree, and values given to them."""

from dovetail.kernels.leaves.cpu import add_values, leaf_sums
from dovetail.kernels.leaves.reference import add_values as reference_add_values
from dovetail.kernels.leaves.reference import leaf_sums as reference_leaf_sums

__all__ = ["add_values", "leaf_sums", "reference_add_values", "reference_leaf_sums"]
