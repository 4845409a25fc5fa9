"""Columns and their names, of containers of every make."""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch

from dovetail.data.frames import column_names, take_columns

X = np.arange(15.0).reshape(3, 5)
NAMES = list("abcde")


def frames() -> list[Any]:
    pd = pytest.importorskip("pandas")
    frame = pl.DataFrame(X, schema=NAMES, orient="row")
    return [pd.DataFrame(X, columns=NAMES), frame, frame.to_arrow()]


def dense(part: Any) -> np.ndarray:
    return part.toarray() if sp.issparse(part) else np.asarray(part)


@pytest.mark.parametrize("columns", [[0], [3, 1], [2, 2], slice(1, 3), slice(0, 5, 2), []])
def test_takes_columns_in_the_container_they_came_in(columns: Any) -> None:
    arrays = [X, torch.from_numpy(X), sp.csr_array(X), sp.csc_matrix(X), sp.coo_array(X)]
    for given in [*arrays, *frames()]:
        if columns == [2, 2] and isinstance(given, pl.DataFrame | pa.Table):
            continue  # their names are unique
        part = take_columns(given, columns)
        expected = type(given) if not isinstance(given, sp.coo_array) else sp.csr_array
        assert isinstance(part, expected)
        if part.shape[1]:
            np.testing.assert_array_equal(dense(part), X[:, columns])
        assert part.shape[1] == X[:, columns].shape[1]


def test_one_column_is_a_vector() -> None:
    for given in [X, torch.from_numpy(X), *frames()]:
        np.testing.assert_array_equal(np.asarray(take_columns(given, 3)), X[:, 3])


def test_slices_share_memory() -> None:
    pd = pytest.importorskip("pandas")
    for given in (X, torch.from_numpy(X), pd.DataFrame(X)):
        part = np.asarray(take_columns(given, slice(1, 3)))
        assert np.shares_memory(part, np.asarray(given))


def test_names() -> None:
    assert all(column_names(frame) == NAMES for frame in frames())
    assert column_names(X) is None
    assert column_names(torch.from_numpy(X)) is None
