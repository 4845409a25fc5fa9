"""Indicators of missing values, in every container."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.impute
import torch

from dovetail.impute import MissingIndicator
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

NAN = np.nan
X = np.array([[NAN, 2.0, 0.0], [1.0, 2.0, NAN], [NAN, 3.0, 5.0]])


@pytest.mark.parametrize("features", ["missing-only", "all"])
@pytest.mark.parametrize("sparse", [True, False, "auto"])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix, sp.csc_array])
def test_agrees_with_scikit_learn(features: Any, sparse: Any, make: Any) -> None:
    ours = MissingIndicator(features=features, sparse=sparse)
    theirs = sklearn.impute.MissingIndicator(features=features, sparse=sparse)
    given = make(X)
    out, expected = ours.fit_transform(given), theirs.fit_transform(make(X))
    assert type(out) is type(expected)
    assert out.dtype == bool
    dense = [a.toarray() if sp.issparse(a) else a for a in (out, expected)]
    np.testing.assert_array_equal(*dense)
    np.testing.assert_array_equal(ours.features_, theirs.features_)
    if sp.issparse(given):
        np.testing.assert_array_equal(given.toarray(), X)


def test_only_what_is_missing_is_stored() -> None:
    out = MissingIndicator(features="all").fit_transform(sp.csr_array(X))
    assert out.nnz == np.isnan(X).sum()


@pytest.mark.parametrize(
    ("mark", "data"),
    [
        ("?", np.array([["a", "?"], ["?", "b"]], dtype=object)),
        (None, np.array([["a", None], [None, "b"]], dtype=object)),
        (-1, np.array([[3, -1], [-1, 3]])),
        (NAN, np.array([["a", NAN], [NAN, "b"]], dtype=object)),
    ],
)
def test_marks_of_every_kind(mark: Any, data: Any) -> None:
    indicator = MissingIndicator(missing_values=mark).fit(data)
    assert indicator.transform(data).tolist() == [[False, True], [True, False]]
    program = indicator.program_(indicator.front(data))
    assert program.tolist() == [[False, True], [True, False]]


def test_frames_of_numbers_and_strings() -> None:
    pl, pd = pytest.importorskip("polars"), pytest.importorskip("pandas")
    columns = {"word": ["a", None], "flag": [None, True], "day": [1, 2]}
    for frame in (pl.DataFrame(columns), pd.DataFrame(columns)):
        indicator = MissingIndicator()
        assert indicator.fit_transform(frame).tolist() == [[False, True], [True, False]]
        assert indicator.get_feature_names_out().tolist() == [
            "missingindicator_word",
            "missingindicator_flag",
        ]
    named = MissingIndicator().set_output(transform="polars").fit_transform(pl.DataFrame(columns))
    assert named.columns == ["missingindicator_word", "missingindicator_flag"]


def test_columns_that_are_new_to_miss_values() -> None:
    complete = np.nan_to_num(X)
    indicator = MissingIndicator().fit(X)
    assert not indicator.transform(complete).any()
    complete[0, 1] = NAN
    with pytest.raises(ValueError, match=r"The features \[1\] have missing values in transform"):
        indicator.transform(complete)
    with pytest.raises(ValueError, match=r"The features \[1\] have missing values in transform"):
        indicator.transform(sp.csc_matrix(complete))
    lenient = MissingIndicator(error_on_new=False).fit(X)
    assert lenient.transform(complete).shape == (3, 2)


def test_a_program_may_follow_another() -> None:
    pipe = make_pipeline(StandardScaler(), MissingIndicator()).fit(X)
    out = pipe.program_(torch.from_numpy(X))
    np.testing.assert_array_equal(out.numpy(), np.isnan(X)[:, [0, 2]])


def test_tensors_in_tensors_out() -> None:
    indicator = MissingIndicator()
    out = indicator.fit_transform(torch.from_numpy(X))
    assert out.dtype == torch.bool
    assert indicator.features_.tolist() == [0, 2]


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="Sparse input with missing_values=0"):
        MissingIndicator(missing_values=0).fit(sp.csr_array(np.eye(2)))
    with pytest.raises(ValueError, match="MissingIndicator does not support data with dtype"):
        MissingIndicator(missing_values=-1).fit(np.array([["a"], ["b"]]))
    with pytest.raises(ValueError, match="expected to be both numerical"):
        MissingIndicator(missing_values="?").fit(np.eye(2))
