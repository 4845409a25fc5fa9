"""Leading singular values and right singular vectors of a matrix of rows, shifted by its means or
not. All but "arpack" are sums and folds over rows.

Legend: n rows, d columns, k singular values wanted, l ≥ k columns of a basis.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, svds
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.cross_moments import column_products
from dovetail.data.eigenvalues import eigenvectors
from dovetail.data.sparse import Matrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.data.triangle import triangle

__all__ = [
    "Normalizer",
    "Singular",
    "by_covariance",
    "by_lanczos",
    "by_random_basis",
    "by_triangle",
    "with_signs",
]

_ROWS = 8192  # of a block: its products are efficient, and copies of it small beside X
Normalizer = Literal["auto", "QR", "LU", "none"]


class Singular(NamedTuple):
    """Singular values (k,), in descending order, and right singular vectors (k, d); float64."""

    values: Tensor
    vectors: Tensor

    def first(self, k: int) -> Singular:
        """The k greatest."""
        return Singular(self.values[:k], self.vectors[:k])


def with_signs(vectors: Tensor) -> Tensor:
    """Vectors whose largest component is positive, so that they do not depend on the solver."""
    if not vectors.numel():
        return vectors
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * torch.where(largest < 0, -1.0, 1.0)


def by_triangle(batches: Batches, mean: Tensor | None) -> Singular:
    """All of them, from the triangle of the rows: the digits of X are kept. Cost O(n d²)."""

    def rows(b: Batch) -> Tensor:
        X = b.X.double()
        return X if mean is None else X - mean

    R = triangle(batches, rows, width=batches.n_features)
    _, s, Vh = torch.linalg.svd(R, full_matrices=False)
    return Singular(s, with_signs(Vh))


def by_covariance(batches: Batches, *, centered: bool) -> tuple[Singular, Tensor]:
    """All of them, from the eigenvalues of the Gram matrix, and the means. Singular values below
    1e-8 of the greatest (3e-4 in float32) are lost. Cost O(n d²), a third of that of a triangle.
    """
    m = column_products(batches, centered=centered)
    values, vectors = eigenvectors(m.xx)
    values = values.flip(0).clamp(min=0)
    return Singular(values.sqrt(), with_signs(vectors.flip(1).T.contiguous())), m.x


def by_random_basis(
    batches: Batches,
    mean: Tensor | None,
    k: int,
    *,
    oversamples: int,
    steps: int | Literal["auto"],
    normalizer: Normalizer,
    random: np.random.RandomState,
) -> Singular:
    """The k greatest, within the span of l = k + oversamples random vectors that the Gram matrix
    was applied to `steps` + 1 times (Halko, Martinsson & Tropp 2011,
    https://doi.org/10.1137/090771806). Cost O(n d l) a step, in one pass.

    steps : "auto" takes 7 for less than a tenth of all singular values, else 4
    normalizer : what keeps the vectors apart between steps: their QR or LU factors, or nothing;
        "auto" takes LU from three steps on
    """
    n, d = len(batches), batches.n_features
    wide = min(k + oversamples, d)
    if steps == "auto":
        steps = 7 if k < 0.1 * min(n, d) else 4
    if normalizer == "auto":
        normalizer = "none" if steps <= 2 else "LU"
    dtype = batches.dtype
    drawn = random.normal(size=(d, wide))
    basis = torch.from_numpy(drawn).to(device=batches.device)
    blocks = batches.in_blocks(_ROWS)
    for step in range(steps + 1):
        basis = blocks.sum(_GramProduct(basis.to(dtype), mean))
        last = step == steps
        basis = _normalized(basis, "QR" if last else normalizer)

    def rows(b: Batch) -> Tensor:
        return _shifted_product(b.X, basis.to(b.X.dtype), mean)

    R = triangle(batches, rows, width=basis.shape[1])
    _, s, Wh = torch.linalg.svd(R, full_matrices=False)
    return Singular(s[:k], with_signs((basis @ Wh[:k].T).T.contiguous()))


class _GramProduct:
    """(X − mean)ᵀ (X − mean) B of a block, float64."""

    def __init__(self, basis: Tensor, mean: Tensor | None) -> None:
        self.basis, self.mean = basis, mean

    def __call__(self, b: Batch) -> Tensor:
        Y = _shifted_product(b.X, self.basis, self.mean)
        out: Tensor = (b.X.T @ Y).double()
        if self.mean is not None:
            out -= torch.outer(self.mean, Y.double().sum(0))
        return out


def _shifted_product(X: Matrix, basis: Tensor, mean: Tensor | None) -> Tensor:
    """(X − mean) B, without a shifted copy of X."""
    Y: Tensor = X @ basis
    return Y if mean is None else Y - (mean @ basis.double()).to(Y.dtype)


def _normalized(basis: Tensor, how: Normalizer) -> Tensor:
    if how == "QR":
        return torch.linalg.qr(basis).Q
    if how == "LU":
        return _lower_factor(basis)
    # their direction alone counts, and lengths grow by squares of singular values
    return basis / basis.abs().max().clamp(min=torch.finfo(basis.dtype).tiny)


def _lower_factor(basis: Tensor) -> Tensor:
    """P L of basis = P L U; without the d×d matrix P."""
    factors, pivots, _ = torch.linalg.lu_factor_ex(basis)
    L = factors.tril(-1)
    L.diagonal().fill_(1.0)
    for i, j in reversed(list(enumerate((pivots - 1).tolist()))):
        if i != j:
            L[[i, j]] = L[[j, i]]
    return L


def by_lanczos(
    X: Matrix, mean: Tensor | None, k: int, *, tol: float, random: np.random.RandomState
) -> Singular:
    """The k greatest, by ARPACK's implicitly restarted Lanczos method, for X in memory.

    k : less than min(n, d); tol : relative precision, 0 for that of the machine
    """
    n, d = X.shape
    dtype = as_numpy(torch.empty(0, dtype=X.dtype)).dtype
    shift: Any = 0.0 if mean is None else mean.to(X.dtype)
    turned = X.T

    def product(v: Any) -> Any:
        out = X @ _column(v, X)
        return as_numpy(out if mean is None else out - shift @ _column(v, X))

    def turned_product(v: Any) -> Any:
        u = _column(v, X)
        out = turned @ u
        return as_numpy(out if mean is None else out - torch.outer(shift, u.sum(0)))

    A = LinearOperator(
        (n, d),
        matvec=product,
        rmatvec=turned_product,
        matmat=product,
        rmatmat=turned_product,
        dtype=dtype,
    )
    start = random.uniform(-1, 1, size=min(n, d)).astype(dtype)
    _, s, Vh = svds(A, k=k, tol=tol, v0=start)
    order = np.argsort(-s, kind="stable")
    values, vectors = (as_tensor(np.ascontiguousarray(a[order])).double() for a in (s, Vh))
    return Singular(values.to(X.device), with_signs(vectors.to(X.device)))


def _column(v: Any, X: Matrix) -> Tensor:
    array = np.ascontiguousarray(v).reshape(len(v), -1)
    return as_tensor(array, X.device).to(X.dtype)
