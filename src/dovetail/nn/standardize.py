"""Numbers of mean 0 and variance 1, column by column of rows or channel by channel of images, and
back.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch, Batches

__all__ = ["Standardize", "channel_moments"]

_BLOCK_ROWS = 4096


def channel_moments(batches: Batches, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column of rows (n, d), each of shape (d,), or of each
    channel of images (n, c, h, w), each of shape (c, 1, 1); of what is constant the scale is 1. One
    pass.
    """

    def sums(b: Batch) -> tuple[Tensor, Tensor, float]:
        X = b.X.double().movedim(1, -1).flatten(0, -2)
        return X.sum(0), X.square().sum(0), float(len(X))

    total, squares, count = batches.in_blocks(_BLOCK_ROWS).sum(sums)
    mean = total / count
    variance = squares / count - mean.square()
    # rounding of the squares leaves a constant with less than this
    varies = variance > 1e-12 * squares / count
    scale = torch.where(varies, variance.clamp(min=0).sqrt(), 1.0)
    shape = (-1, *[1] * (batches.head.X.ndim - 2))
    return mean.to(dtype).view(shape), scale.to(dtype).view(shape)


class Standardize(nn.Module):
    """(x − mean) / scale, of whole or floating numbers; `inverse` undoes it.

    mean, scale : buffers, see `channel_moments`
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("scale", scale.clone())

    def forward(self, X: Tensor) -> Tensor:
        return (X.to(self.mean.dtype) - self.mean) / self.scale

    def inverse(self, Z: Tensor) -> Tensor:
        """Numbers as they were."""
        return Z * self.scale + self.mean
