"""What the lasso, the elastic net and their relatives share: from batches to coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn import config_context
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.data.batches import Batches
from dovetail.data.cross_moments import CrossMoments, cross_moments
from dovetail.data.tensors import as_tensor
from dovetail.errors import warn
from dovetail.linear_model._roles import SparseCoefficients, with_matrix
from dovetail.linear_scores import Linear
from dovetail.solve.elastic_net import ByMoments, ByRows, ElasticNetDescent, Floats, Products
from dovetail.solve.loop import solve
from dovetail.solve.solution import Solution

__all__ = [
    "CoordinateDescent",
    "alpha_grid",
    "by_moments",
    "centers",
    "descend",
    "numpy_dtype",
    "program_of",
    "seed_of",
    "total_weight",
    "worst",
]

# Features up to which the whole Gram matrix is cheaper than a few passes over the rows: for one
# penalty, and for a path of them.
_NARROW, _NARROW_PATH = 256, 1024
_PRECISE = 1e-10  # tolerance below which the rows themselves are asked


def by_moments(batches: Batches, precompute: Any, tol: float, *, path: bool) -> bool:
    """Whether to form the whole Gram matrix, which has lost half of the digits of X."""
    if precompute is True:
        return True
    if not batches.in_memory:
        return True  # a pass over the rows costs more than the matrix
    narrow = batches.n_features <= min(len(batches), _NARROW_PATH if path else _NARROW)
    return narrow and tol >= _PRECISE


def products_of(batches: Batches, intercept: bool, precompute: Any, tol: float) -> Products:
    """What the solver needs of the rows, by the cheaper of two ways.

    precompute : True for the Gram matrix, or the matrix itself; else the sizes decide
    """
    given = None if isinstance(precompute, bool | str) else np.asarray(precompute, np.float64)
    if given is not None:
        rows = ByRows.centered(batches, intercept)
        if intercept and not np.allclose(rows.x.numpy(force=True), 0):
            warn(
                "Gram matrix was provided but X was centered to fit intercept: recomputing Gram "
                "matrix."
            )
        else:
            return ByMoments(_with_gram(rows, given))
    if by_moments(batches, precompute, tol, path=False) or given is not None:
        return ByMoments(cross_moments(batches, centered=intercept))
    return ByRows.centered(batches, intercept)


def _with_gram(rows: ByRows, G: Floats) -> CrossMoments:
    """Moments with a Gram matrix given by the user, one element of which is checked."""
    d = len(rows.own)
    if G.shape != (d, d):
        raise ValueError(
            f"precompute must be the Gram matrix of X, of shape {(d, d)}. Got shape {G.shape}."
        )
    i, j = d // 2, d - 1
    some = np.unique([i, j])
    found = rows.gram(some)[0, -1]
    weight = total_weight(rows.batches)
    G = G * (weight / len(rows.batches))  # given for weights that sum to n
    tol = 1e-7 if rows.batches.dtype == torch.float64 else 1e-4
    if not np.isclose(G[i, j], found, rtol=tol, atol=tol * np.sqrt(rows.own[i] * rows.own[j])):
        raise ValueError(
            "Gram matrix passed in via 'precompute' parameter did not pass validation when a "
            "single element was checked - please check that it was computed properly. For element "
            f"({i},{j}) we computed {found} but the user-supplied value was {G[i, j]}."
        )
    return CrossMoments(
        torch.tensor(weight, dtype=torch.float64),
        rows.x,
        rows.y,
        as_tensor(G),
        as_tensor(rows.q.T.copy()),
        as_tensor(rows.yy),
    )


def descend(
    products: Products,
    penalty: tuple[float, float],
    start: Floats,
    model: Any,
    seed: int,
    *,
    on_path: bool = False,
) -> Solution[Any]:
    """Solve for one penalty (l1, l2), with the estimator's knobs."""
    solver = ElasticNetDescent(
        products,
        *penalty,
        start,
        model.tol,
        model.max_iter,
        getattr(model, "positive", False),
        seed,
        on_path,
    )
    # a question to other processes takes longer than most of these fits
    return solve(solver, max_iter=model.max_iter, alone=isinstance(products, ByMoments))


def total_weight(batches: Batches) -> float:
    """Σ w, or n."""
    return float(batches.sum(lambda b: len(b) if b.w is None else b.w.double().sum()))


def seed_of(model: Any) -> int:
    """The seed of the order of features; negative for their own."""
    if model.selection == "cyclic":
        return -1
    return int(check_random_state(model.random_state).randint(2**31 - 1))


