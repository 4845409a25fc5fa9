"""The exponents of power transformations that make columns most like normal ones.

For a column y(λ) of transformed values, the profile log-likelihood of a normal distribution is

    n (−½ log var y(λ) + (λ − 1) m),    m = mean of u, the logarithm x is a power of

(Box & Cox 1964, https://doi.org/10.1111/j.2517-6161.1964.tb00553.x; Yeo & Johnson 2000,
https://doi.org/10.1093/biomet/87.4.954). Newton's method finds its maximum for all columns at once:
value, slope and curvature follow from sums over rows of y and its first two derivatives by λ.

A column of one sign is a Box-Cox problem in u − m, where m drops out: large numbers close together,
such as years, then lose nothing to rounding, and do not overflow.

Shapes: n rows of a block, d columns.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.statistics import column_ranges, in_blocks

__all__ = ["likeliest_exponents", "logarithms"]

_ITERATIONS = 100
_TOLERANCE = 1e-5  # of the last step, whose error is about its square
_FEW_ROWS = 10_000


class _Problem(NamedTuple):
    """What stays fixed while the exponents are searched, each a float64 tensor of shape (d,).

    `rows` counts those without NaN, `center` is subtracted from |u| (from u for Box-Cox), `mixed`
    marks columns of both signs, `slope` is m there and else 0; `bound` is how large an exponent may
    be.
    """

    rows: Tensor
    center: Tensor
    mixed: Tensor
    slope: Tensor
    reach: Tensor
    bound: Tensor
    box_cox: bool


def logarithms(X: Tensor, *, box_cox: bool) -> Tensor:
    """u: log x for Box-Cox, sign(x) log(1 + |x|) for Yeo-Johnson."""
    return X.log() if box_cox else torch.copysign(X.abs().log1p(), X)


def likeliest_exponents(batches: Batches, *, box_cox: bool) -> Tensor:
    """The exponent of each column, shape (d,), float64; 1 where a column is constant or empty.

    Cost: about five passes over a part of X of ten thousand rows, then two over all of it.
    """
    low, high = (bound.to(torch.float64) for bound in column_ranges(batches))
    eps = torch.finfo(torch.float64).eps
    varies = high - low > 10 * eps * torch.maximum(low.abs(), high.abs())
    negative = torch.zeros_like(varies) if box_cox else (high <= 0) & varies
    problem = _problem(batches, low, high, box_cox)
    start = torch.ones_like(low)
    few = len(batches) // _FEW_ROWS
    if few > 1:  # most steps on a part of the rows
        part = batches.take(torch.arange(0, len(batches), few, device=batches.device))
        start = _maximum(part, _problem(part, low, high, box_cox), start)
    found = _maximum(batches, problem, start)
    found = torch.where(negative, 2 - found, found)
    return torch.where(varies, found, 1.0)


def _problem(batches: Batches, low: Tensor, high: Tensor, box_cox: bool) -> _Problem:
    def of_block(block: Batch) -> tuple[Tensor, Tensor]:
        u = logarithms(block.X.to(torch.float64), box_cox=box_cox)
        return (~u.isnan()).sum(0), torch.nan_to_num_(u).sum(0)

    count, total = in_blocks(batches).sum(of_block)
    mean = total / count
    mixed = torch.zeros_like(low, dtype=torch.bool) if box_cox else (low < 0) & (high > 0)
    center = torch.where(mixed, 0.0, mean if box_cox else mean.abs())
    largest = torch.maximum(low.abs(), high.abs())
    ends = torch.maximum(*(logarithms(x.nan_to_num(), box_cox=box_cox).abs() for x in (low, high)))
    # Powers up to 20 times the largest value, and their variance, are to stay finite.
    room = _room(batches.dtype) / (ends if box_cox else (20 * largest).log1p())
    return _Problem(count, center, mixed, torch.where(mixed, mean, 0.0), ends, room, box_cox)


def _room(dtype: torch.dtype) -> float:
    """Half of the logarithm of the largest power of this dtype."""
    limits = torch.finfo(dtype if dtype == torch.float64 else torch.float32)
    return float(torch.tensor([limits.max * limits.eps], dtype=torch.float64).log()) / 2


def _maximum(batches: Batches, problem: _Problem, start: Tensor) -> Tensor:
    """Newton's method within brackets: a step that leaves its bracket, or starts where the
    likelihood is not concave, becomes a step of doubled length or to the bracket's middle.
    """
    high = problem.bound
    low = torch.where(problem.mixed, torch.maximum(-high, 2 - high), -high)
    high = torch.where(problem.mixed, torch.minimum(high, 2 + high), high)
    ends_low, ends_high = low, high
    at = start.clamp(low, high)
    stride = torch.ones_like(at)
    for _ in range(_ITERATIONS):
        slope, curvature = _slope_and_curvature(batches, problem, at)
        rising = slope > 0
        low, high = torch.where(rising, at, low), torch.where(rising, high, at)
        newton = at - slope / curvature
        fallback = torch.where(
            rising,
            torch.where(high < ends_high, (at + high) / 2, (at + stride).minimum(high)),
            torch.where(low > ends_low, (at + low) / 2, (at - stride).maximum(low)),
        )
        good = (curvature < 0) & (newton >= low) & (newton <= high)
        to = torch.where(good, newton, fallback)
        stride = torch.where(good, stride, 2 * stride)
        step, size = (to - at).abs(), at.abs().clamp(min=1)
        done = ~(step > torch.where(good, _TOLERANCE, _TOLERANCE**2) * size)  # NaN ends it too
        at = to
        if bool(done.all()):
            break
    return at


def _slope_and_curvature(batches: Batches, problem: _Problem, at: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivative of the log-likelihood of a row, by the exponent."""
    sums, products = in_blocks(batches).sum(lambda block: _sums(block.X, problem, at))
    n = problem.rows[:, None]
    mean = sums / n
    cov = products / n[:, None] - mean[:, :, None] * mean[:, None, :]
    variance, cross = cov[:, 0, 0], cov[:, 0, 1]
    slope = problem.slope - cross / variance
    curvature = 2 * (cross / variance).square() - (cov[:, 1, 1] + cov[:, 0, 2]) / variance
    return slope, curvature


