"""k-means on a line.

Sorted values make a cluster a range of positions between two cuts, and its mean a difference of
running sums: after one sort a step of Lloyd's algorithm costs O(k log n).
"""

import torch
from torch import Tensor

__all__ = ["centers_on_line"]

_STEPS, _TOLERANCE = 300, 1e-4  # as KMeans: steps at most, and share of the variance to stop at


def centers_on_line(values: Tensor, w: Tensor | None, centers: Tensor) -> Tensor:
    """Lloyd's algorithm from given centers.

    Parameters
    ----------
    values : Tensor of shape (n,), float64
    w : Tensor of shape (n,) or None, positive
    centers : Tensor of shape (k,), float64, ascending

    Returns
    -------
    Tensor of shape (k,), ascending

    A center without values is moved to the value farthest from its own center.
    """
    x, order = values.sort()
    x, middle = x - x.mean(), x.mean()
    w = torch.ones_like(x) if w is None else w[order].to(x.dtype)
    mass, moment = _running(w), _running(w * x)
    mean = moment[-1] / mass[-1]
    tolerance = _TOLERANCE * ((x - mean).square() * w).sum() / mass[-1]
    at, cuts = centers - middle, torch.full_like(mass[:1], -1)
    for _ in range(_STEPS):
        before = cuts
        cuts = torch.searchsorted(x, (at[1:] + at[:-1]) / 2, right=True)
        ends = torch.cat([cuts.new_zeros(1), cuts, cuts.new_full((1,), len(x))])
        weight, total = mass[ends].diff(), moment[ends].diff()
        if bool((weight == 0).any()):
            _fill_empty(x, w, at, ends, weight, total)
        to = torch.where(weight > 0, total / weight, at).sort().values
        shift = (to - at).square().sum()
        at = to
        if torch.equal(cuts, before) or bool(shift <= tolerance):
            break
    return at + middle


def _running(values: Tensor) -> Tensor:
    """Sums of the first 0, 1, ..., n values."""
    return torch.cat([values.new_zeros(1), values.cumsum(0)])


def _fill_empty(
    x: Tensor, w: Tensor, at: Tensor, ends: Tensor, weight: Tensor, total: Tensor
) -> None:
    """Give each empty cluster the farthest value not yet given, taking it from its own."""
    own = torch.repeat_interleave(torch.arange(len(at), device=x.device), ends.diff())
    distance = (x - at[own]).abs()
    empty = (weight == 0).nonzero().flatten()
    farthest = distance.topk(min(len(empty), len(x))).indices
    for cluster, i in zip(empty.tolist(), farthest.tolist(), strict=False):
        if distance[i] > 0:
            weight[own[i]] -= w[i]
            total[own[i]] -= w[i] * x[i]
            weight[cluster], total[cluster] = w[i], w[i] * x[i]
