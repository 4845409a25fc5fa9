"""A tree in the DOT language."""

import html
from typing import Annotated, Any, Literal

import numpy as np

from dovetail.params import ArrayLike, AtLeast, Has, checked
from dovetail.tree._nodes import LEAF, NodeColors, NodeWords, Signs, Visit, tree_of, walk

__all__ = ["export_graphviz"]

_CUT = "#C0C0C0"  # gray, of nodes that are not shown


@checked
def export_graphviz(
    decision_tree: Any,
    out_file: Annotated[Any, Has("write")] | str | None = None,
    *,
    max_depth: Annotated[int, AtLeast(0)] | None = None,
    feature_names: ArrayLike | None = None,
    class_names: ArrayLike | bool | None = None,
    label: Literal["all", "root", "none"] = "all",
    filled: bool = False,
    leaves_parallel: bool = False,
    impurity: bool = True,
    node_ids: bool = False,
    proportion: bool = False,
    rotate: bool = False,
    rounded: bool = False,
    special_characters: bool = False,
    precision: Annotated[int, AtLeast(0)] | None = 3,
    fontname: str = "helvetica",
) -> str | None:
    """A decision tree as a graph in the DOT language, for Graphviz to draw.

    `dot -Tsvg tree.dot -o tree.svg` makes a picture of the result.

    Parameters
    ----------
    decision_tree : fitted estimator that has `tree_`
    out_file : str, file that can be written to, or None, default=None
        Where the text goes; None returns it.
    max_depth : int at least 0 or None, default=None
        Deepest level shown, the root's is 0; what lies below is marked "(...)". None shows all.
    feature_names : array-like of n_features str or None, default=None
        None writes x[0], x[1], ...
    class_names : array-like of n_classes str, bool or None, default=None
        Names of the classes in the order of `classes_`, to write that of the most weight. True
        writes y[0], y[1], ... Not used for numbers, nor for several outputs.
    label : "all", "root" or "none", default="all"
        Nodes where the numbers are named ("samples = 6") and not just given.
    filled : bool, default=False
        Whether nodes have colors: by class, by value, or by purity for several outputs.
    leaves_parallel : bool, default=False
        Whether all leaves stand at the bottom.
    impurity, node_ids : bool, default=True and False
        Whether to write the impurity, and the number of each node.
    proportion : bool, default=False
        Whether samples are written as percentages and classes as shares, instead of weights.
    rotate : bool, default=False
        Whether the tree grows to the right instead of downward.
    rounded : bool, default=False
        Whether boxes have round corners.
    special_characters : bool, default=False
        Whether to write ≤ and subscripts, as HTML entities and tags.
    precision : int at least 0 or None, default=3
        Digits behind the point; None writes all.
    fontname : str, default="helvetica"

    Returns
    -------
    str, or None where it was written to out_file

    Raises
    ------
    ValueError
        There are more or fewer feature names than features, or not all are strings.

    Cost O(m k) for m nodes and k classes.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from dovetail.tree import export_graphviz
    >>> model = DecisionTreeClassifier().fit([[0], [1]], ["no", "yes"])
    >>> print(export_graphviz(model, feature_names=["age"], impurity=False))
    digraph Tree {
    node [shape=box, fontname="helvetica"] ;
    edge [fontname="helvetica"] ;
    0 [label="age <= 0.5\\nsamples = 2\\nvalue = [1, 1]"] ;
    1 [label="samples = 1\\nvalue = [1, 0]"] ;
    0 -> 1 [labeldistance=2.5, labelangle=45, headlabel="True"] ;
    2 [label="samples = 1\\nvalue = [0, 1]"] ;
    0 -> 2 [labeldistance=2.5, labelangle=-45, headlabel="False"] ;
    }

    References
    ----------
    The DOT language: https://graphviz.org/doc/info/lang.html
    """
    if feature_names is not None and not all(isinstance(name, str) for name in feature_names):
        raise ValueError("All feature names must be strings.")
    tree = tree_of(decision_tree)
    words = NodeWords(
        decision_tree,
        tree,
        _HTML if special_characters else _PLAIN,
        feature_names,
        class_names,
        label,
        impurity,
        node_ids,
        proportion,
        precision,
    )
    colors = NodeColors(tree) if filled else None
    visits = list(walk(tree, max_depth))
    lines = _head(filled, rounded, leaves_parallel, rotate, fontname)
    for at in visits:
        lines.append(_node(at, words, colors, special_characters))
        if at.parent >= 0:
            left = at.node == tree.children_left[at.parent]
            lines.append(_edge(at, left, rotate))
    if leaves_parallel:
        leaf = np.asarray(tree.children_left) == LEAF
        lines += _ranks([(-1 if at.cut or leaf[at.node] else at.depth, at.node) for at in visits])
    return _delivered("\n".join([*lines, "}"]), out_file)


_PLAIN = Signs(escape=lambda name: name.replace('"', '\\"'))
_HTML = Signs(
    number="&#35;",
    index=("<SUB>", "</SUB>"),
    at_most="&le;",
    escape=lambda name: html.escape(name, quote=False),
)


def _head(
    filled: bool, rounded: bool, leaves_parallel: bool, rotate: bool, fontname: str
) -> list[str]:
    styles = ", ".join(["filled"] * filled + ["rounded"] * rounded)
    style = f', style="{styles}", color="black"' if styles else ""
    return [
        "digraph Tree {",
        f'node [shape=box{style}, fontname="{fontname}"] ;',
        *["graph [ranksep=equally, splines=polyline] ;"] * leaves_parallel,
        f'edge [fontname="{fontname}"] ;',
        *["rankdir=LR ;"] * rotate,
    ]


def _node(at: Visit, words: NodeWords, colors: NodeColors | None, as_html: bool) -> str:
    if at.cut:
        text, color = '"(...)"', _CUT
    else:
        lines, color = words.lines(at.node), colors.of(at.node) if colors else ""
        text = f"<{'<br/>'.join(lines)}>" if as_html else '"' + "\\n".join(lines) + '"'
    fill = f', fillcolor="{color}"' if colors else ""
    return f"{at.node} [label={text}{fill}] ;"


def _edge(at: Visit, left: bool, rotate: bool) -> str:
    """The line from a parent; the root's two say which is which."""
    edge = f"{at.parent} -> {at.node}"
    if at.parent > 0 or at.cut:
        return f"{edge} ;"
    angle = 45 if left != rotate else -45
    return f'{edge} [labeldistance=2.5, labelangle={angle}, headlabel="{left}"] ;'


def _ranks(placed: list[tuple[int, int]]) -> list[str]:
    """Nodes of one level side by side, leaves (level −1) last."""
    levels = sorted({level for level, _ in placed}, key=lambda level: (level < 0, level))
    nodes = ["; ".join(str(node) for at, node in placed if at == level) for level in levels]
    return [f"{{rank=same ; {row}}} ;" for row in nodes]


def _delivered(text: str, out_file: Any) -> str | None:
    if out_file is None:
        return text
    if isinstance(out_file, str):
        with open(out_file, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        out_file.write(text)
    return None
