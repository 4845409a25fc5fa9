"""The objective of a linear model: a mean loss over rows and a penalty on the coefficients.

    f(θ) = Σ_i w_i l(y_i, x_i·c + b) / Σ_i w_i + ½ l2 ‖c‖² + ½ l2_intercept ‖b‖²

Legend: n rows, d features, k scores a row (1, or the number of classes); θ (k, d + 1) holds the
coefficients c (k, d) and, where there is an intercept, b (k,) as its last column. θ is float64;
products with X run in X's dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.kernels import moments
from dovetail.objective.losses import Loss, MultinomialLogLoss

__all__ = ["LinearObjective", "Nearby", "scores"]

_Sums = tuple[Tensor, Tensor, Tensor]  # losses, their gradient, weight


def scores(X: Matrix, coef: Tensor, intercept: Tensor | None) -> Tensor:
    """X · coefᵀ + intercept, shape (n, k)."""
    if coef.layout == torch.sparse_csr and isinstance(X, Tensor):
        F = (coef.to(X.dtype) @ X.T).T
    else:
        F = X @ coef.to_dense().T.to(X.dtype)
    return F if intercept is None else F + intercept.to(F.dtype)


@dataclass(frozen=True)
class LinearObjective:
    """f(θ) over all rows, as sums over batches.

    loss : the loss of one row
    batches : the rows; y is float for one score a row, class codes for several
    l2 : weight of the penalty
    intercept : whether θ's last column is an intercept
    l2_intercept : weight of its own penalty
    """

    loss: Loss
    batches: Batches
    l2: float
    intercept: bool
    l2_intercept: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """(k, d + intercept)."""
        k = self.loss.n_classes if isinstance(self.loss, MultinomialLogLoss) else 1
        return k, self.batches.n_features + self.intercept

    def zeros(self) -> Tensor:
        """θ to start from."""
        return torch.zeros(self.shape, dtype=torch.float64, device=self.batches.device)

    def total_weight(self) -> float:
        """Σ w, or n."""
        return float(self.batches.sum(lambda b: len(b) if b.w is None else b.w.double().sum()))

    def split(self, theta: Tensor) -> tuple[Tensor, Tensor | None]:
        """θ as coefficients (k, d) and intercept (k,) or None."""
        return (theta[:, :-1], theta[:, -1]) if self.intercept else (theta, None)

    def _scores(self, block: Batch, theta: Tensor) -> Tensor:
        F = scores(block.X, *self.split(theta))
        return F if isinstance(self.loss, MultinomialLogLoss) else F[:, 0]

    def value_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """f and its gradient, of θ's shape. Cost O(n d k), one pass."""

        def block(b: Batch) -> tuple[Tensor, Tensor, Tensor]:
            value, g = self.loss.value_gradient(b.y, self._scores(b, theta))  # type: ignore[arg-type]
            total = value.new_tensor(len(b), dtype=torch.float64)
            if b.w is not None:
                total = b.w.double().sum()
                value, g = value * b.w, g * (b.w if g.ndim == 1 else b.w[:, None])
            return value.double().sum(), self._pull_back(b.X, g), total

        value, gradient, total = self.batches.sum(block)
        return float(value / total) + self._penalty(theta), self._regularized(
            gradient, theta, total
        )

    def value(self, theta: Tensor) -> float:
        """f alone, for line searches."""

        def block(b: Batch) -> tuple[Tensor, Tensor]:
            value = self.loss.value(b.y, self._scores(b, theta))  # type: ignore[arg-type]
            if b.w is None:
                return value.double().sum(), value.new_tensor(len(b), dtype=torch.float64)
            return (value * b.w).double().sum(), b.w.double().sum()

        value, total = self.batches.sum(block)
        return float(value / total) + self._penalty(theta)

    def _penalty(self, theta: Tensor) -> float:
        coef, b = self.split(theta)
        value = 0.5 * self.l2 * float(coef.square().sum())
        if b is not None and self.l2_intercept:
            value += 0.5 * self.l2_intercept * float(b.square().sum())
        return value

    def _pull_back(self, X: Matrix, g: Tensor) -> Tensor:
        """Gradient in θ from gradients in the scores: Xᵀ g, and their sum for the intercept."""
        g = g[:, None] if g.ndim == 1 else g
        coef = (X.T @ g).T.double()
        return torch.cat([coef, g.double().sum(0)[:, None]], 1) if self.intercept else coef

    def _look(self, b: Batch, theta: Tensor) -> tuple[_Sums, Curvature]:
        """The part of a block in value and gradient, and its curvature."""
        F = self._scores(b, theta)
        value = self.loss.value(b.y, F)  # type: ignore[arg-type]
        g, h = self.loss.gradient_curvature(b.y, F)  # type: ignore[arg-type]
        total = value.new_tensor(len(b), dtype=torch.float64)
        if b.w is not None:
            w = b.w if g.ndim == 1 else b.w[:, None]
            value, g, h, total = value * b.w, g * w, h * w, b.w.double().sum()
        sums = value.double().sum(), self._pull_back(b.X, g), total
        if F.ndim == 2:
            return sums, Curvature(b, h, F.softmax(1))
        curved = h != 0  # of losses that are flat for some rows: those add nothing
        if int(curved.sum()) < 0.7 * len(h):
            b, h = b.take(curved), h[curved]
        return sums, Curvature(b, h, None)

    def _regularized(self, gradient: Tensor, theta: Tensor, total: Any) -> Tensor:
        gradient = gradient / total
        self.split(gradient)[0].add_(self.split(theta)[0], alpha=self.l2)
        if self.intercept and self.l2_intercept:
            gradient[:, -1].add_(theta[:, -1], alpha=self.l2_intercept)
        return gradient

    def near(self, theta: Tensor, *, hessian: bool = False) -> Nearby:
        """f at θ and what is known of it nearby, one pass.

        hessian : whether the Hessian will be asked for: where rows are not in memory it is formed
            in the same pass. Cost O(n d² k²) time, O(d² k²) memory.
        """
        if not self.batches.in_memory:
            return self._near_streamed(theta, hessian=hessian)
        found = [self._look(b, theta) for b in self.batches]
        value, gradient, total = (sum(parts) for parts in zip(*(s for s, _ in found), strict=True))

        def product(direction: Tensor) -> Tensor:
            out = torch.stack([self._curved(c, direction) for _, c in found]).sum(0)
            return self._regularized(out, direction, total)

        def second() -> Tensor:
            return self._second_regularized(sum(self._second(c) for _, c in found), total)

        return self._nearby(theta, (value, gradient, total), product, second)

    def _near_streamed(self, theta: Tensor, *, hessian: bool) -> Nearby:
        """The same with a pass for each product."""

        def block(b: Batch) -> tuple[Tensor, ...]:
            sums, curvature = self._look(b, theta)
            return (*sums, self._second(curvature)) if hessian else sums

        value, gradient, total, *H = self.batches.sum(block)

        def product(direction: Tensor) -> Tensor:
            out = self.batches.sum(lambda b: self._curved(self._look(b, theta)[1], direction))
            return self._regularized(out, direction, total)

        def second() -> Tensor:
            formed = (
                H[0] if H else self.batches.sum(lambda b: self._second(self._look(b, theta)[1]))
            )
            return self._second_regularized(formed, total)

        return self._nearby(theta, (value, gradient, total), product, second)

    def _nearby(self, theta: Tensor, sums: _Sums, product: Any, hessian: Any) -> Nearby:
        value, gradient, total = sums
        mean = float(value / total) + self._penalty(theta)
        return Nearby(mean, self._regularized(gradient, theta, total), product, hessian)

    def _curved(self, c: Curvature, direction: Tensor) -> Tensor:
        """The part of a block in the Hessian's product with a direction."""
        F = scores(c.block.X, *self.split(direction))
        if c.p is None:
            r = c.h[:, None] * F
        else:
            r = c.p * (F - (c.p * F).sum(1, keepdim=True))
            r = r if c.block.w is None else r * c.block.w[:, None]
        return self._pull_back(c.block.X, r)

    def _second_regularized(self, H: Any, total: Tensor) -> Tensor:
        """The Hessian (k (d + 1), k (d + 1)) of the sum over rows.

        Scores of several classes may be shifted together without effect; it is singular along these
        directions.
        """
        k, m = self.shape
        H = H / total
        d = self.batches.n_features
        diagonal = torch.arange(d, device=H.device)
        for i in range(k):
            H[i, diagonal, i, diagonal] += self.l2
            if self.intercept:
                H[i, d, i, d] += self.l2_intercept
        second: Tensor = H.reshape(k * m, k * m)
        return second

    def _second(self, c: Curvature) -> Tensor:
        """The part of a block in the Hessian, shape (k, d + 1, k, d + 1)."""
        k, m = self.shape
        X = c.block.X
        if c.p is None and isinstance(X, Tensor) and moments.worthwhile(X, 0):
            zeros = X.new_zeros(X.shape[1], dtype=torch.float64)  # a weak penalty is seen
            formed = moments.products(X, X.new_empty(len(X), 0), c.h.double(), zeros, zeros[:0])
            return formed[None, :m, None, :m]
        X = append_ones(X) if self.intercept else X
        if c.p is None:
            return weighted_gram(X, c.h).double()[None, :, None, :]
        H = torch.zeros(k, m, k, m, dtype=torch.float64, device=self.batches.device)
        for i in range(k):
            for j in range(i + 1):
                pair = -h_pair(c.p, i, j, c.block.w) if i != j else c.h[:, i]
                part = weighted_gram(X, pair).double()
                H[i, :, j, :] += part
                if i != j:
                    H[j, :, i, :] += part
        return H


