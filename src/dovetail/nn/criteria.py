"""Losses of a net's outputs: a number a row, or one for each output of it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CrossEntropy", "SquaredDistance"]


class CrossEntropy(nn.Module):
    """−log-likelihood of class codes y (n,) under the softmax of outputs (n, k), or, of outputs
    (n, 1), of y = 1 under their logistic function.

    label_smoothing : float in [0, 1), share of the target that is spread over all classes
        (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567)
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, outputs: Tensor, y: Tensor) -> Tensor:
        smooth = self.label_smoothing
        if outputs.shape[1] == 1:
            target = y.to(outputs.dtype) * (1 - smooth) + smooth / 2
            return functional.binary_cross_entropy_with_logits(
                outputs[:, 0], target, reduction="none"
            )
        return functional.cross_entropy(outputs, y, reduction="none", label_smoothing=smooth)


class SquaredDistance(nn.Module):
    """(output − y)², of each output."""

    def forward(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs - y).square()
