"""Gradients as integers: the compiled words are torch's, and their sums are what they should be."""

import numpy as np
import pytest
import torch

from dovetail.kernels import words
from dovetail.solve.gradient_words import GradientWords


@pytest.mark.parametrize("bits", [0, 10])
@pytest.mark.parametrize("n", [1, 1000, 40_000])
def test_words(n, bits):
    rng = np.random.default_rng(0)
    g, h = rng.normal(size=n), rng.random(n if bits else 0)
    out = np.empty(n, np.int32)
    words.pack(g, h, 0.01, 1 / 1023, bits, out)
    given = torch.from_numpy(g), torch.from_numpy(h), 0.01, 1 / 1023, bits
    np.testing.assert_array_equal(out, words.reference_pack(*given))


def sums(g, h):
    """Sums of the words, and of what they stand for, in units."""
    made = GradientWords.of(g[None], h[None])
    units, narrow = made.units, made.narrow.astype(np.int64)
    low = narrow & ((1 << units.hessian_bits) - 1)
    given = np.array([g.sum(), h.sum()]) / made.scales[0]
    return np.array([(narrow >> units.hessian_bits).sum(), low.sum()]), given


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1.0, 1e12])
def test_rounding_of_a_sum_is_that_of_chance(scale):
    n, rng = 5000, np.random.default_rng(0)
    found, given = sums(scale * rng.standard_cauchy(n).clip(-50, 50), rng.random(n))
    assert abs(found - given).max() < 4 * np.sqrt(n / 6)


def test_rounding_of_equal_values_cancels():
    n = 5000
    found, given = sums(np.append(np.full(n, 0.123), 1.0), np.append(np.full(n, 0.456), 1.0))
    assert abs(found - given).max() < 3


def test_few_rows_are_exact_to_float32():
    rng = np.random.default_rng(0)
    g, h = rng.normal(size=300), rng.random(300)
    made = GradientWords.of(g[None], h[None])
    (wide,), ((unit_g, unit_h),) = made.wide, made.scales
    np.testing.assert_allclose(wide[:, 0] * unit_g, g, atol=1e-12)
    np.testing.assert_allclose((wide[:, 1] >> made.units.bits) * unit_h, h, atol=1e-9)
    assert (wide[:, 1] & ((1 << made.units.bits) - 1) == 1).all()


def test_no_gradients_at_all():
    made = GradientWords.of(np.zeros((1, 5000)), np.zeros((1, 5000)))
    assert not made.narrow.any()
    assert (made.scales > 0).all()