class Nearby(NamedTuple):
    """f and its gradient, of θ's shape, at a point; a function that multiplies the Hessian there
    with a direction, and one that forms it, (k (d + 1), k (d + 1)).
    """

    value: float
    gradient: Tensor
    product: Callable[[Tensor], Tensor]
    hessian: Callable[[], Tensor]


class Curvature(NamedTuple):
    """What a block adds to the Hessian: its rows, the second derivatives of their losses, (n,) or
    (n, k), and for several classes their probabilities, (n, k).
    """

    block: Batch
    h: Tensor
    p: Tensor | None


def h_pair(p: Tensor, i: int, j: int, w: Tensor | None) -> Tensor:
    """p_i p_j of each row, weighted."""
    product = p[:, i] * p[:, j]
    return product if w is None else product * w


def weighted_gram(X: Matrix, h: Tensor) -> Tensor:
    """Xᵀ diag(h) X, shape (d, d), dense."""
    if isinstance(X, SparseMatrix):
        S = X.to_scipy().tocsr()
        product = S.T @ X.scale_rows(h).to_scipy().tocsr()
        return torch.from_numpy(product.toarray()).to(X.device)
    return X.T @ (X * h[:, None])


def append_ones(X: Matrix, value: float = 1.0) -> Matrix:
    """X with a last column of a constant."""
    if isinstance(X, SparseMatrix):
        return X.append_column(value)
    return torch.cat([X, X.new_full((len(X), 1), value)], 1)
