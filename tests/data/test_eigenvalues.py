"""Eigenvalues: those of torch, with the number of threads as before."""

import pytest
import torch

from dovetail.data.eigenvalues import eigenvalues, eigenvectors


@pytest.mark.parametrize("d", [1, 7, 600])
def test_they_are_those_of_the_matrix(d):
    X = torch.randn(d + 3, d, dtype=torch.float64, generator=torch.Generator().manual_seed(d))
    A, threads = X.T @ X, torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        values, vectors = eigenvectors(A)
        torch.testing.assert_close(eigenvalues(A), values)
        torch.testing.assert_close(vectors @ values.diag() @ vectors.T, A)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
