"""Fits on Parquet read block by block are those on the same rows in memory; what is wrong with the
files is said before any work.
"""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import KFold

import dovetail as dv
from dovetail.compose import make_column_selector as columns
from dovetail.compose import make_column_transformer
from dovetail.data.batches import Batch, Batches
from dovetail.data.order_statistics import quantiles
from dovetail.data.quantiles import column_quantiles
from dovetail.datasets import load_adult, load_california
from dovetail.ensemble import HistGradientBoostingRegressor
from dovetail.errors import DataError, SchemaError
from dovetail.impute import MissingIndicator, SimpleImputer
from dovetail.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
)
from dovetail.pipeline import make_pipeline, make_union
from dovetail.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)


def write(folder, frame, files=3, row_group_size=700):
    """The rows of a frame in several files, each of several row groups."""
    for i, part in enumerate(np.array_split(np.arange(len(frame)), files)):
        table = pa.Table.from_pandas(frame.iloc[part], preserve_index=False)
        pq.write_table(table, folder / f"part-{i}.parquet", row_group_size=row_group_size)
    return str(folder / "*.parquet")


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    X, y = load_california(return_X_y=True)
    X, y = X[::4].reset_index(drop=True), y[::4].reset_index(drop=True)
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    pattern = write(tmp_path_factory.mktemp("houses"), X.assign(price=y, weight=w))
    return X, y, w, pattern


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    X, y = load_adult(return_X_y=True)
    X, y = X[::8].reset_index(drop=True), y[::8].reset_index(drop=True)
    return X, y, write(tmp_path_factory.mktemp("people"), X.assign(income=y))


def numbers(frame):
    return frame.select_dtypes("number").fillna(0.0).to_numpy()


NAMES = ["longitude", "latitude", "housing_median_age", "population", "median_income"]


def regressors():
    return [
        Ridge(),
        Ridge(alpha=[2.0], fit_intercept=False),
        Ridge(positive=True),
        LinearRegression(),
        LinearRegression(positive=True),
        Lasso(alpha=50.0),
        ElasticNet(alpha=5.0),
        PoissonRegressor(solver="newton-cholesky"),
        GammaRegressor(solver="newton-cholesky"),
    ]


