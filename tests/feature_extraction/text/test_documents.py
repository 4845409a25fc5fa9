"""Documents come in many containers."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch

from dovetail.compose import ColumnTransformer
from dovetail.errors import DataError
from dovetail.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from dovetail.preprocessing import StandardScaler

TEXT = ["to be or not", None, "be there"]
FILLED = ["to be or not", "", "be there"]

CONTAINERS = {
    "generator": lambda: iter(FILLED),
    "array": lambda: np.array(FILLED),
    "array of one column": lambda: np.array(TEXT, dtype=object)[:, None],
    "pandas": lambda: pd.Series(TEXT, index=[5, 6, 7]),
    "pandas objects": lambda: pd.Series(["to be or not", pd.NA, "be there"], dtype=object),
    "pandas category": lambda: pd.Series(TEXT, dtype="category"),
    "pandas frame": lambda: pd.DataFrame({"text": TEXT}),
    "polars": lambda: pl.Series(TEXT),
    "polars frame": lambda: pl.DataFrame({"text": TEXT}),
    "arrow": lambda: pa.array(TEXT),
    "arrow chunks": lambda: pa.chunked_array([TEXT[:1], TEXT[1:]]),
    "arrow bytes": lambda: pa.array([None if t is None else t.encode() for t in TEXT]),
    "arrow table": lambda: pa.table({"text": TEXT}),
    "dict": lambda: {"text": TEXT},
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_agree_and_missing_texts_are_empty(name):
    expected = CountVectorizer().fit_transform(FILLED).toarray()
    vectorizer = CountVectorizer()
    np.testing.assert_array_equal(vectorizer.fit_transform(CONTAINERS[name]()).toarray(), expected)
    np.testing.assert_array_equal(vectorizer.transform(CONTAINERS[name]()).toarray(), expected)


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), HashingVectorizer()])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"title": ["a"], "body": ["b"]}), "Got 2: 'title', 'body'. Use a Column"),
        (np.array([["a", "b"]]), "one column of text. Got 2"),
        (torch.ones(2, 1), "reads text. Got a matrix of numbers"),
        (sp.eye_array(2), "reads text. Got a matrix of numbers"),
    ],
)
def test_what_is_no_column_of_text(vectorizer, X, message):
    with pytest.raises(DataError, match=message):
        vectorizer.fit_transform(X)


def test_a_missing_file_name_is_an_error():
    with pytest.raises(DataError, match="whose name is missing"):
        CountVectorizer(input="filename").fit(pd.Series([None]))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("column", ["text", ["text"]])
def test_in_a_column_transformer(frame, column):
    X = frame({"n": [1.0, 2.0, 3.0], "text": TEXT})
    model = ColumnTransformer([("n", StandardScaler(), ["n"]), ("t", TfidfVectorizer(), column)])
    out = model.fit_transform(X)
    np.testing.assert_allclose(out[:, 1:], TfidfVectorizer().fit_transform(FILLED).toarray())
    np.testing.assert_allclose(model.program_(model.front(X)), out)
    assert model.get_feature_names_out()[1] == "t__be"
