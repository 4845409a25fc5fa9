"""A tree as a picture."""

from typing import Annotated, Any, Literal

from dovetail.errors import optional_dependency
from dovetail.params import ArrayLike, AtLeast, checked
from dovetail.tree._layout import positions
from dovetail.tree._nodes import NodeColors, NodeWords, Signs, tree_of, walk

__all__ = ["plot_tree"]


@checked
def plot_tree(
    decision_tree: Any,
    *,
    max_depth: Annotated[int, AtLeast(0)] | None = None,
    feature_names: ArrayLike | None = None,
    class_names: ArrayLike | bool | None = None,
    label: Literal["all", "root", "none"] = "all",
    filled: bool = False,
    impurity: bool = True,
    node_ids: bool = False,
    proportion: bool = False,
    rounded: bool = False,
    precision: Annotated[int, AtLeast(0)] | None = 3,
    ax: Any = None,
    fontsize: Annotated[int, AtLeast(0)] | None = None,
) -> list[Any]:
    """Draw a decision tree with matplotlib.

    The picture fills the axes; a larger figure (`plt.figure(figsize=...)`) makes larger letters.

    Parameters
    ----------
    decision_tree : fitted estimator that has `tree_`
    max_depth, feature_names, class_names, label, filled, impurity, node_ids, proportion, precision
        As those of `export_graphviz`.
    rounded : bool, default=False
        Whether boxes have round corners.
    ax : matplotlib Axes or None, default=None
        Where to draw, cleared before; None takes the current ones.
    fontsize : int at least 0 or None, default=None
        None takes the largest letters with which no box is wider than the distance of two nodes.

    Returns
    -------
    list of matplotlib Annotation, one a node, and the words at the root's two arrows

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.

    Cost O(m k) for m nodes and k classes, the drawing aside.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from dovetail.tree import plot_tree
    >>> model = DecisionTreeClassifier().fit([[0], [1]], ["no", "yes"])
    >>> [note.get_text() for note in plot_tree(model, impurity=False, label="none")]
    ['x[0] <= 0.5\\n2\\n[1, 1]', '1\\n[1, 0]', 'True  ', '1\\n[0, 1]', '  False']
    """
    tree = tree_of(decision_tree)
    try:
        import matplotlib.pyplot as plt  # not needed to export a tree
    except ImportError as error:
        raise optional_dependency("matplotlib", "plot_tree") from error
    words = NodeWords(
        decision_tree,
        tree,
        Signs(),
        feature_names,
        class_names,
        label,
        impurity,
        node_ids,
        proportion,
        precision,
    )
    colors = NodeColors(tree) if filled else None
    ax = plt.gca() if ax is None else ax
    ax.clear()
    ax.set_axis_off()
    places = positions(tree, max_depth)
    wide = max(x for x, _ in places.values()) + 1
    high = max(y for _, y in places.values()) + 1
    # half a step from the edges, so that boxes stay inside
    at = {node: ((x + 0.5) / wide, (high - y - 0.5) / high) for node, (x, y) in places.items()}
    notes = []
    for visit in walk(tree, max_depth):
        look = {"xycoords": "axes fraction", "zorder": 100 - 10 * visit.depth}
        if fontsize is not None:
            look["fontsize"] = fontsize
        text, color = "\n  (...)  \n", "grey"
        if not visit.cut:
            text = "\n".join(words.lines(visit.node))
            color = colors.of(visit.node) if colors else ax.get_facecolor()
        above = at[visit.parent if visit.parent >= 0 else visit.node]
        notes.append(ax.annotate(text, above, at[visit.node], **look, **_box(color, rounded, plt)))
        if visit.parent == 0 and not visit.cut:
            left = visit.node == tree.children_left[0]
            middle = tuple((a + b) / 2 for a, b in zip(above, at[visit.node], strict=True))
            side = {"text": "True  ", "ha": "right"} if left else {"text": "  False", "ha": "left"}
            notes.append(ax.annotate(xy=middle, **side, **look))
    _fit(notes, ax, wide, high, fontsize)
    return notes


def _box(color: Any, rounded: bool, plt: Any) -> dict[str, Any]:
    """How the box of a node looks, and the arrow to it."""
    return {
        "ha": "center",
        "va": "center",
        "bbox": {"fc": color, **({"boxstyle": "round"} if rounded else {})},
        "arrowprops": {"arrowstyle": "<-", "edgecolor": plt.rcParams["text.color"]},
    }


def _fit(notes: list[Any], ax: Any, wide: float, high: int, fontsize: int | None) -> None:
    """Measure the boxes; let them be no larger than the room of a node where no size is given."""
    renderer = ax.figure.canvas.get_renderer()
    for note in notes:
        note.update_bbox_position_size(renderer)
    if fontsize is not None:
        return
    room = ax.get_window_extent()
    boxes = [n.get_bbox_patch().get_window_extent() for n in notes if n.get_bbox_patch()]
    largest = max(box.width for box in boxes), max(box.height for box in boxes)
    size = notes[0].get_fontsize() * min(
        room.width / wide / largest[0], room.height / high / largest[1]
    )
    for note in notes:
        note.set_fontsize(size)
