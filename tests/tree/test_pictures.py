"""Text, DOT and pictures of trees: what they say, where nodes stand, what is refused."""

import io
import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import tree as sklearn_tree
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from dovetail.tree import export_graphviz, export_text, plot_tree
from dovetail.tree._layout import positions

X, Y = load_iris(return_X_y=True)
NAMES = [f"f {j}" for j in range(4)]


def models():
    weights = np.random.default_rng(0).random(len(Y))
    pairs = np.c_[Y, Y > 0]
    return {
        "classes": DecisionTreeClassifier(random_state=0).fit(X, Y),
        "weighted": DecisionTreeClassifier(random_state=0).fit(X, Y, weights),
        "two": DecisionTreeClassifier(criterion="entropy", random_state=0).fit(X, Y == 1),
        "numbers": DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, X[:, 0] * 1e-3),
        "constant": DecisionTreeRegressor().fit(X, np.ones(len(X))),
        "several numbers": DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, X[:, :3]),
        "several classes": DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, pairs),
    }


MODELS = models()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_depth": 1, "node_ids": True, "label": "root", "filled": True},
        {"proportion": True, "filled": True, "precision": 1, "class_names": True},
        {"impurity": False, "feature_names": NAMES, "label": "none", "rounded": True},
    ],
)
def test_dot_is_that_of_scikit_learn(name, options):
    model = MODELS[name]
    options = options | {"rotate": name == "two", "special_characters": name == "classes"}
    assert export_graphviz(model, **options) == sklearn_tree.export_graphviz(model, **options)


@pytest.mark.parametrize("name", [n for n in MODELS if n != "several classes"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_depth": 0, "decimals": 0},
        {"max_depth": 2, "feature_names": NAMES, "show_weights": True, "spacing": 1},
    ],
)
def test_text_is_that_of_scikit_learn(name, options):
    model = MODELS[name]
    assert export_text(model, **options) == sklearn_tree.export_text(model, **options)


def test_text_of_several_outputs_has_a_class_of_each():
    pairs = np.array([["a", "1"], ["b", "2"], ["b", "3"]])
    model = DecisionTreeClassifier(max_depth=1).fit([[0], [1], [1]], pairs)
    assert export_text(model, show_weights=True, decimals=0) == (
        "|--- feature_0 <= 0\n"
        "|   |--- weights: [[1, 0], [1, 0, 0]] class: [a, 1]\n"
        "|--- feature_0 >  0\n"
        "|   |--- weights: [[0, 2], [0, 1, 1]] class: [b, 2]\n"
    )


def test_text_of_one_class_names_it():
    model = DecisionTreeClassifier().fit([[0], [1]], ["only", "only"])
    assert export_text(model) == "|--- class: only\n"


def test_no_zero_has_a_sign():
    model = DecisionTreeRegressor().fit([[0], [1]], [-1e-9, 1])
    assert "value = 0.0" in export_graphviz(model)
    assert "value = -1e-09" in export_graphviz(model, precision=None)


def test_leaves_stand_in_one_rank():
    dot = export_graphviz(MODELS["classes"], leaves_parallel=True, max_depth=2)
    *levels, leaves = re.findall(r"rank=same ; (.*)}", dot)
    shown = set(re.findall(r"^(\d+) \[label", dot, re.MULTILINE))
    assert len(levels) == 3
    assert sorted("; ".join([*levels, leaves]).split("; ")) == sorted(shown)


def test_names_are_escaped():
    model = DecisionTreeClassifier().fit([[0], [1]], [0, 1])
    assert r'"say \"a\" <= 0.5' in export_graphviz(model, feature_names=['say "a"'])
    html = export_graphviz(model, feature_names=["a<b & c"], special_characters=True)
    assert "<a&lt;b &amp; c &le; 0.5<br/>" in html


def test_values_of_many_classes_take_several_lines():
    y = np.arange(120) % 40
    model = DecisionTreeClassifier(max_depth=1).fit(y[:, None], y)
    lines = re.search(r'value = (.*)"', export_graphviz(model))[1].split("\\n")
    assert ", ".join(["3"] * 40) in " ".join(lines)
    assert 1 < len(lines) < 4