def _sums(X: Tensor, problem: _Problem, at: Tensor) -> tuple[Tensor, Tensor]:
    """Sums (d, 3) of y, y', y'' over rows, and (d, 3, 3) of their products.

    y = ± a expm1(z) / z with z = κ a, a = |u| - center, and κ = λ, or 2 − λ for negative numbers of
    mixed columns.
    """
    u = logarithms(X.to(torch.float64).T.contiguous(), box_cox=problem.box_cox)
    mixed, exponent = problem.mixed[:, None], at[:, None]
    flipped = mixed & (u < 0)
    a = (u if problem.box_cox else u.abs()).sub_(problem.center[:, None]).nan_to_num_()
    kappa = torch.where(flipped, 2 - exponent, exponent)
    powers = torch.stack(_power_and_derivatives(a, kappa, problem, at), dim=1)
    if bool(mixed.any()):
        sign = torch.where(flipped, -1.0, 1.0)
        powers[:, 0] *= sign
        powers[:, 2] *= sign
    return powers.sum(2), powers @ powers.mT


def _power_and_derivatives(a: Tensor, kappa: Tensor, problem: _Problem, at: Tensor) -> list[Tensor]:
    """(exp(κ a) − 1) / κ and its first two derivatives by κ, each (d, n)."""
    z = kappa * a
    more = z.expm1()
    power = more / kappa
    grown = more.add_(1).mul_(a)
    first = (grown - power) / kappa
    second = (grown.mul_(a) - 2 * first) / kappa
    nearest = torch.where(problem.mixed, at.abs().minimum((2 - at).abs()), at.abs())
    if bool((nearest * problem.reach < 1e-3).any()):  # differences lose digits, series do not
        near = z.abs() < 1e-3
        square = a * a
        power = torch.where(near, a * (1 + z / 2 + z * z / 6 + z**3 / 24), power)
        first = torch.where(near, square * (1 / 2 + z / 3 + z * z / 8 + z**3 / 30), first)
        second = torch.where(near, square * a * (1 / 3 + z / 4 + z * z / 10), second)
    return [power, first, second]
