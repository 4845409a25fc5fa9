"""Ridge regression by the solvers that scikit-learn names, for estimators that declare `alpha`,
`fit_intercept`, `max_iter`, `tol`, `solver`, `positive` and `random_state`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.cross_moments import CrossMoments, cross_moments
from dovetail.data.sparse import SparseMatrix
from dovetail.errors import warn
from dovetail.linear_model._center import Centered, center
from dovetail.objective.linear import LinearObjective
from dovetail.objective.losses import SquaredError
from dovetail.solve.loop import solve
from dovetail.solve.lsqr import LSQR, CenteredMap
from dovetail.solve.newton import conjugate_gradients
from dovetail.solve.nnls import nonnegative_least_squares
from dovetail.solve.saga import StochasticAverageGradient

__all__ = ["ridge_solution", "weighted_rows"]

_SPARSE_WITH_INTERCEPT = ("auto", "sparse_cg", "lsqr", "sag", "lbfgs")


def ridge_solution(model: Any, batches: Batches) -> tuple[Tensor, Tensor]:
    """Coefficients (t, d) and intercepts (t,) for targets of shape (n, t); sets the estimator's
    `solver_` and `n_iter_`.
    """
    model.solver_ = _resolved(model, batches)
    model.n_iter_ = None
    alpha = _alphas(model.alpha, batches.n_targets)
    return _SOLVERS[model.solver_](model, batches, alpha)


def _resolved(model: Any, batches: Batches) -> str:
    """The solver that "auto" means here; refuses combinations that no solver covers."""
    sparse = batches.sparse
    if model.solver == "lbfgs" and not model.positive:
        raise ValueError(
            "'lbfgs' solver can be used only when positive=True. Please use another solver."
        )
    if model.positive and model.solver not in ("auto", "lbfgs"):
        raise ValueError(
            f"solver='{model.solver}' does not support positive fitting. "
            "Please set the solver to 'auto' or 'lbfgs', or set `positive=False`"
        )
    if sparse and model.fit_intercept and model.solver not in _SPARSE_WITH_INTERCEPT:
        raise ValueError(
            f"solver='{model.solver}' does not support fitting the intercept on sparse data. "
            "Please set the solver "
            "to 'auto' or 'lsqr', 'sparse_cg', 'sag', 'lbfgs' or set `fit_intercept=False`"
        )
    if model.solver != "auto":
        return str(model.solver)
    if model.positive:
        return "lbfgs"
    return "sparse_cg" if sparse and batches.in_memory else "cholesky"


def _alphas(given: Any, n_targets: int) -> Tensor:
    """The penalty of each target."""
    alpha = np.atleast_1d(np.asarray(given, dtype=np.float64)).ravel()
    if alpha.size not in (1, n_targets):
        raise ValueError(
            f"Number of targets and number of penalties do not correspond: {alpha.size} != "
            f"{n_targets}"
        )
    if (alpha < 0).any():
        raise ValueError(f"alpha must not be negative. Got {alpha.min()}.")
    return torch.from_numpy(np.broadcast_to(alpha, n_targets).copy())


def weighted_rows(batches: Batches, means: Centered) -> tuple[Any, Tensor]:
    """√w (X − x̄) and √w (y − ȳ), dense, in X's dtype."""
    X: Any = batches.X.to_dense() if isinstance(batches.X, SparseMatrix) else batches.X
    X = X - means.x.to(X.dtype)
    y = batches.y - means.y.to(X.dtype)
    if batches.w is None:
        return X, y
    root = batches.w.sqrt()[:, None]
    return X * root, y * root


def _cholesky(model: Any, batches: Batches, alpha: Tensor) -> tuple[Tensor, Tensor]:
    n, d = len(batches), batches.n_features
    means: CrossMoments | Centered
    if d <= n or not batches.in_memory:
        means = cross_moments(batches, centered=model.fit_intercept)
        coef = _solve_each(means.xx, means.xy, alpha)
    else:  # the n×n system is the smaller one: c = Xᵀ (X Xᵀ + alpha)⁻¹ y
        means = center(batches, intercept=model.fit_intercept)
        X, y = weighted_rows(batches, means)
        dual = _solve_each((X @ X.T).double(), y.double(), alpha)
        coef = None if dual is None else dual @ X.double()
    if coef is None and not batches.in_memory:
        raise ValueError(
            "The columns are collinear beside this penalty, and factors of X itself need all rows "
            "in memory. Increase alpha, or drop columns."
        )
    if coef is None:
        model.solver_ = "svd"
        return _svd(model, batches, alpha)
    return coef, means.intercept(coef)


