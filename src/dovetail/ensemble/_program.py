"""The Programs of sums of trees."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import traversal
from dovetail.kernels.growth import Node
from dovetail.objective.losses import respond
from dovetail.program import Program
from dovetail.solve.tree import Tree

__all__ = ["KnownScores", "TreePrediction", "TreeScores", "add_trees"]


class TreeScores(Program):
    """Scores: a baseline plus the values of the leaves that a row falls into, one a tree.

    The trees lie one behind the other. A row goes to the left child of a node where its value of
    the node's feature is no greater than the threshold, or its category is in the node's set; the
    right child is the node behind the left one; missing values (NaN) go as the node says. A leaf is
    its own left child.

    roots, depths : int64 of shape (t,), of each tree; k trees an iteration, one a score
    feature, left : int64 of shape (m,)
    threshold, value : of shape (m,), in X's dtype
    missing_right : bool of shape (m,)
    category : int64 of shape (m,), position in `bits` of a node's set, −1 where it has none
    bits : int64 of shape (c, 4), a bit for each of the codes 0 to 255
    baseline : of shape (k,)
    depth : of the deepest leaf
    response : from scores to predictions, a name that `objective.losses.respond` knows
    flat : whether k is 1 and the output has shape (n,) instead of (n, 1)
    gain, cover : float64 of shape (m,), by how much each split lowered the loss, 0 for leaves, and
        how many training rows reached each node; None in files of versions that did not keep them
    """

    roots: Tensor
    depths: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    missing_right: Tensor
    value: Tensor
    category: Tensor
    bits: Tensor
    baseline: Tensor
    depth: int
    response: str
    flat: bool
    gain: Tensor | None = None
    cover: Tensor | None = None

    @classmethod
    def of(
        cls,
        trees: Sequence[Tree],
        baseline: Tensor,
        *,
        response: str,
        flat: bool,
        before: Self | None = None,
    ) -> Self:
        """Trees, behind those of another program, in baseline's dtype and on its device."""
        arrays = {**_joined(trees, as_numpy(baseline).dtype), **_records(trees)}
        tensors = {name: as_tensor(a, baseline.device) for name, a in arrays.items()}
        if before is not None:
            tensors = _behind(before, tensors)
        depth = int(tensors["depths"].max()) if len(tensors["depths"]) else 0
        return cls(**tensors, baseline=baseline, depth=depth, response=response, flat=flat)

    def forward(self, X: Tensor) -> Tensor:
        F = self.baseline + traversal.reference_scores(
            X,
            self.roots,
            self.feature,
            self.threshold,
            self.left,
            self.missing_right,
            self.value,
            self.category,
            self.bits,
            self.depth,
            len(self.baseline),
        )
        return F[:, 0] if self.flat else F

    def scores(self, X: Tensor) -> Tensor:
        """The same outside autograd, compiled where X is on the CPU."""
        if X.device.type == "cpu":
            return self._shaped(self.sums(X))
        F: Tensor = TreeScores.forward(self, X)
        return F

    def sums(self, X: Tensor) -> Tensor:
        """The scores before rounding, float64 of shape (n, k), on the CPU."""
        total = self._start(X)
        self._add(X.cpu(), 0, len(self.roots), total)
        return total

    def staged(self, X: Tensor) -> Iterator[Tensor]:
        """The scores after each iteration."""
        k, total = len(self.baseline), self._start(X)
        for first in range(0, len(self.roots), k):
            self._add(X.cpu(), first, first + k, total)
            yield self._shaped(total).to(X.device, copy=True)

    def _start(self, X: Tensor) -> Tensor:
        return self.baseline.cpu().double().repeat(len(X), 1)

    def _add(self, X: Tensor, first: int, last: int, total: Tensor) -> None:
        traversal.add_scores(
            as_numpy(X),
            as_numpy(self.roots)[first:last],
            as_numpy(self.depths)[first:last],
            as_numpy(self.feature),
            as_numpy(self.threshold),
            as_numpy(self.left),
            as_numpy(self.missing_right),
            as_numpy(self.value),
            as_numpy(self.category),
            as_numpy(self.bits),
            as_numpy(total),
        )

    def _shaped(self, total: Tensor) -> Tensor:
        F = total.to(self.value.dtype)
        return F[:, 0] if self.flat else F

    def link(self, F: Tensor) -> Tensor:
        """Predictions from scores."""
        return respond(self.response, F)


