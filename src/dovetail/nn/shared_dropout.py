"""Dropout of several nets at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["SharedDropout"]


class SharedDropout(nn.Module):
    """Dropout of activations (k, m, q) with one mask for all k members: a random number costs six
    times the multiplication it decides on.

    rate : float in [0, 1), share of the units of a row that are set to 0; the others grow by
        1 / (1 − rate)

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.shared_dropout import SharedDropout
    >>> H = SharedDropout(0.5)(torch.ones(2, 3, 8))
    >>> bool((H[0] == H[1]).all())
    True
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, H: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return H
        kept = torch.empty_like(H[0]).bernoulli_(1 - self.rate)
        return H * kept.div_(1 - self.rate)