@pytest.mark.parametrize("block_rows", [137, 513, 100_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_linear_models_are_the_same(houses, block_rows, weighted):
    X, y, w, pattern = houses
    scale = StandardScaler()
    rows = dv.scan_parquet(
        pattern,
        "price",
        columns=NAMES,
        sample_weight="weight" if weighted else None,
        block_rows=block_rows,
    )
    weights = {"sample_weight": w} if weighted else {}
    Z, scaled = scale.fit(X[NAMES]).transform(X[NAMES]), rows.mapped(scale.transform)
    for model in regressors():
        whole = model.fit(Z, y, **weights)
        coef, intercept, R2 = whole.coef_, whole.intercept_, whole.score(Z, y, **weights)
        model.fit(scaled)
        assert_allclose(model.coef_, coef, rtol=1e-6, atol=1e-6 * np.abs(coef).max())
        assert_allclose(model.intercept_, intercept, rtol=1e-7)
        assert model.score(scaled) == pytest.approx(R2, rel=1e-9)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky"])
def test_classifiers_are_the_same(people, solver):
    X, y, pattern = people
    names = list(X.select_dtypes("number"))
    rows = dv.scan_parquet(pattern, "income", columns=names, block_rows=911)
    for model in (
        LogisticRegression(solver=solver, tol=1e-10, max_iter=1000, class_weight="balanced"),
        RidgeClassifier(class_weight="balanced"),
    ):
        pipeline = make_pipeline(StandardScaler(), model)
        coef = pipeline.fit(X[names], y)[-1].coef_
        predicted, score = pipeline.predict(X[names]), pipeline.score(X[names], y)
        pipeline.fit(rows)
        assert_allclose(pipeline[-1].coef_, coef, rtol=1e-4, atol=1e-6)
        assert_array_equal(pipeline[-1].classes_, np.unique(y))
        assert_array_equal(pipeline.predict(rows), predicted)
        assert pipeline.score(rows) == pytest.approx(score)


def test_several_classes_and_texts_of_labels(people):
    X, _, pattern = people
    rows = dv.scan_parquet(
        pattern, "race", columns=["age", "hours-per-week", "education-num"], block_rows=500
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky"))
    coef = model.fit(X[list(rows.names)], X["race"])[-1].coef_
    assert_allclose(model.fit(rows)[-1].coef_, coef, rtol=1e-6, atol=1e-9)
    assert model.predict_proba(rows).shape == (len(X), 5)


def mixed(strategy="median"):
    folds = KFold(4, shuffle=True, random_state=0)
    words = columns(dtype_exclude="number")
    return make_pipeline(
        make_column_transformer(
            (
                make_pipeline(SimpleImputer(strategy=strategy, add_indicator=True), RobustScaler()),
                columns(dtype_include="number"),
            ),
            (
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"),
                    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5),
                ),
                words,
            ),
            (TargetEncoder(cv=folds), words),
        ),
        MaxAbsScaler(),
        LogisticRegression(solver="newton-cholesky"),
    )


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
def test_a_whole_pipeline_of_mixed_columns(people, strategy):
    X, y, pattern = people
    rows = dv.scan_parquet(pattern, "income", block_rows=1009)
    whole, streamed = mixed(strategy).fit(X, y), mixed(strategy).fit(rows)
    coef = whole[-1].coef_
    assert_allclose(streamed[-1].coef_, coef, rtol=1e-7, atol=1e-9 * np.abs(coef).max())
    assert_allclose(streamed.predict_proba(rows), whole.predict_proba(X), atol=1e-9)
    assert streamed.score(rows) == whole.score(X, y)
    out = sp.vstack([block.X for block in streamed[:-1].transform(rows).blocks()])
    assert_allclose(out.toarray(), whole[:-1].transform(X).toarray(), atol=1e-12)


@pytest.mark.parametrize(
    "step",
    [
        StandardScaler(),
        MinMaxScaler(clip=True),
        MaxAbsScaler(),
        RobustScaler(quantile_range=(10, 80)),
        Normalizer(),
        make_union(StandardScaler(), MinMaxScaler()),
        MissingIndicator(features="all"),
        SimpleImputer(strategy="constant", fill_value=3.0),
    ],
    ids=lambda step: type(step).__name__,
)
def test_transformers_of_numbers(houses, step):
    X, _, _, pattern = houses
    rows = dv.scan_parquet(pattern, columns=NAMES, block_rows=600)
    expected = step.fit_transform(X[NAMES])
    streamed = step.fit_transform(rows)
    assert streamed.shape == expected.shape
    found = np.concatenate([block.X for block in streamed.blocks()])
    assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_ordinal_codes(people):
    X, _, pattern = people
    names = ["workclass", "sex"]
    rows = dv.scan_parquet(pattern, columns=names, block_rows=600)
    found = np.concatenate([b.X for b in OrdinalEncoder().fit_transform(rows).blocks()])
    assert_array_equal(found, OrdinalEncoder().fit_transform(pa.Table.from_pandas(X[names])))


def test_float32_stays_float32(tmp_path):
    X = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    frame = pd.DataFrame(X, columns=list("abc")).assign(y=X @ [1.0, 2.0, 3.0] + 0.5)
    rows = dv.scan_parquet(write(tmp_path, frame), "y", block_rows=64)
    model = LinearRegression().fit(rows)
    assert model.coef_.dtype == np.float32
    assert model.predict(rows).dtype == np.float32
    assert_allclose(model.coef_, [1, 2, 3], rtol=1e-4)


def test_only_needed_columns_are_read(people, monkeypatch):
    _, _, pattern = people
    rows = dv.scan_parquet(pattern, "income")
    asked = []
    tables = type(rows._files).tables

    def watched(self, names, n):
        asked.append(tuple(names))
        return tables(self, names, n)

    monkeypatch.setattr(type(rows._files), "tables", watched)
    make_column_transformer((StandardScaler(), ["age"])).fit(rows)
    assert ("age", "income") in asked
    assert all(set(names) <= {"age", "income"} for names in asked[1:])


@given(st.integers(1, 40), st.integers(1, 90), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_quantiles_of_blocks_are_exact(rows, n, single, seed):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 3)) * 10.0 ** random.integers(-300 if not single else -30, 30)
    X[random.random(X.shape) < 0.2] = np.nan
    X[random.random(X.shape) < 0.2] = random.choice([0.0, -0.0, 5.0, -5.0])
    X = torch.from_numpy(X.astype(np.float32) if single else X)
    levels = torch.tensor([0.0, 0.25, 0.5, 0.9, 1.0], dtype=torch.float64)
    blocks = Batches(_Parts(X, rows))
    assert_allclose(quantiles(blocks, levels), column_quantiles(X, levels), rtol=1e-15)


