"""Imputation, held against numpy and against scikit-learn's imputer."""

from __future__ import annotations

import warnings
from datetime import datetime
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.impute
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dovetail as dv
from dovetail.compose import ColumnTransformer
from dovetail.errors import ProgramError
from dovetail.impute import MissingIndicator, SimpleImputer
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

NAN = np.nan
X = np.array([[7.0, 2.0, 0.0], [NAN, 2.0, 1.0], [1.0, NAN, 5.0], [7.0, 8.0, NAN]])

numbers = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.5, NAN]),
)


def quiet(imputer: Any, data: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return imputer.fit_transform(data)


@settings(deadline=None, max_examples=60)
@given(
    numbers,
    st.sampled_from(["mean", "median", "most_frequent", "constant"]),
    st.sampled_from([NAN, -1.0]),
    st.booleans(),
    st.booleans(),
)
def test_fills_what_scikit_learn_fills(
    data: Any, strategy: str, mark: float, add: bool, keep: bool
) -> None:
    data = data if np.isnan(mark) else np.nan_to_num(data, nan=-1.0)
    options: dict[str, Any] = {
        "strategy": strategy,
        "missing_values": mark,
        "add_indicator": add,
        "keep_empty_features": keep,
    }
    ours, theirs = SimpleImputer(**options), sklearn.impute.SimpleImputer(**options)
    out, expected = quiet(ours, data), quiet(theirs, data)
    np.testing.assert_allclose(out, expected.astype(float), atol=1e-12)
    np.testing.assert_allclose(
        ours.statistics_.astype(float), theirs.statistics_.astype(float), atol=1e-12
    )
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())


@settings(deadline=None, max_examples=40)
@given(numbers, st.sampled_from(["mean", "median", "most_frequent", "constant", np.max]))
def test_sparse_matrices_are_filled_as_dense_ones(data: Any, strategy: Any) -> None:
    for make in (sp.csc_matrix, sp.csr_array):
        ours = SimpleImputer(strategy=strategy, add_indicator=True)
        given_matrix = make(data)
        out = quiet(ours, given_matrix)
        assert sp.issparse(out)
        np.testing.assert_allclose(out.toarray(), quiet(SimpleImputer(**ours.get_params()), data))
        np.testing.assert_array_equal(given_matrix.toarray(), data)


