"""Principal component analysis."""

import math
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import torch
from sklearn.utils import Tags, check_random_state
from torch import Tensor

from dovetail.base import Accepts, Learned
from dovetail.data.batches import Batches
from dovetail.data.statistics import Moments, column_moments
from dovetail.decomposition._projection import Principal, Projection, projection
from dovetail.distributed import agreed
from dovetail.params import AtLeast, OpenFraction, Seed
from dovetail.solve.singular_values import (
    Normalizer,
    Singular,
    by_covariance,
    by_lanczos,
    by_random_basis,
    by_triangle,
)

__all__ = ["PCA"]


class PCA(Principal):
    """The orthogonal directions of greatest variance: of centered X = U S Vᵀ, the first rows of Vᵀ.

    Parameters
    ----------
    n_components : int, float in (0, 1), "mle" or None, default=None
        Number of components; the share of the variance that they are to explain; "mle" for Minka's
        estimate (2000, https://papers.nips.cc/paper/1853) of the number that is not noise; None for
        min(n_samples, n_features), one less with "arpack".
    copy : bool, default=True
        There for scikit-learn's signature; X is never written to.
    whiten : bool, default=False
        Whether to divide each component by its standard deviation.
    svd_solver : {"auto", "full", "covariance_eigh", "arpack", "randomized"}, default="auto"
        "full" folds QR factors of blocks of rows and keeps all digits. "covariance_eigh" takes the
        eigenvectors of the covariance matrix: the fastest for many rows and up to a thousand
        columns, with half of the digits for the least components. "randomized" finds few components
        of many columns in a few passes; "arpack" likewise, one vector at a time and for rows in
        memory. "auto" takes "covariance_eigh" for at most 1,000 columns and ten times as many rows
        (and for rows that are not in memory), "full" up to 500 rows and columns or for more than
        80 % of the components, "arpack" for sparse X, else "randomized".
    tol : float >= 0, default=0.0
        Relative precision of "arpack"; 0 for that of the machine.
    iterated_power : int >= 0 or "auto", default="auto"
        Power iterations of "randomized": "auto" makes 7 for less than a tenth of all components,
        else 4.
    n_oversamples : int >= 1, default=10
        Random vectors of "randomized" beyond the number of components.
    power_iteration_normalizer : {"auto", "QR", "LU", "none"}, default="auto"
        What keeps the vectors of "randomized" apart.
    random_state : int, RandomState or None
        Draws the vectors of "randomized" and the start of "arpack".

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        In order of variance; the largest number of each is positive.
    explained_variance_, explained_variance_ratio_ : array of shape (n_components,)
        Variance along each component (divided by n_samples − 1), and its share.
    singular_values_ : array of shape (n_components,)
    mean_ : array of shape (n_features,)
    n_components_, n_samples_ : int
    noise_variance_ : float
        Mean variance of the other directions.

    Raises
    ------
    ValueError
        More components than rows or columns; "mle" with fewer rows than columns, or with a solver
        that does not find them all.
    TypeError
        Sparse X with "full" or "randomized".

    Cost O(n d²) for "full" and "covariance_eigh" (a quarter of the former), O(n d k) a pass for
    "randomized"; memory O(d²), O(d k) for "randomized", beside X.

    Examples
    --------
    >>> from dovetail.decomposition import PCA
    >>> X = [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]
    >>> pca = PCA(n_components=1).fit(X)
    >>> pca.components_.round(4)
    array([[0.4472, 0.8944]])
    >>> pca.explained_variance_ratio_
    array([1.])
    """

    accepts = Accepts(sparse=("csr", "csc"), min_rows=1)

    n_components: Annotated[int, AtLeast(0)] | OpenFraction | Literal["mle"] | None = None
    _: KW_ONLY
    copy: bool = True
    whiten: bool = False
    svd_solver: Literal["auto", "full", "covariance_eigh", "arpack", "randomized"] = "auto"
    tol: Annotated[float, AtLeast(0)] = 0.0
    iterated_power: Annotated[int, AtLeast(0)] | Literal["auto"] = "auto"
    n_oversamples: Annotated[int, AtLeast(1)] = 10
    power_iteration_normalizer: Normalizer = "auto"
    random_state: Seed = None

    n_samples_ = Learned("rows")

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(2, whiten=True), cls(2, svd_solver="randomized", random_state=0)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.svd_solver in ("auto", "arpack", "covariance_eigh")
        return tags

    def _fit(self, batches: Batches) -> Projection:
        solver, wanted = self._chosen(batches)
        self._fit_svd_solver = solver
        n, d = len(batches), batches.n_features
        self._refuse(solver, wanted, n, d)
        total: Tensor | None = None
        if solver == "covariance_eigh":
            found, mean = by_covariance(batches, centered=True)
            found = found.first(min(n, d))
        else:
            moments = column_moments(batches, variance=solver != "full")
            mean = moments.mean
            found = self._solved(solver, batches, mean, wanted)
            total = None if solver == "full" else _total(moments)
        variance = found.values.square() / (n - 1)
        total = variance.sum() if total is None else total
        k = self._number(wanted, variance, n, d)
        if k >= min(n, d):
            noise = variance.new_zeros(())
        elif len(variance) > k:  # all are known
            noise = variance[k:].mean()
        else:
            noise = ((total - variance.sum()) / (min(n, d) - k)).clamp(min=0)
        return projection(
            found.first(k),
            variance[:k],
            total,
            mean=mean,
            noise=noise,
            dtype=batches.dtype,
            rows=n,
            whiten=self.whiten,
        )

    def _chosen(self, batches: Batches) -> tuple[str, Any]:
        """The solver that "auto" means, and the number of components that None means."""
        n, d = len(batches), batches.n_features
        solver: str = self.svd_solver
        if batches.sparse and solver not in ("auto", "arpack", "covariance_eigh"):
            raise TypeError(
                'PCA only support sparse inputs with the "arpack" and "covariance_eigh" solvers, '
                f'while "{solver}" was passed. See TruncatedSVD for a possible alternative.'
            )
        streamed = not batches.in_memory
        if solver == "auto" and batches.sparse and not streamed:
            solver = "arpack"
        wanted: Any = self.n_components
        if wanted is None:
            wanted = min(n, d) - (solver == "arpack")
        if solver == "auto":
            if d <= 1000 and (n >= 10 * d or streamed):
                solver = "covariance_eigh"
            elif max(n, d) <= 500 or wanted == "mle":
                solver = "full"
            else:
                solver = "randomized" if 1 <= wanted < 0.8 * min(n, d) else "full"
        return solver, wanted

    def _refuse(self, solver: str, wanted: Any, n: int, d: int) -> None:
        """Say which number of components is not possible."""
        if solver in ("full", "covariance_eigh"):
            if wanted == "mle":
                if n < d:
                    raise ValueError(
                        "n_components='mle' is only supported if n_samples >= n_features"
                    )
            elif not 0 <= wanted <= min(n, d):
                raise ValueError(
                    f"n_components={wanted} must be between 0 and min(n_samples, "
                    f"n_features)={min(n, d)} with svd_solver={solver!r}"
                )
        elif isinstance(wanted, str):
            raise ValueError(
                f"n_components={wanted!r} cannot be a string with svd_solver='{solver}'"
            )
        elif not 1 <= wanted <= min(n, d):
            raise ValueError(
                f"n_components={wanted!r} must be between 1 and min(n_samples, "
                f"n_features)={min(n, d)!r} with svd_solver='{solver}'"
            )
        elif solver == "arpack" and wanted == min(n, d):
            raise ValueError(
                f"n_components={wanted!r} must be strictly less than min(n_samples, "
                f"n_features)={min(n, d)!r} with svd_solver='{solver}'"
            )

    def _solved(self, solver: str, batches: Batches, mean: Tensor, wanted: Any) -> Singular:
        if solver == "full":
            return by_triangle(batches, mean)
        random = agreed(lambda: check_random_state(self.random_state))
        if solver == "arpack":
            return by_lanczos(batches.X, mean, wanted, tol=self.tol, random=random)
        return by_random_basis(
            batches.kept(),
            mean,
            wanted,
            oversamples=self.n_oversamples,
            steps=self.iterated_power,
            normalizer=self.power_iteration_normalizer,
            random=random,
        )

    def _number(self, wanted: Any, variance: Tensor, n: int, d: int) -> int:
        """How many components to keep of those found."""
        if wanted == "mle":
            return minka_dimension(variance, n)
        if 0 < wanted < 1:
            share = (variance / variance.sum()).cumsum(0)
            reached = torch.searchsorted(share, share.new_tensor(wanted), right=True)
            return min(int(reached) + 1, len(variance))
        return int(wanted)


