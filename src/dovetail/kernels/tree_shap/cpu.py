"""Shapley values by a sum of trees, a block of rows and a tree at a time.

The path to a leaf asks each of its features i for a set of values. Let oᵢ be 1 where the row's
value lies in it, else 0, and zᵢ the share of the training rows of the path's nodes that stayed on
the path at splits by i. The leaf of value a adds a Π_{i in S} oᵢ Π_{i not in S} zᵢ to what the
tree says of a row of which only the features in S are known. Shapley values of such a product are
an integral (Owen 1972, https://doi.org/10.1287/mnsc.18.5.64), of a polynomial:

    φⱼ = a (oⱼ − zⱼ) ∫₀¹ Π_{i ≠ j} fᵢ(t) dt        fᵢ(t) = zᵢ + t (oᵢ − zᵢ)

which Gauss and Legendre's rule gives exactly: q points for paths of up to 2 q different features.
All its terms lie between 0 and 1, so that depth does not cost digits, as dividing polynomials does.
At each point, Π fᵢ is carried down the tree, one factor an edge (replaced where the feature is met
again), and the sums of a Π fᵢ over the leaves below are carried up. An edge by feature j then adds
its sum times (oⱼ − zⱼ) / fⱼ, less the same with the o and z of the edge by j above it, which do not
hold here any more: the sums over leaves are those of Linear TreeSHAP (Yu et al. 2022,
https://proceedings.neurips.cc/paper_files/paper/2022/hash/a5a3b1ef79520b7cd122d888673a3ebc-Abstract-Conference.html).

As (o − z) / f is 1 / ((1 − t) (z + t (1 − z))) for o = 1 and 0 for o = 0, up to a term −1 / (1 − t)
that drops out of the difference, o is kept as a number and the rows of a block take each step
without a branch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["attributions"]

_BLOCK = 64  # rows that take a step together; 32 and 128 take a third longer
_SHARE_FROM = 2**17  # rows times nodes, below which a second thread costs more than it saves


class Trees(NamedTuple):
    """The trees; see `attributions`."""

    feature: Any
    threshold: Any
    left: Any
    missing_right: Any
    category: Any
    bits: Any
    value: Any


class Way(NamedTuple):
    """The way through the trees, a node before its children.

    first : int64 of shape (t + 1,), stretches of places, tree by tree
    node : int64 of shape (m,), node at each place; the next three are of the same places
    depth : int64, from the root, 0
    same : int64, depth of the node above that was entered by a split of the same feature, or 0
    share : float64, of the rows that stayed on the path at the splits by this feature: z
    """

    first: Any
    node: Any
    depth: Any
    same: Any
    share: Any


class Path(NamedTuple):
    """The nodes from a root to where the walk is, by depth.

    node, feature, same : int64, `feature` the one whose split led here, `same` as in Way
    share : float64, z
    inverse : float64 of shape (depth, q), 1 / (z + t (1 − z)), points t in the second place
    inside : float64 of shape (depth, rows), o
    right : float64 of shape (depth, rows), 1 where a row goes right
    product : float64 of shape (depth, q, rows), Π f
    total : float64 of shape (depth, v, q, rows), sums of a Π f over the leaves seen so far
    """

    node: Any
    feature: Any
    same: Any
    share: Any
    inverse: Any
    inside: Any
    right: Any
    product: Any
    total: Any


def attributions(
    X: Any,
    roots: Any,
    feature: Any,
    threshold: Any,
    left: Any,
    missing_right: Any,
    category: Any,
    bits: Any,
    value: Any,
    cover: Any,
    k: int,
) -> tuple[Any, Any]:
    """Shapley values, float64 of shape (n, d, k), and what is said of no known feature, (k,).

    Parameters
    ----------
    X : float array of shape (n, d)
    roots : int64 of shape (t,), first node of each tree
    feature, threshold, left, missing_right, category, bits : see kernels.traversal
    value : float of shape (m, v); tree i adds to the scores i v to i v + v − 1, modulo k
    cover : float64 of shape (m,), rows (or weight) that reached each node in training

    Cost O(n m v q), with q half the most different features of a path.
    """
    # what is small is made float64, so that one version is compiled for each dtype of X
    threshold, value, cover = (a.astype(np.float64) for a in (threshold, value, cover))
    trees = Trees(feature, threshold, left, missing_right, category, bits, value)
    m, t = len(left), len(roots)
    first, node, depth, same = (np.zeros(size, np.int64) for size in (t + 1, m, m, m))
    way = Way(first, node, depth, same, share=np.ones(m))
    base, out = np.zeros(k), np.zeros((len(X), X.shape[1], k))
    deepest, most = _plan(roots, trees, cover, way, base)
    points, weights = np.polynomial.legendre.leggauss(max(1, (most + 1) // 2))
    points, weights = (points + 1) / 2, weights / 2  # from (−1, 1) to (0, 1)
    attribute = _attribute if len(X) * m > _SHARE_FROM else _attribute.sequential
    block = max(1, min(_BLOCK, len(X)))
    scale = weights / (1 - points)
    attribute(np.ascontiguousarray(X), trees, way, points, scale, deepest, block, out)
    return out, base


@compiled
def _plan(roots: Any, trees: Any, cover: Any, way: Any, base: Any) -> Any:
    """Fill in the way and the base, the means of the values weighed by the rows of the leaves;
    returns the depth of the deepest leaf and the most different features of a path.
    """
    left, (m, v) = trees.left, trees.value.shape
    waiting, height = np.empty(m + 1, np.int64), np.empty(m + 1, np.int64)
    # by depth: node, the feature that led to it, z, share of all rows, different features
    path, by = np.empty(m + 1, np.int64), np.empty(m + 1, np.int64)
    shares, reach, kinds = np.ones(m + 1), np.ones(m + 1), np.zeros(m + 1, np.int64)
    place, deepest, most = 0, 0, 0
    for t in range(len(roots)):
        way.first[t] = place
        waiting[0], height[0], count = roots[t], 0, 1
        while count > 0:
            count -= 1
            node, at = waiting[count], height[count]
            path[at], way.node[place], way.depth[place] = node, node, at
            if at > 0:
                parent = path[at - 1]
                by[at], found = trees.feature[parent], at - 1
                while found > 0 and by[found] != by[at]:
                    found -= 1
                whole = cover[left[parent]] + cover[left[parent] + 1]
                part = cover[node] / whole if whole > 0 else 0.0
                shares[at], reach[at] = shares[found] * part, reach[at - 1] * part
                kinds[at] = kinds[at - 1] + (found == 0)
                way.same[place], way.share[place] = found, shares[at]
                deepest, most = max(deepest, at), max(most, kinds[at])
            if left[node] == node:
                for c in range(v):
                    base[(t * v + c) % len(base)] += reach[at] * trees.value[node, c]
            else:
                waiting[count], height[count] = left[node] + 1, at + 1
                waiting[count + 1], height[count + 1] = left[node], at + 1
                count += 2
            place += 1
    way.first[len(roots)] = place
    return deepest, most


@compiled(parallel=True)
def _attribute(
    X: Any,
    trees: Any,
    way: Any,
    points: Any,
    scale: Any,
    deepest: Any,
    width: Any,
    out: Any,
) -> None:
    n, d, k = out.shape
    for block in numba.prange((n + width - 1) // width):
        begin, end = block * width, min(block * width + width, n)
        columns, sums = np.zeros((d, width)), np.zeros((d, k, width))
        for i in range(begin, end):
            for j in range(d):
                columns[j, i - begin] = X[i, j]
        _walk(columns, trees, way, points, scale, deepest, sums)
        for i in range(begin, end):
            for j in range(d):
                for c in range(k):
                    out[i, j, c] = sums[j, c, i - begin]


@compiled(inner=True)
def _walk(
    columns: Any, trees: Any, way: Any, points: Any, scale: Any, deepest: Any, sums: Any
) -> None:
    (_, k, width), v, levels, q = sums.shape, trees.value.shape[1], deepest + 1, len(points)
    numbers = np.zeros(levels, np.int64)
    path = Path(
        numbers,
        numbers.copy(),
        numbers.copy(),
        np.ones(levels),
        np.ones((levels, q)),
        np.ones((levels, width)),
        np.zeros((levels, width)),
        np.ones((levels, q, width)),
        np.zeros((levels, v, q, width)),
    )
    for t in range(len(way.first) - 1):
        column, last = t * v % k, 0
        for place in range(way.first[t], way.first[t + 1]):
            at, node = way.depth[place], way.node[place]
            while last >= max(at, 1):
                _leave(last, path, column, scale, sums)
                last -= 1
            last, path.node[at] = at, node
            if at > 0:
                above = path.node[at - 1]
                path.feature[at] = trees.feature[above]
                path.same[at], path.share[at] = way.same[place], way.share[place]
                _enter(at, path, points, node != trees.left[above])
            leaf = trees.left[node] == node
            for c in range(v):
                a = trees.value[node, c] if leaf else 0.0
                for p in range(q):
                    for i in range(width):
                        path.total[at, c, p, i] = path.product[at, p, i] * a
            if not leaf:
                _turn(columns, trees, node, path.right[at])
        while last > 0:
            _leave(last, path, column, scale, sums)
            last -= 1


@compiled(inner=True)
def _turn(columns: Any, trees: Any, node: Any, right: Any) -> None:
    """Which rows go right at a node, 1 or 0."""
    x, c, missing = columns[trees.feature[node]], trees.category[node], trees.missing_right[node]
    if c < 0:
        threshold = trees.threshold[node]
        for i in range(len(x)):
            right[i] = 1.0 if (missing if x[i] != x[i] else x[i] > threshold) else 0.0
        return
    for i in range(len(x)):
        goes = missing
        if x[i] >= 0:
            code = int(min(x[i], 255.0))
            goes = (trees.bits[c, code >> 6] >> (code & 63)) & 1 == 0
        right[i] = 1.0 if goes else 0.0


@compiled(inner=True)
def _enter(at: Any, path: Any, points: Any, straight: Any) -> None:
    """Take an edge, to the right child where `straight`, and carry the products down: its factor f
    in place of that of the edge above by the same feature.
    """
    same, z, product, inside = path.same[at], path.share[at], path.product, path.inside
    for i in range(inside.shape[1]):
        goes = path.right[at - 1, i] if straight else 1 - path.right[at - 1, i]
        inside[at, i] = inside[same, i] * goes
    zero = z / path.share[same] if path.share[same] > 0 else 0.0  # where o was 0 already
    for p in range(len(points)):
        t, before = points[p], path.inverse[same, p]
        path.inverse[at, p] = 1 / (z + t * (1 - z))
        fell = z * (1 - t) * before
        was, still = fell - zero, (z + t * (1 - z)) * before - fell
        for i in range(inside.shape[1]):
            factor = zero + inside[same, i] * was + inside[at, i] * still
            product[at, p, i] = product[at - 1, p, i] * factor


@compiled(inner=True)
def _leave(at: Any, path: Any, column: Any, scale: Any, sums: Any) -> None:
    """Add what an edge says of its feature, and carry its sums up."""
    same, by, inside, total = path.same[at], path.feature[at], path.inside, path.total
    for c in range(total.shape[1]):
        for p in range(len(scale)):
            here, above = scale[p] * path.inverse[at, p], scale[p] * path.inverse[same, p]
            for i in range(inside.shape[1]):
                g = total[at, c, p, i]
                sums[by, column + c, i] += g * (inside[at, i] * here - inside[same, i] * above)
                total[at - 1, c, p, i] += g
