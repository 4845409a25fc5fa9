"""Passes over rows that k-means makes beside its matrix products.

Legend: k centers, b rows of a block, n rows of all, d columns. Distances are kept as bounds: that
of a row to its own center is at most `upper`, to any other at least `lower`.
"""

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["distances", "filter_rows", "move", "nearest_two", "settle"]

_CHUNK = 4096  # rows of a task


@compiled(counted=False)
def nearest_two(half: Any, S: Any, labels: Any, best: Any, second: Any) -> None:
    """The least number of each column of half[:, None] − S, its place, and the second least.

    half : (k,); S : (k, b). Row after row of S, so that the columns are lanes of vector
    instructions.
    """
    k, b = S.shape
    for i in range(b):
        best[i] = np.inf
        second[i] = np.inf
        labels[i] = 0
    for j in range(k):
        row, h = S[j], half[j]
        for i in range(b):
            s = h - row[i]
            before = best[i]
            second[i] = min(second[i], max(s, before))
            labels[i] = j if s < before else labels[i]
            best[i] = min(s, before)


@compiled(counted=False)
def settle(
    found: Any,
    best: Any,
    second: Any,
    squares: Any,
    slack: float,
    rows: Any,
    start: int,
    labels: Any,
    upper: Any,
    lower: Any,
    moved: Any,
    old: Any,
) -> int:
    """Keep the labels and bounds of a block, and list the rows whose label has changed.

    found, best, second : (b,) what `nearest_two` gave, of half the squared distances less half of
        `squares`, the squared lengths of the rows
    slack : what rounding may have changed of a squared distance
    rows : (b,) numbers of the rows; empty where they are those from `start` on
    labels, upper, lower : (n,) of all rows; moved, old : (b,) the changed rows, and their labels
        before
    Returns the number of changed rows.
    """
    count = 0
    bounded = len(lower) > 0
    for i in range(len(found)):
        r = rows[i] if len(rows) else start + i
        if bounded:
            upper[r] = np.sqrt(max(squares[i] + 2.0 * best[i], 0.0) + slack)
            lower[r] = np.sqrt(max(squares[i] + 2.0 * second[i] - slack, 0.0))
        if labels[r] != found[i]:
            moved[count] = r
            old[count] = labels[r]
            labels[r] = found[i]
            count += 1
    return count


@compiled
def move(
    X: Any,
    first: int,
    w: Any,
    moved: Any,
    old: Any,
    labels: Any,
    sums: Any,
    counts: Any,
) -> None:
    """Take rows out of the sums of their old clusters (none for −1) and into those of their new.

    X : (m, d) rows, of which the first has the number `first`; w : (m,) weights, or empty for ones
    moved : numbers of the rows; sums : (k, d), counts : (k,) float64, changed in place
    """
    d = X.shape[1]
    for i in range(len(moved)):
        r = moved[i]
        x = X[r - first]
        weight = w[r - first] if len(w) else 1.0
        into = sums[labels[r]]
        for c in range(d):
            into[c] += weight * x[c]
        counts[labels[r]] += weight
        if old[i] >= 0:
            out = sums[old[i]]
            for c in range(d):
                out[c] -= weight * x[c]
            counts[old[i]] -= weight


@compiled(parallel=True, fastmath={"reassoc", "contract"})
def filter_rows(
    X: Any,
    first: int,
    centers: Any,
    labels: Any,
    upper: Any,
    lower: Any,
    drift: Any,
    others: Any,
    apart: Any,
    exact: bool,
    active: Any,
) -> None:
    """Say which rows may have another nearest center now, by the triangle inequality (Hamerly 2010,
    https://doi.org/10.1137/1.9781611972801.12).

    centers : (k, d) as moved; drift : (k,) how far each has moved; others : (k,) how far any other
        has at most
    apart : (k,) half the distance to the nearest other center
    exact : whether to find the distance to a row's own center where its bound does not decide
    active : (m,) bool, set for the rows whose distances must be looked at
    """
    m, d = X.shape
    for chunk in numba.prange((m + _CHUNK - 1) // _CHUNK):
        for i in range(chunk * _CHUNK, min(m, (chunk + 1) * _CHUNK)):
            r = first + i
            own = labels[r]
            u = upper[r] + drift[own]
            low = lower[r] - others[own]
            lower[r] = low
            bound = max(low, apart[own])
            if exact and u >= bound:
                x, c = X[i], centers[own]
                total = 0.0
                for j in range(d):
                    off = np.float64(x[j]) - c[j]
                    total += off * off
                u = np.sqrt(total)
            upper[r] = u
            active[i] = u >= bound


@compiled(parallel=True, fastmath={"reassoc", "contract"})
def distances(X: Any, centers: Any, labels: Any, out: Any) -> None:
    """Squared distance of each row to its center, in float64.

    X : (m, d); centers : (k, d) float64; labels : (m,) integers; out : (m,)
    """
    m, d = X.shape
    for chunk in numba.prange((m + _CHUNK - 1) // _CHUNK):
        for i in range(chunk * _CHUNK, min(m, (chunk + 1) * _CHUNK)):
            x, c = X[i], centers[labels[i]]
            total = 0.0
            for j in range(d):
                off = np.float64(x[j]) - c[j]
                total += off * off
            out[i] = total