def _total(moments: Moments) -> Tensor:
    """The variance of all columns together."""
    return moments.squares.sum() / (moments.weight.max() - 1)


def minka_dimension(variance: Tensor, n: int) -> int:
    """The number of components of greatest evidence, by Minka's approximation (2000); from 1 to
    d − 1. Cost O(d²) a number.

    variance : Tensor of shape (d,), eigenvalues of the covariance in descending order
    """
    evidence = [_evidence(variance, rank, n) for rank in range(1, len(variance))]
    return 1 + max(range(len(evidence)), key=evidence.__getitem__) if evidence else 0


_LEAST = 1e-15  # a variance that counts as none


def _evidence(variance: Tensor, rank: int, n: int) -> float:
    """The logarithm of the probability of the data if `rank` components are more than noise."""
    d = len(variance)
    if float(variance[rank - 1]) < _LEAST:
        return -math.inf
    # the prior of the directions
    halves = [(d - i + 1) / 2 for i in range(1, rank + 1)]
    prior = -rank * math.log(2) + sum(math.lgamma(h) - h * math.log(math.pi) for h in halves)
    noise = max(_LEAST, float(variance[rank:].sum()) / (d - rank))
    likelihood = -0.5 * n * (float(variance[:rank].log().sum()) + (d - rank) * math.log(noise))
    free = d * rank - rank * (rank + 1) / 2
    # the curvature: of each pair of a component and a direction after it
    smoothed = variance.clone()
    smoothed[rank:] = noise
    gap = variance[:rank, None] - variance[None, :]
    inverse = 1 / smoothed[None, :] - 1 / smoothed[:rank, None]
    later = torch.arange(d, device=variance.device) > torch.arange(rank)[:, None]
    curvature = float((gap * inverse)[later].log().sum()) + int(later.sum()) * math.log(n)
    laplace = 0.5 * math.log(2 * math.pi) * (free + rank) - 0.5 * curvature
    return prior + likelihood + laplace - 0.5 * rank * math.log(n)
