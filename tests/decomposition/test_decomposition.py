"""Principal components: optimal, the same by every solver, and those of scikit-learn."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
import sklearn.decomposition as peers
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits

import dovetail as dv
from dovetail.decomposition import PCA, IncrementalPCA, TruncatedSVD
from dovetail.errors import DataError
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

DIGITS = load_digits().data
CANCER = StandardScaler().fit_transform(load_breast_cancer().data)
SOLVERS = ["full", "covariance_eigh", "arpack", "randomized"]


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("X", [DIGITS, DIGITS[:40], CANCER], ids=["tall", "wide", "cancer"])
def test_every_solver_gives_the_components_of_the_peer(X, solver, whiten):
    ours = PCA(5, svd_solver=solver, whiten=whiten, iterated_power=25, random_state=0).fit(X)
    peer = peers.PCA(5, svd_solver="full", whiten=whiten).fit(X)
    for name in ("components_", "explained_variance_", "explained_variance_ratio_", "mean_"):
        assert_allclose(getattr(ours, name), getattr(peer, name), rtol=1e-4, atol=1e-4)
    assert_allclose(ours.singular_values_, peer.singular_values_, rtol=1e-5)
    assert ours.noise_variance_ == pytest.approx(peer.noise_variance_, rel=1e-4)
    assert_allclose(ours.transform(X), peer.transform(X), atol=2e-3)
    assert_allclose(
        ours.inverse_transform(ours.transform(X)),
        peer.inverse_transform(peer.transform(X)),
        atol=2e-3,
    )
    plain = peers.PCA(5, svd_solver="full").fit(X)  # whitening does not change what was seen
    assert_allclose(ours.get_covariance(), plain.get_covariance(), atol=1e-3)
    assert_allclose(ours.get_precision(), plain.get_precision(), rtol=1e-3, atol=1e-3)
    assert_allclose(ours.score_samples(X), plain.score_samples(X), rtol=1e-3)
    assert ours.score(X) == pytest.approx(plain.score(X), rel=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_subspace_explains_more(solver):
    pca = PCA(8, svd_solver=solver, iterated_power=20, random_state=0).fit(DIGITS)
    C = pca.components_
    assert_allclose(C @ C.T, np.eye(8), atol=1e-9)
    covariance = np.cov(DIGITS.T)
    best = np.linalg.eigvalsh(covariance)[-8:].sum()
    assert np.trace(C @ covariance @ C.T) == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.999])
def test_a_share_of_the_variance(share):
    ours, peer = PCA(share).fit(DIGITS), peers.PCA(share, svd_solver="full").fit(DIGITS)
    assert ours.n_components_ == peer.n_components_
    assert ours.explained_variance_ratio_.sum() > share


@pytest.mark.parametrize("X", [DIGITS, CANCER, load_breast_cancer().data[:, :7]])
def test_minka_dimension(X):
    assert PCA("mle").fit(X).n_components_ == peers.PCA("mle").fit(X).n_components_


def test_small_singular_values_keep_their_digits():
    random = np.random.default_rng(0)
    U, V = (np.linalg.qr(random.normal(size=(n, 4)))[0] for n in (300, 4))
    X = (U - U.mean(0)) * [1.0, 1e-4, 1e-8, 1e-11] @ V.T
    exact = np.linalg.svd(X - X.mean(0), compute_uv=False)
    assert_allclose(PCA(svd_solver="full").fit(X).singular_values_, exact, rtol=1e-4)


def test_a_large_mean_costs_no_digits():
    X = DIGITS[:, 20:30] + 1e7
    for solver in ("full", "covariance_eigh"):
        found = PCA(3, svd_solver=solver).fit(X)
        assert_allclose(
            found.explained_variance_, PCA(3).fit(X - 1e7).explained_variance_, rtol=1e-6
        )


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csc_array])
@pytest.mark.parametrize("solver", ["auto", "covariance_eigh", "arpack"])
def test_sparse_rows_stay_sparse(form, solver):
    X = sp.random(200, 50, 0.1, random_state=0)
    ours = PCA(4, svd_solver=solver, random_state=0).fit(form(X))
    dense = PCA(4, svd_solver="full").fit(X.toarray())
    assert_allclose(ours.components_, dense.components_, atol=1e-7)
    assert_allclose(ours.transform(form(X)), dense.transform(X.toarray()), atol=1e-7)


@pytest.mark.parametrize("solver", SOLVERS)
def test_float32_and_tensors_stay_what_they_are(solver):
    X = DIGITS.astype(np.float32)
    pca = PCA(3, svd_solver=solver, random_state=0).fit(X)
    assert pca.components_.dtype == pca.transform(X).dtype == np.float32
    tensor = PCA(3, svd_solver=solver, random_state=0).fit(torch.from_numpy(X))
    assert isinstance(tensor.components_, torch.Tensor)
    assert_allclose(tensor.components_.numpy(), pca.components_, atol=1e-5)
    assert_allclose(pca.components_, PCA(3).fit(DIGITS).components_, atol=2e-3)


def test_the_program_is_differentiable():
    model = make_pipeline(StandardScaler(), PCA(4), LogisticRegression(max_iter=500))
    model.fit(CANCER, load_breast_cancer().target)
    X = torch.from_numpy(CANCER[:3]).requires_grad_()
    model.program_(model.front(X)).sum().backward()
    assert torch.isfinite(X.grad).all()
    assert X.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "model",
    [PCA(4), PCA(svd_solver="full"), PCA(3, svd_solver="randomized", random_state=0)],
    ids=repr,
)
def test_scans_are_decomposed_like_rows_in_memory(model, tmp_path):
    columns = {f"x{j}": CANCER[:, j] for j in range(CANCER.shape[1])}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet", row_group_size=100)
    rows = dv.scan_parquet(tmp_path / "rows.parquet", block_rows=77)
    whole, variance = model.fit(CANCER).components_, model.explained_variance_
    model.fit(rows)
    assert_allclose(model.explained_variance_, variance, rtol=1e-9, atol=1e-9)
    assert_allclose(model.components_[:3], whole[:3], atol=1e-9)
    with pytest.raises(DataError, match="all rows in memory"):
        PCA(2, svd_solver="arpack").fit(rows)


# -- singular values of X as it is


@pytest.mark.parametrize("algorithm", ["arpack", "randomized"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_truncated_svd(algorithm, form):
    X = sp.random(120, 60, 0.2, random_state=1).toarray()
    ours = TruncatedSVD(5, algorithm=algorithm, n_iter=20, random_state=0).fit(form(X))
    _, s, Vh = np.linalg.svd(X, full_matrices=False)
    assert_allclose(ours.singular_values_, s[:5], rtol=1e-6)
    assert_allclose(np.abs(np.sum(ours.components_ * Vh[:5], 1)), 1, atol=1e-4)
    Z = ours.transform(form(X))
    assert_allclose(Z.var(0), ours.explained_variance_, rtol=1e-4)
    share = ours.explained_variance_ / X.var(0).sum()
    assert_allclose(ours.explained_variance_ratio_, share, rtol=1e-9)
    peer = peers.TruncatedSVD(5, algorithm="arpack", random_state=0).fit(X)
    assert_allclose(Z, peer.transform(X), atol=1e-3)


def test_truncated_svd_refuses_more_components_than_columns():
    with pytest.raises(ValueError, match=r"n_components\(5\) must be <= n_features\(4\)"):
        TruncatedSVD(5).fit(np.ones((9, 4)))
    with pytest.raises(ValueError, match="strictly less"):
        TruncatedSVD(4, algorithm="arpack").fit(np.ones((9, 4)))


# -- rows in batches


@pytest.mark.parametrize("batch_size", [70, 333])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_incremental_pca_is_the_peers(batch_size, form):
    ours = IncrementalPCA(6, batch_size=batch_size).fit(form(DIGITS))
    peer = peers.IncrementalPCA(6, batch_size=batch_size).fit(DIGITS)
    names = (
        "explained_variance_",
        "explained_variance_ratio_",
        "singular_values_",
        "mean_",
        "var_",
    )
    for name in names:
        assert_allclose(getattr(ours, name), getattr(peer, name), rtol=1e-8)
    assert_allclose(ours.components_, peer.components_, atol=1e-7)
    assert ours.noise_variance_ == pytest.approx(peer.noise_variance_)
    assert ours.n_samples_seen_ == peer.n_samples_seen_ == len(DIGITS)
    assert ours.batch_size_ == batch_size


def test_all_components_in_batches_are_exact():
    ours, whole = IncrementalPCA(batch_size=200).fit(CANCER), PCA().fit(CANCER)
    assert_allclose(ours.singular_values_, whole.singular_values_, rtol=1e-6)


def test_partial_fits_are_the_fit():
    parts = IncrementalPCA(5)
    for start in range(0, 1700, 425):
        parts.partial_fit(DIGITS[start : start + 425])
    fit = IncrementalPCA(5, batch_size=425).fit(DIGITS[:1700])
    assert_allclose(parts.components_, fit.components_, atol=1e-10)


def test_incremental_pca_of_a_scan(tmp_path):
    pq.write_table(pa.table({f"x{j}": CANCER[:, j] for j in range(9)}), tmp_path / "rows.parquet")
    rows = dv.scan_parquet(tmp_path / "rows.parquet", block_rows=100)
    found = IncrementalPCA(batch_size=100).fit(rows)
    assert found.n_samples_seen_ == len(CANCER)
    assert_allclose(found.singular_values_, PCA().fit(CANCER[:, :9]).singular_values_, rtol=1e-8)


# -- what is wrong


def test_numbers_of_components_that_are_not_there():
    with pytest.raises(ValueError, match=r"n_components=70 must be between 0 and .*=64"):
        PCA(70).fit(DIGITS)
    with pytest.raises(ValueError, match="strictly less"):
        PCA(64, svd_solver="arpack").fit(DIGITS)
    with pytest.raises(ValueError, match="n_samples >= n_features"):
        PCA("mle").fit(DIGITS[:20])
    with pytest.raises(TypeError, match="TruncatedSVD"):
        PCA(2, svd_solver="full").fit(sp.csr_matrix(DIGITS))
    with pytest.raises(ValueError, match="batch number of samples 5"):
        IncrementalPCA(9).partial_fit(DIGITS[:5])


def test_constant_columns_and_equal_rows():
    X = np.ones((20, 3))
    X[:, 1] = np.arange(20)
    pca = PCA().fit(X)
    assert_allclose(pca.explained_variance_, [X[:, 1].var(ddof=1), 0, 0], atol=1e-12)
    assert np.isfinite(PCA(2, whiten=True).fit(X).transform(X)).all()


def test_names_and_files(tmp_path):
    pca = PCA(3).fit(DIGITS)
    assert_array_equal(pca.get_feature_names_out(), ["pca0", "pca1", "pca2"])
    dv.save(pca, tmp_path / "pca.dove")
    again = dv.load(tmp_path / "pca.dove")
    assert_array_equal(again.transform(DIGITS), pca.transform(DIGITS))
    assert_array_equal(again.explained_variance_ratio_, pca.explained_variance_ratio_)
