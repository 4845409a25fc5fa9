"""What the growth of a tree works on: rows, rules, and the tree itself, as arrays.

Compiled code takes named tuples of arrays; an array of integers that holds several things has its
columns named by an enumeration. Numba's cache does not notice when a number of an enumeration
changes: remove `__pycache__` beside this file then.

A column of codes holds one feature; or several (see `data.bundles`), whose own codes are looked up
by the column's. Legend: n rows, d features, groups of GROUP columns whose codes lie in one word of
64 bits, b columns of bytes and v of more codes, cells of a histogram (256 a column of bytes, whole
groups of them, and as many as there are codes of the others), m nodes, s slots (histograms of
leaves that may be split), c nodes that split by categories, k sets of features that may interact,
r codes of the column that has most, at least 256, o outputs, the values of a leaf.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

__all__ = [
    "BINS",
    "GROUP",
    "MISSING",
    "At",
    "Feature",
    "Growth",
    "Limits",
    "Node",
    "Rows",
    "Rules",
    "Slot",
    "Stage",
    "Units",
    "Value",
]

BINS = 256  # codes are bytes
GROUP = 8
MISSING = 255  # the code of missing values


class Rows(NamedTuple):
    """The rows of a tree.

    order : uint32 of shape (n,), numbers of rows, leaf by leaf
    room : uint32 of shape (2, n), for moving them
    narrow : int32 of shape (o, n), words of a few bits, (o, 0) where they would not do
    wide : int64 of shape (o, n, 2), the same in full, (o, 0, 2) where there are narrow ones
    codes : uint64 of shape (n, groups), eight codes in each
    columns : uint8 of shape (b, n), the same codes by column
    many : uint16 of shape (v, n), columns of more than 255 categories
    sizes : int64 of shape (v,), how many cells each of these has
    """

    order: Any
    room: Any
    narrow: Any
    wide: Any
    codes: Any
    columns: Any
    many: Any
    sizes: Any


class Units(NamedTuple):
    """How to read words.

    bits : of the second part of a wide word that count rows
    hessian_bits : of a narrow word; 0 where words are wide or all Hessians are 1
    shift : of gradients in a packed sum (see `cpu.py`), 0 where words are wide
    counted : whether every row's Hessian is 1, and its integer 0
    """

    bits: int
    hessian_bits: int
    shift: int
    counted: bool


class Limits(NamedTuple):
    """Numbers that limit a tree; apart from the arrays of `Rules`, because counting references to
    arrays takes longer than a short function that is passed them.

    share : of the features, drawn at random for every leaf
    seed : of the draw
    max_leaves, max_depth, min_rows : int
    min_hessian, l2 : float
    best_first : whether the next leaf is the one of greatest gain; where the number of leaves is no
        limit, the order does not matter, and the smaller part of the last split keeps memory small
    """

    share: float
    seed: int
    max_leaves: int
    max_depth: int
    min_rows: int
    min_hessian: float
    l2: float
    best_first: bool


class Rules(NamedTuple):
    """What limits a tree.

    features : int64 of shape (d, len(Feature))
    own : uint8 of shape (features that share a column, 256), their codes by the column's
    listed : uint8, codes of the columns, for each of these features those where it has another code
        than the one it has most often
    groups : uint8 of shape (k, d), sets of features that may interact; (0, d) where all may
    """

    features: Any
    own: Any
    listed: Any
    groups: Any


class Feature(IntEnum):
    """Columns of `Rules.features`.

    BINS : in use
    MISSING : the code of missing values, or −1 where there are none
    CATEGORICAL : 1 for categories
    MONOTONE : 1 or −1 where values must rise or fall along the feature
    COLUMN : number of its column, those of bytes first
    CELL : where its column's cells begin
    OWN : row of `Rules.own`, −1 where it has a column for itself
    BEGIN, END : of its codes in `Rules.listed`
    USUAL : its own code elsewhere
    """

    BINS = 0
    MISSING = 1
    CATEGORICAL = 2
    MONOTONE = 3
    COLUMN = 4
    CELL = 5
    OWN = 6
    BEGIN = 7
    END = 8
    USUAL = 9


class Node(IntEnum):
    """Columns of `Growth.nodes`.

    BIN : greatest code on the left
    SET : of categories that go left, else −1
    BEGIN, END : the node's rows in `Rows.order`
    SLOT : of its histogram
    GRADIENT, WORD : sums over its rows; those of further outputs follow
    """

    FEATURE = 0
    LEFT = 1
    BIN = 2
    MISSING_LEFT = 3
    SET = 4
    DEPTH = 5
    BEGIN = 6
    END = 7
    SLOT = 8
    GRADIENT = 9
    WORD = 10


class Value(IntEnum):
    """Columns of `Growth.values`: bounds of the values of a node's parts, what its best split
    gains, and its value; those of further outputs follow.
    """

    LOWER = 0
    UPPER = 1
    GAIN = 2
    OWN = 3


class At(IntEnum):
    """Numbers in `Growth.at`: what comes next, the leaf being split and where its right part
    begins, how many nodes, open leaves, free slots and sets there are, the two parts, and which of
    them may be split (1 the larger, 2 the smaller).
    """

    STAGE = 0
    PARENT = 1
    MIDDLE = 2
    NODES = 3
    OPEN = 4
    FREE = 5
    SETS = 6
    LARGER = 7
    SMALLER = 8
    WANTED = 9


class Stage(IntEnum):
    """What comes next; at a pause, DIVIDE, SUM and SEARCH are the caller's."""

    PICK = 0
    DIVIDE = 1
    PARTS = 2
    SUM = 3
    SEARCH = 4
    KEEP = 5
    DONE = 6


class Growth(NamedTuple):
    """A tree while it grows.

    histograms : int64 of shape (s, 2 o, cells), two planes of sums an output: of gradients, and of
        words; or, where these fit, both packed into the first
    scales : float64 of shape (o, 2), what an integer gradient and an integer Hessian stand for
    slots : int64 of shape (s, len(Slot) + 2 (o − 1)), the best split of each slot's leaf; and, one
        below the other, the unused slots and the leaves that may be split
    lefts : uint8 of shape (s, 2 r + k), whether rows of each code of the column go left, the same
        by the feature's own codes, and which sets of features are still open to the leaf
    nodes : int64 of shape (m, len(Node) + 2 (o − 1)); the right child follows the left one; a leaf
        is its own left child
    values : float64 of shape (m, len(Value) + o − 1)
    sets : int64 of shape (c, ⌈r / 64⌉), a bit for each category that goes left
    at : int64 of shape (len(At),), where the loop stands
    """

    histograms: Any
    scales: Any
    slots: Any
    lefts: Any
    nodes: Any
    values: Any
    sets: Any
    at: Any


class Slot(IntEnum):
    """Columns of `Growth.slots`: the feature, the kind of split, its place among bins or ordered
    categories, the two lists, and the sums on the left; those of further outputs follow.
    """

    FEATURE = 0
    KIND = 1
    PLACE = 2
    FREE = 3
    OPEN = 4
    GRADIENT = 5
    WORD = 6
