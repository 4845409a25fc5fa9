"""A tree as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from sklearn.base import is_classifier

from dovetail.params import ArrayLike, AtLeast, checked
from dovetail.tree._nodes import TreeArrays, tree_of, walk

__all__ = ["export_text"]


@checked
def export_text(
    decision_tree: Any,
    *,
    feature_names: ArrayLike | None = None,
    class_names: ArrayLike | None = None,
    max_depth: Annotated[int, AtLeast(0)] | None = 10,
    spacing: Annotated[int, AtLeast(1)] = 3,
    decimals: Annotated[int, AtLeast(0)] = 2,
    show_weights: bool = False,
) -> str:
    """The rules of a decision tree, a line each.

    Parameters
    ----------
    decision_tree : fitted estimator that has `tree_`
    feature_names : array-like of n_features names or None, default=None
        None writes feature_0, feature_1, ...
    class_names : array-like of n_classes names or None, default=None
        Written instead of the classes. Not used for numbers, nor for several outputs.
    max_depth : int at least 0 or None, default=10
        Deepest level of splits shown, the root's is 0; branches below are named with their depth.
        None shows all.
    spacing : int at least 1, default=3
        Dashes before a rule, and spaces of a step to the right.
    decimals : int at least 0, default=2
        Digits behind the point.
    show_weights : bool, default=False
        Whether the leaves of a classifier show the weight of the samples of each class.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        There are more or fewer names than features, or classes.

    Cost O(m k) for m nodes and k classes.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from dovetail.tree import export_text
    >>> model = DecisionTreeClassifier().fit([[0], [1], [2]], ["no", "yes", "yes"])
    >>> print(export_text(model, feature_names=["age"], show_weights=True))
    |--- age <= 0.50
    |   |--- weights: [1.00, 0.00] class: no
    |--- age >  0.50
    |   |--- weights: [0.00, 2.00] class: yes
    <BLANKLINE>
    """
    tree = tree_of(decision_tree)
    d = decision_tree.n_features_in_
    if feature_names is not None and len(feature_names) != d:
        raise ValueError(f"feature_names must contain {d} elements, got {len(feature_names)}")
    classes = _classes(decision_tree, tree, class_names) if is_classifier(decision_tree) else None
    leaf = _LeafWords(tree, classes, show_weights, decimals)
    heights = _heights(tree)
    lines = []
    # a node and its depth, or the line between two children
    stack: list[tuple[int, int] | str] = [(0, 1)]
    while stack:
        at = stack.pop()
        if isinstance(at, str):
            lines.append(at)
            continue
        node, depth = at
        indent = ("|" + " " * spacing) * (depth - 1) + "|" + "-" * spacing
        if heights[node] == 1:
            lines.append(f"{indent} {leaf.of(node)}")
        elif max_depth is not None and depth > max_depth + 1:
            lines.append(f"{indent} truncated branch of depth {heights[node]}")
        else:
            j = int(tree.feature[node])
            name = f"feature_{j}" if feature_names is None else feature_names[j]
            threshold = f"{tree.threshold[node]:.{decimals}f}"
            left, right = int(tree.children_left[node]), int(tree.children_right[node])
            lines.append(f"{indent} {name} <= {threshold}")
            stack += [(right, depth + 1), f"{indent} {name} >  {threshold}", (left, depth + 1)]
    return "\n".join(lines) + "\n"


def _classes(model: Any, tree: TreeArrays, given: Any) -> Any:
    """The classes by the names they are shown with; a list of them for several outputs."""
    if given is None:
        return model.classes_
    if len(given) != len(model.classes_):
        raise ValueError(
            "When `class_names` is an array, it should contain as many items as "
            f"`decision_tree.classes_`. Got {len(given)} while the tree was fitted with "
            f"{len(model.classes_)} classes."
        )
    return given if tree.n_outputs == 1 else model.classes_


def _heights(tree: TreeArrays) -> list[int]:
    """Levels of the subtree beneath each node, 1 for a leaf."""
    heights = [1] * len(tree.feature)
    for at in reversed(list(walk(tree))):
        if at.parent >= 0:
            heights[at.parent] = max(heights[at.parent], heights[at.node] + 1)
    return heights


@dataclass(frozen=True)
class _LeafWords:
    """What is said of a leaf.

    classes : names, a sequence of them for each of several outputs, None for numbers
    """

    tree: TreeArrays
    classes: Any
    show_weights: bool
    decimals: int

    def of(self, node: int) -> str:
        """The class, or the value."""
        value = self.tree.value[node]
        if self.classes is None:
            return f"value: {self._listed(value[:, 0])}"
        several = self.tree.n_outputs > 1
        names = [c[int(np.argmax(v))] for c, v in zip(self._by_output(), value, strict=True)]
        said = f"class: [{', '.join(map(str, names))}]" if several else f"class: {names[0]}"
        if not self.show_weights:
            return said
        weights = value * self.tree.weighted_n_node_samples[node]
        lists = [self._listed(w[:k]) for w, k in zip(weights, self.tree.n_classes, strict=True)]
        return f"weights: {'[' + ', '.join(lists) + ']' if several else lists[0]} {said}"

    def _by_output(self) -> Sequence[Any]:
        return self.classes if self.tree.n_outputs > 1 else [self.classes]

    def _listed(self, numbers: Any) -> str:
        return f"[{', '.join(f'{v:.{self.decimals}f}' for v in numbers)}]"
