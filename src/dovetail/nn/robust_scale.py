"""Numbers of any unit brought near ±1, outliers tamed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dovetail.data.quantiles import column_quantiles

__all__ = ["RobustScale"]

_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
_BEND = 3.0  # where the curve leaves the line: no result is further from 0


class RobustScale(nn.Module):
    """Centered at the median, divided by the quartiles' distance, smoothly clipped at ±3:

        z = u / √(1 + (u / 3)²),   u = (x − median) / (q₇₅ − q₂₅)

    Where the quartiles are equal, half of the distance from the least to the greatest takes their
    distance's place. Missing values stay missing.

    Parameters
    ----------
    n_features : int

    Attributes
    ----------
    center, spread : buffers of shape (n_features,), float64

    Holzmüller et al. (2024), https://arxiv.org/abs/2407.04491.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.robust_scale import RobustScale
    >>> scale = RobustScale(1)
    >>> scale.look_at(torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0]]))
    >>> scale(torch.tensor([[2.0], [4.0], [1e6]])).round(decimals=2).flatten().tolist()
    [0.0, 0.949999988079071, 3.0]
    """

    center: Tensor
    spread: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(n_features, dtype=torch.float64))
        self.register_buffer("spread", torch.ones(n_features, dtype=torch.float64))

    @torch.no_grad()
    def look_at(self, X: Tensor, w: Tensor | None = None) -> None:
        """Learn the quartiles of the columns of X, of shape (n, n_features); w weighs rows."""
        levels = torch.tensor(_LEVELS, dtype=torch.float64)
        least, low, median, high, most = column_quantiles(
            X, levels, method="inverted_cdf", w=torch.ones_like(X[:, 0]) if w is None else w
        )
        spread = torch.where(high > low, high - low, (most - least) / 2)
        self.center = median.nan_to_num(0.0)
        self.spread = torch.where(spread > 0, spread, 1.0)

    def forward(self, X: Tensor) -> Tensor:
        u = (X - self.center.to(X.dtype)) / self.spread.to(X.dtype)
        return u / (1 + (u / _BEND).square()).sqrt()