class TreePrediction(TreeScores):
    """What the scores of trees mean: the predicted numbers themselves."""

    def forward(self, X: Tensor) -> Tensor:
        return self.link(super().forward(X))


class KnownScores(Program):
    """Scores that are known already, whatever the rows: what a scorer is shown during training.

    F : Tensor of shape (n,) or (n, k)
    response : see `TreeScores`
    """

    F: Tensor
    response: str

    def scores(self, X: Tensor) -> Tensor:
        """F."""
        return self.F

    def link(self, F: Tensor) -> Tensor:
        """Predictions from scores."""
        return respond(self.response, F)


def add_trees(trees: Sequence[Tree], X: Tensor, F: Tensor) -> None:
    """Add the values of trees, k an iteration, to scores F of shape (n, k), float64 on the CPU."""
    values = as_numpy(X)
    traversal.add_scores(values, **_joined(trees, values.dtype), out=as_numpy(F))


def _joined(trees: Sequence[Tree], dtype: np.dtype[Any]) -> dict[str, Any]:
    """The arrays of trees one behind the other, numbers in X's dtype."""
    nodes = np.concatenate([np.empty((0, len(Node)), np.int64), *(t.nodes for t in trees)])
    sizes, sets = [len(t.nodes) for t in trees], [len(t.sets) for t in trees]
    roots = np.cumsum([0, *sizes], dtype=np.int64)[:-1]
    first = np.repeat(roots, sizes)
    feature, left, place = nodes[:, Node.FEATURE], nodes[:, Node.LEFT] + first, nodes[:, Node.BIN]
    leaf = left == np.arange(len(nodes))
    threshold = np.full(len(nodes), np.inf)
    if trees:
        edges = trees[0].edges
        # where the last bin goes left too, only missing values go right
        inside = ~leaf & (place < edges.counts[feature] - 1)
        threshold[inside] = edges.cuts[feature[inside], place[inside]]
    category = nodes[:, Node.SET]
    return {
        "roots": roots,
        "depths": np.maximum.reduceat(nodes[:, Node.DEPTH], roots) if trees else roots,
        "feature": np.ascontiguousarray(feature),
        "threshold": threshold.astype(dtype),
        "left": left,
        "missing_right": (nodes[:, Node.MISSING_LEFT] == 0) & ~leaf,
        "value": np.concatenate([np.empty(0), *(t.value for t in trees)]).astype(dtype),
        "category": np.where(
            category < 0, -1, category + np.repeat(np.cumsum([0, *sets])[:-1], sizes)
        ),
        "bits": np.concatenate([np.empty((0, 4), np.int64), *(t.sets for t in trees)]),
    }


def _records(trees: Sequence[Tree]) -> dict[str, Any]:
    """What scores do not need."""
    return {
        "gain": np.concatenate([np.empty(0), *(t.gain for t in trees)]),
        "cover": np.concatenate([np.empty(0), *(t.cover for t in trees)]),
    }


def _behind(before: TreeScores, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The arrays of two programs joined, positions moved."""
    nodes, sets = len(before.left), len(before.bits)
    category = tensors["category"]
    moved = {
        **tensors,
        "roots": tensors["roots"] + nodes,
        "left": tensors["left"] + nodes,
        "category": torch.where(category < 0, category, category + sets),
    }
    known = {name: getattr(before, name) for name in moved}
    return {n: torch.cat([old, moved[n]]) for n, old in known.items() if old is not None}
