"""The same in torch, on any device."""

import torch
from torch import Tensor

__all__ = ["distances", "nearest_two"]


def nearest_two(half: Tensor, S: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The place of the least number of each column of half[:, None] − S, the first of several; that
    number, and the second least (infinity of a single row).
    """
    left = half[:, None] - S
    best, label = left.min(0)
    rest = left.scatter(0, label[None], torch.inf)
    return label, best, rest.amin(0)


def distances(X: Tensor, centers: Tensor, labels: Tensor) -> Tensor:
    """Squared distance of each row to its center, in float64."""
    return (X.double() - centers.double()[labels]).square().sum(1)
