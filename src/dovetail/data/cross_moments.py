"""First and second moments of columns and targets, which add up over blocks of rows: all that least
squares, whatever its penalty, needs to know of the data.

Legend: n rows, d columns, t targets.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import moments

__all__ = ["CrossMoments", "column_products", "cross_moments", "gram_of", "merge_cross_moments"]

_ROWS = 8192  # of a block: its shifted copy stays small beside X, and its products are efficient
_PANELS, _PANEL = 4, 32  # panels that a Gram matrix is formed in, columns of a narrow one
_PIECE, _SAMPLE = 1024, 256  # rows
_SMALL = 512  # columns whose products are no work for threads
_LARGE = {torch.float64: 1e6, torch.float32: 16.0}  # square of a mean, in variances


class CrossMoments(NamedTuple):
    """Float64 moments of weighted rows about their means, or about zero where means are not wanted.

    weight : scalar; x : means of X, (d,); y : means of the targets, (t,)
    xx : Σ w (x − x̄)(x − x̄)ᵀ, (d, d); xy : (d, t); yy : Σ w (y − ȳ)², (t,)
    """

    weight: Tensor
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor

    def intercept(self, coef: Tensor) -> Tensor:
        """The intercept, (t,), that belongs to coefficients (t, d)."""
        return self.y - coef @ self.x

    def squares(self, coef: Tensor, intercept: Tensor) -> Tensor:
        """Σ w (y − coef · x − intercept)² of each target, (t,), for any coefficients (t, d)."""
        within = self.yy - 2 * (coef * self.xy.T).sum(1) + ((coef @ self.xx) * coef).sum(1)
        off = self.y - coef @ self.x - intercept
        return within + self.weight * off.square()


def merge_cross_moments(a: CrossMoments, b: CrossMoments) -> CrossMoments:
    """Moments of two sets of rows together, by the pairwise formula of Chan, Golub & LeVeque
    (1983, https://doi.org/10.1080/00031305.1983.10483115).
    """
    weight = a.weight + b.weight
    share = torch.where(weight > 0, b.weight / weight, 0.0)
    x, y, between = b.x - a.x, b.y - a.y, a.weight * share
    return CrossMoments(
        weight,
        a.x + share * x,
        a.y + share * y,
        torch.addr(a.xx + b.xx, x, x * between),
        a.xy + b.xy + torch.outer(x, y * between),
        a.yy + b.yy + y.square() * between,
    )


def cross_moments(batches: Batches, *, centered: bool = True, exact: bool = False) -> CrossMoments:
    """Moments of all rows in one pass. Cost O(n d (d + t)), memory O(d²).

    centered : about the means, else about zero, as models without an intercept want them
    exact : whether products of float32 X are of float64 copies of its blocks
    """

    def block(b: Batch) -> CrossMoments:
        return _sparse(b, centered) if batches.sparse else _dense(b, centered, exact)

    rows = _ROWS if batches.sparse else None
    return replace(batches, rows_per_block=rows).fold(block, merge_cross_moments)


def column_products(
    batches: Batches, *, centered: bool = True, exact: bool = False
) -> CrossMoments:
    """The same of the columns of X alone, each row counted once."""
    return cross_moments(batches.mapped(_alone), centered=centered, exact=exact)


def _alone(b: Batch) -> Batch:
    X = b.X
    return Batch(X, torch.empty(len(b), 0, dtype=X.dtype, device=X.device), None, b.start)


def gram_of(X: Tensor, Xw: Tensor) -> Tensor:
    """Xᵀ Xw, which is symmetric: panels of columns, without what lies below the diagonal."""
    d = X.shape[1]
    width = max(_PANEL, -(-d // _PANELS))
    if d <= width:
        return X.T @ Xw
    G = X.new_empty(d, d)
    for at in range(0, d, width):
        panel = slice(at, min(at + width, d))
        G[panel, at:] = X[:, panel].T @ Xw[:, at:]
        G[panel.stop :, panel] = G[panel, panel.stop :].T
    return G


def _dense(b: Batch, centered: bool, exact: bool) -> CrossMoments:
    """By a loop in one pass; where that is not the better way, by BLAS, block by block."""
    assert b.y is not None
    y = b.y if b.y.ndim == 2 else b.y[:, None]
    b = replace(b, y=y)
    if moments.worthwhile(b.X, y.shape[1]):
        return _by_loop(b, centered, exact)

    def block(part: Batch) -> CrossMoments:
        return _by_products(part.to(torch.float64) if exact else part, centered)

    return reduce(merge_cross_moments, map(block, b.split(_ROWS)))


def _by_loop(b: Batch, centered: bool, exact: bool) -> CrossMoments:
    """Moments about points near the means: those of some rows."""
    assert b.y is not None
    dtype = torch.float64 if exact else b.X.dtype
    x_from, y_from = ((_near(A) if centered else _origin(A)).to(dtype) for A in (b.X, b.y))
    d, total = b.X.shape[1], moments.products(b.X, b.y, b.w, x_from, y_from)
    xx, both, sums = total[:d, :d], total[d:-1], total[-1]
    found = CrossMoments(
        sums[-1], x_from.double(), y_from.double(), xx, both[:, :d].T, both[:, d:-1].diagonal()
    )
    return _settled(found, sums[:d], sums[d:-1]) if centered else found


def _by_products(b: Batch, centered: bool) -> CrossMoments:
    X, y = b.X, b.y
    assert y is not None
    x_from, y_from = _origin(X), _origin(y)
    if centered:
        y_from = _mean(y, b.w).to(y.dtype)
        y = y - y_from
        if _shift_matters(X):
            x_from = _mean(X, b.w).to(X.dtype)
            X = X - x_from
    w = None if b.w is None else b.w[:, None]
    Xw, yw = (X, y) if w is None else (X * w, y * w)
    found = CrossMoments(
        _weight(b),
        x_from.double(),
        y_from.double(),
        gram_of(X, Xw).double(),
        (Xw.T @ y).double(),
        (yw * y).double().sum(0),
    )
    return _settled(found, _sums(Xw), _sums(yw)) if centered else found


def _origin(X: Tensor) -> Tensor:
    return X.new_zeros(X.shape[1])


def _mean(X: Tensor, w: Tensor | None) -> Tensor:
    """The weighted mean of each column, zero where nothing weighs; float64."""
    if w is None:
        return _sums(X) / len(X)
    total = w.double().sum()
    return torch.where(total > 0, (X.T @ w.to(X.dtype)).double() / total, 0.0)


def _weight(b: Batch) -> Tensor:
    if b.w is not None:
        return b.w.double().sum()
    return torch.tensor(float(len(b)), dtype=torch.float64, device=b.X.device)


def _shift_matters(X: Tensor) -> bool:
    """Whether means are so large beside deviations, in some rows, that products should be of
    shifted X: else the means' part is subtracted from them, which saves a copy.
    """
    some = _some(X)
    mean = some.mean(0)
    return bool((mean.square() > _LARGE[X.dtype] * some.var(0, correction=0)).any())


def _near(X: Tensor) -> Tensor:
    """A point near the means, zero where there are no rows."""
    some = _some(X)
    if X.device.type == "cpu" and len(some):  # numpy, because torch wakes its threads for so little
        return as_tensor(as_numpy(some).mean(0, dtype=np.float64)).nan_to_num(0.0, 0.0, 0.0)
    return some.double().mean(0).nan_to_num(0.0, 0.0, 0.0)


def _some(X: Tensor) -> Tensor:
    """Rows from all over X."""
    return X[:: max(1, len(X) // _SAMPLE)]


def _sums(X: Tensor) -> Tensor:
    """Float64 sums of columns, in pieces: in float64 throughout, float32 would take six times as
    long.
    """
    return torch.stack([part.sum(0) for part in torch.split(X, _PIECE)]).double().sum(0)


def _settled(m: CrossMoments, x_sum: Tensor, y_sum: Tensor) -> CrossMoments:
    """Moments about the means, of those about other points: x_sum and y_sum are Σ w (x − m.x) and
    Σ w (y − m.y).
    """
    x, y = (torch.where(m.weight > 0, total / m.weight, 0.0) for total in (x_sum, y_sum))
    return CrossMoments(
        m.weight,
        m.x + x,
        m.y + y,
        _less_product(m.xx, x_sum, x),
        m.xy - torch.outer(x_sum, y),
        m.yy - y_sum * y,
    )


def _less_product(A: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """A − a bᵀ."""
    if A.device.type == "cpu" and len(A) <= _SMALL:
        return as_tensor(as_numpy(A) - np.outer(as_numpy(a), as_numpy(b)))
    return A - torch.outer(a, b)


def _sparse(b: Batch, centered: bool) -> CrossMoments:
    """The same without filling in zeros: the part of X's means is subtracted afterwards."""
    assert b.y is not None
    y = b.y.double() if b.y.ndim == 2 else b.y.double()[:, None]
    y_from = _mean(y, b.w) if centered else _origin(y)
    y = y - y_from
    X = b.X.to(dtype=torch.float64)
    Xw, yw = X, y
    if b.w is not None:
        Xw, yw = X.scale_rows(b.w.double()), y * b.w.double()[:, None]
    xx = torch.from_numpy((X.to_scipy().T @ Xw.to_scipy()).toarray()).to(y.device)
    x_from = y.new_zeros(X.shape[1])
    found = CrossMoments(_weight(b), x_from, y_from, xx, X.T @ yw, (yw * y).sum(0))
    return _settled(found, Xw.column_sums(), yw.sum(0)) if centered else found
