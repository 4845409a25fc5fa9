"""What trees are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Trees"]


class Trees(NamedTuple):
    """Trees, one behind the other, as numpy arrays; m nodes, t trees, v values of a leaf, c sets of
    categories in words of 64 bits.

    roots : int64 of shape (t,), first node of each tree
    feature, left : int64 of shape (m,); the right child is the node behind the left one, a leaf is
        its own left child
    threshold : float of shape (m,), infinite in leaves
    missing_right : bool of shape (m,), False in leaves
    value : float of shape (m, v)
    category : int64 of shape (m,), position in `sets` of a node's set, −1 where it has none; None
        where no node has one
    sets : int64 of shape (c, words), a bit a category; greater codes count as the last one
    """

    roots: Any
    feature: Any
    threshold: Any
    left: Any
    missing_right: Any
    value: Any
    category: Any = None
    sets: Any = None

    @property
    def sizes(self) -> Any:
        """Nodes of each tree."""
        return np.diff(self.roots, append=len(self.left))

    def thresholds(self, dtype: Any) -> Any:
        """Thresholds in the dtype of rows, no greater than they were, so that they part its numbers
        as before.
        """
        with np.errstate(over="ignore"):
            rounded = self.threshold.astype(dtype)
        below = np.nextafter(rounded, dtype.type(-np.inf))
        return np.where(rounded > self.threshold, below, rounded)

    def sides(self) -> tuple[Any, Any]:
        """Which nodes split by categories, bool of shape (m,), and where each of these sends them,
        int64 of shape (nodes that do, words + 1): a word is added that says where missing values
        go, so that missing is but another category, 64 · words.
        """
        if self.category is None:
            return np.zeros(len(self.left), np.bool_), np.zeros((0, 1), np.int64)
        chosen = self.category >= 0
        missing = np.where(self.missing_right[chosen], 0, -1)
        return chosen, np.column_stack([self.sets[self.category[chosen]], missing])
