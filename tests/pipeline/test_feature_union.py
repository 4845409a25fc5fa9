"""Transformers side by side on all columns."""

from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from joblib import parallel_backend
from sklearn.base import BaseEstimator
from sklearn.preprocessing import OneHotEncoder as ForeignOneHot

from dovetail.pipeline import FeatureUnion, make_pipeline, make_union
from dovetail.preprocessing import MinMaxScaler, StandardScaler

X = np.random.default_rng(0).normal(size=(20, 3))


def union(**options: Any) -> FeatureUnion:
    branches = [
        ("a", StandardScaler()),
        ("gone", "drop"),
        ("same", "passthrough"),
        ("b", MinMaxScaler()),
    ]
    return FeatureUnion(branches, **options)


def by_hand() -> np.ndarray:
    return np.hstack([StandardScaler().fit_transform(X), X, MinMaxScaler().fit_transform(X)])


def test_joins_what_the_branches_make() -> None:
    model = union()
    np.testing.assert_allclose(model.fit_transform(X), by_hand())
    np.testing.assert_allclose(model.transform(X), by_hand())
    assert model["same"] == "passthrough"  # the parameter is left as it was given
    weighted = union(transformer_weights={"b": 2.0}).fit(X)
    np.testing.assert_allclose(weighted.transform(X)[:, 6:], 2 * by_hand()[:, 6:])
    np.testing.assert_allclose(weighted.program_(weighted.front(X)).numpy(), weighted.transform(X))
    with pytest.raises(ValueError, match='weight transformer "c"'):
        union(transformer_weights={"c": 1.0}).fit(X)


def test_tensors_sparse_matrices_and_frames_are_joined_as_such() -> None:
    T = torch.from_numpy(X)
    out = union().fit_transform(T)
    assert isinstance(out, torch.Tensor)
    np.testing.assert_allclose(out.numpy(), by_hand())
    codes = X.round()
    sparse = FeatureUnion([("a", StandardScaler()), ("hot", ForeignOneHot())]).fit_transform(codes)
    assert sp.issparse(sparse)
    assert sparse.format == "csr"
    frame = pl.DataFrame(X, schema=["u", "v", "w"], orient="row")
    named = union().set_output(transform="polars").fit_transform(frame)
    assert isinstance(named, pl.DataFrame)
    assert named.columns[:4] == ["a__u", "a__v", "a__w", "same__u"]
    np.testing.assert_allclose(named.to_numpy(), by_hand())


@pytest.mark.parametrize(
    ("style", "first"),
    [(True, "a__x0"), ("{feature_name}@{transformer_name}", "x0@a"), (lambda b, c: b + c, "ax0")],
)
def test_names_columns(style: Any, first: str) -> None:
    assert union(verbose_feature_names_out=style).fit(X).get_feature_names_out()[0] == first


def test_plain_names_must_be_unique() -> None:
    with pytest.raises(ValueError, match=r"\['x0', 'x1', 'x2'\] are not unique"):
        union(verbose_feature_names_out=False).fit(X).get_feature_names_out()


def test_workers_give_the_same() -> None:
    with parallel_backend("threading"):
        np.testing.assert_allclose(union(n_jobs=2).fit_transform(X), by_hand())


class _Flat(BaseEstimator):
    def fit(self, X: Any, y: Any = None) -> Any:
        return self

    def transform(self, X: Any) -> Any:
        return X[:, 0]


def test_refuses_what_is_not_two_dimensional() -> None:
    with pytest.raises(ValueError, match="'_flat' returned an array or dataframe with 1 dim"):
        make_union(StandardScaler(), _Flat()).fit_transform(X)
    assert make_union("drop").fit(X).transform(X).shape == (20, 0)
    assert make_union("drop").fit_transform(torch.from_numpy(X)).shape == (20, 0)


class _Counter:
    """Counts the tasks it is told of."""

    max_propagation_depth = None

    def __init__(self) -> None:
        self.begun: list[str] = []

    def setup(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.begun.append(f"{type(estimator).__name__}:{context.task_name}")

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        pass

    def teardown(self, estimator: Any, context: Any) -> None:
        pass


def test_callbacks_hear_of_every_branch() -> None:
    heard = _Counter()
    model = make_pipeline(make_union(StandardScaler(), MinMaxScaler()), StandardScaler())
    model.set_callbacks(heard).fit(X)
    tasks = ["Pipeline:fit", "FeatureUnion:fit-transform", "StandardScaler:fit", "MinMaxScaler:fit"]
    assert set(tasks) <= set(heard.begun)
    assert not hasattr(model[0]["minmaxscaler"], "_skl_callbacks")
