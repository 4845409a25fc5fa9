"""Sums by class: the loops give what the reference gives."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.kernels import class_sums
from dovetail.kernels.class_sums import reference


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "k"), [(0, 3, 2), (1, 1, 1), (257, 5, 4), (40, 17, 60)])
def test_loops_give_what_the_reference_gives(n, d, k, weighted, dtype):
    rng = np.random.default_rng(n)
    X = torch.from_numpy(rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.5)).to(dtype)
    codes = torch.from_numpy(rng.integers(0, k, n))
    w = torch.from_numpy(rng.random(n)).to(dtype) if weighted else None
    centers = torch.from_numpy(rng.normal(size=(k, d)))
    csr = sp.csr_array(X.numpy())
    arrays = [torch.from_numpy(a) for a in (csr.indptr, csr.indices, csr.data)]
    for rows in (X, X.T.contiguous().T):
        torch.testing.assert_close(
            class_sums.class_sums(rows, codes, w, k), reference.class_sums(X, codes, w, k)
        )
        torch.testing.assert_close(
            class_sums.class_squares(rows, codes, w, centers),
            reference.class_squares(X, codes, w, centers),
        )
    expected = reference.class_sums(X, codes, w, k)
    for sums in (class_sums.sparse_class_sums, reference.sparse_class_sums):
        torch.testing.assert_close(sums(*arrays, codes, w, (k, d)), expected)
