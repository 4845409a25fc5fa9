"""LabelEncoder, LabelBinarizer and label_binarize."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from dovetail.preprocessing import LabelBinarizer, LabelEncoder, label_binarize

rng = np.random.default_rng(0)
LABELS: list[Any] = [
    rng.choice(["paris", "rome", "oslo"], 50),
    rng.choice(["paris", "rome", "oslo"], 50).astype(object),
    rng.integers(-3, 3, 50),
    rng.choice([-1.0, 2.0], 50),
    rng.random(50) < 0.5,
]


@pytest.mark.parametrize("y", LABELS, ids=lambda y: str(y.dtype))
def test_encoder_numbers_the_sorted_labels(y: Any) -> None:
    encoder = LabelEncoder()
    codes = encoder.fit_transform(y)
    classes, expected = np.unique(y, return_inverse=True)
    np.testing.assert_array_equal(encoder.classes_, classes)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(encoder.inverse_transform(codes), y)


def test_encoder_refuses_what_it_has_not_seen() -> None:
    encoder = LabelEncoder().fit(["a", "b"])
    with pytest.raises(ValueError, match=r"previously unseen labels: \['c'\]"):
        encoder.transform(["a", "c"])
    with pytest.raises(ValueError, match=r"previously unseen labels: \[2\]"):
        encoder.inverse_transform([2])
    assert len(encoder.inverse_transform([])) == 0


def test_encoder_knows_missing_labels() -> None:
    encoder = LabelEncoder().fit(["b", None, "a"])
    assert encoder.classes_.tolist() == ["a", "b", None]
    assert encoder.transform([None, "a"]).tolist() == [2, 0]


@pytest.mark.parametrize("y", LABELS, ids=lambda y: str(y.dtype))
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (-2, 5)])
def test_binarizer_marks_the_class(y: Any, low: int, high: int) -> None:
    binarizer = LabelBinarizer(neg_label=low, pos_label=high)
    out = binarizer.fit_transform(y)
    classes = np.unique(y)
    there = y[:, None] == classes
    there = there[:, 1:] if len(classes) == 2 else there
    np.testing.assert_array_equal(out, np.where(there, high, low))
    np.testing.assert_array_equal(binarizer.inverse_transform(out), y)
    np.testing.assert_array_equal(binarizer.program_(binarizer.front(y)), out)


@pytest.mark.parametrize("y", LABELS, ids=lambda y: str(y.dtype))
def test_sparse_is_dense(y: Any) -> None:
    out = LabelBinarizer(sparse_output=True).fit_transform(y)
    assert sp.issparse(out)
    np.testing.assert_array_equal(out.toarray(), LabelBinarizer().fit_transform(y))
    back = LabelBinarizer(sparse_output=True).fit(y).inverse_transform(out)
    np.testing.assert_array_equal(back, y)


def test_unknown_labels_are_of_no_class() -> None:
    binarizer = LabelBinarizer().fit(["a", "b", "c"])
    np.testing.assert_array_equal(binarizer.transform(["z", "b"]), [[0, 0, 0], [0, 1, 0]])


def test_one_class_is_a_column_of_negatives() -> None:
    np.testing.assert_array_equal(LabelBinarizer(neg_label=-1).fit_transform(["a"] * 3), [[-1]] * 3)


def test_inverse_of_scores() -> None:
    several = LabelBinarizer().fit([3, 1, 2])
    assert several.inverse_transform([[0.1, 0.2, 0.15], [5, -1, 0]]).tolist() == [2, 1]
    two = LabelBinarizer().fit(["no", "yes"])
    assert two.inverse_transform([[0.7], [0.4]]).tolist() == ["yes", "no"]
    assert two.inverse_transform([[0.4]], threshold=0.3).tolist() == ["yes"]


def test_indicators_of_several_labels_pass() -> None:
    Y = (rng.random((20, 4)) < 0.5).astype(int)
    binarizer = LabelBinarizer(neg_label=-1, pos_label=2).fit(Y)
    assert binarizer.y_type_ == "multilabel-indicator"
    out = binarizer.transform(Y)
    np.testing.assert_array_equal(out, np.where(Y, 2, -1))
    np.testing.assert_array_equal(binarizer.inverse_transform(out), Y)


def test_label_binarize_takes_the_order_of_the_classes() -> None:
    out = label_binarize([1, 6, 4], classes=[6, 1, 4])
    np.testing.assert_array_equal(out, [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(label_binarize([1, 6], classes=[6, 1]), [[1], [0]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neg_label": 2, "pos_label": 1}, "must be strictly less than"),
        ({"neg_label": -1, "sparse_output": True}, "Sparse binarization is only supported with"),
        ({"neg_label": -1, "pos_label": 0, "sparse_output": True}, "Sparse binarization is only"),
    ],
)
def test_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelBinarizer(**options).fit([1, 2])
    with pytest.raises(ValueError, match="Multioutput target data is not supported"):
        LabelBinarizer().fit([[1, 3], [2, 1]])
