"""Where the nodes of a tree stand on paper."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.tree._nodes import LEAF, TreeArrays, walk

__all__ = ["positions"]


@dataclass
class _Side:
    """The outermost nodes of a subtree on one side, a level each, the root's level last.

    where : positions, short of `shift`
    """

    where: list[float]
    shift: float = 0.0

    def at(self, level: int) -> float:
        """Position at a level, 0 the root's."""
        return self.where[-1 - level] + self.shift


def positions(tree: TreeArrays, max_depth: int | None = None) -> dict[int, tuple[float, int]]:
    """Position from the left (from 0 on) and depth of each node that `walk` visits.

    Nodes of a level are at least 1 apart, a parent stands midway above its children, and a subtree
    looks the same wherever it stands (Reingold & Tilford 1981,
    https://doi.org/10.1109/TSE.1981.234519): subtrees are built from the leaves up, and the right
    one is moved until its left side is clear of the left one's right side. Only levels that both
    have are compared, and the sides of the deeper one go on, so that the cost is O(m).
    """
    visits = list(walk(tree, max_depth))
    apart: dict[int, float] = {}  # of the two children of a node
    sides: dict[int, tuple[_Side, _Side]] = {}
    for at in reversed(visits):
        if at.cut or tree.children_left[at.node] == LEAF:
            sides[at.node] = _Side([0.0]), _Side([0.0])
        else:
            children = int(tree.children_left[at.node]), int(tree.children_right[at.node])
            apart[at.node], sides[at.node] = _joined(*(sides.pop(child) for child in children))
    found = {0: (0.0, 0)}
    for at in visits[1:]:
        sign = -1 if at.node == tree.children_left[at.parent] else 1
        found[at.node] = (found[at.parent][0] + sign * apart[at.parent] / 2, at.depth)
    first = min(x for x, _ in found.values())
    return {node: (x - first, depth) for node, (x, depth) in found.items()}


def _joined(
    left: tuple[_Side, _Side], right: tuple[_Side, _Side]
) -> tuple[float, tuple[_Side, _Side]]:
    """The distance of two subtrees, and the sides of the tree they make, its root at 0."""
    levels = range(min(len(left[0].where), len(right[0].where)))
    apart = 1 + max(left[1].at(level) - right[0].at(level) for level in levels)
    for side in left:
        side.shift -= apart / 2
    for side in right:
        side.shift += apart / 2
    return apart, (_beneath_root(left[0], right[0]), _beneath_root(right[1], left[1]))


def _beneath_root(near: _Side, far: _Side) -> _Side:
    """A side of two subtrees: the near one's, and below it the far one's, with a root on top."""
    side = near
    if len(far.where) > len(near.where):
        levels = range(len(near.where))
        for level in levels:
            far.where[-1 - level] = near.at(level) - far.shift
        side = far
    side.where.append(-side.shift)
    return side
