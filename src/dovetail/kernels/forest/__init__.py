"""Sums of what trees say of rows, and the leaves that rows fall into.

Rows whose value of a node's feature exceeds the threshold go right, missing ones (NaN) as the node
says. A node that splits by categories sends those left whose bit is set, and takes negative numbers
as missing. There are two ways to go, chosen by the size of the trees: `masks` compares rows with
all nodes of a small tree, `descent` follows the path of each row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.forest import descent, masks
from dovetail.kernels.forest.descent import Steps
from dovetail.kernels.forest.masks import MOST_LEAVES, Masks
from dovetail.kernels.forest.reference import leaves as reference_leaves
from dovetail.kernels.forest.reference import sums as reference_sums
from dovetail.kernels.forest.trees import Trees

__all__ = [
    "Masks",
    "Plan",
    "Steps",
    "Trees",
    "add_values",
    "find_leaves",
    "plan",
    "reference_leaves",
    "reference_sums",
]

Plan = Masks | Steps


def plan(trees: Trees, dtype: Any) -> Plan:
    """The trees as the loops read them, for rows of a dtype, float32 or float64.

    Cost O(m log m).
    """
    small = trees.sizes.max(initial=1) < 2 * MOST_LEAVES
    return (masks if small else descent).plan(trees, np.dtype(dtype))


def add_values(X: Any, way: Plan, out: Any, *, first: int = 0, last: int | None = None) -> None:
    """Add the values of each row's leaves to out.

    Parameters
    ----------
    X : float array of shape (n, d), of the plan's dtype
    way : Plan
    out : float64 of shape (n, k); with v values a leaf, tree t adds to the columns t v to
        t v + v − 1, modulo k
    first, last : the trees, all of them where not given

    Cost O(n t (depth + v)), or O(n m) for small trees.
    """
    part = way if first == 0 and last is None else way.take(first, last)
    part.walk(X, out, np.empty((len(X), 0), np.int64))


def find_leaves(X: Any, way: Plan, out: Any) -> None:
    """Write the node of each row's leaf to out, int64 of shape (n, t)."""
    way.without_values().walk(X, np.empty((len(X), 0)), out)
