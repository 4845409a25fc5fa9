"""Large trees: each row follows its path, a few rows and a tree at a time.

The rows of a group take a step one after the other, so that the wait for one row's node overlaps
with the work on others; a step is the same few instructions for every node, leaves included,
without a branch. A group is done when none of its rows has moved, since trees that are grown
without a limit are three times as deep as most of their rows go. Groups are always full, with the
last row repeated: a loop of known length takes 4 ns a step where one of unknown length takes 10
(20 trees of 7,000 nodes, 2.8 GHz Ice Lake). Threshold, feature and child of a node lie in 8 bytes
(float32), one line of the cache a step; blocks of rows without a missing value take steps that do
not look for one, in four fifths of the time.

Legend: n rows, d features, t trees, m nodes, v values of a leaf.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from dovetail.kernels.compiled import compiled
from dovetail.kernels.forest.trees import Trees

__all__ = ["Steps", "plan"]

U = np.uint64
_GROUP = 8  # rows that go down together
_BLOCK = 512  # rows of a task: their values stay in the cache while tree after tree is passed
_MANY = 8  # trees from which it pays to look whether a block misses values
_SHARE_FROM = 2**13  # rows times trees, below which a second thread costs more than it saves
_RIGHT, _BY_SET, _FLAGS = 1, 2, 2  # of a node: missing values go right; it splits by categories


class Steps(NamedTuple):
    """Trees as they are followed.

    roots : int64 of shape (t,)
    node : of shape (m,), threshold and word of each node. A word holds, from the lowest bit on, the
        two flags, the feature, and from `shift` on how far behind the root the left child is.
    shift : int
    place : int64 of shape (m,), row of `sides` for nodes that split by categories, or None: to ask
        each node whether it does takes a third of the time
    sides : int64 of shape (g, words + 1), a bit for each code that goes left, or None
    value : float64 of shape (m, v)
    """

    roots: Any
    node: Any
    shift: Any
    place: Any
    sides: Any
    value: Any

    def take(self, first: int, last: int | None) -> Steps:
        """Some of the trees."""
        return self._replace(roots=self.roots[first:last])

    def without_values(self) -> Steps:
        """The same trees, of which only the leaves are asked."""
        return self._replace(value=self.value[:, :0])

    def walk(self, X: Any, sums: Any, nodes: Any) -> None:
        """Add values to sums (n, k) and write leaves to nodes (n, t), where these have columns."""
        if len(X) == 0:
            return
        walk = _walk if len(X) * len(self.roots) > _SHARE_FROM else _walk.sequential
        walk(np.ascontiguousarray(X), *self, sums, nodes)


def plan(trees: Trees, dtype: Any) -> Steps:
    """Trees of any size as `Steps`, for rows of a dtype."""
    chosen, sides = trees.sides()
    word = trees.feature << _FLAGS | chosen * _BY_SET | trees.missing_right * _RIGHT
    shift = int(word.max(initial=1)).bit_length()
    word |= (trees.left - np.repeat(trees.roots, trees.sizes)) << shift
    fits = word.max(initial=0) < 2**31
    layout = [("threshold", dtype), ("word", np.int32 if fits else np.int64)]
    node = np.empty(len(word), np.dtype(layout, align=True))
    node["threshold"], node["word"] = trees.thresholds(dtype), word
    value = trees.value.astype(np.float64)
    if not len(sides):
        return Steps(trees.roots, node, shift, None, None, value)
    return Steps(trees.roots, node, shift, np.cumsum(chosen) - 1, sides, value)


@compiled(parallel=True)
def _walk(
    X: Any,
    roots: Any,
    nodes: Any,
    shift: int,
    place: Any,
    sides: Any,
    value: Any,
    sums: Any,
    leaves: Any,
) -> None:
    n, k = sums.shape
    v, t = value.shape[1], len(roots)
    for block in numba.prange((n + _BLOCK - 1) // _BLOCK):
        begin, end = block * _BLOCK, min(block * _BLOCK + _BLOCK, n)
        found = np.empty(_BLOCK, np.int64)
        plain = sides is None and t >= _MANY and _nothing_missing(X, begin, end)
        for tree in range(t):
            if plain:
                _descend(X, begin, end, roots[tree], nodes, shift, None, None, None, found)
            else:
                _descend(X, begin, end, roots[tree], nodes, shift, _RIGHT, place, sides, found)
            for c in range(v):
                column = (tree * v + c) % k
                for i in range(begin, end):
                    sums[i, column] += value[found[i - begin], c]
            if leaves.shape[1] > 0:
                for i in range(begin, end):
                    leaves[i, tree] = found[i - begin]


@compiled(inner=True)
def _nothing_missing(X: Any, begin: int, end: int) -> bool:
    for i in range(begin, end):
        missed = 0
        for j in range(X.shape[1]):
            missed += X[i, j] != X[i, j]
        if missed > 0:
            return False
    return True


@compiled(inner=True)
def _descend(
    X: Any,
    begin: int,
    end: int,
    root: int,
    nodes: Any,
    shift: int,
    flag: Any,
    place: Any,
    sides: Any,
    found: Any,
) -> None:
    """The leaves of some rows of one tree. flag is the bit that says where missing values go, None
    where there are none; sides is None where no node splits by categories. None is a type to the
    compiler, which leaves out what asks for it.
    """
    d, last, low = X.shape[1], len(X) - 1, (1 << shift) - 1
    values = X.reshape(-1)
    missing = 0 if sides is None else 64 * (sides.shape[1] - 1)
    at, base = np.empty(_GROUP, np.int64), np.empty(_GROUP, np.int64)
    for first in range(begin, end, _GROUP):
        for i in range(_GROUP):
            base[i], at[i] = min(first + i, last) * d, 0
        change = np.int64(1)
        while change != 0:
            change = np.int64(0)
            for i in range(_GROUP):
                node = nodes[U(root + at[i])]
                word = np.int64(node.word)
                x = values[U(base[i] + ((word & low) >> _FLAGS))]
                right = x > node.threshold
                if flag is not None:
                    right = right | ((x != x) & (word & flag == flag))
                if sides is not None and word & _BY_SET:
                    code = int(min(x, missing - 1)) if x >= 0 else missing
                    side = sides[place[root + at[i]], code >> 6]
                    right = (side >> (code & 63)) & 1 == 0
                following = (word >> shift) + np.int64(right)
                change |= following ^ at[i]
                at[i] = following
        for i in range(_GROUP):
            found[first - begin + i] = root + at[i]
