"""What an exact tree is grown from, and what it becomes, as arrays.

Numbers of X have become codes: their places among the distinct values of their column, or among
bins of it where these are many. A split lies between two codes that both occur in the node, and its
threshold halfway between the greatest value of the one and the least of the other: with a code a
value, the tree is the one that the values themselves give.

Legend: n rows, d features, k outputs, s statistics (k, or k times the most classes of an output), m
nodes, t codes of all columns together. Numba's cache does not notice when a number of an
enumeration changes: remove `__pycache__` beside this file then.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

__all__ = ["Best", "Column", "Criterion", "Desk", "Key", "Limits", "Node", "Number", "Rows"]


class Criterion(IntEnum):
    """What a split makes less; the first two are of classes."""

    GINI = 0
    ENTROPY = 1
    SQUARED = 2
    POISSON = 3
    ABSOLUTE = 4


class Rows(NamedTuple):
    """The rows of a tree.

    codes : uint8, uint16 or uint32 of shape (d, n); missing values have the code behind the last
    columns : int64 of shape (d, len(Column))
    values : float64 of shape (2, t), the least and the greatest value of each code
    fine, fine_columns, fine_values : the same with a code a value, uint32, for nodes of few rows
        where codes are bins; of shape (d, 0), (0, len(Column)) and (2, 0) where they are not
    y : float64 of shape (n, k), numbers or codes of classes
    ranks : uint32 of shape (n, k), places among the values of an output for absolute errors, else
        (0, k)
    w : float64 of shape (n,)
    order : int64 of shape (r,), the rows to grow from, leaf by leaf in the end
    """

    codes: Any
    columns: Any
    values: Any
    fine: Any
    fine_columns: Any
    fine_values: Any
    y: Any
    ranks: Any
    w: Any
    order: Any


class Column(IntEnum):
    """Columns of `Rows.columns`: codes, where these begin in values, whether values are
    missing, and 1 or −1 where the value must rise or fall along the feature.
    """

    CODES = 0
    BEGIN = 1
    MISSING = 2
    MONOTONE = 3


class Limits(NamedTuple):
    """What limits a tree.

    classes : most classes of an output, 0 for numbers
    random : whether a threshold is drawn instead of sought
    max_features : features to look at in a node; more, if all of these are constant
    min_weight : least sum of weights of a leaf
    min_decrease : least improvement of a split, as a share of the root's weight
    constrained : whether a feature has a direction
    fine_below : rows below which a node is split by fine codes
    """

    criterion: int
    classes: int
    random: bool
    max_features: int
    max_depth: int
    max_leaves: int
    min_split: int
    min_leaf: int
    min_weight: float
    min_decrease: float
    constrained: bool
    fine_below: int


class Node(IntEnum):
    """Columns of nodes, int64 of shape (m, len(Node)); the right part follows the left one, and a
    leaf is its own left part. CODE : greatest on the left; FINE : whether it is a fine one.
    """

    FEATURE = 0
    LEFT = 1
    CODE = 2
    MISSING_LEFT = 3
    DEPTH = 4
    BEGIN = 5
    END = 6
    FINE = 7


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


class Desk(IntEnum):
    """Rows of the desk, float64 of shape (Y + 2 k, b), with b at least the rows, codes and
    statistics; a row that is not needed is never touched, and takes no memory.

    W : weights of the node's rows in their order
    N_OF, W_OF, S_OF : rows, weight and weighted target of each code
    N, WEIGHT, SUM : the same summed over the codes that occur
    SCORE : of the splits behind these
    TOTAL, LEFT : statistics of the node and of its left part
    TREE_W, TREE_S : Fenwick trees of weights and of weighted targets
    LOSS_LEFT, LOSS_RIGHT, MEDIAN_LEFT, MEDIAN_RIGHT : of the parts, at each place
    Y : the first of k rows of targets, times the weight where two sums say all; the k rows behind
        hold the same in their order
    """

    W = 0
    N_OF = 1
    W_OF = 2
    S_OF = 3
    N = 4
    WEIGHT = 5
    SUM = 6
    SCORE = 7
    TOTAL = 8
    LEFT = 9
    TREE_W = 10
    TREE_S = 11
    LOSS_LEFT = 12
    LOSS_RIGHT = 13
    MEDIAN_LEFT = 14
    MEDIAN_RIGHT = 15
    Y = 16


class Key(IntEnum):
    """Rows of keys, uint64 of shape (RANK + k, b).

    ORDER, SPARE : code · 2³² + place in the node, sorted; room for it
    CODE : codes that occur; while sorting, counts of digits
    RANK : the first of k rows of places among the targets of the node
    """

    ORDER = 0
    SPARE = 1
    CODE = 2
    RANK = 3


class Best(IntEnum):
    """The best split of a node so far, float64 of shape (len(Best),)."""

    SCORE = 0
    THRESHOLD = 1
    MIDDLE = 2
    FEATURE = 3
    CODE = 4
    MISSING_LEFT = 5
