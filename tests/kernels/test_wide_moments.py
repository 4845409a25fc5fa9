"""Moments of many columns: the loop gives what the reference gives."""

import pytest
import torch

from dovetail.data.batches import Batch, Batches
from dovetail.data.statistics import column_moments
from dovetail.kernels import wide_moments
from dovetail.kernels.wide_moments import reference


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "d"), [(1, 512), (7, 513), (50, 1000), (3, 4)])
def test_loop_gives_what_the_reference_gives(n, d, dtype):
    X = torch.randn(n, d, dtype=dtype, generator=torch.Generator().manual_seed(n)) + 1e3
    torch.testing.assert_close(wide_moments.moments(X), reference.moments(X))


def test_constant_columns_have_no_deviation():
    X = torch.full((9, 600), 0.1, dtype=torch.float64)
    mean, squares = wide_moments.moments(X)
    assert bool((mean == 0.1).all() and (squares == 0).all())


def test_missing_values_and_blocks_of_rows_do_not_matter():
    X = torch.randn(3000, 512, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = column_moments(Batches(Batch(X)))
    torch.testing.assert_close(found.mean, X.mean(0))
    torch.testing.assert_close(found.variance, X.var(0, unbiased=False))
    X[5, 7] = torch.nan
    found = column_moments(Batches(Batch(X)))
    there = ~X[:, 7].isnan()
    assert float(found.weight[7]) == 2999
    torch.testing.assert_close(found.mean[7], X[there, 7].mean())
