"""The door takes every container, shares memory where it can, and names what is wrong."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import BaseEstimator

from dovetail.data.door import (
    Accepts,
    open_classes,
    open_columns,
    open_matrix,
    open_targets,
    open_weights,
)
from dovetail.data.sparse import SparseMatrix
from dovetail.errors import DataError, SchemaError
from dovetail.kernel_ridge import KernelRidge
from dovetail.linear_model import LinearRegression, Ridge

NUMBERS = np.arange(12.0).reshape(4, 3)


class Someone(BaseEstimator):
    """Whom the door writes the book for."""


def opened(X, accepts=None, reset=True, who=None):
    return open_matrix(
        who or Someone(), X, accepts or Accepts(sparse=("csr", "csc"), missing=True), reset=reset
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_arrays_are_shared(dtype):
    X = NUMBERS.astype(dtype)
    assert opened(X).data_ptr() == X.ctypes.data
    assert opened(X.T).numpy().dtype == dtype
    frozen = X.copy()
    frozen.flags.writeable = False
    assert opened(frozen).data_ptr() == frozen.ctypes.data


def test_the_arrays_of_sparse_matrices_are_shared():
    X = sp.csr_array(NUMBERS)
    tensor = opened(X)
    assert isinstance(tensor, SparseMatrix)
    assert tensor.values.data_ptr() == X.data.ctypes.data
    np.testing.assert_array_equal(tensor.to_scipy().toarray(), NUMBERS)


@pytest.mark.parametrize(
    "X",
    [
        NUMBERS.tolist(),
        NUMBERS.astype(int),
        NUMBERS[::-1][::-1],
        np.asfortranarray(NUMBERS),
        NUMBERS.astype(">f8"),
        NUMBERS.astype(object),
        pd.DataFrame(NUMBERS, columns=list("abc")),
        pl.DataFrame(NUMBERS, schema=list("abc")),
        pa.table({c: NUMBERS[:, j] for j, c in enumerate("abc")}),
        {c: NUMBERS[:, j] for j, c in enumerate("abc")},
        torch.from_numpy(NUMBERS),
        torch.from_numpy(NUMBERS).int(),
    ],
    ids=lambda x: type(x).__module__.split(".")[0] + "." + type(x).__name__,
)
def test_every_container_is_read_as_the_same_numbers(X):
    assert torch.equal(opened(X), torch.from_numpy(NUMBERS))


def test_files_are_read(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("a,b,c\n" + "\n".join(",".join(map(str, row)) for row in NUMBERS))
    assert torch.equal(opened(path), torch.from_numpy(NUMBERS))
    assert torch.equal(opened(str(path)), torch.from_numpy(NUMBERS))


def test_frames_are_matched_by_name():
    who = Someone()
    opened(pd.DataFrame(NUMBERS, columns=list("abc")), who=who)
    swapped = pd.DataFrame(NUMBERS, columns=list("abc"))[["c", "a", "b"]]
    assert torch.equal(opened(swapped, reset=False, who=who), torch.from_numpy(NUMBERS))
    with pytest.raises(
        SchemaError, match=r"unseen at fit time:\n- B\n.*now missing:\n- b\n.*'b' may be 'B' now"
    ) as error:
        opened(swapped.rename(columns={"b": "B"}), reset=False, who=who)
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.array([[1.0, np.inf]]), ValueError, "infinity"),
        (torch.tensor([[1.0, float("inf")]]), ValueError, "infinity"),
        (np.zeros((0, 3)), ValueError, "minimum of 1 is required"),
        (torch.zeros(0, 3), ValueError, "minimum of 1 is required"),
        (torch.zeros(3), ValueError, "reshape"),
        (np.array([[1 + 2j]]), ValueError, "[Cc]omplex"),
        (torch.zeros(2, 2, dtype=torch.complex64), ValueError, "[Cc]omplex"),
        (np.array([["a", "b"]]), ValueError, "could not convert|numeric"),
        ({"a": [1, 2], "b": [1]}, DataError, "same number of rows"),
    ],
)
def test_bad_matrices_are_refused(X, error, message):
    with pytest.raises(error, match=message):
        opened(X)


def test_missing_and_sparse_pass_only_where_accepted():
    with pytest.raises(ValueError, match="NaN"):
        opened(np.array([[np.nan]]), Accepts())
    with pytest.raises(ValueError, match="NaN"):
        opened(torch.tensor([[float("nan")]]), Accepts())
    with pytest.raises(TypeError, match="[Ss]parse"):
        opened(sp.csr_array(NUMBERS), Accepts())


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6),
        elements=st.floats(-1e6, 1e6),
    )
)
def test_no_finite_array_is_changed(X):
    assert np.array_equal(opened(X).numpy(), X)


def test_labels_become_codes():
    X = torch.zeros(4, 1)
    codes, classes = open_classes(["b", "a", "b", "c"], X, Someone())
    assert codes.tolist() == [1, 0, 1, 2]
    assert classes.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="requires y to be passed"):
        open_classes(None, X, Someone())
    with pytest.raises(ValueError, match="continuous"):
        open_classes([0.5, 1.5, 2.5, 3.5], X, Someone())
    with pytest.raises(ValueError, match="inconsistent"):
        open_classes(["a", "b"], X, Someone())


def test_targets_become_numbers():
    X = torch.zeros(3, 1, dtype=torch.float32)
    y = open_targets(np.array([1, 2, 3]), X, Someone(), multi_output=False)
    assert y.dtype == torch.float32
    with pytest.raises(DataError, match="predicts numbers, but y holds 'low'"):
        open_targets(["low", "high", "low"], X, Someone(), multi_output=False)
    with pytest.raises(ValueError, match="NaN"):
        open_targets([1.0, np.nan, 2.0], X, Someone(), multi_output=False)


def test_weights_are_one_number_a_row():
    X = torch.zeros(3, 1, dtype=torch.float64)
    assert open_weights(2.0, X).tolist() == [2, 2, 2]
    assert open_weights([1, 2, 3], X).tolist() == [1, 2, 3]
    assert open_weights(None, X) is None
    with pytest.raises(ValueError, match="1D array or scalar"):
        open_weights(np.ones((3, 2)), X)
    with pytest.raises(ValueError, match="expected"):
        open_weights([1, 2], X)
    with pytest.raises(ValueError, match="positive weight"):
        open_weights([0, 0, 0], X)


def test_columns_keep_their_types():
    frame = pd.DataFrame({"n": [1.0, 2.0], "s": ["x", None]})
    columns = open_columns(Someone(), frame, Accepts(columns=True, missing=True), reset=True)
    assert columns.names == ["n", "s"]
    assert columns.shape == (2, 2)
    assert len(columns.take_rows(torch.tensor([1]))) == 1
    with pytest.raises(ValueError, match="infinity in column 'n'"):
        open_columns(
            Someone(),
            pd.DataFrame({"n": [np.inf]}),
            Accepts(columns=True, missing=True),
            reset=True,
        )


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_columns_that_are_no_numbers_are_named(library):
    X = library({"age": [1.5, 2.5], "job": ["cook", "pilot"], "digits": ["1", "2"]})
    message = r"could not convert string to float: 'cook'\. Someone .*columns 'job' \(str.*encode"
    with pytest.raises(DataError, match=message) as e:
        opened(X)
    assert "age" not in str(e.value)
    assert "digits" not in str(e.value)


def test_dates_are_no_numbers():
    with pytest.raises(DataError, match="none can be read from the columns 'day'"):
        opened(pd.DataFrame({"n": [1, 2], "day": pd.to_datetime(["2020-01-01", "2021-01-01"])}))


@pytest.mark.parametrize("weights", [np.array([1.0, -2.0, 1.0, 1.0]), torch.tensor([1, -2, 1, 1])])
@pytest.mark.parametrize("model", [KernelRidge(), LinearRegression(), Ridge(solver="svd")])
def test_negative_weights_of_squares_are_refused_by_name(model, weights):
    X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    with pytest.raises(ValueError, match=r"`sample_weight`: .* at least 0, and the least is -2"):
        model.fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="the least is -1"):
        model.fit(X, y, sample_weight=-1.0)
