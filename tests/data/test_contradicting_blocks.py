"""Later blocks of a scan that contradict the first rows give the answer that all rows in memory
give, or an error that names the file, the rows and the column.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import dovetail as dv
from dovetail.errors import DataError, SchemaError
from dovetail.impute import MissingIndicator, SimpleImputer
from dovetail.linear_model import LogisticRegression, PoissonRegressor, Ridge, RidgeClassifier
from dovetail.pipeline import Pipeline, make_pipeline
from dovetail.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

ROWS, LATE = 300, 250  # of a file; a row of the second that contradicts
NUMBERS = np.random.default_rng(0).normal(size=ROWS)
WORDS = ["yes", "no", "maybe"] * (ROWS // 3)


@pytest.fixture
def scan(tmp_path):
    """Two files of a column "a", of which the second contradicts, and a target."""

    def made(first, late, target=None, **how):
        for name, values in (("0", first), ("1", late)):
            y = np.arange(ROWS) % 2 if target is None else target[name]
            table = pa.table({"a": values, "b": NUMBERS, "y": y})
            pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=90)
        return dv.scan_parquet(str(tmp_path / "*.parquet"), "y", block_rows=50, **how)

    return made


def with_late(values, value, kind=None):
    changed = list(values)
    changed[LATE] = value
    return pa.array(changed, kind)


def whole(rows):
    """The columns of X in memory, and the target."""
    table = pa.concat_tables(pq.read_table(p) for p in dict.fromkeys(f.path for f in _pieces(rows)))
    return table.select(list(rows.names)), table.column("y").to_numpy()


def _pieces(rows):
    return rows._files.pieces


AT = r"(?s)1\.parquet, rows 250 to 299: "


def test_a_word_in_a_column_read_as_numbers(scan):
    digits = [str(i) for i in range(ROWS)]
    rows = scan(digits, with_late(digits, "oops"))
    with pytest.raises(DataError, match=AT + r"could not convert.*oops.*columns 'a' \(string\)"):
        StandardScaler().fit(rows)
    prepared = Pipeline([*dv.preparation("linear").steps, ("model", LogisticRegression())])
    with pytest.raises(SchemaError, match=AT + r".*'a' was a number.*is now a category"):
        prepared.fit(rows)


@pytest.mark.parametrize("value", ["never", None])
@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=["one-hot", "ordinal"])
def test_a_level_seen_late(scan, encoder, value):
    rows = scan(WORDS, with_late(WORDS, value), columns=["a"])
    X, y = whole(rows)
    expected = encoder.fit(X).categories_
    assert_array_equal(encoder.fit(rows).categories_[0], expected[0])
    assert len(expected[0]) == 4
    models = [
        Pipeline([*dv.preparation("linear").steps, ("model", LogisticRegression())]).fit(*given)
        for given in ((rows,), (X, y))
    ]
    assert_allclose(models[0][-1].coef_, models[1][-1].coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        pa.array(np.arange(ROWS) % 7),
        pa.array(np.arange(ROWS) % 7, pa.int16()),
        pa.array(NUMBERS.astype(np.float32)),
        pa.array([True, False] * (ROWS // 2)),
    ],
    ids=lambda values: str(values.type),
)
def test_a_missing_value_seen_late(scan, values):
    rows = scan(values, with_late(values.to_pylist(), None, values.type))
    X, y = whole(rows)
    for step in (StandardScaler(), SimpleImputer(add_indicator=True), MissingIndicator()):
        found = [step.fit(rows).transform(X), step.fit(X).transform(X)]
        assert_allclose(np.asarray(found[0], float), np.asarray(found[1], float), rtol=1e-6)
    with pytest.raises(DataError, match=AT + r"Input X contains NaN.*columns 'a'\."):
        Ridge().fit(rows)
    filled = make_pipeline(SimpleImputer(), Ridge())
    coef = filled.fit(X, y)[-1].coef_
    assert_allclose(filled.fit(rows)[-1].coef_, coef, rtol=1e-4, atol=1e-7)


def test_floating_numbers_stay_narrow_where_whole_ones_are_missing(tmp_path):
    """A block's dtype follows from the schema, not from its missing values."""
    narrow = NUMBERS.astype(np.float32)
    late = with_late((np.arange(ROWS) % 9).tolist(), None, pa.int16())
    for values, name in ((pa.array(np.arange(ROWS) % 9, pa.int16()), "0"), (late, "1")):
        table = pa.table({"a": narrow, "b": values, "y": NUMBERS})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    rows = dv.scan_parquet(str(tmp_path / "*.parquet"), "y", block_rows=50)
    model = make_pipeline(SimpleImputer(), StandardScaler(), Ridge()).fit(rows)
    assert model[-1].coef_.dtype == np.float32
    assert model.predict(rows).dtype == np.float32


