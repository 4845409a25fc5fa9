"""A fitted tree as arrays, with scikit-learn's names."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.tree._program import Trees

__all__ = ["Tree", "paths"]

_LEAF, _UNDEFINED = -1, -2  # scikit-learn's child of a leaf, and the feature of one


class Tree:
    """What `tree_` of a decision tree is: its nodes, parents before children.

    Attributes
    ----------
    node_count, n_leaves, max_depth, n_features, n_outputs, max_n_classes : int
    n_classes : int array of shape (n_outputs,), 1 for numbers
    children_left, children_right : int array of shape (node_count,), −1 in leaves
    feature : int array of shape (node_count,), −2 in leaves
    threshold : float array of shape (node_count,), −2 in leaves
        Rows whose value is at most this go left.
    missing_go_to_left : bool array of shape (node_count,)
    impurity, weighted_n_node_samples : float array of shape (node_count,)
    n_node_samples : int array of shape (node_count,)
    value : float array of shape (node_count, n_outputs, max_n_classes)
        Shares of the classes, or means.
    """

    def __init__(self, program: Trees, n_features: int) -> None:
        self._program, self.n_features = program, n_features
        left = as_numpy(program.left)
        leaf = left == np.arange(len(left))
        self.node_count = self.capacity = len(left)
        self.n_leaves = int(leaf.sum())
        self.max_depth = program.depth
        classes = program.classes
        self.n_outputs = len(classes) or program.value.shape[1]
        self.n_classes = np.array(classes or [1] * self.n_outputs, dtype=np.intp)
        self.max_n_classes = int(self.n_classes.max())
        self.children_left = np.where(leaf, _LEAF, left)
        self.children_right = np.where(leaf, _LEAF, left + 1)
        self.feature = np.where(leaf, _UNDEFINED, as_numpy(program.feature))
        self.threshold = np.where(leaf, float(_UNDEFINED), as_numpy(program.threshold))
        self.missing_go_to_left = (~as_numpy(program.missing_right) & ~leaf).astype(np.uint8)
        self.impurity = as_numpy(program.impurity)
        self.n_node_samples = as_numpy(program.cover).astype(np.int64)
        self.weighted_n_node_samples = as_numpy(program.weight)
        shape = (self.node_count, self.n_outputs, self.max_n_classes)
        self.value = as_numpy(program.value).reshape(shape)

    def apply(self, X: Any) -> npt.NDArray[np.int64]:
        """The leaf of each row of X, floats of shape (n_samples, n_features), dense or sparse."""
        opened: Any = (
            SparseMatrix.from_scipy(X.tocsr()) if sp.issparse(X) else as_tensor(np.asarray(X))
        )
        return as_numpy(self._program.leaves(opened))[:, 0]

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """`value` of each row's leaf; without the axis of classes for numbers."""
        values = self.value[self.apply(X)]
        return values[:, 0] if self.n_outputs == 1 else values

    def decision_path(self, X: npt.NDArray[Any]) -> sp.csr_matrix:
        """The nodes that each row passes, ones in a CSR matrix of shape (n_samples, node_count)."""
        return paths(self.apply(X), self.children_left, self.children_right)

    def compute_node_depths(self) -> npt.NDArray[np.int64]:
        """The depth of each node, 1 for the root."""
        depth, level = np.ones(self.node_count, np.int64), np.zeros(1, np.int64)
        while len(level):
            inner = level[self.children_left[level] != _LEAF]
            below = np.concatenate([self.children_left[inner], self.children_right[inner]])
            depth[below] = depth[level[0]] + 1
            level = below
        return depth

    def compute_feature_importances(self, normalize: bool = True) -> npt.NDArray[np.float64]:
        """What the splits by each feature take from the impurity, shape (n_features,); their sum is
        1 if normalized.
        """
        inner = self.children_left != _LEAF
        total = self.impurity * self.weighted_n_node_samples
        left, right = self.children_left[inner], self.children_right[inner]
        gains = total[inner] - total[left] - total[right]
        found = np.bincount(self.feature[inner], gains, self.n_features)
        found = found / self.weighted_n_node_samples[0]
        return found / found.sum() if normalize and found.sum() > 0 else found


def paths(
    leaves: npt.NDArray[np.int64],
    children_left: npt.NDArray[np.int64],
    children_right: npt.NDArray[np.int64],
) -> sp.csr_matrix:
    """The nodes from the root to each of some leaves, as a CSR matrix of ones."""
    parent = np.full(len(children_left), -1)
    inner = np.flatnonzero(children_left != _LEAF)
    parent[children_left[inner]] = parent[children_right[inner]] = inner
    rows, nodes = [np.arange(len(leaves))], [leaves]
    while len(rows[-1]):
        above = parent[nodes[-1]]
        there = above >= 0
        rows.append(rows[-1][there])
        nodes.append(above[there])
    row, node = np.concatenate(rows), np.concatenate(nodes)
    ones = np.ones(len(row), np.int64)
    return sp.csr_matrix((ones, (row, node)), shape=(len(leaves), len(parent)))
