"""What several scalers need."""

import torch
from torch import Tensor

__all__ = ["nonzero_scale"]


def nonzero_scale(scale: Tensor, constant: Tensor | None = None) -> Tensor:
    """Scales with 1 in place of those that are zero up to rounding, so that constant columns are
    left alone.
    """
    if constant is None:
        constant = scale < 10 * torch.finfo(scale.dtype).eps
    return torch.where(constant, torch.ones_like(scale), scale)
