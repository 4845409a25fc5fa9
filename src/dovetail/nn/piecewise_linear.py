"""Numbers as points on a broken line through a space of several dimensions.

Legend: m rows, d features, t bins, e numbers of an embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["PiecewiseLinear"]

_ROUNDS = 20  # of capping weights, each of which lowers the cap
_ROUNDING = 1e-12


class PiecewiseLinear(nn.Module):
    """Each number x as a vector that is a broken line in x, with breaks at quantiles q:

        b + x v + Σ_t r_t(x) w_t,   r_t(x) = (x − q_{t−1}) / (q_t − q_{t−1}) within [0, 1]

    The w start at 0, so that training starts from a line.

    Parameters
    ----------
    n_features : int
    n_bins : int, most bins of a feature; one of few distinct values has fewer
    width : int, numbers of a vector

    Attributes
    ----------
    slope, offset : buffers of shape (n_features, n_bins); r_t(x) = slope_t x + offset_t
    weight : parameter of shape (n_features, n_bins, width), w
    direct, bias : parameters of shape (n_features, width), v and b

    Gorishniy, Rubachev & Babenko (2022), https://arxiv.org/abs/2203.05556.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.piecewise_linear import PiecewiseLinear
    >>> X = torch.rand(100, 3)
    >>> embedding = PiecewiseLinear(3, n_bins=8, width=4)
    >>> embedding.look_at(X)
    >>> embedding(X).shape
    torch.Size([100, 3, 4])
    """

    slope: Tensor
    offset: Tensor

    def __init__(self, n_features: int, n_bins: int, width: int) -> None:
        super().__init__()
        self.register_buffer("slope", torch.zeros(n_features, n_bins))
        self.register_buffer("offset", torch.zeros(n_features, n_bins))
        self.weight = nn.Parameter(torch.zeros(n_features, n_bins, width))
        bound = width**-0.5
        self.direct = nn.Parameter(torch.empty(n_features, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_features, width).uniform_(-bound, bound))

    @torch.no_grad()
    def look_at(self, X: Tensor, w: Tensor | None = None) -> None:
        """Put the breaks between the columns of X, of shape (n, n_features); w weighs rows."""
        bins = self.slope.shape[1]
        edges = torch.stack([_breaks(x, w, bins) for x in X.T])
        wide = edges.diff(dim=1)
        slope = torch.where(wide > 0, 1 / wide, 0.0)  # a bin without width is left out
        self.slope = slope.to(self.slope)
        self.offset = (-edges[:, :-1] * slope).to(self.offset)

    def forward(self, X: Tensor) -> Tensor:
        parts = torch.addcmul(self.offset, X[:, :, None], self.slope).clamp(0, 1)  # m, d, t
        broken = torch.bmm(parts.transpose(0, 1), self.weight).transpose(0, 1)  # m, d, e
        return torch.addcmul(broken + self.bias, X[:, :, None], self.direct)


def _breaks(x: Tensor, w: Tensor | None, bins: int) -> Tensor:
    """Quantiles of a column that cut it into bins of about equal weight, where a value that many
    rows have weighs no more than one bin: the others then have breaks of their own. float64 of
    shape (bins + 1,).
    """
    there = ~x.isnan()
    values, place = torch.unique(x[there].double(), return_inverse=True)
    if not len(values):
        return x.new_zeros(bins + 1, dtype=torch.float64)
    weights = torch.ones_like(place, dtype=torch.float64) if w is None else w[there].double()
    weight = torch.zeros_like(values).index_add_(0, place, weights)
    for _ in range(_ROUNDS):
        weight = weight.clamp(max=weight.sum() / bins)
    reached = weight.cumsum(0) / weight.sum()
    levels = torch.linspace(0, 1 - _ROUNDING, bins + 1, dtype=torch.float64, device=x.device)
    return values[torch.searchsorted(reached, levels).clamp(max=len(values) - 1)]
