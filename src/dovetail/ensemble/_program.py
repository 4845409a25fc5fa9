"""The Programs of sums of trees."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import forest
from dovetail.kernels.growth import Node
from dovetail.objective.losses import respond
from dovetail.program import Program
from dovetail.solve.tree import Tree
from dovetail.tree._sum_of_trees import SumOfTrees, dense_parts, joined

__all__ = ["KnownScores", "TreePrediction", "TreeScores", "add_trees"]

_WORDS = 4  # of a set of up to 255 categories


class TreeScores(SumOfTrees):
    """Scores: a baseline plus the values of the leaves that a row falls into. An iteration has a
    tree for each of the k scores; or one tree for all, whose leaves have k values. See
    `SumOfTrees`. Nodes may split by categories.

    threshold : of shape (m,), in X's dtype
    value : of shape (m,) or (m, k), in X's dtype
    category : int64 of shape (m,), position in `bits` of a node's set, −1 where it has none
    bits : int64 of shape (c, words), a bit for each code that goes left
    baseline : of shape (k,)
    response : from scores to predictions, a name that `objective.losses.respond` knows
    flat : whether k is 1 and the output has shape (n,) instead of (n, 1)
    gain, cover : float64 of shape (m,), by how much each split lowered the loss, 0 for leaves, and
        how many training rows reached each node; None in files of versions that did not keep them
    """

    category: Tensor
    bits: Tensor
    baseline: Tensor
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
        tensors = joined(before, tensors)
        depth = int(tensors["depths"].max()) if len(tensors["depths"]) else 0
        return cls(**tensors, baseline=baseline, depth=depth, response=response, flat=flat)

    @property
    def sets(self) -> tuple[Tensor, Tensor]:
        return self.category, self.bits

    def forward(self, X: Tensor) -> Tensor:
        F = self.baseline + self.add_up(X, len(self.baseline))
        return F[:, 0] if self.flat else F

    def scores(self, X: Matrix) -> Tensor:
        """The same outside autograd, compiled where X is on the CPU; X may be sparse."""
        if isinstance(X, SparseMatrix):
            return torch.cat([self.scores(part) for part in dense_parts(X)])
        if X.device.type == "cpu":
            return self._shaped(self.sums(X))
        F: Tensor = TreeScores.forward(self, X)
        return F

    def sums(self, X: Matrix) -> Tensor:
        """The scores before rounding, float64 of shape (n, k), on the CPU."""
        if isinstance(X, SparseMatrix):
            return torch.cat([self.sums(part) for part in dense_parts(X)])
        total = self._start(len(X))
        self.add_to(total, X.cpu())
        return as_tensor(total)

    def staged(self, X: Matrix) -> Iterator[Tensor]:
        """The scores after each iteration."""
        if isinstance(X, SparseMatrix):
            yield from map(torch.cat, zip(*map(self.staged, dense_parts(X)), strict=True))
            return
        total, rows = self._start(len(X)), X.cpu()
        step = len(self.baseline) if self.value.ndim == 1 else 1
        for first in range(0, len(self.roots), step):
            self.add_to(total, rows, first, first + step)
            yield self._shaped(as_tensor(total)).to(X.device, copy=True)

    def _start(self, n: int) -> npt.NDArray[np.float64]:
        total = np.empty((n, len(self.baseline)))
        total[:] = as_numpy(self.baseline)
        return total

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


def add_trees(trees: Sequence[Tree], X: Matrix, F: Tensor) -> None:
    """Add the values of whole iterations' trees to scores F, float64 of shape (n, k) on the CPU."""
    if isinstance(X, SparseMatrix):
        begin = 0
        for part in dense_parts(X):
            add_trees(trees, part, F[begin : begin + len(part)])
            begin += len(part)
        return
    rows = as_numpy(X)
    arrays = _joined(trees, rows.dtype)
    del arrays["depths"]
    value = arrays["value"]
    arrays["value"], arrays["sets"] = value.reshape(len(value), -1), arrays.pop("bits")
    forest.add_values(rows, forest.plan(forest.Trees(**arrays), rows.dtype), as_numpy(F))


def _joined(trees: Sequence[Tree], dtype: np.dtype[Any]) -> dict[str, Any]:
    """The arrays of trees one behind the other, numbers in X's dtype."""
    nodes = np.concatenate([np.empty((0, len(Node)), np.int64), *(t.nodes for t in trees)])
    sizes, sets = [len(t.nodes) for t in trees], [len(t.sets) for t in trees]
    roots = np.cumsum([0, *sizes], dtype=np.int64)[:-1]
    first = np.repeat(roots, sizes)
    feature, left, place = nodes[:, Node.FEATURE], nodes[:, Node.LEFT] + first, nodes[:, Node.BIN]
    leaf = left == np.arange(len(nodes))
    threshold, category = np.full(len(nodes), np.inf), nodes[:, Node.SET]
    value = np.concatenate([t.value for t in trees]) if trees else np.empty((0, 1))
    words = trees[0].sets.shape[1] if trees else _WORDS
    if trees:
        edges = trees[0].edges
        # where the last bin goes left too, only missing values go right
        inside = ~leaf & (category < 0) & (place < edges.counts[feature] - 1)
        threshold[inside] = edges.cuts[feature[inside], place[inside]]
    return {
        "roots": roots,
        "depths": np.maximum.reduceat(nodes[:, Node.DEPTH], roots) if trees else roots,
        "feature": np.ascontiguousarray(feature),
        "threshold": threshold.astype(dtype),
        "left": left,
        "missing_right": (nodes[:, Node.MISSING_LEFT] == 0) & ~leaf,
        "value": (value[:, 0] if value.shape[1] == 1 else value).astype(dtype),
        "category": np.where(
            category < 0, -1, category + np.repeat(np.cumsum([0, *sets])[:-1], sizes)
        ),
        "bits": np.concatenate([np.empty((0, words), np.int64), *(t.sets for t in trees)]),
    }


def _records(trees: Sequence[Tree]) -> dict[str, Any]:
    """What scores do not need."""
    return {
        "gain": np.concatenate([np.empty(0), *(t.gain for t in trees)]),
        "cover": np.concatenate([np.empty(0), *(t.cover for t in trees)]),
    }
