"""k-means."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from dovetail.base import Accepts
from dovetail.cluster._centers import Centers, CentersProgram, distinct
from dovetail.data.batches import Batch, Batches
from dovetail.data.door import Given, give_back, open_matrix, open_weights
from dovetail.distributed import agreed
from dovetail.errors import warn
from dovetail.params import ArrayLike, AtLeast, Seed, Verbosity, checked
from dovetail.solve.lloyd import Clusters, Lloyd, inertia_of, large_mean, moments_alike
from dovetail.solve.loop import solve
from dovetail.solve.seeding import plus_plus
from dovetail.solve.solution import Solution, Status

__all__ = ["KMeans", "k_means", "kmeans_plusplus"]


class KMeans(Centers):
    """Clusters around k means: min Σ w_i ‖x_i − center of its cluster‖², a local minimum.

    Parameters
    ----------
    n_clusters : int >= 1, default=8
    init : {"k-means++", "random"}, array of shape (n_clusters, n_features) or callable
        Where to start. "k-means++" draws centers from the rows, far from one another (of more than
        1,000 rows a cluster, from a uniform sample of that many); "random" draws any rows; a
        callable gets (X, n_clusters, random_state).
    n_init : int >= 1 or "auto", default="auto"
        Starts, of which the best is kept. "auto" is 1 for "k-means++" and arrays, else 10.
    max_iter : int >= 1, default=300
    tol : float >= 0, default=1e-4
        Squared movement of all centers at which to stop, in units of the mean variance of columns.
    verbose : int, default=0
        Whether to print a line a step.
    random_state : int, RandomState or None
    copy_x : bool, default=True
        There for scikit-learn's signature; X is never written to.
    algorithm : {"lloyd", "elkan"}, default="lloyd"
        Both find the same clusters. "elkan" skips rows by the triangle inequality in every step
        (with one bound a row, Hamerly 2010), "lloyd" where that has been seen to pay.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features)
    labels_ : array of shape (n_samples,), int32
    inertia_ : float
        What is minimized.
    n_iter_ : int

    Raises
    ------
    ValueError
        Fewer rows than clusters; initial centers of another shape.

    Warns
    -----
    ConvergenceWarning
        Fewer distinct rows than clusters.

    Cost O(n d k) a step, less where rows are skipped; memory O(n) beside X.

    Examples
    --------
    >>> from dovetail.cluster import KMeans
    >>> X = [[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]]
    >>> model = KMeans(n_clusters=2, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_.tolist())
    [[1.0, 2.0], [10.0, 2.0]]
    >>> model.inertia_
    16.0
    """

    n_clusters: Annotated[int, AtLeast(1)] = 8
    _: KW_ONLY
    init: Literal["k-means++", "random"] | Callable[..., Any] | ArrayLike = "k-means++"
    n_init: Annotated[int, AtLeast(1)] | Literal["auto"] = "auto"
    max_iter: Annotated[int, AtLeast(1)] = 300
    tol: Annotated[float, AtLeast(0)] = 1e-4
    verbose: Verbosity = 0
    random_state: Seed = None
    copy_x: bool = True
    algorithm: Literal["lloyd", "elkan"] = "lloyd"

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(3, random_state=0), cls(4, init="random", algorithm="elkan", random_state=0)]

    def _fit(self, batches: Batches) -> CentersProgram:
        self._refuse_few(batches)
        if self.algorithm == "elkan" and self.n_clusters == 1:
            warn(
                "algorithm='elkan' doesn't make sense for a single cluster. Using 'lloyd' instead.",
                RuntimeWarning,
            )
        starts = self._starts(10)
        random = agreed(lambda: check_random_state(self.random_state))
        batches = batches.kept()
        moments = moments_alike(batches)
        tol, about = self.tol * float(moments.variance.mean()), large_mean(moments)
        best: Clusters | None = None
        for _ in range(starts):
            centers = self._seeds(batches, self.n_clusters, random)
            if self.verbose:
                print("Initialization complete")
            bounds, told = self.algorithm == "elkan", bool(self.verbose)
            solver = Lloyd(batches, centers, tol, bounds=bounds, told=told, about=about)
            solution = solve(solver, max_iter=self.max_iter, say=print if told else None)
            if told:
                print(_ending(solution, tol))
            inertia = inertia_of(batches, solution.value)
            if best is None or inertia < self.inertia_:
                best, self.inertia_, self.n_iter_ = solution.value, inertia, solution.n_iter
        assert best is not None
        self._keep(best.labels)
        self._warn_of_few(distinct(batches, best.labels, self.n_clusters))
        return CentersProgram(best.centers.to(batches.dtype))


def _ending(solution: Solution[Clusters], tol: float) -> str:
    """Why a run stopped."""
    if solution.status is not Status.CONVERGED:
        return f"Stopped after {solution.n_iter} iterations: {solution.status.value}."
    last = solution.history[-1]
    why = f"center shift {last['shift']} within tolerance {tol}"
    why = why if last["changed"] else "strict convergence"
    return f"Converged at iteration {solution.n_iter}: {why}."


_ACCEPTS = Accepts(sparse=("csr",))


def k_means(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: Any = None,
    init: Any = "k-means++",
    n_init: int | Literal["auto"] = "auto",
    max_iter: int = 300,
    verbose: Any = False,
    tol: float = 1e-4,
    random_state: Any = None,
    copy_x: bool = True,
    algorithm: Literal["lloyd", "elkan"] = "lloyd",
    return_n_iter: bool = False,
) -> Any:
    """`KMeans` as a function; parameters are its own.

    Returns
    -------
    centers : array of shape (n_clusters, n_features)
    labels : array of shape (n_samples,)
    inertia : float
    n_iter : int, where `return_n_iter`
    """
    model = KMeans(
        n_clusters,
        init=init,
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        verbose=verbose,
        random_state=random_state,
        copy_x=copy_x,
        algorithm=algorithm,
    ).fit(X, sample_weight=sample_weight)
    found = (model.cluster_centers_, model.labels_, model.inertia_)
    return (*found, model.n_iter_) if return_n_iter else found


@checked
def kmeans_plusplus(
    X: Any,
    n_clusters: Annotated[int, AtLeast(1)],
    *,
    sample_weight: ArrayLike | None = None,
    x_squared_norms: ArrayLike | None = None,
    random_state: Seed = None,
    n_local_trials: Annotated[int, AtLeast(1)] | None = None,
) -> tuple[Any, npt.NDArray[np.int64]]:
    """Rows far from one another, for k-means to start from.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n_samples, n_features)
    n_clusters : int
    sample_weight : array-like of shape (n_samples,) or None
    x_squared_norms : array-like of shape (n_samples,) or None
        There for scikit-learn's signature; only its length is looked at.
    random_state : int, RandomState or None
    n_local_trials : int or None
        Rows drawn for each center, the best of which is taken; None takes 2 + log(n_clusters).

    Returns
    -------
    centers : array of shape (n_clusters, n_features)
    indices : ndarray of shape (n_clusters,)
        Their numbers among the rows.

    Examples
    --------
    >>> from dovetail.cluster import kmeans_plusplus
    >>> X = [[1.0, 2.0], [1.0, 4.0], [10.0, 2.0], [10.0, 4.0]]
    >>> centers, indices = kmeans_plusplus(X, 2, random_state=0)
    >>> sorted(centers[:, 0].tolist())
    [1.0, 10.0]
    """
    opened = open_matrix(KMeans(), X, _ACCEPTS, reset=None)
    if len(opened) < n_clusters:
        raise ValueError(f"n_samples={len(opened)} should be >= n_clusters={n_clusters}.")
    if x_squared_norms is not None and len(x_squared_norms) != len(opened):
        raise ValueError(
            f"The length of x_squared_norms {len(x_squared_norms)} should be equal to the length "
            f"of n_samples {len(opened)}."
        )
    if sample_weight is not None:
        check_consistent_length(opened, sample_weight)
    rows = Batch(opened, None, open_weights(sample_weight, opened))
    random = check_random_state(random_state)
    with torch.no_grad():
        centers, index = plus_plus(rows, n_clusters, random, trials=n_local_trials)
    return give_back(centers, Given.of(X)), index
