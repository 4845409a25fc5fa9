"""Pixels as numbers of mean 0 and variance 1, channel by channel, and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch, Batches

__all__ = ["Pixels", "pixel_moments"]

_BLOCK_ROWS = 4096


def pixel_moments(batches: Batches, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of images (n, c, h, w), each of shape (c, 1, 1);
    a constant channel has the scale 1. One pass.
    """

    def sums(b: Batch) -> tuple[Tensor, Tensor, float]:
        X = b.X.double()
        total, squares = X.sum((0, 2, 3)), X.square().sum((0, 2, 3))
        return total, squares, X.numel() / X.shape[1]

    total, squares, count = batches.in_blocks(_BLOCK_ROWS).sum(sums)
    mean = total / count
    scale = (squares / count - mean.square()).clamp(min=0).sqrt()
    scale = torch.where(scale > 0, scale, 1.0)
    return mean.to(dtype)[:, None, None], scale.to(dtype)[:, None, None]


class Pixels(nn.Module):
    """(pixel − mean) / scale, of whole or floating numbers.

    mean, scale : buffers of shape (c, 1, 1), in units of pixels
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
        """Numbers as pixels again."""
        return Z * self.scale + self.mean