def test_infinity_seen_late(scan):
    rows = scan(NUMBERS, with_late(NUMBERS, np.inf))
    for model in (StandardScaler(), Ridge(), make_pipeline(StandardScaler(), Ridge())):
        with pytest.raises(DataError, match=AT + r".*infinity.*columns 'a'\."):
            model.fit(rows)


def test_targets_that_differ_late(scan):
    words = np.array(["yes", "no"] * (ROWS // 2), dtype=object)
    late = words.copy()
    late[LATE] = "perhaps"
    rows = scan(NUMBERS, NUMBERS, {"0": words, "1": late})
    assert RidgeClassifier().fit(rows).classes_.tolist() == ["no", "perhaps", "yes"]
    rows = scan(NUMBERS, NUMBERS, {"0": NUMBERS, "1": with_late(NUMBERS, np.nan)})
    with pytest.raises(DataError, match=AT + "The column 'y' has missing values"):
        Ridge().fit(rows)
    rows = scan(NUMBERS, NUMBERS, {"0": words, "1": with_late(words, None)})
    with pytest.raises(DataError, match=r"1\.parquet.*The column 'y' has missing values"):
        RidgeClassifier().fit(rows)


def test_weights_that_are_zero_in_a_whole_block(scan):
    late = np.arange(ROWS) % 3 + 0.0
    for weights in ((np.zeros(ROWS), late), (late, np.zeros(ROWS))):
        rows = scan(*weights, columns=["b"], sample_weight="a")
        X, y = whole(rows)
        w = np.concatenate(weights)
        for model in (Ridge(), LogisticRegression(), PoissonRegressor(), StandardScaler()):
            shown = "mean_" if isinstance(model, StandardScaler) else "coef_"
            expected = getattr(model.fit(X, y, sample_weight=w), shown)
            assert_allclose(getattr(model.fit(rows), shown), expected, rtol=1e-5)
    rows = scan(np.zeros(ROWS), np.zeros(ROWS), columns=["b"], sample_weight="a")
    with pytest.raises(ValueError, match="All sample weights are zero"):
        Ridge().fit(rows)


def test_files_of_the_same_columns_otherwise(tmp_path):
    def write(name, columns):
        pq.write_table(pa.table(columns), tmp_path / name)
        return str(tmp_path / "*.parquet")

    expected = {"a": NUMBERS, "b": NUMBERS[::-1], "y": NUMBERS * 2}
    write("0.parquet", expected)
    coef = Ridge().fit(dv.scan_parquet(tmp_path / "0.parquet", "y")).coef_
    pattern = write("1.parquet", dict(reversed(expected.items())))  # another order of columns
    assert_allclose(Ridge(alpha=2.0).fit(dv.scan_parquet(pattern, "y")).coef_, coef)
    for kind, values in (("null", pa.nulls(ROWS)), ("float", pa.array(NUMBERS, pa.float32()))):
        pattern = write("1.parquet", expected | {"a": values})
        with pytest.raises(SchemaError, match=rf"'a' is of type {kind} in .*1\.parquet and double"):
            dv.scan_parquet(pattern, "y")


def test_files_without_rows_and_without_content(tmp_path):
    table = pa.table({"a": NUMBERS, "y": NUMBERS * 2})
    pq.write_table(table, tmp_path / "0.parquet")
    pattern = str(tmp_path / "*.parquet")
    coef = Ridge().fit(dv.scan_parquet(pattern, "y")).coef_
    pq.write_table(table[:0], tmp_path / "1.parquet")
    with pq.ParquetWriter(tmp_path / "2.parquet", table.schema):
        pass  # a footer, and no row group
    rows = dv.scan_parquet(pattern, "y")
    assert len(rows) == ROWS
    assert_array_equal(Ridge().fit(rows).coef_, coef)
    for name in ("0", "1"):
        (tmp_path / f"{name}.parquet").unlink()
    with pytest.raises(DataError, match=r"2\.parquet has columns but no rows"):
        dv.scan_parquet(pattern, "y")
    (tmp_path / "1.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"1\.parquet is not a whole Parquet file"):
        dv.scan_parquet(pattern, "y")


@pytest.mark.parametrize("content", ["half", None], ids=["truncated", "removed"])
def test_a_file_that_changes_after_the_scan_was_made(tmp_path, content):
    for name in ("0", "1"):
        pq.write_table(pa.table({"a": NUMBERS, "y": NUMBERS}), tmp_path / f"{name}.parquet")
    rows = dv.scan_parquet(str(tmp_path / "*.parquet"), "y", block_rows=50)
    second = tmp_path / "1.parquet"
    if content is None:
        second.unlink()
    else:
        second.write_bytes(second.read_bytes()[: second.stat().st_size // 2])
    with pytest.raises(DataError, match=r"1\.parquet cannot be read to its end"):
        Ridge().fit(rows)
