"""What an exact tree is grown from, and what it becomes, as arrays.

Numbers of X have become codes: their places among the distinct values of their column. A split lies
between two codes that both occur in the node, and its threshold halfway between their values: the
tree is the one that the values themselves give. Bins of neighboring codes say which of many rows
are worth a closer look. Where thresholds are drawn there are neither codes nor bins, but the
numbers themselves.

Legend: n rows, d features, k outputs, s statistics (k, or k times the most classes of an output), m
nodes, t codes of all columns together, b the most rows, codes or statistics there are. Numba's
cache does not notice when a number of an enumeration changes: remove `__pycache__` beside this file
then.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

__all__ = [
    "Best",
    "Column",
    "Criterion",
    "Desk",
    "Key",
    "Limits",
    "Node",
    "Number",
    "Room",
    "Rows",
    "Sums",
    "Tree",
]


class Criterion(IntEnum):
    """What a split makes less; the first two are of classes."""

    GINI = 0
    ENTROPY = 1
    SQUARED = 2
    POISSON = 3
    ABSOLUTE = 4


class Rows(NamedTuple):
    """The rows of a tree.

    bins : uint8 of shape (d, n), missing values behind the last
    codes : uint8, uint16 or uint32 of shape (d, n), the same; nowhere less where the bins are more
    values : float64 of shape (t,), of each code
    columns : int64 of shape (d, len(Column))
    y : float64 of shape (n, k), numbers or codes of classes
    ranks : uint32 of shape (n, k), places among the values of an output for absolute errors, else
        (0, k)
    w : float64 of shape (n,)
    order : uint32 of shape (r,), the rows to grow from, leaf by leaf in the end
    """

    bins: Any
    codes: Any
    values: Any
    columns: Any
    y: Any
    ranks: Any
    w: Any
    order: Any


class Column(IntEnum):
    """Columns of `Rows.columns`: codes, where these begin in values, whether values are
    missing, 1 or −1 where the value must rise or fall along the feature, and bins.
    """

    CODES = 0
    BEGIN = 1
    MISSING = 2
    MONOTONE = 3
    BINS = 4


class Limits(NamedTuple):
    """What limits a tree.

    classes : most classes of an output, 0 for numbers
    max_features : features to look at in a node; more, if all of these are constant
    min_weight : least sum of weights of a leaf
    min_decrease : least improvement of a split, as a share of the root's weight
    constrained : whether a feature has a direction
    bounded : whether bins say what splits within them can gain at most: no weight is negative
    """

    criterion: int
    classes: int
    max_features: int
    max_depth: int
    max_leaves: int
    min_split: int
    min_leaf: int
    min_weight: float
    min_decrease: float
    constrained: bool
    bounded: bool


class Node(IntEnum):
    """Columns of nodes, int64 of shape (m, len(Node)); the right part follows the left one, and a
    leaf is its own left part. CODE : greatest on the left.
    """

    FEATURE = 0
    LEFT = 1
    CODE = 2
    MISSING_LEFT = 3
    DEPTH = 4
    BEGIN = 5
    END = 6


class Number(IntEnum):
    """Columns of numbers, float64 of shape (m, len(Number)). GAIN : what the split takes from the
    impurity, as a share of the root's weight; LOWER, UPPER : bounds of the value; MIDDLE : between
    the values of the parts.
    """

    THRESHOLD = 0
    IMPURITY = 1
    WEIGHT = 2
    GAIN = 3
    LOWER = 4
    UPPER = 5
    MIDDLE = 6


class Tree(NamedTuple):
    """Nodes, their numbers, and values: float64 of shape (m, s), what each predicts."""

    nodes: Any
    numbers: Any
    values: Any


class Desk(IntEnum):
    """Rows of the desk, float64 of shape (Y + 2 k, b); a row that is not needed is never touched,
    and takes no memory.

    W, TARGET : weights of the node's rows in their order; their weighted targets, if one number
    N, WEIGHT, SUM : rows, weight and weighted target up to each bin
    IN_N, IN_WEIGHT, IN_SUM, IN_ABOVE : `Sums` of each bin
    RUN_N, RUN_WEIGHT, RUN_SUM : the same up to each of some sorted rows, −∞ rows where the next one
        is no greater
    SCORE : of the splits behind these
    X : numbers of the node's rows
    TOTAL, LEFT : statistics of the node and of its left part
    TREE_W, TREE_S : Fenwick trees of weights and of weighted targets
    LOSS_LEFT, LOSS_RIGHT, MEDIAN_LEFT, MEDIAN_RIGHT : of the parts, at each place; with classes,
        LOSS_LEFT and LOSS_RIGHT are the terms of classes
    Y : the first of k rows of targets; the k rows behind hold the same in their order
    """

    W = 0
    TARGET = 1
    N = 2
    WEIGHT = 3
    SUM = 4
    IN_N = 5
    IN_WEIGHT = 6
    IN_SUM = 7
    IN_ABOVE = 8
    RUN_N = 9
    RUN_WEIGHT = 10
    RUN_SUM = 11
    SCORE = 12
    X = 13
    TOTAL = 14
    LEFT = 15
    TREE_W = 16
    TREE_S = 17
    LOSS_LEFT = 18
    LOSS_RIGHT = 19
    MEDIAN_LEFT = 20
    MEDIAN_RIGHT = 21
    Y = 22


class Key(IntEnum):
    """Rows of keys, uint64 of shape (RANK + k, b).

    ORDER, SPARE : code · 2³² + place in the node, sorted; room for it
    CODE : while sorting, counts of digits
    RANK : the first of k rows of places among the targets of the node
    """

    ORDER = 0
    SPARE = 1
    CODE = 2
    RANK = 3


class Sums(IntEnum):
    """Columns of what is summed by bins: one, weight, weighted target, and the part of it that is
    above the mean of the node.
    """

    ROWS = 0
    WEIGHT = 1
    TARGET = 2
    ABOVE = 3


class Best(IntEnum):
    """The best split of a node so far, float64 of shape (len(Best),). CODE : −1 for a split between
    bins; FOLLOWING : least code on the right; EDGE : the last bin on the left, of a split between
    bins; ROWS : on the left; BASE : the score of the node;
    FAR : the greatest distance of a target from the mean.
    """

    SCORE = 0
    THRESHOLD = 1
    MIDDLE = 2
    FEATURE = 3
    CODE = 4
    FOLLOWING = 5
    MISSING_LEFT = 6
    EDGE = 7
    ROWS = 8
    BASE = 9
    FAR = 10


class Room(NamedTuple):
    """What growing works in.

    desk, keys : see Desk and Key
    stats : float64 of shape (b, len(Sums)), of the node's rows in their order
    sums : float64 of shape (257, len(Sums)), of each bin
    bin_of : uint8 of shape (b,), of the node's rows in their order
    alive : uint8 of shape (257,), whether a bin may hold a better split
    few : uint32 of shape (2, 64), keys and ranks of few rows
    features : int64 of shape (d,), in the order of the draws
    waits : int64 of shape (m,), nodes that can be split
    state : uint64 of shape (1,), of the random numbers
    best : see Best
    """

    desk: Any
    keys: Any
    stats: Any
    sums: Any
    bin_of: Any
    alive: Any
    few: Any
    features: Any
    waits: Any
    state: Any
    best: Any
