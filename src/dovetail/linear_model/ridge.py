"""Ridge regression: least squares with an l2 penalty."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.linear_model._center import Centered, center, gram
from dovetail.linear_model._program import Linear, flat_when
from dovetail.objective.linear import LinearObjective
from dovetail.objective.losses import SquaredError
from dovetail.params import ArrayLike, AtLeast, Seed
from dovetail.solve.loop import solve
from dovetail.solve.lsqr import LSQR, CenteredMap
from dovetail.solve.newton import conjugate_gradients
from dovetail.solve.nnls import nonnegative_least_squares
from dovetail.solve.saga import StochasticAverageGradient

__all__ = ["Ridge"]

_SPARSE_WITH_INTERCEPT = ("auto", "sparse_cg", "lsqr", "sag", "lbfgs")


class Ridge(WeightedRegressor):
    """Coefficients c and intercept b that minimize Σ w_i (y_i − x_i·c − b)² + alpha ‖c‖².

    Parameters
    ----------
    alpha : float >= 0 or array of shape (n_targets,), default=1.0
        Weight of the penalty, one for all targets or one each.
    fit_intercept : bool, default=True
    copy_X : bool, default=True
        There for scikit-learn's signature; X is never written to.
    max_iter : int >= 1 or None, default=None
        Most steps of the iterative solvers; None means 1000 for sag and saga, and as many as a
        product method needs.
    tol : float >= 0, default=1e-4
        Relative precision of the iterative solvers.
    solver : {"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"},
        default="auto"
        All find the same coefficients. "auto" takes "cholesky" for dense X, "sparse_cg" for sparse
        X, "lbfgs" with `positive`. "cholesky" factorizes the smaller of the d×d and the n×n Gram
        matrix and falls back to "svd" where that is singular; "svd" is the most stable; "lsqr" and
        "sparse_cg" need only products with X; "sag" and "saga" visit rows at random; "lbfgs" is for
        `positive` (solved exactly, by active sets).
    positive : bool, default=False
        Whether coefficients must not be negative.
    random_state : int, RandomState or None, default=None
        Order of rows for "sag" and "saga".

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or array of shape (n_targets,)
    n_iter_ : None or array of shape (n_targets,)
        Steps of the iterative solvers "lsqr", "sag" and "saga".
    solver_ : str
        The solver that was used.

    Cost O(n d min(n, d)) for "cholesky" and "svd", O(n d) a step for the others. Hoerl & Kennard
    1970, https://doi.org/10.1080/00401706.1970.10488634.

    Examples
    --------
    >>> from dovetail.linear_model import Ridge
    >>> Ridge(alpha=2.0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]).coef_
    array([0.5])
    """

    accepts = Accepts(sparse=("csr", "csc"), multi_output=True)

    alpha: Annotated[float, AtLeast(0)] | ArrayLike = 1.0
    _: KW_ONLY
    fit_intercept: bool = True
    copy_X: bool = True
    max_iter: Annotated[int, AtLeast(1)] | None = None
    tol: Annotated[float, AtLeast(0)] = 1e-4
    solver: Literal["auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"] = "auto"
    positive: bool = False
    random_state: Seed = None

    @property
    def coef_(self) -> Any:
        """Coefficients, shape (n_features,) or (n_targets, n_features)."""
        coef = flat_when(self._program.flat, self._program.coef)
        return coef if self._container == "torch" else as_numpy(coef)

    @property
    def intercept_(self) -> Any:
        """Intercept, one a target; 0.0 without."""
        if not self.fit_intercept:
            return 0.0
        b = flat_when(self._flat_target, self._program.intercept)
        return b if self._container == "torch" else as_numpy(b)[()]

    def _fit(self, batches: Batches) -> Linear:
        solver = self._resolve(batches)
        means = center(batches, intercept=self.fit_intercept)
        alpha = self._alphas(means.targets.shape[1])
        self.n_iter_: Any = None
        self.solver_: str = solver
        coef, offset = _SOLVERS[solver](self, batches, means, alpha)
        dtype = batches.dtype
        self._flat_target: bool = batches.y.ndim == 1
        return Linear(coef.to(dtype), offset.to(dtype), "identity", len(coef) == 1)

    def _resolve(self, batches: Batches) -> str:
        """The solver that "auto" means here; refuses combinations that no solver covers."""
        sparse = isinstance(batches.X, SparseMatrix)
        if self.solver == "lbfgs" and not self.positive:
            raise ValueError(
                "'lbfgs' solver can be used only when positive=True. Please use another solver."
            )
        if self.positive and self.solver not in ("auto", "lbfgs"):
            raise ValueError(
                f"solver='{self.solver}' does not support positive fitting. "
                "Please set the solver to 'auto' or 'lbfgs', or set `positive=False`"
            )
        if sparse and self.fit_intercept and self.solver not in _SPARSE_WITH_INTERCEPT:
            raise ValueError(
                f"solver='{self.solver}' does not support fitting the intercept on sparse data. "
                "Please set the solver "
                "to 'auto' or 'lsqr', 'sparse_cg', 'sag', 'lbfgs' or set `fit_intercept=False`"
            )
        if self.solver != "auto":
            return self.solver
        if self.positive:
            return "lbfgs"
        return "sparse_cg" if sparse else "cholesky"

    def _alphas(self, n_targets: int) -> Tensor:
        alpha = np.atleast_1d(np.asarray(self.alpha, dtype=np.float64)).ravel()
        if alpha.size not in (1, n_targets):
            raise ValueError(
                f"Number of targets and number of penalties do not correspond: {alpha.size} != "
                f"{n_targets}"
            )
        if (alpha < 0).any():
            raise ValueError(f"alpha must not be negative. Got {alpha.min()}.")
        return torch.from_numpy(np.broadcast_to(alpha, n_targets).copy())


def _weighted(batches: Batches, means: Centered) -> tuple[Any, Tensor]:
    """√w (X − x̄) and √w (y − ȳ), dense, in X's dtype."""
    X: Any = batches.X.to_dense() if isinstance(batches.X, SparseMatrix) else batches.X
    X = X - means.x.to(X.dtype)
    y = means.targets - means.y.to(X.dtype)
    if batches.w is None:
        return X, y
    root = batches.w.sqrt()[:, None]
    return X * root, y * root


