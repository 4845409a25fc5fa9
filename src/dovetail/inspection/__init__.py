"""What fitted models pay attention to."""

from dovetail.inspection.tree_shap import Attributions, tree_shap

__all__ = ["Attributions", "tree_shap"]
