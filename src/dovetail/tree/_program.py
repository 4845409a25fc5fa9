"""The program of decision trees and forests: the mean of what the leaves of each row predict.

Shapes: n rows, t trees, m nodes of all trees together, s numbers of a prediction (outputs, or
outputs times the most classes of one).
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_tensor
from dovetail.solve.impurity import ImpurityTree
from dovetail.tree._sum_of_trees import SumOfTrees, dense_parts, joined

__all__ = ["Trees"]

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


class Trees(SumOfTrees):
    """The mean of what trees predict; see `SumOfTrees`.

    value : float64 of shape (m, s), shares of classes or numbers
    cover, weight, impurity : float64 of shape (m,), training rows, their weight and impurity
    classes : the number of classes of each output; empty where numbers are predicted
    """

    cover: Tensor
    weight: Tensor
    impurity: Tensor
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
        tensors = joined(before, tensors)
        return cls(**tensors, depth=int(tensors["depths"].max()), classes=classes)

    def forward(self, X: Tensor) -> Tensor:
        total = self.add_up(X, self.value.shape[1])
        return self._shaped(total / len(self.roots), X.dtype)

    def predictions(self, X: Matrix) -> Tensor:
        """`forward` outside autograd, compiled where X is on the CPU; X may be sparse."""
        if isinstance(X, SparseMatrix):
            return torch.cat([self.predictions(part) for part in dense_parts(X)])
        if X.device.type != "cpu":
            out: Tensor = Trees.forward(self, X)
            return out
        total = np.zeros((len(X), self.value.shape[1]))
        self.add_to(total, X)
        total /= len(self.roots)
        return self._shaped(as_tensor(total), X.dtype)

    def _shaped(self, out: Tensor, dtype: torch.dtype) -> Tensor:
        """Shares of classes in X's dtype; numbers as exact as y's."""
        if self.classes:
            return out.to(dtype)
        return out[:, 0] if out.shape[1] == 1 else out

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
