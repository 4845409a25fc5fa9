"""Scores of rows by a sum of trees."""

from dovetail.kernels.traversal.cpu import add_scores
from dovetail.kernels.traversal.reference import scores as reference_scores

__all__ = ["add_scores", "reference_scores"]
