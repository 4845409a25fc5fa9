"""What every support-vector machine with a kernel shares: its parameters, its kernel matrix, and
what it shows of its Program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, Estimator
from dovetail.data.batches import Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.kernel_rows import KernelRows
from dovetail.objective.kernel import Kernel, scale_of
from dovetail.params import AtLeast, Range, Verbosity
from dovetail.solve.loop import Solver, solve
from dovetail.solve.row_cache import RowCache
from dovetail.solve.smo import Machine, MinimalOptimization, SupportProblem
from dovetail.solve.solution import Solution, Status
from dovetail.svm._program import Expansion

__all__ = ["Gram", "KernelMachine", "refuse_infinite"]

_FOREVER = 2**62  # steps, where there is no limit
_SMALL = 512  # rows up to which float32 is not worth it
_SAMPLE = 256  # rows whose kernel tells what rounding does

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Pose = Callable[[Index, Floats], SupportProblem]


class Gram:
    """The kernel matrix of the rows of a fit, whole where it fits the cache, else row by row.

    X : the rows, or the matrix itself
    rows : the rows in the layout to compute with
    megabytes : of the cache
    rounding : how far rounding may move a value, on average; where float32 keeps to it, the matrix
        is held in float32, at half the cost (rbf alone, whose values are known to be at most 1)
    """

    def __init__(
        self, kernel: Kernel, X: Matrix, rows: Matrix, megabytes: float, rounding: float
    ) -> None:
        self.kernel, self.X, self.megabytes = kernel, X, megabytes
        self.rows, self.dtype = rows, X.dtype
        self.whole: Tensor | None = None
        if kernel.kernel == "precomputed":
            assert isinstance(X, Tensor)
            self.whole = X
        elif callable(kernel.kernel):
            self.whole = kernel.between(X, X)
        elif kernel.kernel == "rbf" and isinstance(X, Tensor) and len(X) > _SMALL:
            centered = X - X.mean(0)  # the same distances, of smaller numbers
            if _rounding(kernel, centered) <= rounding:
                self.rows, self.dtype = centered.float(), torch.float32

    def columns(self, to: Index | None = None) -> Callable[[Index], Tensor]:
        """A function that forms rows of the matrix, at some columns or at all."""
        if self.whole is not None:
            whole = self.whole
            if to is None:
                return lambda a: whole.index_select(0, _index(a, whole))
            at = _index(to, whole)
            return lambda a: whole.index_select(0, _index(a, whole)).index_select(1, at)
        X = self.rows
        values = self.kernel.with_rows(X if to is None else _taken(X, to))
        return lambda a: values(_taken(X, a))

    def cache(self, rows: Index | None = None) -> RowCache:
        """A cache for the matrix of some of the rows, or of all; those of parts share what fits."""
        n = len(self.X)
        if rows is None:
            return RowCache(self.columns, n, self.dtype, self.megabytes)
        fits = n * n * torch.empty(0, dtype=self.dtype).element_size() <= self.megabytes * 2**20
        if self.whole is None and fits:
            self.whole = self.kernel.between(self.rows, self.rows)

        def columns(to: Index | None) -> Callable[[Index], Tensor]:
            form = self.columns(rows if to is None else rows[to])
            return lambda a: form(rows[a])

        return RowCache(columns, len(rows), self.dtype, self.megabytes)

    def between(self, a: Index, b: Index) -> Tensor:
        """The part of some rows and some columns."""
        return self.columns(b)(a)


def _rounding(kernel: Kernel, X: Tensor) -> float:
    """How far float32 moves values of a kernel: root of the mean square, of a sample."""
    some = X[:: max(1, len(X) // _SAMPLE)].double()
    exact = kernel.between(some, some)
    near = kernel.between(some.float(), some.float()).double()
    return float((near - exact).square().mean().sqrt())


def _index(rows: Index, X: Matrix) -> Tensor:
    return torch.from_numpy(rows).to(X.device)


def _taken(X: Matrix, rows: Index) -> Matrix:
    index = _index(rows, X)
    return X.take_rows(index) if isinstance(X, SparseMatrix) else X.index_select(0, index)


def refuse_infinite(machine: Machine) -> None:
    if not (np.isfinite(machine.a).all() and np.isfinite(machine.offset)):
        raise ValueError(
            "The dual coefficients or intercepts are not finite. The input data may contain "
            "large values and need to be preprocessed."
        )


class KernelMachine(Estimator):
    """Parameters and attributes that all support-vector machines with a kernel have."""

    accepts = Accepts(sparse=("csr",))

    _: KW_ONLY
    kernel: Literal["linear", "poly", "rbf", "sigmoid", "precomputed"] | Callable[..., Any] = "rbf"
    degree: Annotated[int, AtLeast(0)] = 3
    gamma: Literal["scale", "auto"] | Annotated[float, AtLeast(0)] = "scale"
    coef0: float = 0.0
    tol: Annotated[float, Range(0, None, "neither")] = 1e-3
    shrinking: bool = True
    cache_size: Annotated[float, Range(0, None, "neither")] = 200
    verbose: Verbosity = False
    max_iter: Annotated[int, AtLeast(-1)] = -1

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.input_tags.sparse = self.kernel != "precomputed"
        return tags

    # -- learning

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        w = sample_weight if isinstance(sample_weight, Tensor) else np.asarray(sample_weight)
        if w.ndim and not bool((w > 0).any()):
            raise ValueError("Invalid input - all samples have zero or negative weights.")
        return super()._receive(X, y, sample_weight, reset=reset)

    def _gram(self, batches: Batches, bound: float, largest: int) -> Gram:
        """The kernel matrix; bound : the greatest |β| that a row may have; largest : rows of
        the largest problem."""
        X = batches.X
        if isinstance(X, Tensor):
            X = X.contiguous()  # the same sums for every layout
        if self.kernel == "precomputed":
            if isinstance(X, SparseMatrix):
                raise TypeError("Sparse precomputed kernels are not supported.")
            if X.shape[0] != X.shape[1]:
                raise ValueError(
                    "Precomputed matrix must be a square matrix. Input is a "
                    f"{X.shape[0]}x{X.shape[1]} matrix."
                )
        self.shape_fit_ = tuple(X.shape)
        small = isinstance(X, SparseMatrix) and max(X.shape) <= _SMALL
        rows = X.to_dense() if small else X  # faster, and the very steps of dense rows
        self._gamma = self._gamma_of(rows)
        kernel = Kernel(self.kernel, self._gamma, float(self.degree), float(self.coef0))
        rounding = 0.05 * self.tol / (bound * max(1, largest) ** 0.5)  # of a sum of all rows
        return Gram(kernel, X, rows, self.cache_size, rounding)

    def _gamma_of(self, X: Matrix) -> float:
        if self.kernel == "precomputed" or callable(self.kernel):
            return 0.0
        if self.gamma == "scale":
            return scale_of(X)
        return 1.0 / X.shape[1] if self.gamma == "auto" else float(self.gamma)

    def _solve(self, problem: SupportProblem, cache: RowCache) -> Solution[Machine]:
        solver = MinimalOptimization(problem, cache, self.tol, self._steps, self.shrinking)
        solution = self._run_solver(solver)
        refuse_infinite(solution.value)
        return solution

    @property
    def _steps(self) -> int:
        """Most steps of two variables."""
        return _FOREVER if self.max_iter < 0 else self.max_iter

    def _run_solver(self, solver: Solver[Any]) -> Solution[Any]:
        return solve(solver, max_iter=_FOREVER, say=print if self.verbose else None)

    def _alone(self, batches: Batches, pose: Pose, bound: float = 1.0) -> Expansion:
        """The Program of one machine, of the rows that have a weight.

        pose : the problem of such rows, given which they are and their weights; sets n_iter_
        bound : the greatest |β| of a row of weight 1
        """
        n = len(batches.X)
        w = np.ones(n) if batches.w is None else as_numpy(batches.w).astype(np.float64)
        rows = np.flatnonzero(w > 0)
        if not len(rows):
            raise ValueError("Invalid input - all samples have zero or negative weights.")
        gram = self._gram(batches, bound * float(w.max()), len(rows))
        problem = pose(rows, w[rows])
        solution = self._solve(problem, gram.cache(None if len(rows) == n else rows))
        machine: Machine = solution.value
        self._keep_status([solution])
        self.n_iter_: Any = machine.steps
        self.class_weight_: Any = np.empty(0)
        beta = np.bincount(problem.row, problem.y * machine.a, len(rows))
        used = np.flatnonzero(beta)
        self._n_support = np.array([len(used)], dtype=np.int32)
        held: dict[str, Any] = {"device": batches.device, "dtype": batches.dtype}
        coef = torch.as_tensor(beta[used][None], **held)
        offset = torch.as_tensor([-machine.offset], **held)
        return Expansion(self._support(gram, rows[used]), coef, offset)

    def _keep_status(self, solutions: list[Solution[Any]]) -> None:
        """fit_status_, and one warning for all problems that were not solved."""
        short = [s for s in solutions if s.status is not Status.CONVERGED]
        self.fit_status_ = int(bool(short))
        if short:
            self._report(short[0])

    def _support(self, gram: Gram, index: Index) -> KernelRows:
        kernel, rows = gram.kernel, None
        if callable(kernel.kernel):
            rows = gram.X
        elif kernel.kernel != "precomputed":
            rows = _taken(gram.X, index)
        at = torch.from_numpy(index).to(gram.X.device)
        return KernelRows.of(kernel, rows, at, picks=callable(kernel.kernel))

    # -- what the Program holds

    @property
    def _held(self) -> Any:
        program = self.__dict__.get("_program")
        if program is None:
            raise AttributeError(f"This {type(self).__name__} instance is not fitted yet.")
        return program

    @property
    def _of_sparse(self) -> bool:
        rows = self._held.vectors.rows
        return rows is not None and rows.indices is not None and not callable(self.kernel)

    def _shown(self, value: Tensor) -> Any:
        return value if self._container == "torch" else as_numpy(value)

    @property
    def n_support_(self) -> Any:
        """Number of support vectors, of each class where there are classes."""
        if "_program" not in self.__dict__:
            raise AttributeError(f"This {type(self).__name__} instance is not fitted yet.")
        return self._n_support

    @property
    def support_(self) -> Any:
        """Rows of the fit that are support vectors, in the order of their classes."""
        index = self._held.vectors.index
        return index if self._container == "torch" else as_numpy(index).astype(np.int32)

    @property
    def support_vectors_(self) -> Any:
        """Those rows; of shape (0, 0) where the kernel is a matrix or a function of the user's."""
        vectors = self._held.vectors
        if vectors.rows is None or callable(self.kernel):
            return self._shown(self._held.coef.new_zeros(0, 0))
        X = vectors.rows.matrix
        return X.to_scipy() if isinstance(X, SparseMatrix) else self._shown(X)

    @property
    def dual_coef_(self) -> Any:
        """Dual coefficients of the support vectors; sparse where X was."""
        coef = self._held.coef
        if not self._of_sparse:
            return self._shown(coef)
        return SparseMatrix.from_torch(coef.to_sparse_csr()).to_scipy()

    @property
    def intercept_(self) -> Any:
        """Constant of each decision."""
        return self._shown(self._held.intercept)

    @property
    def coef_(self) -> Any:
        """Weights of the features, for kernel="linear" alone; read-only."""
        if self.kernel != "linear":
            raise AttributeError("coef_ is only available when using a linear kernel")
        held = self._held
        X = held.vectors.rows.matrix
        weights = self._combinations(held)
        if isinstance(X, SparseMatrix):
            found = SparseMatrix.from_torch(weights.to_sparse_csr()).to_scipy() @ X.to_scipy()
            found.data.flags.writeable = False
            return found
        coef = self._shown(weights @ X)
        if self._container != "torch":
            coef.flags.writeable = False
        return coef

    def _combinations(self, held: Any) -> Tensor:
        """Weights of the support vectors in each decision."""
        coef: Tensor = held.coef
        return coef