def test_dot_goes_where_it_is_told(tmp_path):
    model, buffer = MODELS["two"], io.StringIO()
    assert export_graphviz(model, buffer) is None
    assert export_graphviz(model, str(tmp_path / "tree.dot")) is None
    assert buffer.getvalue() == (tmp_path / "tree.dot").read_text() == export_graphviz(model)


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    pyplot.close("all")  # what other tests left would be drawn on
    yield pyplot
    pyplot.close("all")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "options",
    [
        {"filled": True, "node_ids": True},
        {"max_depth": 1, "rounded": True, "fontsize": 7, "filled": True},
    ],
)
def test_pictures_are_those_of_scikit_learn(plt, name, options):
    ours = [seen(note) for note in plot_tree(MODELS[name], **options)]
    plt.figure()
    theirs = [seen(note) for note in sklearn_tree.plot_tree(MODELS[name], **options)]
    for (*mine, here, size), (*other, there, theirs_size) in zip(ours, theirs, strict=True):
        assert mine == other
        np.testing.assert_allclose((*here, size), (*there, theirs_size))


def seen(note):
    box = note.get_bbox_patch()
    look = None if box is None else (box.get_facecolor(), type(box.get_boxstyle()))
    return note.get_text(), note.get_zorder(), look, note.xyann, note.get_fontsize()


def test_nodes_stand_apart_and_parents_in_the_middle():
    rng = np.random.default_rng(3)
    for seed in range(20):
        y = rng.integers(0, 5, 80)
        model = DecisionTreeClassifier(random_state=seed, splitter="random")
        tree = model.fit(rng.normal(size=(80, 3)), y).tree_
        found = positions(tree)
        assert min(x for x, _ in found.values()) == 0
        for node, (x, depth) in found.items():
            if tree.children_left[node] >= 0:
                left, right = found[tree.children_left[node]], found[tree.children_right[node]]
                assert left[1] == right[1] == depth + 1
                assert x == pytest.approx((left[0] + right[0]) / 2)
        for level in {depth for _, depth in found.values()}:
            row = [found[n][0] for n in sorted(found) if found[n][1] == level]
            assert all(b - a > 1 - 1e-9 for a, b in pairwise(row))


class Chain(RegressorMixin, BaseEstimator):
    """A tree whose right child is always split again."""

    criterion, n_features_in_ = "squared_error", 1

    def fit(self, depth):
        m = 2 * depth + 1
        node = np.arange(m)
        inner = (node % 2 == 0) & (node < m - 1)
        self.tree_ = SimpleNamespace(
            n_outputs=1,
            n_classes=np.ones(1, int),
            children_left=np.where(inner, node + 1, -1),
            children_right=np.where(inner, node + 2, -1),
            feature=np.where(inner, 0, -2),
            threshold=node.astype(float),
            impurity=np.zeros(m),
            n_node_samples=m - node,
            value=np.zeros((m, 1, 1)),
        )
        return self


def test_a_deep_tree_is_no_trouble():
    model = Chain().fit(1500)
    assert export_graphviz(model).count("\n") == len(positions(model.tree_)) * 2 + 2 == 6004
    assert "truncated branch of depth 1490" in export_text(model)
    assert export_text(model, max_depth=None).count("value") == 1501


@pytest.mark.parametrize("show", [export_text, export_graphviz, plot_tree])
def test_refusals(show):
    with pytest.raises(NotFittedError):
        show(DecisionTreeClassifier())
    with pytest.raises(TypeError, match="is not an estimator instance"):
        show(MODELS["two"].tree_)
    with pytest.raises(ValueError, match="feature_names"):
        show(MODELS["two"], feature_names=["a"])
    with pytest.raises(ValueError, match="'max_depth' parameter of"):
        show(MODELS["two"], max_depth=-1)
    several = sklearn_tree.ExtraTreeClassifier()
    forest = pytest.importorskip("sklearn.ensemble").RandomForestClassifier(2, random_state=0)
    with pytest.raises(TypeError, match="Got RandomForestClassifier; of a forest, give one of"):
        show(forest.fit(X, Y))
    assert show(several.fit(X, Y))


def test_names_that_are_no_strings():
    with pytest.raises(ValueError, match=r"All feature names must be strings\."):
        export_graphviz(MODELS["two"], feature_names=["a", "b", "c", 4])
    with pytest.raises(ValueError, match="Got 1 while the tree was fitted with 2 classes"):
        export_text(MODELS["two"], class_names=["a"])
