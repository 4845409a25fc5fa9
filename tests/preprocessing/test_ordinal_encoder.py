"""OrdinalEncoder: numbers of categories, and of what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dovetail.preprocessing import OrdinalEncoder

rng = np.random.default_rng(0)
WORDS = rng.choice(["b", "a", "d", "c"], (60, 2)).astype(object)
NUMBERS = rng.integers(-3, 4, (60, 3)).astype(float)


@pytest.mark.parametrize("X", [WORDS, WORDS.astype(str), NUMBERS, NUMBERS.astype(int)], ids=str)
def test_numbers_are_places_in_the_sorted_categories(X: Any) -> None:
    encoder = OrdinalEncoder().fit(X)
    out = encoder.transform(X)
    for j in range(X.shape[1]):
        categories, codes = np.unique(X[:, j], return_inverse=True)
        assert encoder.categories_[j].tolist() == categories.tolist()
        np.testing.assert_array_equal(out[:, j], codes)
    np.testing.assert_array_equal(encoder.inverse_transform(out), X)
    np.testing.assert_array_equal(encoder.program_(encoder.front(X)), out)


def test_a_table_of_words_and_numbers() -> None:
    X = [["low", 10, None], ["high", 2, True], ["low", 2, False]]
    encoder = OrdinalEncoder().fit(X)
    assert [c.tolist() for c in encoder.categories_] == [
        ["high", "low"],
        [2, 10],
        [False, True, None],
    ]
    np.testing.assert_array_equal(encoder.transform(X), [[1, 1, 2], [0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(encoder.inverse_transform([[0, 1, 2]]), [["high", 10, None]])


def test_given_categories_keep_their_order() -> None:
    encoder = OrdinalEncoder(categories=[["low", "mid", "high"]]).fit([["low"], ["high"]])
    np.testing.assert_array_equal(encoder.transform([["high"], ["mid"]]), [[2], [1]])
    with pytest.raises(ValueError, match=r"Found unknown categories \['odd'\] in column 0"):
        OrdinalEncoder(categories=[["low", "high"]]).fit([["odd"]])


@pytest.mark.parametrize("value", [-1, 99, np.nan])
def test_unknown_values(value: float) -> None:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=value).fit(WORDS)
    out = encoder.transform([["a", "zebra"], ["?", "d"]])
    np.testing.assert_array_equal(out, [[0, value], [value, 3]])
    np.testing.assert_array_equal(encoder.inverse_transform(out), [["a", None], [None, "d"]])
    with pytest.raises(
        ValueError, match=r"Found unknown categories \['\?'\] in column 0 during tr"
    ):
        OrdinalEncoder().fit(WORDS).transform([["?", "d"]])


@pytest.mark.parametrize("missing", [np.nan, -7])
def test_nan_is_a_category_with_a_number_of_its_own(missing: float) -> None:
    X = np.array([[2.0], [np.nan], [1.0]])
    encoder = OrdinalEncoder(encoded_missing_value=missing).fit(X)
    out = encoder.transform(X)
    np.testing.assert_array_equal(out, [[1], [missing], [0]])
    np.testing.assert_array_equal(encoder.inverse_transform(out), X)


def test_infrequent_categories_share_the_last_number() -> None:
    X = np.array([["a"]] * 5 + [["b"]] * 20 + [["c"]] * 10 + [["d"]] * 3, dtype=object)
    for options in ({"min_frequency": 6}, {"min_frequency": 0.15}, {"max_categories": 3}):
        encoder = OrdinalEncoder(**options).fit(X)
        assert encoder.infrequent_categories_[0].tolist() == ["a", "d"]
        np.testing.assert_array_equal(
            encoder.transform([["a"], ["b"], ["c"], ["d"]]), [[2], [0], [1], [2]]
        )
        back = encoder.inverse_transform([[2], [0]])
        assert back.tolist() == [["infrequent_sklearn"], ["b"]]


def test_refuses_numbers_that_are_taken() -> None:
    with pytest.raises(ValueError, match="one of the values already used"):
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=1).fit(WORDS)
    with pytest.raises(TypeError, match="unknown_value should only be set"):
        OrdinalEncoder(unknown_value=1).fit(WORDS)
    with pytest.raises(ValueError, match="is already used to encode a known category"):
        OrdinalEncoder(encoded_missing_value=0).fit([[1.0], [np.nan]])


def test_frames_are_arrays() -> None:
    pd, pl, pa = (pytest.importorskip(m) for m in ("pandas", "polars", "pyarrow"))
    columns = {"w": ["x", None, "y", "x"], "n": [3, 1, 2, 1]}
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns), columns):
        out = OrdinalEncoder(encoded_missing_value=-1).fit(frame).transform(frame)
        missing = -1 if isinstance(frame, pd.DataFrame) else 2  # nan there, None elsewhere
        np.testing.assert_array_equal(out, [[0, 2], [missing, 0], [1, 1], [0, 0]])


def test_tensors_stay_tensors() -> None:
    T = torch.tensor([[3, 1], [5, 1]])
    out = OrdinalEncoder().fit_transform(T)
    assert torch.equal(out, torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=out.dtype))
