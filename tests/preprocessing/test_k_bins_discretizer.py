"""KBinsDiscretizer: edges against brute force, codes against numpy's digitize."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.preprocessing import KBinsDiscretizer
from dovetail.preprocessing._lloyd import centers_on_line

rng = np.random.default_rng(0)
X = np.column_stack([rng.normal(size=300), rng.lognormal(size=300), rng.integers(0, 40, 300)])
STRATEGIES: list[Any] = ["uniform", "quantile", "kmeans"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("n_bins", [2, 7, [3, 4, 5]])
def test_codes_are_places_among_the_edges(strategy: Any, n_bins: Any) -> None:
    model = KBinsDiscretizer(n_bins, encode="ordinal", strategy=strategy).fit(X)
    new = np.concatenate([X, X * 2 - 1, np.column_stack([e[:2] for e in model.bin_edges_])])
    codes = model.transform(new)
    for j, edges in enumerate(model.bin_edges_):
        assert len(edges) == model.n_bins_[j] + 1
        assert (np.diff(edges) > 0).all()
        np.testing.assert_array_equal(codes[:, j], np.digitize(new[:, j], edges[1:-1]))


def test_uniform_edges() -> None:
    edges = KBinsDiscretizer(4, strategy="uniform").fit(X).bin_edges_
    for j, found in enumerate(edges):
        np.testing.assert_allclose(found, np.linspace(X[:, j].min(), X[:, j].max(), 5))


@pytest.mark.parametrize("method", ["linear", "averaged_inverted_cdf", "hazen", "weibull"])
def test_quantile_edges(method: Any) -> None:
    edges = KBinsDiscretizer(6, quantile_method=method).fit(X[:, :2]).bin_edges_
    for j, found in enumerate(edges):
        expected = np.percentile(X[:, j], np.linspace(0, 100, 7), method=method)
        np.testing.assert_allclose(found, expected)


def test_equally_many_values_in_bins_by_quantiles() -> None:
    codes = KBinsDiscretizer(5, encode="ordinal").fit_transform(X[:, :2])
    for column in codes.T:
        np.testing.assert_array_equal(np.bincount(column.astype(int)), 60)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_weights_are_repeated_rows(strategy: Any) -> None:
    w = rng.integers(0, 4, len(X))
    model = KBinsDiscretizer(5, strategy=strategy)
    weighted = model.fit(X, sample_weight=w).bin_edges_
    repeated = model.fit(np.repeat(X, w, axis=0)).bin_edges_
    for a, b in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(a, b)


def test_k_means_on_a_line_is_optimal_where_clusters_are_apart() -> None:
    x = np.sort(np.concatenate([rng.normal(c, 0.3, 9) for c in (0, 3, 9)]))

    def cost(cuts: tuple[int, ...]) -> float:
        parts = np.split(x, cuts)
        return sum(float(((p - p.mean()) ** 2).sum()) for p in parts)

    best = min(combinations(range(1, len(x)), 2), key=cost)
    centers = [p.mean() for p in np.split(x, best)]
    edges = KBinsDiscretizer(3, strategy="kmeans").fit(x[:, None]).bin_edges_[0]
    expected = [x[0], (centers[0] + centers[1]) / 2, (centers[1] + centers[2]) / 2, x[-1]]
    np.testing.assert_allclose(edges, expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_k_means_on_a_line_ends_in_a_fixed_point(weighted: bool) -> None:
    x = torch.from_numpy(rng.normal(size=400) * 10 + 1e6)
    w = torch.from_numpy(rng.random(400)) if weighted else None
    start = torch.linspace(float(x.min()), float(x.max()), 8, dtype=torch.float64)
    centers = centers_on_line(x, w, start)
    own = (x[:, None] - centers).abs().argmin(1).numpy()
    weights = np.ones(400) if w is None else w.numpy()
    means = [np.average(x.numpy()[own == k], weights=weights[own == k]) for k in range(8)]
    np.testing.assert_allclose(centers, means, atol=0.05)  # it stops where steps become small


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_encodings_agree_and_come_back(strategy: Any) -> None:
    codes = KBinsDiscretizer([3, 4, 5], encode="ordinal", strategy=strategy).fit(X)
    one_hot = KBinsDiscretizer([3, 4, 5], strategy=strategy).fit(X)
    dense = KBinsDiscretizer([3, 4, 5], encode="onehot-dense", strategy=strategy).fit(X)
    a, b, c = (m.transform(X) for m in (codes, one_hot, dense))
    assert sp.issparse(b)
    np.testing.assert_array_equal(b.toarray(), c)
    np.testing.assert_array_equal(
        c, np.hstack([np.eye(k)[a[:, j].astype(int)] for j, k in enumerate((3, 4, 5))])
    )
    middles = np.column_stack(
        [((e[1:] + e[:-1]) / 2)[a[:, j].astype(int)] for j, e in enumerate(codes.bin_edges_)]
    )
    for model, out in ((codes, a), (one_hot, b), (dense, c)):
        np.testing.assert_allclose(model.inverse_transform(out), middles)
        program = model.program_(model.front(X))
        np.testing.assert_array_equal(program, out.toarray() if sp.issparse(out) else out)
    np.testing.assert_array_equal(codes.transform(middles), a)


def test_narrow_bins_are_merged() -> None:
    x = np.array([[0.0]] * 50 + [[1.0]] * 2 + [[2.0]] * 48)
    with pytest.warns(UserWarning, match="Bins whose width are too small"):
        model = KBinsDiscretizer(5, encode="ordinal").fit(x)
    assert model.n_bins_[0] == len(model.bin_edges_[0]) - 1 < 5
    assert len(np.unique(model.transform(x))) == model.n_bins_[0]


def test_constant_columns_have_one_bin() -> None:
    with pytest.warns(UserWarning, match="Feature 1 is constant and will be replaced with 0"):
        model = KBinsDiscretizer(3).fit(np.column_stack([X[:, 0], np.ones(300)]))
    assert model.n_bins_.tolist() == [3, 1]
    np.testing.assert_array_equal(model.transform([[0.0, 9.0]]).toarray()[:, 3], 1)


def test_the_sample_is_drawn_by_the_seed() -> None:
    one, two, other = (
        KBinsDiscretizer(4, subsample=100, random_state=seed).fit(X).bin_edges_[0]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


@pytest.mark.parametrize("bad", [[2, 1, 3], [2, 2.5, 3]])
def test_refuses_bins_that_are_none(bad: Any) -> None:
    with pytest.raises(ValueError, match="invalid number of bins at indices 1"):
        KBinsDiscretizer(bad).fit(X)
    with pytest.raises(ValueError, match="n_bins must be a scalar or array"):
        KBinsDiscretizer([2, 2]).fit(X)


def test_names() -> None:
    model = KBinsDiscretizer([2, 2, 3]).fit(X)
    names = ["a_0.0", "a_1.0", "b_0.0", "b_1.0", "c_0.0", "c_1.0", "c_2.0"]
    assert model.get_feature_names_out(["a", "b", "c"]).tolist() == names
