"""Shapley values of the features of rows, by a sum of trees."""

from dovetail.kernels.tree_shap.cpu import attributions
from dovetail.kernels.tree_shap.reference import attributions as reference_attributions

__all__ = ["attributions", "reference_attributions"]
