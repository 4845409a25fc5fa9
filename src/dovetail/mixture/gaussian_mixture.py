"""Mixtures of normal distributions."""

import math
import time
from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.base import Accepts, Estimator, Learned
from dovetail.data.batches import Batches
from dovetail.data.results import by_rows
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.distributed import agreed
from dovetail.errors import warn
from dovetail.mixture._program import Mixture
from dovetail.mixture._start import Given, start
from dovetail.objective.normal import CovarianceKind
from dovetail.params import ArrayLike, AtLeast, Seed, Verbosity
from dovetail.settings import settings
from dovetail.solve.expectation_maximization import (
    Components,
    ExpectationMaximization,
    IllDefinedError,
)
from dovetail.solve.loop import solve
from dovetail.solve.solution import Solution, Status

__all__ = ["GaussianMixture"]

_BLOCK = 2**20  # numbers of a block to predict: products of smaller ones leave threads waiting


class GaussianMixture(DensityMixin, Estimator):
    """The density Σ_c weight_c N(x; mean_c, C_c) of greatest likelihood, by expectation
    maximization.

    Parameters
    ----------
    n_components : int >= 1, default=1
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        A covariance each, one for all, variances of columns each, or one variance each.
    tol : float >= 0, default=1e-3
        Change of the mean log density below which the fit has converged.
    reg_covar : float >= 0, default=1e-6
        Added to variances, so that no component collapses.
    max_iter : int >= 0, default=100
    n_init : int >= 1, default=1
        Starts, of which the best is kept.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, default="kmeans"
        Where a start comes from: clusters, rows far from one another, shares at random, rows at
        random.
    weights_init : array-like of shape (n_components,) or None
    means_init : array-like of shape (n_components, n_features) or None
    precisions_init : array-like of the shape of `precisions_` or None
        A start that is given, wholly or in part.
    random_state : int, RandomState or None
    warm_start : bool, default=False
        Whether to start from the last fit.
    verbose : int, default=0
        Whether to tell of starts and steps; 2 tells times, too.
    verbose_interval : int >= 1, default=10
        Steps between two lines.

    Attributes
    ----------
    weights_ : array of shape (n_components,)
    means_ : array of shape (n_components, n_features)
    covariances_, precisions_ : array of shape (n_components, n_features, n_features) for "full",
        (n_features, n_features) for "tied", (n_components, n_features) for "diag",
        (n_components,) for "spherical"
        Precisions are the inverses of covariances.
    precisions_cholesky_ : array of the shape of `precisions_`
        Upper triangular roots R of precisions, R Rᵀ.
    converged_ : bool
    n_iter_ : int
        Steps of the best start.
    lower_bound_ : float
        Mean log density of the rows, before the last step.
    lower_bounds_ : list of float
        The same before each step.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Fewer rows than components, a start of the wrong shape, a covariance that is not positive
        definite.

    Cost O(n k d²) a step for "full", one pass over X in blocks; O(n k d) for the others. Dempster,
    Laird & Rubin (1977), https://doi.org/10.1111/j.2517-6161.1977.tb01600.x.

    Examples
    --------
    >>> from dovetail.mixture import GaussianMixture
    >>> X = [[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]]
    >>> model = GaussianMixture(2, random_state=0).fit(X)
    >>> sorted(model.means_.round(6).tolist())
    [[1.0, 2.0], [10.0, 2.0]]
    """

    accepts = Accepts(min_rows=2)

    n_components: Annotated[int, AtLeast(1)] = 1
    _: KW_ONLY
    covariance_type: Literal["full", "tied", "diag", "spherical"] = "full"
    tol: Annotated[float, AtLeast(0)] = 1e-3
    reg_covar: Annotated[float, AtLeast(0)] = 1e-6
    max_iter: Annotated[int, AtLeast(0)] = 100
    n_init: Annotated[int, AtLeast(1)] = 1
    init_params: Literal["kmeans", "random", "random_from_data", "k-means++"] = "kmeans"
    weights_init: ArrayLike | None = None
    means_init: ArrayLike | None = None
    precisions_init: ArrayLike | None = None
    random_state: Seed = None
    warm_start: bool = False
    verbose: Verbosity = 0
    verbose_interval: Annotated[int, AtLeast(1)] = 10

    weights_ = Learned("weights")
    means_ = Learned("means")
    covariances_ = Learned("covariances")
    precisions_cholesky_ = Learned("roots")

    @classmethod
    def _examples(cls) -> list[Self]:
        kinds: list[CovarianceKind] = ["tied", "diag", "spherical"]
        others = [cls(2, covariance_type=kind, init_params="k-means++") for kind in kinds]
        return [cls(2), *others]

    @property
    def precisions_(self) -> Any:
        """Inverses of the covariances, of their shape."""
        program: Any = self.program_
        found: Tensor = program.precisions()
        return found if self._container == "torch" else as_numpy(found)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the components.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
        y : ignored, there for the Pipeline

        Returns
        -------
        self
        """
        return self._learn(X)

    def fit_predict(self, X: Any, y: Any = None) -> Any:
        """Learn the components, and tell the likeliest of each row, shape (n_samples,)."""
        return self.fit(X).predict(X)

    def _fit(self, batches: Batches) -> Mixture:
        k, n = self.n_components, len(batches)
        if n < k:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {k}, n_samples = {n}"
            )
        given = Given(self, batches.n_features)
        before = self.__dict__.get("_program") if self.warm_start else None
        if before is not None:
            self._refuse_another_mixture(before, batches.n_features)
        solver = ExpectationMaximization(
            batches.kept(), self.covariance_type, float(self.reg_covar), float(self.tol)
        )
        random = agreed(lambda: check_random_state(self.random_state))
        best: Solution[Components] | None = None
        for i in range(1 if before is not None else self.n_init):
            solution = self._solved(solver, before, given, random, i)
            if best is None or _bound(solution) > _bound(best):
                best = solution
        assert best is not None
        self.converged_ = best.status is Status.CONVERGED
        self.n_iter_ = best.n_iter
        self.lower_bound_ = _bound(best)
        self.lower_bounds_ = [float(record["lower bound"]) for record in best.history]
        if best.advice and self.max_iter > 0 and settings().verbosity:
            warn(best.advice, ConvergenceWarning)
        return self._mixture(best.value)

    def _refuse_another_mixture(self, before: Any, d: int) -> None:
        asked = (self.covariance_type, (self.n_components, d))
        held = (before.kind, tuple(before.means.shape))
        if asked != held:
            raise ValueError(
                "With warm_start a fit goes on from the last one, which learned "
                f"{held[1][0]} components ({held[0]}) of {held[1][1]} features. Asked for are "
                f"{self.n_components} ({asked[0]}) of {d}. Set warm_start=False to start anew."
            )

    def _solved(
        self,
        solver: ExpectationMaximization,
        before: Any,
        given: Given,
        random: np.random.RandomState,
        number: int,
    ) -> Solution[Components]:
        """One start, and where it leads."""
        say = self._teller(number)
        try:
            if before is not None:
                solver.start = Components(*(getattr(before, name).double() for name in _FIELDS))
                solver.lower_bound = self.lower_bound_
            else:
                solver.start = start(self, solver, given, random)
            solution = solve(
                solver, max_iter=self.max_iter, watch=self._watch(self._mixture), say=say
            )
        except IllDefinedError:
            raise ValueError(
                "Fitting the mixture model failed because some components have ill-defined "
                "empirical covariance (for instance caused by singleton or collapsed samples). Try "
                "to decrease the number of components, increase reg_covar, or scale the input data."
                + _more_digits(solver.batches.dtype)
            ) from None
        if self.verbose:
            told = "converged" if solution.status is Status.CONVERGED else "did not converge"
            print(f"Initialization {told}.")
        return solution

    def _teller(self, number: int) -> Callable[[str], None] | None:
        if not self.verbose:
            return None
        print(f"Initialization {number}")
        steps, begin = 0, time.perf_counter()

        def say(line: str) -> None:
            nonlocal steps
            steps += 1
            if steps % self.verbose_interval == 0:
                took = f", {time.perf_counter() - begin:.5f} s" if self.verbose >= 2 else ""
                print(f"  {line}{took}")

        return say

    def _mixture(self, found: Components) -> Mixture:
        return Mixture(*found, self.covariance_type)

    # -- what the components say of rows

    def _joint(self, X: Tensor) -> Tensor:
        return by_rows(self._program, X, width=len(self._program.weights), numbers=_BLOCK)

    def predict(self, X: Any) -> Any:
        """The likeliest component of each row, shape (n_samples,)."""
        return self._run(lambda rows: self._joint(rows).argmax(1), X)

    def predict_proba(self, X: Any) -> Any:
        """Probability of each component, shape (n_samples, n_components), rows sum to 1."""
        return self._run(lambda rows: self._program.link(self._joint(rows)), X)

    def score_samples(self, X: Any) -> Any:
        """Log density of each row, shape (n_samples,)."""
        return self._run(lambda rows: self._joint(rows).logsumexp(1), X)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log density of rows; y is ignored."""
        density = self.score_samples(X)
        return float(density.double().mean() if isinstance(density, Tensor) else density.mean())

    def bic(self, X: Any) -> float:
        """Bayesian information criterion on X; the less, the better."""
        n = len(self.front(X))
        return -2 * self.score(X) * n + self._n_parameters() * math.log(n)

    def aic(self, X: Any) -> float:
        """Akaike information criterion on X; the less, the better."""
        return -2 * self.score(X) * len(self.front(X)) + 2 * self._n_parameters()

    def _n_parameters(self) -> int:
        """Numbers that a fit is free to choose."""
        program: Any = self.program_
        k, d = program.means.shape
        symmetric = d * (d + 1) // 2
        of_kind = {"full": k * symmetric, "tied": symmetric, "diag": k * d, "spherical": k}
        return int(of_kind[program.kind] + k * d + k - 1)

    def sample(self, n_samples: int = 1) -> tuple[Any, Any]:
        """Rows drawn from the mixture.

        Parameters
        ----------
        n_samples : int >= 1, default=1

        Returns
        -------
        rows : array of shape (n_samples, n_features), those of a component together
        components : int array of shape (n_samples,)
        """
        program: Any = self.program_
        if n_samples < 1:
            raise ValueError(
                f"Invalid value for 'n_samples': {n_samples}. The sampling requires at least one "
                "sample."
            )
        random = check_random_state(self.random_state)
        weights = as_numpy(program.weights)
        counts = random.multinomial(n_samples, weights / weights.sum())
        labels = np.repeat(np.arange(len(counts)), counts)
        means, C = as_numpy(program.means), as_numpy(program.covariances)
        rows = np.vstack(
            [self._drawn(random, means[c], C, c, int(m)) for c, m in enumerate(counts)]
        )
        if self._container == "torch":
            device = program.device
            return as_tensor(rows, device), as_tensor(labels, device)
        return rows, labels

    def _drawn(
        self,
        random: np.random.RandomState,
        mean: npt.NDArray[Any],
        C: npt.NDArray[Any],
        c: int,
        count: int,
    ) -> npt.NDArray[np.float64]:
        if self.covariance_type in ("full", "tied"):
            own = C[c] if self.covariance_type == "full" else C
            drawn: npt.NDArray[np.float64] = random.multivariate_normal(mean, own, count)
            return drawn
        normal = random.standard_normal(size=(count, len(mean)))
        return np.asarray(mean + normal * np.sqrt(C[c]))


_FIELDS = ("weights", "means", "covariances", "roots")


def _bound(solution: Solution[Components]) -> float:
    """The mean log density before the last step, −∞ where there was none."""
    return float(solution.history[-1]["lower bound"]) if solution.history else -math.inf


def _more_digits(dtype: torch.dtype) -> str:
    if dtype != torch.float32:
        return ""
    return (
        " The numerical accuracy can also be improved by passing float64 data instead of float32."
    )
