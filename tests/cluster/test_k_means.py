"""k-means: a fixed point of its two steps, as good as scikit-learn's, however the rows come."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
import sklearn.cluster as peers
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

import dovetail as dv
from dovetail.cluster import BisectingKMeans, KMeans, MiniBatchKMeans, k_means, kmeans_plusplus
from dovetail.errors import DataError

DIGITS = load_digits().data
IRIS = load_iris().data
BLOBS, TRUE = make_blobs(3000, 5, centers=12, cluster_std=1.5, random_state=3)


def distances(X, centers):
    return np.linalg.norm(X[:, None] - centers, axis=2)


@pytest.mark.parametrize("algorithm", ["lloyd", "elkan"])
@pytest.mark.parametrize("k", [1, 2, 12, 40])
def test_it_ends_where_nothing_moves(algorithm, k):
    model = KMeans(k, tol=0, max_iter=1000, algorithm=algorithm, random_state=0)
    if algorithm == "elkan" and k == 1:
        with pytest.warns(RuntimeWarning, match="single cluster"):
            model.fit(BLOBS)
    else:
        model.fit(BLOBS)
    off = distances(BLOBS, model.cluster_centers_)
    assert_array_equal(model.labels_, off.argmin(1))
    means = np.array([BLOBS[model.labels_ == j].mean(0) for j in range(k)])
    assert_allclose(model.cluster_centers_, means, atol=1e-10)
    assert model.inertia_ == pytest.approx((off.min(1) ** 2).sum())
    assert_array_equal(model.predict(BLOBS), model.labels_)
    assert_allclose(model.transform(BLOBS), off, atol=1e-6)
    assert model.score(BLOBS) == pytest.approx(-model.inertia_)


@pytest.mark.parametrize("X", [DIGITS, BLOBS + 1e4], ids=["digits", "far"])
@pytest.mark.parametrize("algorithm", ["lloyd", "elkan"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_steps_of_the_peer(X, algorithm, dtype):
    X, k = X.astype(dtype), 10
    start = X[:: len(X) // k][:k]
    ours = KMeans(k, init=start, n_init=1, tol=0, max_iter=30, algorithm=algorithm).fit(X)
    peer = peers.KMeans(k, init=start, n_init=1, tol=0, max_iter=30).fit(X)
    assert ours.n_iter_ == pytest.approx(peer.n_iter_, abs=2 if dtype == np.float32 else 0)
    assert ours.inertia_ == pytest.approx(peer.inertia_, rel=1e-3 if dtype == np.float32 else 1e-9)
    assert (ours.labels_ == peer.labels_).mean() > 0.99
    assert ours.cluster_centers_.dtype == dtype


def test_weights_are_copies():
    copies = np.random.default_rng(0).integers(0, 4, len(IRIS))
    start = IRIS[[0, 60, 120]]
    weighted = KMeans(3, init=start, n_init=1, tol=0).fit(IRIS, sample_weight=copies)
    repeated = KMeans(3, init=start, n_init=1, tol=0).fit(np.repeat(IRIS, copies, axis=0))
    assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=1e-10)
    assert weighted.inertia_ == pytest.approx(repeated.inertia_)
    assert weighted.score(IRIS, sample_weight=copies) == pytest.approx(-weighted.inertia_)


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csr_array])
@pytest.mark.parametrize("cls", [KMeans, MiniBatchKMeans, BisectingKMeans])
def test_sparse_rows_are_clustered_like_dense_ones(cls, form):
    X = np.where(DIGITS > 8, DIGITS, 0)[:600]
    dense, sparse = (cls(8, random_state=0).fit(rows) for rows in (X, form(X)))
    assert_allclose(sparse.cluster_centers_, dense.cluster_centers_, atol=1e-8)
    assert_array_equal(sparse.labels_, dense.labels_)
    assert_array_equal(sparse.predict(form(X)), dense.predict(X))
    assert_allclose(sparse.transform(form(X)), dense.transform(X), atol=1e-6)


@pytest.mark.parametrize("init", ["k-means++", "random", lambda X, k, random_state: X[:k]])
def test_starts(init):
    model = KMeans(12, init=init, n_init=5, random_state=0).fit(BLOBS)
    peer = peers.KMeans(12, n_init=5, random_state=0).fit(BLOBS)
    assert model.inertia_ < (3 if callable(init) else 1.3) * peer.inertia_


def test_plus_plus_finds_the_blobs():
    X, y = make_blobs(600, 2, centers=10, cluster_std=0.01, random_state=0)
    centers, index = kmeans_plusplus(X, 10, random_state=0)
    assert_allclose(centers, X[index])
    assert sorted(y[index]) == list(range(10))
    weights = (y < 4).astype(float)
    _, index = kmeans_plusplus(X, 4, sample_weight=weights, random_state=0)
    assert sorted(y[index]) == [0, 1, 2, 3]


def test_seeds_of_many_rows_come_from_a_sample():
    X, y = make_blobs(60_000, 3, centers=6, cluster_std=0.3, random_state=0)
    model = KMeans(6, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.99


def test_threads_do_not_matter():
    with dv.config(threads=1):
        one = KMeans(20, random_state=0).fit(DIGITS)
    with dv.config(threads=2):
        two = KMeans(20, random_state=0).fit(DIGITS)
    assert_array_equal(one.labels_, two.labels_)
    assert_array_equal(one.cluster_centers_, two.cluster_centers_)


@pytest.mark.parametrize("block_rows", [100, 777])
@pytest.mark.parametrize("algorithm", ["lloyd", "elkan"])
def test_a_scan_is_clustered_like_rows_in_memory(tmp_path, block_rows, algorithm):
    columns = {f"x{j}": BLOBS[:, j] for j in range(5)}
    w = np.random.default_rng(0).uniform(0.5, 2, len(BLOBS))
    table = pa.table({**columns, "w": w})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=500)
    rows = dv.scan_parquet(
        tmp_path / "rows.parquet", sample_weight="w", columns=list(columns), block_rows=block_rows
    )
    whole, streamed = (KMeans(12, algorithm=algorithm, random_state=1) for _ in range(2))
    whole.fit(BLOBS, sample_weight=w)
    streamed.fit(rows)
    assert_allclose(streamed.cluster_centers_, whole.cluster_centers_, rtol=1e-9)
    assert_array_equal(streamed.labels_, whole.labels_)
    assert streamed.inertia_ == pytest.approx(whole.inertia_)
    assert_array_equal(streamed.predict(rows), whole.labels_)
    assert streamed.score(rows) == pytest.approx(-whole.inertia_)
    with pytest.raises(DataError, match="all rows in memory"):
        MiniBatchKMeans(3).fit(rows)


def test_tensors_and_programs():
    model = KMeans(4, random_state=0).fit(torch.from_numpy(IRIS))
    assert isinstance(model.labels_, torch.Tensor)
    X = torch.from_numpy(IRIS[:5]).requires_grad_()
    model.program_(X).sum().backward()
    assert torch.isfinite(X.grad).all()
    assert isinstance(model.transform(X.detach()), torch.Tensor)


@pytest.mark.parametrize("cls", [KMeans, MiniBatchKMeans, BisectingKMeans])
def test_files(cls, tmp_path):
    model = cls(5, random_state=0).fit(IRIS)
    dv.save(model, tmp_path / "model.dove")
    again = dv.load(tmp_path / "model.dove")
    assert_array_equal(again.predict(IRIS), model.predict(IRIS))
    assert_array_equal(again.labels_, model.labels_)


# -- clusters without rows


def test_an_empty_cluster_gets_the_farthest_row():
    X = np.array([[0.0], [0.1], [0.2], [10.0]])
    start = np.array([[0.1], [-50.0]])
    model = KMeans(2, init=start, n_init=1).fit(X)
    assert_allclose(np.sort(model.cluster_centers_[:, 0]), [0.1, 10.0])
    blobs = KMeans(12, init=np.vstack([BLOBS[:2], BLOBS[:10] + 1e6]), n_init=1, tol=0).fit(BLOBS)
    assert len(np.unique(blobs.labels_)) == 12


@pytest.mark.parametrize("cls", [KMeans, BisectingKMeans])
def test_more_clusters_than_distinct_rows(cls):
    X = np.array([[1.0, 1.0]] * 5 + [[2.0, 2.0]] * 5)
    if cls is KMeans:
        with pytest.warns(ConvergenceWarning, match=r"distinct clusters \(2\)"):
            model = KMeans(4, random_state=0).fit(X)
        assert model.inertia_ == 0
    else:
        model = cls(2, random_state=0).fit(X)
        assert model.inertia_ == 0


def test_bad_input():
    with pytest.raises(ValueError, match="n_samples=3 should be >= n_clusters=8"):
        KMeans().fit(IRIS[:3])
    with pytest.raises(ValueError, match="does not match the number of clusters 3"):
        KMeans(3, init=IRIS[:2]).fit(IRIS)
    with pytest.raises(ValueError, match="number of features of the data 4"):
        KMeans(3, init=IRIS[:3, :2]).fit(IRIS)
    with pytest.raises(ValueError, match="NaN"):
        KMeans(2).fit([[np.nan], [1.0]])
    with pytest.warns(RuntimeWarning, match="performing only one init"):
        KMeans(3, init=IRIS[:3], n_init=4).fit(IRIS)


def test_the_function():
    centers, labels, inertia, steps = k_means(IRIS, 3, random_state=0, return_n_iter=True)
    model = KMeans(3, random_state=0).fit(IRIS)
    assert_array_equal(centers, model.cluster_centers_)
    assert_array_equal(labels, model.labels_)
    assert (inertia, steps) == (model.inertia_, model.n_iter_)


# -- mini-batches and halves


@pytest.mark.parametrize("X", [DIGITS, BLOBS], ids=["digits", "blobs"])
def test_mini_batches_come_close(X):
    ours = MiniBatchKMeans(12, n_init=5, random_state=0).fit(X)
    peer = peers.MiniBatchKMeans(12, n_init=5, random_state=0).fit(X)
    assert ours.inertia_ < 1.05 * peer.inertia_
    assert ours.inertia_ == pytest.approx((distances(X, ours.cluster_centers_).min(1) ** 2).sum())
    assert ours.n_steps_ > 1


def test_partial_fits_are_running_means():
    model = MiniBatchKMeans(2, init=np.array([[0.0], [10.0]]), n_init=1, reassignment_ratio=0)
    model.partial_fit([[1.0], [3.0], [9.0]])
    assert_allclose(model.cluster_centers_, [[2.0], [9.0]])
    model.partial_fit([[5.0], [12.0], [12.0]])
    assert_allclose(model.cluster_centers_, [[3.0], [11.0]])
    assert model.n_steps_ == 2


@pytest.mark.parametrize("strategy", ["biggest_inertia", "largest_cluster"])
def test_halves(strategy):
    ours = BisectingKMeans(8, bisecting_strategy=strategy, n_init=5, random_state=0).fit(BLOBS)
    peer = peers.BisectingKMeans(8, bisecting_strategy=strategy, n_init=5, random_state=0)
    assert ours.inertia_ < 1.1 * peer.fit(BLOBS).inertia_
    assert_array_equal(ours.predict(BLOBS), ours.labels_)
    for j in range(8):
        center = BLOBS[ours.labels_ == j].mean(0)
        assert_allclose(ours.cluster_centers_[j], center, atol=1e-2)