def program_of(
    coef: Floats, x: Tensor, y: Tensor, batches: Batches, *, intercept: bool, flat: bool
) -> Linear:
    """The Program of coefficients (t, d) that were found for rows less the means x and y."""
    c = as_tensor(coef).to(batches.device)
    b = y - c @ x if intercept else y.new_zeros(len(c))
    if not bool(torch.isfinite(c).all() and torch.isfinite(b).all()):
        raise ValueError(
            "Coordinate descent iterations resulted in non-finite parameter values. The input "
            "data may contain large values and need to be preprocessed."
        )
    return Linear(c.to(batches.dtype), b.to(batches.dtype), "identity", flat)


def alpha_grid(
    q: Floats, weight: float, l1_ratio: float, *, eps: float, n: int, positive: bool
) -> npt.NDArray[np.float64]:
    """Penalties from the least that makes all coefficients zero down to eps times that.

    q : Xᵀ W y, (t, d)
    """
    if l1_ratio == 0:
        raise ValueError(
            "Automatic alpha grid generation is not supported for l1_ratio=0. Please supply a "
            "grid by providing your estimator with the appropriate `alphas=` argument."
        )
    pull = max(0.0, q.max()) if positive else float(np.sqrt(np.square(q).sum(0).max()))
    greatest = pull / (weight * l1_ratio)
    least = float(np.finfo(np.float64).resolution)
    if greatest <= least:
        return np.full(n, least)
    return np.geomspace(greatest, greatest * eps, num=n)


class CoordinateDescent(SparseCoefficients):
    """A fit for one penalty, of targets one by one or jointly. Estimators declare `alpha`,
    `l1_ratio`, `fit_intercept`, `copy_X`, `max_iter`, `tol`, `warm_start`, `random_state` and
    `selection`, and may `precompute` and `positive`.
    """

    _joint = False  # whether targets choose their features together
    _n_targets_in: int

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, check_input: bool = True
    ) -> Self:
        """Find the coefficients.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), float or None
            Weight of each row's square; an integer weight equals that many copies of the row.
        check_input : bool, default=True
            False trusts arrays to be finite, without a look at each number.

        Returns
        -------
        self
        """
        me: Any = self
        with nullcontext() if check_input else config_context(assume_finite=True):
            return me._learn(X, y, sample_weight)

    def _fit(self, batches: Batches) -> Linear:
        me: Any = self
        if me.alpha == 0:
            warn(
                "With alpha=0, this algorithm does not converge well. You are advised to use the "
                "LinearRegression estimator",
            )
        self._flat_target = batches.n_targets == 0
        flat = not self._joint and (self._flat_target or batches.n_targets == 1)
        batches = with_matrix(batches)
        weight = total_weight(batches)
        precompute = getattr(self, "precompute", False)
        products: Any = products_of(batches, me.fit_intercept, precompute, me.tol)
        l1, l2 = (weight * me.alpha * share for share in (me.l1_ratio, 1 - me.l1_ratio))
        start, seed = self._start(products.q.shape), seed_of(self)
        parts = [products] if self._joint else _targets(products)
        begins = [start] if self._joint else list(start[:, None])
        solutions = [
            descend(part, (l1, l2), begin.copy(), self, seed)
            for part, begin in zip(parts, begins, strict=True)
        ]
        me._report(worst(solutions))
        gaps = np.array([s.value.gap for s in solutions], dtype=numpy_dtype(batches)) / weight
        sweeps = [s.value.sweeps for s in solutions]
        one = len(sweeps) == 1
        me.dual_gap_, me.n_iter_ = (gaps[0], sweeps[0]) if one else (gaps, sweeps)
        coef = np.concatenate([s.value.coef for s in solutions])
        x, y = centers(products)
        return program_of(coef, x, y, batches, intercept=me.fit_intercept, flat=flat)

    def _start(self, shape: tuple[int, int]) -> Floats:
        """Zero, or the coefficients of the last fit with warm_start."""
        before = self.__dict__.get("_program")
        me: Any = self
        if not me.warm_start or before is None or tuple(before.coef.shape) != shape:
            return np.zeros(shape)
        return before.coef.double().numpy(force=True).copy()


def _targets(products: Any) -> Iterator[Products]:
    if len(products.q) == 1:
        return iter([products])
    return (products.of(c) for c in range(len(products.q)))


def centers(products: Any) -> tuple[Tensor, Tensor]:
    """What was subtracted from X, (d,), and from the targets, (t,)."""
    held = products.moments if isinstance(products, ByMoments) else products
    return held.x, held.y


def worst(solutions: list[Solution[Any]]) -> Solution[Any]:
    """The one to report: of those that did not converge that with the greatest gap."""
    return max(solutions, key=lambda s: s.value.gap if s.advice else -1.0)


def numpy_dtype(batches: Batches) -> Any:
    """The dtype of the rows, as numpy has it."""
    return np.float32 if batches.dtype == torch.float32 else np.float64
