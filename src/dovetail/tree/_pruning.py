"""Minimal cost-complexity pruning (Breiman et al. 1984, chapter 3).

A subtree is cut where it takes the least impurity a leaf: the weakest link. Impurities are weighed
by the share of the rows' weight.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dovetail.solve.impurity import ImpurityTree

__all__ = ["pruned", "pruning_path"]

Floats = npt.NDArray[np.float64]


class _Links:
    """A tree while its weakest links are cut, one after the other."""

    def __init__(self, tree: ImpurityTree) -> None:
        m = len(tree.left)
        self.left = tree.left
        self.inner = tree.left != np.arange(m)
        self.parent = np.full(m, -1)
        parents = np.flatnonzero(self.inner)
        self.parent[tree.left[parents]] = self.parent[tree.left[parents] + 1] = parents
        self.risk = tree.impurity * tree.weight / tree.weight[0]
        self.below, self.leaves = self.risk.copy(), np.ones(m)
        for node in parents[::-1]:  # children come after their parents
            left, right = tree.left[node], tree.left[node] + 1
            self.below[node] = self.below[left] + self.below[right]
            self.leaves[node] = self.leaves[left] + self.leaves[right]
        self.kept = np.ones(m, bool)
        self.gain = np.full(m, np.inf)
        self._weigh(parents)

    def _weigh(self, nodes: npt.NDArray[np.int64]) -> None:
        self.gain[nodes] = (self.risk[nodes] - self.below[nodes]) / (self.leaves[nodes] - 1)

    def weakest(self) -> tuple[int, float]:
        """The node at which to cut next, and the impurity that its subtree takes a leaf."""
        node = int(self.gain.argmin())
        return node, float(self.gain[node])

    def cut(self, node: int) -> None:
        """Make a node a leaf."""
        less_risk, fewer = self.risk[node] - self.below[node], self.leaves[node] - 1
        self.inner[node] = False
        self.gain[node] = np.inf
        gone = [self.left[node], self.left[node] + 1]
        while gone:
            at = gone.pop()
            self.kept[at] = False
            self.gain[at] = np.inf
            if self.inner[at]:
                gone += [self.left[at], self.left[at] + 1]
        self.below[node], self.leaves[node] = self.risk[node], 1
        above = []
        while (node := self.parent[node]) >= 0:
            self.below[node] += less_risk
            self.leaves[node] -= fewer
            above.append(node)
        self._weigh(np.array(above, dtype=np.int64))


def pruned(tree: ImpurityTree, alpha: float) -> ImpurityTree:
    """The smallest subtree of least impurity + alpha · leaves."""
    if alpha == 0 or len(tree.left) == 1:
        return tree
    links = _Links(tree)
    while links.inner[0]:
        node, gain = links.weakest()
        if gain > alpha:
            break
        links.cut(node)
    return tree.take(links.kept, ~links.inner)


def pruning_path(tree: ImpurityTree) -> tuple[Floats, Floats]:
    """The value of alpha at which each next link is cut, and the impurity of the leaves then."""
    links = _Links(tree)
    alphas, impurities = [0.0], [links.below[0]]
    while links.inner[0]:
        node, gain = links.weakest()
        links.cut(node)
        alphas.append(gain)
        impurities.append(links.below[0])
    return np.array(alphas), np.array(impurities)