class _Parts:
    """Blocks as a stream gives them."""

    def __init__(self, X, rows):
        self.parts = [Batch(part) for part in torch.split(X, rows)]
        self.head = self.parts[0]

    def __len__(self):
        return sum(map(len, self.parts))

    def __iter__(self):
        return iter(self.parts)

    def kept(self):
        return self

    def mapped(self, change):
        other = _Parts.__new__(_Parts)
        other.parts = [change(part) for part in self.parts]
        other.head = other.parts[0]
        return other


# -- what is wrong


def test_missing_and_damaged_files(tmp_path, houses):
    X, y, _, _ = houses
    with pytest.raises(DataError, match="No file matches"):
        dv.scan_parquet(str(tmp_path / "*.parquet"))
    with pytest.raises(DataError, match="No such file"):
        dv.scan_parquet(tmp_path / "absent.parquet")
    with pytest.raises(DataError, match="is a directory"):
        dv.scan_parquet(tmp_path)
    with pytest.raises(DataError, match="empty list"):
        dv.scan_parquet([])
    pattern = write(tmp_path, X.assign(price=y))
    damaged = tmp_path / "part-1.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-5000])
    with pytest.raises(DataError, match=r"part-1\.parquet.*truncated"):
        dv.scan_parquet(pattern)


def test_a_file_damaged_in_the_middle_is_named(tmp_path, houses):
    X, y, _, _ = houses
    pattern = write(tmp_path, X.assign(price=y), files=2)
    damaged = tmp_path / "part-1.parquet"
    content = bytearray(damaged.read_bytes())
    content[100:6000] = bytes(5900)
    damaged.write_bytes(content)
    with pytest.raises(DataError, match=r"part-1\.parquet cannot be read"):
        Ridge().fit(dv.scan_parquet(pattern, "price", columns=NAMES))


def test_files_of_other_schemas(tmp_path):
    def scan(**second):
        pq.write_table(pa.table({"a": [1.0], "y": [1]}), tmp_path / "0.parquet")
        pq.write_table(pa.table(second), tmp_path / "1.parquet")
        return dv.scan_parquet(str(tmp_path / "*.parquet"), "y")

    with pytest.raises(SchemaError, match=r"'a' is of type string in .*1\.parquet and double"):
        scan(a=["x"], y=[1])
    with pytest.raises(SchemaError, match="lacks 'a' and has besides 'b'"):
        scan(b=[1.0], y=[1])
    with pytest.raises(SchemaError, match=r"no column 'z'.*There are: a, y"):
        dv.scan_parquet(tmp_path / "0.parquet", "z")
    with pytest.raises(SchemaError, match="both the target and a column"):
        dv.scan_parquet(tmp_path / "0.parquet", "y", columns=["a", "y"])


