"""What the pictures of a tree share: its nodes in order, the words and the color of each."""

from __future__ import annotations

import colorsys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

__all__ = ["LEAF", "NodeColors", "NodeWords", "Signs", "TreeArrays", "Visit", "tree_of", "walk"]

LEAF = -1  # the child of a leaf
_LINE = 60  # letters of a line of values: more, and a node of many classes hides its neighbors


class TreeArrays(Protocol):
    """What is read of `tree_`: m nodes, o outputs, k the most classes of an output."""

    n_outputs: int
    n_classes: npt.NDArray[np.intp]  # (o,), 1 for regression
    children_left: npt.NDArray[np.intp]  # (m,), as the next five
    children_right: npt.NDArray[np.intp]
    feature: npt.NDArray[np.intp]
    threshold: npt.NDArray[np.float64]
    impurity: npt.NDArray[np.float64]
    n_node_samples: npt.NDArray[np.intp]
    weighted_n_node_samples: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]  # (m, o, k), shares of the classes, or means


def tree_of(model: Any) -> TreeArrays:
    """The tree of a fitted estimator that is one."""
    check_is_fitted(model)
    tree: TreeArrays | None = getattr(model, "tree_", None)
    if tree is None:
        raise TypeError(
            f"One tree can be shown: a fitted estimator that has `tree_`. Got "
            f"{type(model).__name__}; of a forest, give one of its `estimators_`."
        )
    return tree


@dataclass(frozen=True)
class Visit:
    """A node on the way through a tree.

    parent : −1 for the root
    cut : whether it lies deeper than is shown, so that its children are not visited
    """

    node: int
    parent: int
    depth: int
    cut: bool


def walk(tree: TreeArrays, max_depth: int | None = None) -> Iterator[Visit]:
    """The nodes, each before its children, left before right."""
    stack = [Visit(0, -1, 0, False)]
    while stack:
        at = stack.pop()
        yield at
        if not at.cut and tree.children_left[at.node] != LEAF:
            depth = at.depth + 1
            cut = max_depth is not None and depth > max_depth
            for child in (tree.children_right[at.node], tree.children_left[at.node]):
                stack.append(Visit(int(child), at.node, depth, cut))


@dataclass(frozen=True)
class Signs:
    """How a format writes what is neither letter nor number."""

    number: str = "#"
    index: tuple[str, str] = ("[", "]")
    at_most: str = "<="
    escape: Callable[[str], str] = str


@dataclass(frozen=True)
class NodeWords:
    """What is said of a node, line by line; the options are those of `export_graphviz`."""

    model: Any
    tree: TreeArrays
    signs: Signs
    feature_names: Sequence[Any] | None
    class_names: Sequence[Any] | bool | None
    label: Literal["all", "root", "none"]
    impurity: bool
    node_ids: bool
    proportion: bool
    precision: int | None

    def __post_init__(self) -> None:
        names, d = self.feature_names, self.model.n_features_in_
        if names is not None and len(names) != d:
            raise ValueError(
                f"Length of feature_names, {len(names)} does not match number of features, {d}."
            )

    def lines(self, node: int) -> list[str]:
        """The split, the impurity, the number of samples, the value and the class."""
        tree, named = self.tree, self.label == "all" or (self.label == "root" and node == 0)
        said: list[tuple[str, str]] = []
        if self.node_ids:
            said.append(("node ", f"{self.signs.number}{node}"))
        if tree.children_left[node] != LEAF:
            said.append(("", self._split(node)))
        if self.impurity:
            given = self.model.criterion
            criterion = given if isinstance(given, str) else "impurity"
            said.append((f"{criterion} = ", self._rounded(tree.impurity[node])))
        said.append(("samples = ", self._samples(node)))
        values = self._shown_values(node)
        said += [("value = ", values[0]), *(("", line) for line in values[1:])]
        # of several outputs, the classes would not fit
        if self._names_classes and tree.n_outputs == 1 and tree.n_classes[0] > 1:
            said.append(("class = ", self._class(int(tree.value[node, 0].argmax()))))
        return [word * named + text for word, text in said]

    @property
    def _names_classes(self) -> bool:
        return self.class_names is not None and self.class_names is not False

    def _split(self, node: int) -> str:
        j, signs = int(self.tree.feature[node]), self.signs
        if self.feature_names is None:
            name = f"x{signs.index[0]}{j}{signs.index[1]}"
        else:
            name = signs.escape(str(self.feature_names[j]))
        return f"{name} {signs.at_most} {self._rounded(self.tree.threshold[node])}"

    def _samples(self, node: int) -> str:
        count = self.tree.n_node_samples
        if self.proportion:
            return f"{float(np.round(100.0 * count[node] / count[0], 1))}%"
        return str(count[node])

    def _shown_values(self, node: int) -> list[str]:
        tree, value = self.tree, self.tree.value[node]
        if tree.n_classes[0] == 1:
            rows = [[self._rounded(v) for v in row] for row in value]
            return rows[0] if tree.n_outputs == 1 else _bracketed(rows)
        if not self.proportion:
            value = value * tree.weighted_n_node_samples[node]
            if (value % 1 == 0).all():
                return _bracketed([[str(int(v)) for v in row] for row in value])
        return _bracketed([[self._rounded(v) for v in row] for row in value])

    def _class(self, code: int) -> str:
        if self.class_names is True:
            return f"y{self.signs.index[0]}{code}{self.signs.index[1]}"
        names: Any = self.class_names
        return self.signs.escape(str(names[code]))

    def _rounded(self, number: Any) -> str:
        shown = number if self.precision is None else np.round(number, self.precision)
        return str(float(shown) + 0.0)  # −0 becomes 0


def _bracketed(rows: list[list[str]]) -> list[str]:
    """Numbers as a list, or a list of lists, broken into lines."""
    lines = [line for row in rows for line in textwrap.wrap(f"[{', '.join(row)}]", _LINE)]
    if len(rows) > 1:
        lines[0], lines[-1] = f"[{lines[0]}", f"{lines[-1]}]"
    return lines


class NodeColors:
    """Colors of nodes: a hue for each class, paler the less it leads; for numbers, and for several
    outputs, one hue, stronger the larger the value and the purer the node.
    """

    def __init__(self, tree: TreeArrays) -> None:
        self.tree = tree
        self.hues = _hues(int(tree.n_classes[0]))
        self.by_class = tree.n_outputs == 1 and tree.n_classes[0] != 1
        self.strength = tree.value[:, 0, 0] if tree.n_outputs == 1 else -tree.impurity

    def of(self, node: int) -> str:
        """The color as #rrggbb."""
        if self.by_class:
            share = self.tree.value[node, 0]
            second, first = np.sort(share)[-2:]
            return _on_white(self.hues[int(share.argmax())], (first - second) / (1 - second))
        low, high = self.strength.min(), self.strength.max()
        share = 0.0 if low == high else (self.strength[node] - low) / (high - low)
        return _on_white(self.hues[0], share)


def _hues(n: int) -> list[list[int]]:
    """n colors around the circle, from orange on."""
    hues = np.arange(25, 385, 360 / n).astype(int)[:n] % 360
    return [[int(255 * c) for c in colorsys.hsv_to_rgb(hue / 360, 0.75, 0.9)] for hue in hues]


def _on_white(color: list[int], share: float) -> str:
    return "#" + "".join(f"{round(share * c + (1 - share) * 255):02x}" for c in color)
