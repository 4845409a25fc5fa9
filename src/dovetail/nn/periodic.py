"""Numbers as waves of learned frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["Periodic"]


class Periodic(nn.Module):
    """Each number x as b + x v + Σ_j cos(2π (f_j x + p_j)) w_j, with frequencies f and phases p of
    its own.

    Parameters
    ----------
    n_features : int
    n_waves : int, of each feature
    width : int, numbers of a vector
    scale : float > 0, standard deviation of the frequencies to start from

    Attributes
    ----------
    frequency, phase : parameters of shape (n_features, n_waves)
    weight : parameter of shape (n_features, n_waves, width), w
    direct, bias : parameters of shape (n_features, width), v and b

    Gorishniy, Rubachev & Babenko (2022), https://arxiv.org/abs/2203.05556; phases as in Holzmüller
    et al. (2024), https://arxiv.org/abs/2407.04491.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.periodic import Periodic
    >>> Periodic(3, n_waves=8, width=4)(torch.rand(100, 3)).shape
    torch.Size([100, 3, 4])
    """

    def __init__(self, n_features: int, n_waves: int, width: int, scale: float = 0.3) -> None:
        super().__init__()
        self.frequency = nn.Parameter(scale * torch.randn(n_features, n_waves))
        self.phase = nn.Parameter(torch.rand(n_features, n_waves) - 0.5)
        inner, outer = n_waves**-0.5, width**-0.5
        weight = torch.empty(n_features, n_waves, width).uniform_(-inner, inner)
        self.weight = nn.Parameter(weight)
        self.direct = nn.Parameter(torch.empty(n_features, width).uniform_(-outer, outer))
        self.bias = nn.Parameter(torch.empty(n_features, width).uniform_(-outer, outer))

    def forward(self, X: Tensor) -> Tensor:
        waves = torch.cos(2 * math.pi * torch.addcmul(self.phase, X[:, :, None], self.frequency))
        mixed = torch.bmm(waves.transpose(0, 1), self.weight).transpose(0, 1)
        return torch.addcmul(mixed + self.bias, X[:, :, None], self.direct)