def test_no_rows_and_missing_targets(tmp_path):
    pq.write_table(pa.table({"a": pa.array([], pa.float64())}), tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="no rows"):
        dv.scan_parquet(tmp_path / "empty.parquet")
    pq.write_table(pa.table({"a": [1.0, 2.0], "y": [1.0, None]}), tmp_path / "gaps.parquet")
    with pytest.raises(DataError, match="'y' has missing values"):
        Ridge().fit(dv.scan_parquet(tmp_path / "gaps.parquet", "y"))
    with pytest.raises(ValueError, match="requires y"):
        Ridge().fit(dv.scan_parquet(tmp_path / "gaps.parquet", columns=["a"]))


def test_what_needs_all_rows_says_so(houses):
    _, _, _, pattern = houses
    rows = dv.scan_parquet(pattern, "price", columns=NAMES)
    for model in (HistGradientBoostingRegressor(), Ridge(solver="saga")):
        with pytest.raises(DataError, match="needs all rows in memory at once"):
            model.fit(rows)
    with pytest.raises(DataError, match="targets and weights are columns of it"):
        Ridge().fit(rows, [1.0])


def test_nan_in_a_late_block_is_refused(tmp_path):
    frame = pd.DataFrame({"a": np.arange(300.0), "y": np.arange(300.0)})
    frame.loc[250, "a"] = np.nan
    rows = dv.scan_parquet(write(tmp_path, frame, files=1), "y", block_rows=50)
    with pytest.raises(ValueError, match="contains NaN"):
        Ridge().fit(rows)


def test_foreign_steps_cannot_read_a_scan(houses):
    from sklearn.preprocessing import StandardScaler as Foreign

    _, _, _, pattern = houses
    rows = dv.scan_parquet(pattern, "price", columns=NAMES)
    with pytest.raises(DataError, match="StandardScaler is not an estimator of this package"):
        make_pipeline(Foreign(), Ridge()).fit(rows)


LIMITED = """
import resource, sys
import numpy as np
import dovetail as dv
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

small, large, allowance = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(dv.scan_parquet(small, "y", block_rows=20_000))  # kernels, threads and libraries
for line in open("/proc/self/status"):
    if line.startswith("VmData"):
        used = int(line.split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + allowance, used + allowance))
model.fit(dv.scan_parquet(large, "y", block_rows=20_000))
print("fitted", model[-1].coef_[0, :2].round(2).tolist())
try:
    np.ones(2 * allowance // 8)
    print("no limit")
except MemoryError:
    print("limited")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on data is Linux's")
def test_four_times_the_memory(tmp_path):
    random = np.random.default_rng(0)
    allowance, d = 64 * 2**20, 16
    n = 4 * allowance // (8 * d)
    with pq.ParquetWriter(
        tmp_path / "large.parquet",
        pa.schema([(f"x{j}", pa.float64()) for j in range(d)] + [("y", pa.int64())]),
        compression="none",
        use_dictionary=False,
    ) as writer:
        for start in range(0, n, 65536):
            X = random.normal(size=(d, min(65536, n - start)))
            y = (X[0] - X[1] + random.normal(size=X.shape[1]) > 0).astype(np.int64)
            names = [*(f"x{j}" for j in range(d)), "y"]
            writer.write_table(pa.table(dict(zip(names, [*X, y], strict=True))))
            if not start:
                pq.write_table(pa.table(dict(zip(names, [*X, y], strict=True))), tmp_path / "small")
    script = tmp_path / "fit.py"
    script.write_text(textwrap.dedent(LIMITED))
    (tmp_path / "small").rename(tmp_path / "small.parquet")
    files = [str(tmp_path / f"{name}.parquet") for name in ("small", "large")]
    done = subprocess.run(
        [sys.executable, str(script), *files, str(allowance)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert "fitted" in done.stdout, done.stderr
    assert "limited" in done.stdout
