"""Decision trees, and what they say."""

from dovetail.tree.export_graphviz import export_graphviz
from dovetail.tree.export_text import export_text
from dovetail.tree.plot_tree import plot_tree

__all__ = ["export_graphviz", "export_text", "plot_tree"]
