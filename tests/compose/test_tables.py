"""The default preparation, on real tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import dovetail as dv
from dovetail.compose.tables import CategoriesOf
from dovetail.datasets import load_penguins
from dovetail.ensemble import HistGradientBoostingClassifier
from dovetail.errors import SchemaError
from dovetail.pipeline import Pipeline

RNG = np.random.default_rng(0)
N = 400


@pytest.fixture(scope="module")
def mixed() -> tuple[pd.DataFrame, Any]:
    """A table with every kind of column, missing values in all of them."""
    words = np.array(
        ["late", "early", "broken", "new", "red", "blue", "clean", "heavy", "light", "small"]
    )
    frame = pd.DataFrame(
        {
            "id": np.arange(N),
            "size": RNG.normal(size=N),
            "old": RNG.random(N) < 0.3,
            "city": RNG.choice(["Graz", "Lyon", "Turku"], N),
            "street": [f"street {i % 90}" for i in range(N)],
            "day": pd.to_datetime("2024-01-01")
            + pd.to_timedelta(RNG.integers(0, 300, N), unit="D"),
            "note": [" ".join(RNG.choice(words, 5)) for _ in range(N)],
            "same": 1.0,
        }
    )
    y = (frame["size"] + (frame["city"] == "Lyon") > 0.3).to_numpy()
    for name in ("size", "city", "day", "note"):
        frame.loc[RNG.choice(N, 20, replace=False), name] = None
    return frame, y


@pytest.mark.parametrize("kind", ["linear", "net"])
def test_everything_becomes_a_number(mixed: Any, kind: Any) -> None:
    X, y = mixed
    steps = dv.preparation(kind, random_state=0).fit(X, y)
    out = steps.transform(X)
    out = out.toarray() if hasattr(out, "toarray") else out
    names = steps.get_feature_names_out().tolist()
    assert out.shape == (N, len(names))
    assert np.isfinite(out).all()
    for part in ("size", "old", "city_Lyon", "street", "day_month_sin", "note__broken"):
        assert any(part in name for name in names), part
    assert not any("same" in name or name.endswith("id") for name in names)


def test_trees_get_categories_and_missing_values(mixed: Any) -> None:
    X, y = mixed
    out = dv.preparation("tree", random_state=0).fit_transform(X, y)
    types = {n: str(t) for n, t in zip(out.schema.names, out.schema.types, strict=True)}
    assert isinstance(out, pa.Table)
    assert types["levels__city"].startswith("dictionary")
    assert out.column("numbers__size").null_count or np.isnan(out.column("numbers__size")).any()
    assert types["numbers__old"] == "bool"


@pytest.mark.parametrize("kind", ["linear", "tree", "net"])
def test_containers_agree(mixed: Any, kind: Any) -> None:
    X, y = mixed
    expected = np.asarray(_plain(dv.preparation(kind, random_state=0).fit_transform(X, y)))
    for frame in (pl.from_pandas(X), pa.Table.from_pandas(X, preserve_index=False)):
        steps = dv.preparation(kind, random_state=0)
        found = np.asarray(_plain(steps.fit_transform(frame, y)))
        pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(expected))


def _plain(out: Any) -> Any:
    if isinstance(out, pa.Table):
        return out.to_pandas().astype(object).where(lambda f: f.notna(), None)
    return out.toarray() if hasattr(out, "toarray") else out


def test_a_prepared_model_survives_its_file(mixed: Any, tmp_path: Any) -> None:
    X, y = mixed
    model = HistGradientBoostingClassifier(max_iter=5)
    model = Pipeline([*dv.preparation("tree", random_state=0).steps, ("model", model)]).fit(X, y)
    again = dv.load(dv.save(model, tmp_path / "model.dove"))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    alone = [again.predict_proba(X[i : i + 1])[0] for i in range(5)]
    np.testing.assert_allclose(alone, model.predict_proba(X[:5]))


def test_later_tables_are_held_against_the_first() -> None:
    X, y = load_penguins(return_X_y=True)
    steps = dv.preparation("linear").fit(X, y)
    with pytest.raises(SchemaError, match="is it 'bill_lenght_mm' now"):
        steps.transform(X.rename(columns={"bill_length_mm": "bill_lenght_mm"}))
    assert steps.transform(X[X.columns[::-1]]).shape[0] == len(X)


def test_kinds_can_be_said() -> None:
    X, y = load_penguins(return_X_y=True)
    kinds = {"year": "category", "sex": "drop"}
    names = dv.preparation("linear", kinds=kinds).fit(X, y).get_feature_names_out()
    assert any(name.startswith("levels__year_") for name in names)
    assert not any("sex" in name for name in names)


def test_whole_numbers_can_be_a_continuous_target() -> None:
    frame = pd.DataFrame({"many": [f"level {i % 80}" for i in range(N)]})
    y = RNG.integers(0, 50, N)
    columns = dv.preparation("linear", target_type="continuous").fit_transform(frame, y)
    assert columns.shape == (N, 1)
    assert dv.preparation("linear").fit_transform(frame, y).shape == (N, 50)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'forest'"):
        dv.preparation("forest")  # type: ignore[arg-type]


def test_categories_are_chosen_by_levels() -> None:
    frame = pd.DataFrame({"few": ["a", "b"] * 3, "many": list("abcdef"), "x": range(6)})
    frame = frame.astype({"few": "category", "many": "category"})
    assert CategoriesOf(most=3)(frame) == ["few"]
    assert CategoriesOf(least=4)(frame) == ["many"]
    assert CategoriesOf()(frame) == ["few", "many"]
