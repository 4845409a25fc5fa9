"""Where results go: over the data given, or block by block into new memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from torch import Tensor

from dovetail.data.tensors import empty_like

__all__ = ["by_rows", "may_overwrite"]

# Rows are mapped in blocks whose temporaries stay in the cache: 2¹⁶ numbers are 512 kB of float64.
_BLOCK = 2**16


def may_overwrite(X: Any) -> bool:
    """Whether X is an array, matrix or tensor that a result can be written over."""
    if isinstance(X, np.ndarray):
        return bool(X.flags.writeable)
    if isinstance(X, Tensor):
        return not X.requires_grad
    return bool(sp.issparse(X) and X.format in ("csr", "csc") and X.data.flags.writeable)


def by_rows(
    f: Callable[[Tensor], Tensor],
    X: Tensor,
    *,
    copy: bool = True,
    width: int | None = None,
    numbers: int = _BLOCK,
) -> Tensor:
    """f, which maps rows to rows, of all of X: block by block into a new tensor, or over X.

    With gradients, or on an accelerator, X is mapped whole.

    width : columns of the result, where they are not as many as X has
    numbers : of a block; more than the cache holds where f is many products of matrices, whose
        threads would wait for one another too often
    """
    if X.requires_grad or X.device.type != "cpu":
        return f(X) if copy or X.requires_grad else X.copy_(f(X))
    out = empty_like(X, width) if copy else X
    step = max(1, numbers // max(1, X.shape[1]))
    for start in range(0, len(X), step):
        out[start : start + step] = f(X[start : start + step])
    return out