def _cholesky(
    model: Ridge, batches: Batches, means: Centered, alpha: Tensor
) -> tuple[Tensor, Tensor]:
    n, d = len(batches), batches.n_features
    if d <= n:
        G, b = gram(batches, means)
        coef = _solve_each(G, b, alpha)
    else:  # the n×n system is the smaller one: c = Xᵀ (X Xᵀ + alpha)⁻¹ y
        X, y = _weighted(batches, means)
        dual = _solve_each((X @ X.T).double(), y.double(), alpha)
        coef = None if dual is None else dual @ X.double()
    if coef is None:
        model.solver_ = "svd"
        return _svd(model, batches, means, alpha)
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


def _svd(model: Ridge, batches: Batches, means: Centered, alpha: Tensor) -> tuple[Tensor, Tensor]:
    X, y = _weighted(batches, means)
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


def _products(
    model: Ridge, batches: Batches, means: Centered, alpha: Tensor
) -> tuple[Tensor, Tensor]:
    """LSQR, or conjugate gradients on the normal equations."""
    root = None if batches.w is None else batches.w.double().sqrt()
    A = CenteredMap(batches.X, means.x if model.fit_intercept else None, root)
    limit = model.max_iter or 10 * max(A.X.shape)
    coefs, steps = [], []
    for target, mean, a in zip(means.targets.double().T, means.y, alpha.tolist(), strict=True):
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


def _stochastic(
    model: Ridge, batches: Batches, means: Centered, alpha: Tensor
) -> tuple[Tensor, Tensor]:
    sparse = isinstance(batches.X, SparseMatrix)
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
    for target, mean, a in zip(means.targets.T, means.y, alpha.tolist(), strict=True):
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


def _positive(
    model: Ridge, batches: Batches, means: Centered, alpha: Tensor
) -> tuple[Tensor, Tensor]:
    G, b = gram(batches, means)
    eye = torch.eye(len(G), dtype=G.dtype, device=G.device)
    coef = torch.stack(
        [
            nonnegative_least_squares(G + a * eye, column)
            for column, a in zip(b.T, alpha.tolist(), strict=True)
        ]
    )
    return coef, means.intercept(coef)


_SOLVERS: dict[str, Callable[[Ridge, Batches, Centered, Tensor], tuple[Tensor, Tensor]]] = {
    "cholesky": _cholesky,
    "svd": _svd,
    "lsqr": _products,
    "sparse_cg": _products,
    "sag": _stochastic,
    "saga": _stochastic,
    "lbfgs": _positive,
}