def test_a_function_sees_what_is_there() -> None:
    seen: list[list[float]] = []

    def first(values: Any) -> float:
        seen.append(values.tolist())
        return float(values[0])

    assert SimpleImputer(strategy=first).fit(X).statistics_.tolist() == [7.0, 2.0, 0.0]
    assert seen == [[7.0, 1.0, 7.0], [2.0, 2.0, 8.0], [0.0, 1.0, 5.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_narrow_floats_stay_and_means_are_exact(dtype: Any) -> None:
    data = np.full((4000, 1), 0.1, dtype=dtype)
    data[0] = NAN
    imputer = SimpleImputer()
    out = imputer.fit_transform(data)
    assert out.dtype == dtype
    assert out[0, 0] == data[1, 0]
    assert imputer.statistics_.dtype == np.float64


def test_integers_stay_exact() -> None:
    big = 2**60 + 1
    imputer = SimpleImputer(strategy="most_frequent", missing_values=0)
    out = imputer.fit_transform(np.array([[big, 1], [0, 0], [big, 2]]))
    assert out.dtype == np.int64
    assert out.tolist() == [[big, 1], [big, 1], [big, 2]]


def test_a_mark_beyond_the_dtype_is_nowhere() -> None:
    data = np.array([[-24], [3]], dtype=np.int8)  # 1000 is -24 modulo 256
    out = SimpleImputer(strategy="most_frequent", missing_values=1000).fit_transform(data)
    np.testing.assert_array_equal(out, data)


TABLE = pa.table(
    {
        "whole": pa.array([1, None, 3]),
        "flag": pa.array([True, None, False]),
        "share": pa.array([1.0, None, 2.0], pa.float32()),
    }
)
FILLED = [[1.0, 1.0, 1.0, 0.0, 0.0, 0.0], [2.0, 0.5, 1.5, 1.0, 1.0, 1.0], [3.0, 0, 2.0, 0, 0, 0]]


def frames(table: Any) -> list[Any]:
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return [
        table,
        pl.from_arrow(table),
        table.to_pandas(),
        table.to_pandas(types_mapper=nullable.get),
    ]


@pytest.mark.parametrize("frame", frames(TABLE), ids=["arrow", "polars", "pandas", "nullable"])
def test_nulls_of_numbers_and_booleans_in_a_frame(frame: Any) -> None:
    imputer = SimpleImputer(strategy="median", add_indicator=True)
    names = list(TABLE.column_names)
    columns = ColumnTransformer([("numbers", make_pipeline(imputer), names)])
    assert columns.fit_transform(frame).tolist() == FILLED
    frequent = SimpleImputer(strategy="most_frequent").fit_transform(frame)
    assert frequent.tolist() == [[1, True, 1], [1, False, 1], [3, False, 2]]


WORDS = pa.table({"word": ["x", None, "x", "y"], "number": [None, 1, None, 1], "none": [None] * 4})


@pytest.mark.parametrize("frame", frames(WORDS), ids=["arrow", "polars", "pandas", "nullable"])
def test_nulls_of_strings_in_a_frame(frame: Any) -> None:
    imputer = SimpleImputer(strategy="most_frequent", add_indicator=True)
    with pytest.warns(UserWarning, match=r"without any observed values: \['none'\]"):
        out = imputer.fit_transform(frame)
    assert out.dtype == object
    assert out[1].tolist() == ["x", 1, True, False, True]
    assert imputer.statistics_[:2].tolist() == ["x", 1]
    assert imputer.get_feature_names_out().tolist() == [
        "word",
        "number",
        "missingindicator_word",
        "missingindicator_number",
        "missingindicator_none",
    ]
    constant = SimpleImputer(strategy="constant", fill_value="?", keep_empty_features=True)
    assert constant.fit_transform(frame)[:, 2].tolist() == ["?"] * 4


def test_categories_and_moments() -> None:
    frame = pd.DataFrame(
        {
            "kind": pd.Categorical(["a", None, "b", "b"]),
            "day": pd.to_datetime(["2024-02-29", None, "2024-02-29", "2025-01-01"]),
        }
    )
    out = SimpleImputer(strategy="most_frequent").fit_transform(frame)
    assert out[1].tolist() == ["b", datetime(2024, 2, 29)]


def test_objects_that_cannot_be_compared() -> None:
    data = np.array([["b"], [1], [None], ["b"], [1]], dtype=object)
    imputer = SimpleImputer(strategy="most_frequent", missing_values=None)
    assert imputer.fit_transform(data)[2, 0] == 1  # "int" comes before "str"


def test_pandas_na_means_none_and_nan_too() -> None:
    data = np.array([["a"], [None], [NAN], [pd.NA]], dtype=object)
    imputer = SimpleImputer(strategy="most_frequent", missing_values=pd.NA)
    assert imputer.fit_transform(data).ravel().tolist() == ["a"] * 4


def test_the_program_fills_and_indicates() -> None:
    imputer = SimpleImputer(add_indicator=True).fit(X)
    out = imputer.program_(torch.from_numpy(X))
    np.testing.assert_array_equal(out.numpy(), imputer.transform(X))
    tensor = torch.from_numpy(X).requires_grad_()
    imputer.transform(tensor)[:, :3].sum().backward()
    assert tensor.grad is not None
    np.testing.assert_array_equal(tensor.grad.numpy(), np.isfinite(X))  # none where it was filled


def test_the_program_of_a_pipeline_is_exported() -> None:
    pipe = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    expected = pipe.fit_transform(X)
    batch = torch.export.Dim("n", min=2)
    exported = torch.export.export(
        pipe.program_, (torch.from_numpy(X),), dynamic_shapes=[{0: batch}]
    )
    rows = torch.from_numpy(np.tile(X, (3, 1)))
    np.testing.assert_allclose(exported.module()(rows).numpy(), np.tile(expected, (3, 1)))


def test_strings_have_no_program_and_are_saved(tmp_path: Any) -> None:
    words = WORDS.select(["word", "number"])
    imputer = SimpleImputer(strategy="most_frequent", add_indicator=True).fit(words)
    with pytest.raises(ProgramError, match="which no tensor holds"):
        _ = imputer.program_
    again = dv.load(dv.save(imputer, tmp_path / "imputer.dove"))
    np.testing.assert_array_equal(again.transform(words), imputer.transform(words))


def test_tensors_in_tensors_out() -> None:
    imputer = SimpleImputer(add_indicator=True)
    out = imputer.fit_transform(torch.from_numpy(X))
    np.testing.assert_array_equal(out.numpy(), SimpleImputer(add_indicator=True).fit_transform(X))
    assert isinstance(imputer.statistics_, torch.Tensor)
    back = imputer.inverse_transform(out)
    np.testing.assert_array_equal(back.numpy(), X)


def test_copy_false_writes_over_the_array() -> None:
    data = X.copy()
    assert SimpleImputer(copy=False).fit_transform(data) is data
    data = X.copy()
    SimpleImputer(copy=False, add_indicator=True).fit_transform(data)
    np.testing.assert_array_equal(data, X)


def test_inverse_puts_dropped_columns_back_in_their_place() -> None:
    data = np.column_stack([np.full(4, NAN), X])
    imputer = SimpleImputer(add_indicator=True)
    np.testing.assert_array_equal(imputer.inverse_transform(quiet(imputer, data)), data)
    with pytest.warns(UserWarning, match="Skipping"):
        gone = imputer.transform(np.full((2, 4), NAN))  # a kept column with nothing in it
    np.testing.assert_array_equal(imputer.inverse_transform(gone), np.full((2, 4), NAN))


def test_inverse_of_strings() -> None:
    data = np.array([["a", "b"], ["?", "c"]], dtype=object)
    imputer = SimpleImputer(missing_values="?", strategy="most_frequent", add_indicator=True)
    out = imputer.fit_transform(data)
    assert imputer.inverse_transform(out).tolist() == data.tolist()


def test_the_indicator_beside_the_fills() -> None:
    indicator = SimpleImputer(add_indicator=True).fit(X).indicator_
    assert isinstance(indicator, MissingIndicator)
    np.testing.assert_array_equal(indicator.transform(X), np.isnan(X))
    assert SimpleImputer().fit(X).indicator_ is None


def test_what_is_refused() -> None:
    words = np.array([["a"], ["b"]], dtype=object)
    with pytest.raises(ValueError, match="Cannot use mean strategy with non-numeric data"):
        SimpleImputer().fit(words)
    with pytest.raises(ValueError, match="cannot be cast"):
        SimpleImputer(strategy="constant", fill_value="a").fit(X)
    with pytest.raises(ValueError, match="Provide a dense array"):
        SimpleImputer(missing_values=0).fit(sp.csr_array(np.eye(2)))
    with pytest.raises(ValueError, match="contains NaN"):
        SimpleImputer(missing_values=-1).fit(X)
    with pytest.raises(ValueError, match="NaN in column 'word'"):
        SimpleImputer(missing_values="x", strategy="most_frequent").fit(WORDS)
    with pytest.raises(ValueError, match="does not support data with dtype"):
        SimpleImputer(strategy="most_frequent").fit(words.astype(str))
    with pytest.raises(ValueError, match="Got 'add_indicator=False'"):
        SimpleImputer().fit(X).inverse_transform(X)
