"""What several transformers need."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from dovetail.base import Invertible, run_inverse
from dovetail.data.statistics import Moments
from dovetail.data.tensors import empty_like

__all__ = ["InPlace", "by_rows", "may_overwrite", "nonzero_scale", "standard_deviations"]

# Rows are mapped in blocks whose temporaries stay in the cache: 2¹⁶ numbers are 512 kB of float64.
_BLOCK = 2**16


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


def may_overwrite(X: Any) -> bool:
    """Whether X is an array, matrix or tensor that a result can be written over."""
    if isinstance(X, np.ndarray):
        return bool(X.flags.writeable)
    if isinstance(X, Tensor):
        return not X.requires_grad
    return bool(sp.issparse(X) and X.format in ("csr", "csc") and X.data.flags.writeable)


class InPlace(Invertible):
    """A transformer whose parameter `copy` says whether results may be written over X.

    Its `_transform` and `_inverse` take the answer as `copy`.
    """

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


def by_rows(f: Callable[[Tensor], Tensor], X: Tensor, *, copy: bool = True) -> Tensor:
    """f, which maps rows to rows as wide, of all of X: block by block into a new tensor, or over X.

    With gradients, or on an accelerator, X is mapped whole.
    """
    if X.requires_grad or X.device.type != "cpu":
        return f(X) if copy or X.requires_grad else X.copy_(f(X))
    out = empty_like(X) if copy else X
    step = max(1, _BLOCK // max(1, X.shape[1]))
    for start in range(0, len(X), step):
        out[start : start + step] = f(X[start : start + step])
    return out
