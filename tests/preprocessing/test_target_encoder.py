"""TargetEncoder against its formula, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import KFold, ShuffleSplit

from dovetail.preprocessing import TargetEncoder

rng = np.random.default_rng(0)
X = np.column_stack([rng.choice(list("abcd"), 200), rng.choice(list("xyz"), 200)]).astype(object)
NUMBER = rng.normal(size=200) + (X[:, 0] == "a") * 3
BINARY = np.where(rng.random(200) < 0.3 + 0.4 * (X[:, 0] == "b"), "yes", "no")
CLASSES = rng.choice(["p", "q", "r"], 200)
SMOOTH: list[Any] = ["auto", 0.0, 5.0]


def encoded(X: Any, y: Any, new: Any, smooth: Any) -> Any:
    """(n m + s M) / (n + s) for each value of new, where "auto" means s = var_within / var_all."""
    out = np.empty(new.shape)
    for j in range(X.shape[1]):
        for i, value in enumerate(new[:, j]):
            mine = y[X[:, j] == value]
            if not len(mine):
                out[i, j] = y.mean()
                continue
            if smooth == "auto":
                share = y.var() * len(mine) / (y.var() * len(mine) + mine.var())
            else:
                share = len(mine) / (len(mine) + smooth)
            out[i, j] = share * mine.mean() + (1 - share) * y.mean()
    return out


def targets(y: Any) -> list[Any]:
    """y as numbers to average: itself, or an indicator of each class that gets a column."""
    if y.dtype.kind == "f":
        return [y]
    classes = np.unique(y)
    return [(y == c).astype(float) for c in (classes[1:] if len(classes) == 2 else classes)]


@pytest.mark.parametrize("y", [NUMBER, BINARY, CLASSES], ids=["number", "binary", "classes"])
@pytest.mark.parametrize("smooth", SMOOTH)
def test_formula(y: Any, smooth: Any) -> None:
    encoder = TargetEncoder(smooth=smooth).fit(X, y)
    new = np.concatenate([X[:10], [["never", "x"]]])
    parts = [encoded(X, t, new, smooth) for t in targets(y)]
    expected = np.stack(parts, axis=2).reshape(len(new), -1)
    np.testing.assert_allclose(encoder.transform(new), expected)
    np.testing.assert_allclose(encoder.program_(encoder.front(new)), expected)
    assert len(encoder.encodings_) == expected.shape[1]


@pytest.mark.parametrize("y", [NUMBER, BINARY, CLASSES], ids=["number", "binary", "classes"])
@pytest.mark.parametrize("smooth", SMOOTH)
def test_each_fold_is_encoded_by_the_others(y: Any, smooth: Any) -> None:
    cv = KFold(4, shuffle=True, random_state=0)
    out = TargetEncoder(smooth=smooth, cv=cv).fit_transform(X, y)
    for train, test in cv.split(X):
        parts = [encoded(X[train], t[train], X[test], smooth) for t in targets(y)]
        expected = np.stack(parts, axis=2).reshape(len(test), -1)
        np.testing.assert_allclose(out[test], expected)


def test_splits_need_not_use_all_rows_to_learn() -> None:
    folds = list(KFold(4).split(X))
    some = [(train[::2], test) for train, test in folds]
    out = TargetEncoder(smooth=1.0, cv=some).fit_transform(X, NUMBER)
    for train, test in some:
        np.testing.assert_allclose(out[test], encoded(X[train], NUMBER[train], X[test], 1.0))


def test_a_rows_own_target_does_not_leak() -> None:
    alone = np.arange(100).astype(str)[:, None]  # each category has one row: pure noise
    y = rng.normal(size=100)
    encoder = TargetEncoder(smooth=0.0)
    crossed = encoder.fit_transform(alone, y)[:, 0]
    assert abs(np.corrcoef(encoder.fit(alone, y).transform(alone)[:, 0], y)[0, 1]) > 0.999
    assert len(np.unique(crossed.round(9))) <= 5, "nothing but the means of the other folds"
    changed = y.copy()
    changed[7] += 1e6
    cv = KFold(5)
    before, after = (TargetEncoder(cv=cv).fit_transform(X[:100], t) for t in (y, changed))
    same_fold = next(test for _, test in cv.split(alone) if 7 in test)
    np.testing.assert_array_equal(before[same_fold], after[same_fold])


def test_missing_values_are_categories() -> None:
    column = np.array([[None], ["a"], [None], ["a"]], dtype=object)
    encoder = TargetEncoder(target_type="continuous", smooth=0.0).fit(column, [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(encoder.transform([[None], ["a"], ["b"]]), [[2], [3], [2.5]])


def test_numbers_and_words_side_by_side() -> None:
    table = [["a", 1], ["b", 2], ["a", 2], ["b", 1]] * 3
    encoder = TargetEncoder(target_type="continuous", smooth=0.0).fit(
        table, [1.0, 2.0, 3.0, 4.0] * 3
    )
    np.testing.assert_allclose(encoder.transform([["a", 1], ["b", 2]]), [[2, 2.5], [3, 2.5]])


def test_a_target_without_variance() -> None:
    out = TargetEncoder(target_type="continuous").fit_transform(X, np.full(200, 3.0))
    np.testing.assert_allclose(out, 3.0)


def test_refuses() -> None:
    with pytest.raises(ValueError, match="requires y to be passed"):
        TargetEncoder().fit(X, None)
    with pytest.raises(ValueError, match="Unknown label type"):
        TargetEncoder().fit(X, np.ones((200, 2)) * [1, 2])
    with pytest.raises(ValueError, match="must cover each sample index exactly once"):
        TargetEncoder(cv=ShuffleSplit(3)).fit_transform(X, NUMBER)
    with pytest.raises(ValueError, match="target_type is 'binary', but y has 3 classes"):
        TargetEncoder(target_type="binary").fit(X, CLASSES)


def test_names() -> None:
    assert TargetEncoder().fit(X, BINARY).get_feature_names_out().tolist() == ["x0", "x1"]
    names = TargetEncoder().fit(X, CLASSES).get_feature_names_out(["u", "v"])
    assert names.tolist() == ["u_p", "u_q", "u_r", "v_p", "v_q", "v_r"]
