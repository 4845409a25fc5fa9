"""The program of decision trees and forests: the mean of what the leaves of each row predict.

Shapes: n rows, t trees, m nodes of all trees together, s numbers of a prediction (outputs, or
outputs times the most classes of one).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import forest
from dovetail.program import Program
from dovetail.solve.impurity import ImpurityTree

__all__ = ["Trees"]

_BLOCK = 2**24  # numbers of a sparse matrix that are made dense at a time
_OF_NODES = (
    "feature",
    "threshold",
    "left",
    "missing_right",
    "value",
    "cover",
    "weight",
    "impurity",
)


class Trees(Program):
    """Trees, one behind the other; a node's right child follows its left one, a leaf is its own
    left child.

    roots, depths : int64 of shape (t,), first node and deepest leaf of each tree
    feature, left : int64 of shape (m,)
    threshold : float64 of shape (m,); greater values go right; infinite in leaves
    missing_right : bool of shape (m,), where missing values go
    value : float64 of shape (m, s), shares of classes or numbers
    cover, weight, impurity : float64 of shape (m,), training rows, their weight and impurity
    depth : of the deepest leaf of all
    classes : the number of classes of each output; empty where numbers are predicted
    """

    roots: Tensor
    depths: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    missing_right: Tensor
    value: Tensor
    cover: Tensor
    weight: Tensor
    impurity: Tensor
    depth: int
    classes: tuple[int, ...]

    @classmethod
    def of(
        cls,
        trees: Sequence[ImpurityTree],
        classes: tuple[int, ...],
        device: torch.device,
        before: Self | None = None,
    ) -> Self:
        """Trees, behind those of another program."""
        sizes = np.array([len(tree.left) for tree in trees])
        roots = np.cumsum(sizes) - sizes
        parts: dict[str, Any] = {
            name: np.concatenate([getattr(tree, name) for tree in trees]) for name in _OF_NODES
        }
        parts["left"] += np.repeat(roots, sizes)
        tensors = {name: as_tensor(part, device) for name, part in parts.items()}
        deepest = np.array([tree.depth.max() for tree in trees])
        tensors |= {"roots": as_tensor(roots, device), "depths": as_tensor(deepest, device)}
        if before is not None:
            tensors["left"] += len(before.left)
            tensors["roots"] += len(before.left)
            tensors = {n: torch.cat([getattr(before, n), new]) for n, new in tensors.items()}
        return cls(**tensors, depth=int(tensors["depths"].max()), classes=classes)

    def forward(self, X: Tensor) -> Tensor:
        nodes = self.reach(X)
        return self._shaped(self.value[nodes].mean(1), X.dtype)

    def reach(self, X: Tensor) -> Tensor:
        """The leaf of each row in each tree, int64 of shape (n, t)."""
        return forest.reference_leaves(
            X,
            self.roots,
            self.feature,
            self.threshold,
            self.left,
            self.missing_right,
            self.depth,
        )

    def predictions(self, X: Matrix) -> Tensor:
        """`forward` outside autograd, compiled where X is on the CPU; X may be sparse."""
        if isinstance(X, SparseMatrix):
            return torch.cat([self.predictions(part) for part in _dense_parts(X)])
        if X.device.type != "cpu":
            out: Tensor = Trees.forward(self, X)
            return out
        total = np.zeros((len(X), self.value.shape[1]))
        roots, place, left, threshold = self._packed
        value = as_numpy(self.value)
        forest.add_values(as_numpy(X), roots, place, left, threshold, value, total)
        total /= len(self.roots)
        return self._shaped(as_tensor(total), X.dtype)

    def leaves(self, X: Matrix) -> Tensor:
        """`reach`, compiled where X is on the CPU; X may be sparse."""
        if isinstance(X, SparseMatrix):
            return torch.cat([self.leaves(part) for part in _dense_parts(X)])
        if X.device.type != "cpu":
            return self.reach(X)
        out = np.empty((len(X), len(self.roots)), np.int64)
        roots, place, left, threshold = self._packed
        forest.find_leaves(as_numpy(X), roots, place, left, threshold, out)
        return as_tensor(out)

    def _shaped(self, out: Tensor, dtype: torch.dtype) -> Tensor:
        """Shares of classes in X's dtype; numbers as exact as y's."""
        if self.classes:
            return out.to(dtype)
        return out[:, 0] if out.shape[1] == 1 else out

    @cached_property
    def _packed(self) -> tuple[Any, Any, Any, Any]:
        """What `kernels.forest` reads: roots, places, left children and thresholds."""
        place = 2 * as_numpy(self.feature) + as_numpy(self.missing_right)
        left = as_numpy(self.left).astype(np.int32)
        return as_numpy(self.roots), place.astype(np.int32), left, as_numpy(self.threshold)

    def link(self, F: Tensor) -> Tensor:
        """Probabilities from shares of classes: the same."""
        return F

    def tree(self, index: int) -> "Trees":
        """One of the trees, by itself."""
        begins = [*self.roots.tolist(), len(self.left)]
        inside = slice(begins[index], begins[index + 1])
        parts = {name: getattr(self, name)[inside] for name in _OF_NODES}
        parts["left"] = parts["left"] - begins[index]
        depths = self.depths[index : index + 1]
        roots = self.roots.new_zeros(1)
        depth = int(depths[0])
        return Trees(roots, depths, **parts, depth=depth, classes=self.classes)


def _dense_parts(X: SparseMatrix) -> list[Tensor]:
    step = max(_BLOCK // max(X.shape[1], 1), 1)
    matrix = X.to_scipy().tocsr()
    return [as_tensor(matrix[i : i + step].toarray()) for i in range(0, X.shape[0], step)]
