"""Different transformers for different columns."""

from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet
import pytest
import scipy.sparse as sp
import sklearn.compose
import sklearn.preprocessing
import torch
from sklearn.base import BaseEstimator, TransformerMixin

from dovetail.compose import ColumnTransformer, make_column_selector, make_column_transformer
from dovetail.datasets import example
from dovetail.errors import SchemaError
from dovetail.linear_model import Ridge
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
WORDS = ["species", "island"]


@pytest.fixture(scope="module")
def penguins() -> Any:
    table = pyarrow.parquet.read_table(example("penguins").path).select([*NUMBERS, *WORDS])
    return table.filter(np.asarray(table["body_mass_g"].is_valid()))


def frames(table: Any) -> list[Any]:
    pytest.importorskip("pandas")
    columns = {name: table[name].to_pylist() for name in table.column_names}
    return [table.to_pandas(), pl.from_arrow(table), table, columns]


class _Hot(sklearn.preprocessing.OneHotEncoder):
    """A foreign encoder that takes pyarrow tables."""

    def fit(self, X: Any, y: Any = None) -> Any:
        return super().fit(self._rows(X), y)

    def transform(self, X: Any) -> Any:
        return super().transform(self._rows(X))

    def _rows(self, X: Any) -> Any:
        return np.asarray(X if hasattr(X, "iloc") else pl.DataFrame(X), dtype=object)


def by_name(**options: Any) -> ColumnTransformer:
    branches = [
        ("numbers", make_pipeline(StandardScaler(), MinMaxScaler()), NUMBERS[1:]),
        ("words", _Hot(handle_unknown="ignore"), WORDS),
    ]
    return ColumnTransformer(branches, **options)


def test_frames_of_every_make_in_any_order(penguins: Any) -> None:
    frame = penguins.to_pandas()
    theirs = sklearn.compose.ColumnTransformer(
        [
            ("numbers", sklearn.preprocessing.MinMaxScaler(), NUMBERS[1:]),
            ("words", sklearn.preprocessing.OneHotEncoder(), WORDS),
        ]
    )
    expected = theirs.fit_transform(frame)
    for X in frames(penguins):
        model = by_name().fit(X)
        np.testing.assert_allclose(model.transform(X), expected, atol=1e-12)
        moved = penguins.select(penguins.column_names[::-1]).append_column(
            "new", penguins["island"]
        )
        for other in frames(moved):
            np.testing.assert_allclose(model.transform(other), expected, atol=1e-12)


def test_words_become_codes_in_the_front(penguins: Any) -> None:
    model = make_pipeline(
        make_column_transformer(
            (make_pipeline(StandardScaler(), MinMaxScaler()), NUMBERS[1:]),
            (OneHotEncoder(handle_unknown="ignore"), WORDS),
            remainder=StandardScaler(),
        ),
        Ridge(),
    )
    y = penguins["body_mass_g"].to_numpy()
    for X in frames(penguins):
        model.fit(X, y)
        np.testing.assert_allclose(model.program_(model.front(X)).numpy(), model.predict(X))
    codes = model[0].front(penguins)[1]
    assert codes.dtype == torch.int64
    assert codes.shape == (len(y), 2)


def test_all_missing_columns_are_named_at_once(penguins: Any) -> None:
    model = by_name().fit(penguins)
    names = {"bill_depth_mm": "bill_depth", "body_mass_g": "mass", "island": "Island"}
    renamed = penguins.rename_columns([names.get(n, n) for n in penguins.column_names])
    with pytest.raises(SchemaError) as caught:
        model.transform(renamed)
    message = str(caught.value)
    assert message.startswith("columns are missing: {'bill_depth_mm', 'body_mass_g', 'island'}.")
    assert "to 'island' is 'Island'" in message
    model.transform(penguins.drop_columns([NUMBERS[0]]))  # taken by no branch
    with pytest.raises(ValueError, match="only supported for dataframes"):
        model.transform(penguins.to_pandas().to_numpy())


