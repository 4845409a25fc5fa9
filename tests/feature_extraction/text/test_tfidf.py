"""Weights of terms: the formula, its Program, and what may be overwritten."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.data.sparse import SparseMatrix
from dovetail.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from dovetail.feature_extraction.text._weights import TermWeights

SONG = ["row row row your boat", "gently down the stream", "merrily merrily row", ""]
COUNTS = np.array([[3.0, 0, 1], [0, 0, 2], [0, 4, 1], [0, 0, 0]])


def by_hand(counts, norm, smooth, sublinear):
    df, n = (counts > 0).sum(0), len(counts)
    idf = np.log((n + smooth) / (df + smooth)) + 1
    with np.errstate(divide="ignore"):
        tf = np.where(counts > 0, np.log(counts) + 1, 0) if sublinear else counts
    weights = tf * idf
    if norm is None:
        return weights
    size = np.abs(weights).sum(1) if norm == "l1" else np.sqrt((weights**2).sum(1))
    return weights / np.where(size == 0, 1, size)[:, None]


@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("sublinear", [True, False])
def test_the_formula(norm, smooth, sublinear):
    settings = {"norm": norm, "smooth_idf": smooth, "sublinear_tf": sublinear}
    expected = by_hand(COUNTS, norm, smooth, sublinear)
    for X in (COUNTS, sp.csr_matrix(COUNTS), sp.csc_matrix(COUNTS), COUNTS.astype(int)):
        weights = TfidfTransformer(**settings).fit_transform(X)
        assert weights.format == "csr"
        np.testing.assert_allclose(weights.toarray(), expected)
    X = torch.from_numpy(COUNTS)
    np.testing.assert_allclose(TfidfTransformer(**settings).fit_transform(X), expected)

    vectorizer = TfidfVectorizer(**settings)
    weights = vectorizer.fit_transform(SONG)
    counts = CountVectorizer().fit_transform(SONG).toarray()
    np.testing.assert_allclose(weights.toarray(), by_hand(counts, norm, smooth, sublinear))
    np.testing.assert_allclose(vectorizer.transform(SONG).toarray(), weights.toarray())


@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("binary", [True, False])
def test_program_on_dense_sparse_and_blocks(norm, binary, device, monkeypatch):
    monkeypatch.setattr("dovetail.feature_extraction.text._weights._STORED", 2)
    idf = torch.tensor([1.5, 2.0, 1.0], dtype=torch.float64)
    program = TermWeights(binary=binary, sublinear=not binary, idf=idf, norm=norm).to(device)
    dense = torch.tensor(COUNTS, device=device)
    sparse = SparseMatrix.from_scipy(sp.csr_matrix(COUNTS), device)
    expected = program(dense)
    torch.testing.assert_close(program(sparse).to_dense(), expected)
    torch.testing.assert_close(program.overwriting(sparse).to_dense(), expected)


def test_program_has_gradients():
    idf = torch.tensor([1.5, 2.0, 1.0], dtype=torch.float64)
    X = torch.rand(3, 3, dtype=torch.float64, requires_grad=True)
    for norm in ("l1", "l2", None):
        program = TermWeights(binary=False, sublinear=True, idf=idf, norm=norm)
        assert torch.autograd.gradcheck(program, X)
    zeros = torch.tensor(COUNTS, requires_grad=True)
    program(zeros).sum().backward()
    assert zeros.grad.isfinite().all()


def test_a_term_in_no_document():
    X = np.array([[1.0, 0], [2, 0]])
    with pytest.warns(RuntimeWarning, match=r"divide by zero: 1 terms .* \(columns 1\)"):
        transformer = TfidfTransformer(smooth_idf=False, norm=None).fit(X)
    np.testing.assert_array_equal(transformer.idf_, [1, np.inf])
    np.testing.assert_array_equal(transformer.transform(torch.from_numpy(X)), X)
    assert np.isinf(transformer.transform([[0.0, 1]]).toarray()[0, 1])


def test_in_place_only_where_asked_and_possible():
    transformer = TfidfTransformer().fit(COUNTS)
    expected = transformer.transform(COUNTS).toarray()
    X = sp.csr_matrix(COUNTS)
    assert transformer.transform(X) is not X
    np.testing.assert_array_equal(X.toarray(), COUNTS)
    assert transformer.transform(X, copy=False) is X
    np.testing.assert_allclose(X.toarray(), expected)

    fixed = sp.csr_matrix(COUNTS)
    fixed.data.flags.writeable = False
    np.testing.assert_allclose(transformer.transform(fixed, copy=False).toarray(), expected)
    np.testing.assert_array_equal(fixed.toarray(), COUNTS)


def test_idf_may_be_set():
    source = TfidfVectorizer(dtype=np.float32).fit(SONG)
    assert source.idf_.dtype == np.float32
    vectorizer = TfidfVectorizer(vocabulary=source.vocabulary_)
    with pytest.raises(ValueError, match="not fitted"):
        vectorizer.transform(SONG)
    with pytest.raises(ValueError, match="idf length = 2 must be equal to vocabulary size = 8"):
        vectorizer.idf_ = [1.0, 2.0]
    vectorizer.idf_ = source.idf_
    difference = vectorizer.transform(SONG) - source.transform(SONG)
    assert abs(difference).max() < 1e-6
    with pytest.raises(ValueError, match="cannot be set"):
        TfidfVectorizer(use_idf=False).idf_ = [1.0]
    assert not hasattr(TfidfTransformer(use_idf=False).fit(COUNTS), "idf_")


def test_integers_are_no_weights():
    vectorizer = TfidfVectorizer(dtype=np.int32)
    with pytest.warns(UserWarning, match="converted to np.float64"):
        assert vectorizer.fit_transform(SONG).dtype == np.float64
