"""OneHotEncoder: indicators, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.preprocessing import OneHotEncoder

rng = np.random.default_rng(0)
X = np.empty((80, 3), dtype=object)
X[:, 0] = rng.choice(["b", "a", "c"], 80)
X[:, 1], X[:, 2] = rng.integers(0, 2, 80), rng.integers(5, 9, 80)
COUNTS = np.array([["a"]] * 5 + [["b"]] * 20 + [["c"]] * 10 + [["d"]] * 3, dtype=object)


def indicators(values: Any) -> Any:
    """An indicator of each distinct value, by comparison."""
    return np.column_stack([values == v for v in sorted(set(values))]).astype(float)


@pytest.mark.parametrize("drop", [None, "first", "if_binary", ["b", 1, 7]])
@pytest.mark.parametrize("sparse", [True, False])
def test_indicators_and_inverse(drop: Any, sparse: bool) -> None:
    encoder = OneHotEncoder(drop=drop, sparse_output=sparse).fit(X)
    out = encoder.transform(X)
    assert sp.issparse(out) is sparse
    dense = out.toarray() if sparse else out
    parts = [indicators(column) for column in X.T]
    if drop == "first":
        parts = [p[:, 1:] for p in parts]
    elif drop == "if_binary":
        parts[1] = parts[1][:, 1:]
    elif drop is not None:
        where = [sorted(set(c)).index(d) for c, d in zip(X.T, drop, strict=True)]
        parts = [np.delete(p, w, axis=1) for p, w in zip(parts, where, strict=True)]
    np.testing.assert_array_equal(dense, np.hstack(parts))
    np.testing.assert_array_equal(encoder.inverse_transform(out), X)
    program = encoder.program_(encoder.front(X))
    np.testing.assert_array_equal(program, dense)
    assert len(encoder.get_feature_names_out()) == dense.shape[1]


def test_a_sparse_result_stores_one_value_a_column() -> None:
    out = OneHotEncoder().fit_transform(X)
    assert out.format == "csr"
    assert out.nnz == X.size
    assert out.has_sorted_indices


def test_unknown_values() -> None:
    new = np.array([["?", 0, 5], ["a", 7, 99]], dtype=object)
    with pytest.raises(ValueError, match=r"Found unknown categories \['\?'\] in column 0"):
        OneHotEncoder().fit(X).transform(new)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(X)
    out = encoder.transform(new).toarray()
    np.testing.assert_array_equal(out.sum(axis=1), [2, 1])
    assert encoder.inverse_transform(out).tolist() == [[None, 0, 5], ["a", None, None]]
    dropping = OneHotEncoder(handle_unknown="ignore", drop="first").fit(X)
    with pytest.warns(UserWarning, match=r"Found unknown categories in columns \[0, 1, 2\]"):
        dropping.transform(new)
    with pytest.warns(UserWarning, match="Found unknown categories"):
        OneHotEncoder(handle_unknown="warn").fit(X).transform(new)


@pytest.mark.parametrize(
    "options", [{"min_frequency": 6}, {"min_frequency": 0.15}, {"max_categories": 3}], ids=str
)
def test_infrequent_categories_share_a_column(options: dict[str, Any]) -> None:
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist", sparse_output=False, **options
    ).fit(COUNTS)
    assert encoder.infrequent_categories_[0].tolist() == ["a", "d"]
    out = encoder.transform([["a"], ["b"], ["c"], ["d"], ["never seen"]])
    np.testing.assert_array_equal(out, np.eye(3)[[2, 0, 1, 2, 2]])
    names = ["x0_b", "x0_c", "x0_infrequent_sklearn"]
    assert encoder.get_feature_names_out().tolist() == names
    assert encoder.inverse_transform(out)[0, 0] == "infrequent_sklearn"


def test_infrequent_and_dropped() -> None:
    encoder = OneHotEncoder(drop="first", max_categories=3, sparse_output=False).fit(COUNTS)
    out = encoder.transform([["a"], ["b"], ["c"]])
    np.testing.assert_array_equal(out, [[0, 1], [0, 0], [1, 0]])
    with pytest.raises(ValueError, match="Unable to drop category 'a' from feature 0"):
        OneHotEncoder(drop=["a"], max_categories=3).fit(COUNTS)
    with pytest.raises(ValueError, match="were not found in the training data"):
        OneHotEncoder(drop=["z"]).fit(COUNTS)


def test_missing_values_are_categories() -> None:
    column = np.array([["x"], [None], [np.nan], ["y"]], dtype=object)
    encoder = OneHotEncoder(sparse_output=False).fit(column)
    assert [str(c) for c in encoder.categories_[0]] == ["x", "y", "None", "nan"]
    np.testing.assert_array_equal(encoder.transform(column), np.eye(4)[[0, 2, 3, 1]])
    numbers = np.array([[1.0], [np.nan]])
    made = OneHotEncoder(sparse_output=False).fit(numbers)
    np.testing.assert_array_equal(made.transform(numbers), np.eye(2))
    np.testing.assert_array_equal(made.inverse_transform(np.eye(2)), numbers)


def test_the_greatest_value_of_a_group_is_the_category() -> None:
    encoder = OneHotEncoder().fit([["a"], ["b"], ["c"]])
    assert encoder.inverse_transform([[0.2, 0.5, 0.3]]).tolist() == [["b"]]
    with pytest.raises(ValueError, match="can not be inverted"):
        encoder.inverse_transform([[0.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match="Expected 3 columns, got 2"):
        encoder.inverse_transform([[0.0, 1.0]])


def test_names_and_dtype() -> None:
    encoder = OneHotEncoder(dtype=np.float32, feature_name_combiner=lambda f, c: f"{f} is {c}").fit(
        X
    )
    assert encoder.transform(X).dtype == np.float32
    assert encoder.get_feature_names_out(["w", "n", "m"])[0] == "w is a"
    with pytest.raises(TypeError, match="should return a Python string"):
        OneHotEncoder(feature_name_combiner=lambda f, c: 0).fit(X).get_feature_names_out()


def test_frames_are_arrays() -> None:
    pd, pl, pa = (pytest.importorskip(m) for m in ("pandas", "polars", "pyarrow"))
    columns = {"w": ["x", None, "y", "x"], "n": [3, 1, 2, 1]}
    frames = [pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns), columns]
    frames.append(pd.DataFrame(columns).astype({"w": "category"}))
    for frame in frames:
        encoder = OneHotEncoder(sparse_output=False).fit(frame)
        expected = [[1, 0, 0, 0, 0, 1], [0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0]]
        np.testing.assert_array_equal(encoder.transform(frame), expected)
        assert encoder.get_feature_names_out()[-1] == "n_3"


def test_dense_tensors_stay_tensors() -> None:
    T = torch.tensor([[3], [5], [3]])
    out = OneHotEncoder(sparse_output=False).fit_transform(T)
    np.testing.assert_array_equal(out, [[1, 0], [0, 1], [1, 0]])
    assert isinstance(out, torch.Tensor)
