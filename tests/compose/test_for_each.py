"""One transformer for any number of columns."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import sklearn
import sklearn.feature_extraction.text
from sklearn.base import BaseEstimator, TransformerMixin, clone

import dovetail as dv
from dovetail.compose import ColumnTransformer, ForEach, make_column_selector
from dovetail.errors import ProgramError, SchemaError
from dovetail.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from dovetail.linear_model import Ridge
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

TEXT = {"title": ["to be", None, "not to be"], "body": ["be or not", "or", "to be"]}
FILLED = {"title": ["to be", "", "not to be"], "body": TEXT["body"]}

FRAMES = {
    "pandas": lambda columns: pd.DataFrame(columns),
    "pandas objects": lambda columns: pd.DataFrame(columns, dtype=object),
    "pandas categories": lambda columns: pd.DataFrame(columns).astype("category"),
    "polars": lambda columns: pl.DataFrame(columns),
    "pyarrow": lambda columns: pa.table(columns),
    "dict": lambda columns: columns,
}


class Moments(TransformerMixin, BaseEstimator):
    """A foreign transformer of a vector: what it was given, and its square."""

    def fit(self, x: Any, y: Any = None, sample_weight: Any = None) -> "Moments":
        assert np.ndim(x) == 1
        self.weight_ = sample_weight
        return self

    def transform(self, x: Any) -> Any:
        return np.stack([x, np.square(x)], axis=1)

    def get_feature_names_out(self, names: Any = None) -> Any:
        return [f"{names[0]}^{p}" for p in (1, 2)]


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("family", [dv.feature_extraction.text, sklearn.feature_extraction.text])
def test_as_the_vectorizers_one_by_one(make: Any, family: Any) -> None:
    expected = [CountVectorizer().fit(FILLED[c]) for c in FILLED]
    counts = sp.hstack([v.transform(FILLED[c]) for v, c in zip(expected, FILLED, strict=True)])
    each = ForEach(family.CountVectorizer())
    for out in (each.fit_transform(make(TEXT)), each.fit(make(TEXT)).transform(make(TEXT))):
        assert sp.issparse(out)
        np.testing.assert_array_equal(out.toarray(), counts.toarray())
    assert [c for c, _ in each.transformers_] == ["title", "body"]
    terms = [f"{c}__{t}" for c, v in zip(FILLED, expected, strict=True) for t in v.vocabulary_]
    assert sorted(each.get_feature_names_out()) == sorted(terms)


def test_arrays_without_names_and_their_missing_values() -> None:
    X = np.array([["a b", None], [np.nan, "c"], ["b", "c c"]], dtype=object)
    each = ForEach(CountVectorizer(token_pattern=r"\w")).fit(X)
    assert each.get_feature_names_out().tolist() == ["x0__a", "x0__b", "x1__c"]
    np.testing.assert_array_equal(each.transform(X).toarray(), [[1, 1, 0], [0, 0, 1], [0, 1, 2]])
    np.testing.assert_array_equal(each.transform(X.tolist()[2:]).toarray(), [[0, 1, 2]])


def test_numbers_are_given_as_they_are() -> None:
    X = np.array([[1.0, np.nan], [2.0, 3.0]])
    each = ForEach(Moments(), transformer_weights={"x1": 2.0})
    np.testing.assert_array_equal(each.fit_transform(X), [[1, 1, np.nan, np.nan], [2, 4, 6, 18]])
    assert each.get_feature_names_out().tolist() == ["x0__x0^1", "x0__x0^2", "x1__x1^1", "x1__x1^2"]
    with pytest.raises(ProgramError, match="'x0' is test_for_each's|'x0' is tests's"):
        _ = each.program_


def test_columns_are_found_by_name_and_missing_ones_reported() -> None:
    each = ForEach(CountVectorizer()).fit(pl.DataFrame(TEXT))
    out = each.transform(pl.DataFrame(TEXT).select("body", "title"))
    assert (out != each.transform(pl.DataFrame(TEXT))).nnz == 0
    with pytest.raises(SchemaError, match="now missing:\n- body"):
        each.transform(pl.DataFrame({"title": TEXT["title"]}))


def test_dense_for_containers() -> None:
    frame = pa.table(TEXT)
    dense = ForEach(TfidfVectorizer(dtype=np.float32), sparse_output=False)
    out = dense.fit_transform(frame)
    assert isinstance(out, np.ndarray)
    assert out.dtype == np.float32
    shown = clone(dense).set_output(transform="polars").fit_transform(frame)
    assert shown.columns == dense.get_feature_names_out().tolist()
    np.testing.assert_array_equal(shown.to_numpy(), out)


def test_no_columns() -> None:
    for X in (np.zeros((3, 0)), pd.DataFrame(index=range(3))):
        each = ForEach(CountVectorizer())
        assert each.fit_transform(X).shape == (3, 0)
        assert each.transform(X).shape == (3, 0)
        assert each.get_feature_names_out().shape == (0,)
        with pytest.raises(ProgramError, match="no branch that gives columns"):
            _ = each.program_


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), HashingVectorizer(n_features=8)])
def test_program_and_bundle_within_a_pipeline(vectorizer: Any, tmp_path: Any) -> None:
    X, y = pd.DataFrame({"n": [1.0, 2.0, 4.0], **TEXT}), [1.0, 2.0, 0.0]
    texts = make_column_selector(dtype_include=["str", "object"])
    model = make_pipeline(
        ColumnTransformer([("n", StandardScaler(), ["n"]), ("t", ForEach(vectorizer), texts)]),
        Ridge(),
    ).fit(X, y)
    np.testing.assert_allclose(model.program_(model.front(X)), model.predict(X))
    again = dv.load(dv.save(model, tmp_path / "model.dove"))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    if isinstance(vectorizer, TfidfVectorizer):
        names = model[0].get_feature_names_out()
        assert names[:3].tolist() == ["n__n", "t__title__be", "t__title__not"]
    model.set_params(columntransformer__t__transformer__lowercase=False).fit(X, y)
    assert not any(v.lowercase for _, v in model[0].named_transformers_["t"].transformers_)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_what_was_given_stays_unfitted(n_jobs: Any) -> None:
    given = CountVectorizer()
    each = ForEach(given, n_jobs=n_jobs).fit(TEXT)
    assert not hasattr(given, "vocabulary_")
    assert each.transformers_[0][1] is not each.transformers_[1][1]


def test_metadata_goes_to_every_column() -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        each = ForEach(Moments().set_fit_request(sample_weight=True))
        each.fit(np.ones((2, 3)), sample_weight=[1, 2])
    assert [t.weight_ for _, t in each.transformers_] == [[1, 2]] * 3


def test_an_output_that_is_no_matrix() -> None:
    class Flat(Moments):
        def transform(self, x: Any) -> Any:
            return x

    with pytest.raises(ValueError, match="output of the 'x0' transformer should be 2D"):
        ForEach(Flat()).fit_transform(np.ones((2, 1)))


def test_sparse_input_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Sparse data was passed to ForEach.*toarray"):
        ForEach(Moments()).fit(sp.eye_array(3))