def _solve_each(G: Tensor, b: Tensor, alpha: Tensor) -> Tensor | None:
    """(G + alpha_t)⁻¹ b_t for each target t, shape (t, d), one factorization a distinct alpha; None
    where one is singular.
    """
    out = torch.empty_like(b.T)
    for value in sorted(set(alpha.tolist())):
        A = G.clone()
        A.diagonal().add_(value)
        factor, info = torch.linalg.cholesky_ex(A)
        pivots = factor.diagonal()
        if int(info) or float(pivots.min()) < 1e-7 * float(pivots.max()):
            return None
        these = (alpha == value).to(b.device)
        out[these] = torch.cholesky_solve(b[:, these], factor).T
    return out


def _svd(model: Any, batches: Batches, alpha: Tensor) -> tuple[Tensor, Tensor]:
    means = center(batches, intercept=model.fit_intercept)
    X, y = weighted_rows(batches, means)
    U, s, Vh = torch.linalg.svd(X, full_matrices=False)
    s = s.double()
    cut = (
        s > 1e-15
        if bool((alpha > 0).all())
        else s > torch.finfo(X.dtype).eps * max(X.shape) * s.max()
    )
    shrink = torch.where(cut[:, None], s[:, None] / (s[:, None].square() + alpha.to(s.device)), 0.0)
    coef = (Vh.T.double() @ (shrink * (U.T @ y).double())).T
    return coef, means.intercept(coef)


def _products(model: Any, batches: Batches, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """LSQR, or conjugate gradients on the normal equations."""
    means = center(batches, intercept=model.fit_intercept)
    root = None if batches.w is None else batches.w.double().sqrt()
    A = CenteredMap(batches.X, means.x if model.fit_intercept else None, root)
    limit = model.max_iter or 10 * max(A.X.shape)
    coefs, steps = [], []
    for target, mean, a in zip(batches.y.double().T, means.y, alpha.tolist(), strict=True):
        b = (target - mean) if root is None else (target - mean) * root
        if model.solver_ == "lsqr":
            solution = solve(LSQR(A, b, a**0.5, model.tol), max_iter=limit)
            coefs.append(solution.value)
            steps.append(solution.n_iter)
        else:
            coefs.append(_normal_equations(A, b, a, model.tol, limit))
    if steps:
        model.n_iter_ = np.array(steps)
    coef = torch.stack(coefs)
    return coef, means.intercept(coef)


def _normal_equations(A: CenteredMap, b: Tensor, alpha: float, tol: float, limit: int) -> Tensor:
    product: Callable[[Tensor], Tensor] = lambda v: A.rmv(A.mv(v)) + alpha * v  # noqa: E731
    rhs = A.rmv(b)
    return conjugate_gradients(product, rhs, tol=tol * float(rhs.abs().sum()), max_iter=limit)


def _stochastic(model: Any, batches: Batches, alpha: Tensor) -> tuple[Tensor, Tensor]:
    sparse = isinstance(batches.X, SparseMatrix)
    means = center(batches, intercept=model.fit_intercept)
    X: Any = batches.X
    if not sparse:
        X = X - means.x.to(X.dtype)
    elif model.fit_intercept and model.max_iter is None and model.tol > 1e-4:
        warn(
            '"sag" solver requires many iterations to fit an intercept with sparse inputs. '
            'Set the solver to "auto" or "sparse_cg", or set a low "tol" and a high "max_iter".',
        )
    total = len(batches) if batches.w is None else float(batches.w.double().sum())
    random = check_random_state(model.random_state)
    variant: Any = model.solver_
    coefs, offsets, steps = [], [], []
    for target, mean, a in zip(batches.y.T, means.y, alpha.tolist(), strict=True):
        part = Batches(Batch(X, target - mean.to(target.dtype), batches.w))
        objective = LinearObjective(SquaredError(), part, a / total, sparse and model.fit_intercept)
        solution = solve(
            StochasticAverageGradient(objective, objective.zeros(), model.tol, random, variant),
            max_iter=model.max_iter or 1000,
        )
        model._report(solution)
        coef, offset = objective.split(solution.value)
        coefs.append(coef[0])
        offsets.append(mean + offset[0] if offset is not None else mean - coef[0] @ means.x)
        steps.append(solution.n_iter)
    model.n_iter_ = np.array(steps)
    return torch.stack(coefs), torch.stack(offsets)


def _positive(model: Any, batches: Batches, alpha: Tensor) -> tuple[Tensor, Tensor]:
    m = cross_moments(batches, centered=model.fit_intercept)
    eye = torch.eye(len(m.xx), dtype=m.xx.dtype, device=m.xx.device)
    coef = torch.stack(
        [
            nonnegative_least_squares(m.xx + a * eye, column)
            for column, a in zip(m.xy.T, alpha.tolist(), strict=True)
        ]
    )
    return coef, m.intercept(coef)


_SOLVERS: dict[str, Callable[[Any, Batches, Tensor], tuple[Tensor, Tensor]]] = {
    "cholesky": _cholesky,
    "svd": _svd,
    "lsqr": _products,
    "sparse_cg": _products,
    "sag": _stochastic,
    "saga": _stochastic,
    "lbfgs": _positive,
}