def test_arrays_are_shared_not_copied() -> None:
    X = np.arange(12.0).reshape(3, 4)

    class Same(TransformerMixin, BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Any:
            return self

        def transform(self, X: Any) -> Any:
            self.given = X
            return X

    T = torch.from_numpy(X)
    for columns in (slice(1, 3), [1, 2], [0, 2], [False, True, True, False]):
        model = ColumnTransformer([("same", Same(), columns)]).fit(X)
        model.transform(X)
        assert np.shares_memory(model["same"].given, X)
        model.transform(T)
        assert np.shares_memory(model["same"].given, X)


def test_every_container_of_numbers_gives_the_same() -> None:
    X = np.random.default_rng(0).normal(size=(10, 4))
    branches = [("a", StandardScaler(with_mean=False), [0, 3]), ("b", "drop", [1])]
    options = {"remainder": StandardScaler(with_mean=False), "transformer_weights": {"a": 2.0}}
    expected = StandardScaler(with_mean=False).fit_transform(X)[:, [0, 3, 2]] * [2.0, 2.0, 1.0]
    for given in (X, X.tolist(), torch.from_numpy(X), sp.csr_array(X), sp.coo_matrix(X)):
        model = ColumnTransformer(branches, **options).fit(given)
        out = model.transform(given)
        assert isinstance(out, torch.Tensor) == isinstance(given, torch.Tensor)
        np.testing.assert_allclose(np.asarray(out), expected)
        assert model.output_indices_ == {
            "a": slice(0, 2),
            "remainder": slice(2, 3),
            "b": slice(0, 0),
        }
    program = model.program_
    np.testing.assert_allclose(program(model.front(X)).numpy(), expected)
    torch.testing.assert_close(
        model._program_on_numbers()(torch.from_numpy(X)), program(model.front(X))
    )


def test_sparse_where_few_values_are_stored() -> None:
    X = np.arange(8.0)[:, None] * [1.0, 1.0]
    hot = ("hot", sklearn.preprocessing.OneHotEncoder(), [0])
    model = ColumnTransformer([hot, ("number", StandardScaler(), [1])])
    dense = model.set_params(sparse_threshold=0.1).fit_transform(X)
    assert isinstance(dense, np.ndarray)
    stored = model.set_params(sparse_threshold=0.3).fit_transform(X)
    assert sp.issparse(stored)
    assert model.sparse_output_
    np.testing.assert_allclose(stored.toarray(), dense)


@pytest.mark.parametrize(
    ("columns", "rest"),
    [
        ([0], [1, 2]),
        (["a"], ["b", "c"]),
        ([True, False, False], [False, True, True]),
        (make_column_selector("a"), [1, 2]),
    ],
)
def test_remaining_columns_are_said_as_the_others(columns: Any, rest: list[Any]) -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0], "c": [1.0, 0.0]})
    model = ColumnTransformer([("x", MinMaxScaler(), columns)], remainder=MinMaxScaler()).fit(frame)
    assert model.transformers_[-1][2] == rest
    np.testing.assert_allclose(model.transform(frame[["c", "b", "a"]]), [[0, 0, 1], [1, 1, 0]])


def test_frames_out_where_configured(penguins: Any) -> None:
    numbers = pl.from_arrow(penguins.select(NUMBERS))
    model = make_column_transformer(
        (StandardScaler(), NUMBERS[:2]),
        (MinMaxScaler(), NUMBERS[2:]),
        verbose_feature_names_out=False,
    ).set_output(transform="polars")
    out = model.fit_transform(numbers)
    assert isinstance(out, pl.DataFrame)
    assert out.columns == NUMBERS
    np.testing.assert_allclose(
        out.to_numpy()[:, 2:], MinMaxScaler().fit_transform(numbers[NUMBERS[2:]])
    )


def test_a_vector_for_a_single_column() -> None:
    with pytest.raises(ValueError, match="1D data passed to a transformer that expects 2D"):
        ColumnTransformer([("x", StandardScaler(), 0)]).fit(np.ones((3, 2)))
    with pytest.raises(ValueError, match="1D data passed to a transformer that expects 2D"):
        ColumnTransformer([("x", StandardScaler(), 0)]).fit(torch.ones(3, 2))


def test_refuses_what_it_cannot_run() -> None:
    X = np.ones((3, 2))
    with pytest.raises(TypeError, match=r"All estimators should implement fit and transform.*'x'"):
        ColumnTransformer([("x", object(), [0])]).fit(X)
    with pytest.raises(ValueError, match=r"takes 2D data, got 1D\. Reshape"):
        ColumnTransformer([("x", StandardScaler(), [0])]).fit(X[0])
    with pytest.raises(KeyError, match="'z' is not a valid transformer name"):
        ColumnTransformer([("x", StandardScaler(), [0])]).fit(X)["z"]
    with pytest.raises(ValueError, match="X has 1 features"):
        ColumnTransformer([("x", StandardScaler(), [0])]).fit(X).transform(X[:, :1])


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_containers_of_the_output_hold_what_passes_through(penguins: Any, container: str) -> None:
    branches = [("n", StandardScaler(), NUMBERS[1:]), ("as_is", "passthrough", WORDS)]
    for frame in frames(penguins)[:3]:
        columns = ColumnTransformer(branches).set_output(transform=container)
        out = columns.fit_transform(frame)
        assert type(out).__module__.split(".")[0] == container
        assert list(out.columns) == columns.get_feature_names_out().tolist()
        assert list(out["as_is__species"]) == penguins["species"].to_pylist()
