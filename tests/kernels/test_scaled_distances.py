"""Scaled distances: the loop gives what the reference gives."""

import pytest
import torch

from dovetail.kernels.scaled_distances import reference, scaled_distances


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "d", "k"), [(0, 3, 2), (1, 1, 1), (257, 5, 4), (33, 40, 7)])
def test_the_loop_gives_what_the_reference_gives(n, d, k, dtype):
    generator = torch.Generator().manual_seed(n)
    X = torch.randn(n, d, generator=generator).to(dtype) + 100
    centers = torch.randn(k, d, generator=generator, dtype=torch.float64) + 100
    factors = torch.rand(k, d, generator=generator, dtype=torch.float64)
    expected = reference.scaled_distances(X, centers, factors)
    torch.testing.assert_close(scaled_distances(X, centers, factors), expected)
    torch.testing.assert_close(scaled_distances(X.T.contiguous().T, centers, factors), expected)
    assert expected.dtype == dtype


def test_gradients_go_through_the_reference():
    X = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    centers, factors = torch.zeros(2, 3).double(), torch.ones(2, 3).double()
    scaled_distances(X, centers, factors).sum().backward()
    torch.testing.assert_close(X.grad, 4 * X.detach())
