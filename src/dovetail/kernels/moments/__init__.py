"""Products of shifted columns with one another: all that least squares and principal components
need to know of the data.

Shapes: n rows, d columns, t targets.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dovetail.kernels.moments import cpu, reference
from dovetail.kernels.vectors import BYTES

__all__ = ["products", "worthwhile"]

_COLUMNS = 1024  # up to which a part's sums, 8 MB then, are worth the memory
_BLOCK = 2**18  # bytes of a block of rows: 100,000 x 200 take 77 ms so, 85 with 2**20
_LEAST, _MOST = 64, 512  # rows of a block; sums of float32 are of so many at most
_PART, _PARTS, _SUMS = 4096, 16, 2**22  # rows of a part, parts at most, numbers of all their sums


def worthwhile(X: Tensor, targets: int) -> bool:
    """Whether the loop is there and fast for these rows; else BLAS is the better way."""
    d = X.shape[1] + targets + 1
    rowwise = X.stride(1) == 1 and X.stride(0) == X.shape[1]
    return X.device.type == "cpu" and BYTES > 0 and rowwise and targets <= 16 and d <= _COLUMNS


def products(X: Tensor, y: Tensor, w: Tensor | None, x_shift: Tensor, y_shift: Tensor) -> Tensor:
    """Σ w z zᵀ with z = (x − x_shift, y − y_shift, 1), (d + t + 1, d + t + 1), float64.

    Parameters
    ----------
    X : Tensor of shape (n, d)
    y : Tensor of shape (n, t)
    w : Tensor of shape (n,) or None
    x_shift, y_shift : Tensors of shape (d,) and (t,), of the dtype that products are formed in:
        X's, or float64
    """
    if not worthwhile(X, y.shape[1]):
        return reference.products(X, y, w, x_shift, y_shift)
    d = X.shape[1] + y.shape[1] + 1
    rows = max(_LEAST, min(_MOST, _BLOCK // (d * x_shift.element_size()))) // 2 * 2
    parts = max(1, min(_PARTS, _SUMS // (d * d), len(X) // _PART))
    arrays = [a.detach().contiguous().numpy() for a in (X, y, x_shift, y_shift)]
    weights = None if w is None else w.detach().contiguous().numpy()
    loop = cpu.products if parts > 1 else cpu.products.sequential
    found = loop(*arrays[:2], weights, *arrays[2:], rows, parts)[:d, :d]
    return torch.from_numpy(np.triu(found) + np.triu(found, 1).T)
