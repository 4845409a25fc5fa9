"""What several transformers need."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from dovetail.base import Invertible, over_blocks, run_inverse
from dovetail.data.results import may_overwrite
from dovetail.data.statistics import Moments

__all__ = ["InPlace", "nonzero_scale", "standard_deviations"]


def nonzero_scale(scale: Tensor, constant: Tensor | None = None) -> Tensor:
    """Scales with 1 in place of those that are zero up to rounding, so that constant columns are
    left alone.
    """
    if constant is None:
        constant = scale < 10 * torch.finfo(scale.dtype).eps
    return torch.where(constant, torch.ones_like(scale), scale)


def standard_deviations(moments: Moments) -> Tensor:
    """Standard deviations; 1 for columns whose variance is no more than rounding of their mean."""
    variance, n, eps = moments.variance, moments.weight, torch.finfo(torch.float64).eps
    rounding = n * eps * variance + (n * moments.mean * eps).square()
    return nonzero_scale(variance.sqrt(), constant=variance <= rounding)


class InPlace(Invertible):
    """A transformer whose parameter `copy` says whether results may be written over X.

    Its `_transform` and `_inverse` take the answer as `copy`.
    """

    @over_blocks
    def transform(self, X: Any) -> Any:
        """Map X, of the columns that fit saw.

        Returns
        -------
        array, sparse matrix or tensor of the shape and dtype of X; X itself where `copy` is False
        and X can be written to
        """
        me: Any = self
        return me._run(partial(me._transform, copy=me.copy or not may_overwrite(X)), X)

    def inverse_transform(self, X: Any) -> Any:
        """Map transformed columns back.

        Returns
        -------
        array, sparse matrix or tensor of the shape and dtype of X; X itself where `copy` is False
        and X can be written to
        """
        me: Any = self
        return run_inverse(me, X, partial(me._inverse, copy=me.copy or not may_overwrite(X)))
