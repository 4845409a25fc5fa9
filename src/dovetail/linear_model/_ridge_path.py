"""Ridge regression for many penalties at once: one eigendecomposition serves them all, and the
predictions for each row by all others (leave-one-out) follow from it in closed form.

Golub, Heath & Wahba 1979, https://doi.org/10.1080/00401706.1979.10489751.

Legend: n rows, d features, t targets, r directions, a penalties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.cross_moments import CrossMoments, cross_moments
from dovetail.data.eigenvalues import eigenvectors
from dovetail.errors import warn
from dovetail.linear_model._center import center
from dovetail.linear_model._ridge import weighted_rows

__all__ = ["RidgePath"]

_ROWS = 4096  # of a block
_LOST = 1e-13  # share of the greatest eigenvalue below which one is rounding


@dataclass(frozen=True)
class RidgePath:
    """Coefficients and leave-one-out predictions for any penalty.

    batches : the rows, targets of shape (n, t)
    intercept : whether there is one
    x, y : means that were subtracted (zero without an intercept), (d,) and (t,)
    V : directions in the space of features, (d, r); values : eigenvalues, (r,)
    Vy : Vᵀ Xᵀ W y, (r, t)
    U : where the rows are fewer than the features, directions in their space, (n, n), with U_values
        (n,); else None
    """

    batches: Batches
    intercept: bool
    x: Tensor
    y: Tensor
    V: Tensor
    values: Tensor
    Vy: Tensor
    U: Tensor | None = None
    U_values: Tensor | None = None

    @classmethod
    def of(
        cls, batches: Batches, intercept: bool, mode: Literal["auto", "eigen", "svd"] = "auto"
    ) -> RidgePath:
        """Decompose the smaller of the Gram matrices, or with "svd" dense X itself. Cost O(n d
        min(n, d)).
        """
        n, d, sparse = len(batches), batches.n_features, batches.sparse
        if sparse and mode == "svd":
            warn(
                "The 'svd' mode is not supported for sparse X; gcv_mode='eigen' is used instead.",
                FutureWarning,
            )
        if n > d and (sparse or mode != "svd"):
            m = cross_moments(batches, centered=intercept, exact=True)
            return cls.by_moments(batches, intercept, m)
        if n <= d and not batches.in_memory:  # less than the moments would take
            batches = Batches(batches.gathered())
        means = center(batches, intercept=intercept)
        X, y = weighted_rows(Batches(batches.whole.to(torch.float64)), means)
        if mode == "svd" and not sparse:
            U, s, Vh = torch.linalg.svd(X, full_matrices=n <= d)
            keep = s > torch.finfo(s.dtype).eps * max(n, d) * s.max()
            values, V = s[keep].square(), Vh[: len(s)][keep].T
            U, U_values = U[:, :n], s.new_zeros(n)
            U_values[: len(values)] = values
        else:
            K = X @ X.T
            if intercept:  # the direction in which centered rows vanish, away from rounding
                K += K.trace() / n * torch.outer(*[_weights(batches) ** 0.5] * 2)
            U_values, U = torch.linalg.eigh(K)
            U_values = U_values.clamp(min=0)
            keep = U_values > _LOST * U_values.max()
            values = U_values[keep]
            V = X.T @ U[:, keep] / values.sqrt()
        wide = (U, U_values) if n <= d else (None, None)
        return cls(batches, intercept, means.x, means.y, V, values, V.T @ (X.T @ y), *wide)

    @classmethod
    def by_moments(cls, batches: Batches, intercept: bool, m: CrossMoments) -> RidgePath:
        """The decomposition of moments of the rows. Cost O(d³)."""
        values, V = eigenvectors(m.xx)
        return cls(batches, intercept, m.x, m.y, V, values.clamp(min=0), V.T @ m.xy)

    def coef(self, alpha: float) -> tuple[Tensor, Tensor]:
        """Coefficients (t, d) and intercepts (t,) for a penalty."""
        shrink = 1 / (self.values + alpha)
        if alpha == 0:  # of least norm, where there are many
            shrink = torch.where(self.values > _LOST * self.values.max(), shrink, 0.0)
        coef = (self.V @ (self.Vy * shrink[:, None])).T
        return coef, self.y - coef @ self.x

    def left_out(self, alphas: Tensor) -> Tensor:
        """What each row's targets miss of the prediction by all other rows, times √w: (n, t, a)."""
        if self.U is not None:
            return self._left_out_wide(alphas)
        return self.batches.in_blocks(_ROWS).column(self._left_out_block(alphas))

    def left_out_squares(self, alphas: Tensor) -> Tensor:
        """The sum of its squares over the rows, (t, a)."""
        if self.U is not None:
            return self._left_out_wide(alphas).square().sum(0)
        missed = self._left_out_block(alphas)
        return self.batches.in_blocks(_ROWS).sum(lambda b: missed(b).square().sum(0))

    def _left_out_block(self, alphas: Tensor) -> Callable[[Batch], Tensor]:
        shrink = 1 / (self.values[:, None] + alphas)  # (r, a)
        fit = (self.Vy[:, :, None] * shrink[:, None]).flatten(1)  # (r, t a)
        total = self.batches.sum(lambda b: float(len(b)) if b.w is None else b.w.double().sum())
        share = 1 / float(total) if self.intercept else 0.0

        def missed(b: Batch) -> Tensor:
            assert b.y is not None
            Z = (b.X @ self.V.to(b.X.dtype)).double() - self.x @ self.V
            y = b.y.double() - self.y
            own = torch.full((len(b), 1), share, dtype=torch.float64, device=Z.device)
            if b.w is not None:
                root = b.w.double().sqrt()[:, None]
                Z, y, own = Z * root, y * root, own * root.square()
            residual = y[:, :, None] - (Z @ fit).view(len(b), y.shape[1], -1)
            return residual / (1 - Z.square() @ shrink - own)[:, None]

        return missed

    def _left_out_wide(self, alphas: Tensor) -> Tensor:
        assert self.U is not None
        assert self.U_values is not None
        means = center(self.batches, intercept=self.intercept)
        y = self.batches.y.double() - means.y
        if self.batches.w is not None:
            y = y * self.batches.w.double().sqrt()[:, None]
        keep = alphas / (self.U_values[:, None] + alphas)  # (n, a)
        Uy = self.U.T @ y
        residual = self.U @ (Uy[:, :, None] * keep[:, None]).flatten(1)
        free = self.U.square() @ keep
        if self.intercept:  # the direction of the mean is not free
            share = _weights(self.batches)
            along = (self.U.T @ share.sqrt()).square() @ keep
            free = free - share[:, None] * along
        return residual.view(len(y), y.shape[1], -1) / free[:, None]


def _weights(batches: Batches) -> Tensor:
    """The share of each row in the weight of all, float64 of shape (n,)."""
    n, w = len(batches), batches.w
    if w is None:
        return torch.full((n,), 1 / n, dtype=torch.float64, device=batches.device)
    return w.double() / w.double().sum()
