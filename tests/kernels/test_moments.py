"""Products of shifted columns: the loop gives what the reference gives."""

import numpy as np
import pytest
import torch

import dovetail as dv
from dovetail.kernels import moments
from dovetail.kernels.moments import reference

SIZES = [(0, 3, 1), (1, 1, 0), (5, 30, 2), (700, 7, 1), (9000, 23, 0), (600, 130, 3)]


def _rows(n, d, t, dtype):
    rng = np.random.default_rng(n + d)
    X = torch.from_numpy(rng.normal(3.0, 1.0, (n, d))).to(dtype)
    y = torch.from_numpy(rng.normal(size=(n, t))).to(dtype)
    return X, y, torch.from_numpy(rng.random(n)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "t"), SIZES)
def test_the_loop_gives_what_the_reference_gives(n, d, t, weighted, dtype):
    X, y, w = _rows(n, d, t, dtype)
    w = w if weighted else None
    for formed in {dtype, torch.float64}:
        shifts = torch.full((d,), 3.0, dtype=formed), torch.zeros(t, dtype=formed)
        found = moments.products(X, y, w, *shifts)
        close = {"rtol": 1e-5, "atol": 1e-5 * n + 1e-6} if formed == torch.float32 else {}
        torch.testing.assert_close(found, reference.products(X, y, w, *shifts), **close)
        assert (found == found.T).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_number_of_threads_gives_the_same_numbers(dtype):
    X, y, w = _rows(9000, 30, 1, dtype)
    shifts = torch.zeros(30, dtype=dtype), torch.zeros(1, dtype=dtype)
    found = []
    for threads in (1, 2, 3):
        with dv.config(threads=threads):
            found.append(moments.products(X, y, w, *shifts))
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_shows_in_the_products(bad):
    X, y, _ = _rows(700, 40, 1, torch.float64)
    X[650, 33] = bad
    found = moments.products(X, y, None, torch.zeros(40).double(), torch.zeros(1).double())
    assert not torch.isfinite(found[33, 33])
    assert torch.isfinite(found[32, 32])
