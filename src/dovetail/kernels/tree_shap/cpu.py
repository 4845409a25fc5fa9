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

# Most rows that take a step together: 26 µs a row for 100 trees of 31 leaves; 64 rows take 47 µs,
# as starting the short loops costs as much as running them, 256 no less than 128.
_BLOCK = 128
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
    feature, threshold, left, missing_right, category, bits : see kernels.forest
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
    blocks = max(1, -(-len(X) // _BLOCK))
    width = max(1, -(-len(X) // blocks))
    scale = weights / (1 - points)
    attribute(np.ascontiguousarray(X), trees, way, points, scale, deepest, width, out)
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
    # one long function: calls that hand over nine arrays, each counted, take as long as their work
    (_, k, width), v, levels, q = sums.shape, trees.value.shape[1], deepest + 1, len(points)
    # of the nodes on the path, by depth: the node, the feature whose split led there, `same` of
    # Way, z, 1 / (z + t (1 − z)), o, whether rows go right (1 or 0), Π f, and the sums of a Π f
    # over the leaves seen so far
    path, feature = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    same, share = np.zeros(levels, np.int64), np.ones(levels)
    inverse = np.ones((levels, q))
    inside, right = np.ones((levels, width)), np.zeros((levels, width))
    product = np.ones((levels, q, width))
    total = np.zeros((levels, v, q, width))
    for t in range(len(way.first) - 1):
        column, last, end = t * v % k, 0, way.first[t + 1]
        for place in range(way.first[t], end + 1):
            at = way.depth[place] if place < end else 0
            while last >= max(at, 1):  # leave: add what an edge says, and carry its sums up
                by, before = feature[last], same[last]
                for c in range(v):
                    for p in range(q):
                        here, above = scale[p] * inverse[last, p], scale[p] * inverse[before, p]
                        for i in range(width):
                            g = total[last, c, p, i]
                            sums[by, column + c, i] += g * (
                                inside[last, i] * here - inside[before, i] * above
                            )
                            total[last - 1, c, p, i] += g
                last -= 1
            if place == end:
                break
            last, node = at, way.node[place]
            path[at] = node
            if at > 0:  # enter: carry the products down, f in place of that of the edge before
                parent, before, z = path[at - 1], way.same[place], way.share[place]
                feature[at], same[at], share[at] = trees.feature[parent], before, z
                straight = node != trees.left[parent]
                for i in range(width):
                    goes = right[at - 1, i] if straight else 1 - right[at - 1, i]
                    inside[at, i] = inside[before, i] * goes
                zero = z / share[before] if share[before] > 0 else 0.0  # where o was 0 already
                for p in range(q):
                    f, earlier = z + points[p] * (1 - z), inverse[before, p]
                    inverse[at, p] = 1 / f
                    fell = z * (1 - points[p]) * earlier
                    was, still = fell - zero, f * earlier - fell
                    for i in range(width):
                        factor = zero + inside[before, i] * was + inside[at, i] * still
                        product[at, p, i] = product[at - 1, p, i] * factor
            leaf = trees.left[node] == node
            for c in range(v):
                a = trees.value[node, c] if leaf else 0.0
                for p in range(q):
                    for i in range(width):
                        total[at, c, p, i] = product[at, p, i] * a
            if not leaf:
                _turn(columns, trees, node, at, right)


@compiled(inner=True)
def _turn(columns: Any, trees: Any, node: Any, at: Any, right: Any) -> None:
    """Which rows go right at a node, 1 or 0."""
    j, c, missing = trees.feature[node], trees.category[node], trees.missing_right[node]
    if c < 0:
        threshold = trees.threshold[node]
        for i in range(columns.shape[1]):
            x = columns[j, i]
            right[at, i] = 1.0 if (missing if x != x else x > threshold) else 0.0
        return
    last = 64.0 * trees.bits.shape[1] - 1
    for i in range(columns.shape[1]):
        goes, x = missing, columns[j, i]
        if x >= 0:
            code = int(min(x, last))
            goes = (trees.bits[c, code >> 6] >> (code & 63)) & 1 == 0
        right[at, i] = 1.0 if goes else 0.0
