"""Truncated singular value decomposition."""

from dataclasses import KW_ONLY
from typing import Annotated, Literal, Self

from sklearn.utils import check_random_state

from dovetail.base import Accepts
from dovetail.data.batches import Batches
from dovetail.data.statistics import column_moments
from dovetail.decomposition._projection import Components, Projection, projection
from dovetail.distributed import agreed
from dovetail.params import AtLeast, Seed
from dovetail.solve.singular_values import Normalizer, by_lanczos, by_random_basis

__all__ = ["TruncatedSVD"]


class TruncatedSVD(Components):
    """The greatest singular values of X, as it is: X = U S Vᵀ, the first rows of Vᵀ.

    X is not centered, so that sparse X stays sparse; of tf-idf weights this is latent semantic
    analysis (Deerwester et al. 1990).

    Parameters
    ----------
    n_components : int >= 1, default=2
        At most n_features; less than min(n_samples, n_features) with "arpack".
    algorithm : {"arpack", "randomized"}, default="randomized"
        See `PCA`.
    n_iter : int >= 0, default=5
        Power iterations of "randomized".
    n_oversamples : int >= 1, default=10
        Random vectors of "randomized" beyond the number of components.
    power_iteration_normalizer : {"auto", "QR", "LU", "none"}, default="auto"
        What keeps the vectors of "randomized" apart.
    random_state : int, RandomState or None
    tol : float >= 0, default=0.0
        Relative precision of "arpack"; 0 for that of the machine.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The largest number of each is positive.
    explained_variance_, explained_variance_ratio_ : array of shape (n_components,)
        Variance of each output column, and its share of that of X's columns.
    singular_values_ : array of shape (n_components,)

    Raises
    ------
    ValueError
        More components than columns.

    Cost O(s k) a power iteration for s stored values, in one pass; memory O(d k).

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from dovetail.decomposition import TruncatedSVD
    >>> X = sp.csr_matrix([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    >>> TruncatedSVD(2, random_state=0).fit(X).singular_values_.round(6)
    array([3., 2.])
    """

    accepts = Accepts(sparse=("csr", "csc"))

    n_components: Annotated[int, AtLeast(1)] = 2
    _: KW_ONLY
    algorithm: Literal["arpack", "randomized"] = "randomized"
    n_iter: Annotated[int, AtLeast(0)] = 5
    n_oversamples: Annotated[int, AtLeast(1)] = 10
    power_iteration_normalizer: Normalizer = "auto"
    random_state: Seed = None
    tol: Annotated[float, AtLeast(0)] = 0.0

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(random_state=0), cls(2, algorithm="arpack", random_state=0)]

    def _fit(self, batches: Batches) -> Projection:
        n, d, k = len(batches), batches.n_features, self.n_components
        if d < 2:
            raise ValueError(
                f"Found array with {d} feature(s) (shape=({n}, {d})) while a minimum of 2 is "
                "required by TruncatedSVD."
            )
        random = agreed(lambda: check_random_state(self.random_state))
        if self.algorithm == "arpack":
            if k >= min(n, d):
                raise ValueError(
                    f"n_components={k} must be strictly less than min(n_samples, "
                    f"n_features)={min(n, d)} with algorithm='arpack'."
                )
            found = by_lanczos(batches.X, None, k, tol=self.tol, random=random)
        elif k > d:
            raise ValueError(f"n_components({k}) must be <= n_features({d}).")
        else:
            batches = batches.kept()
            found = by_random_basis(
                batches,
                None,
                k,
                oversamples=self.n_oversamples,
                steps=self.n_iter,
                normalizer=self.power_iteration_normalizer,
                random=random,
            )
        moments = column_moments(batches)
        weight = moments.weight.max()
        # of the output columns: mean square, which is known, less squared mean
        means = found.vectors @ moments.mean
        variance = (found.values.square() / weight - means.square()).clamp(min=0)
        total = moments.squares.sum() / weight
        return projection(found, variance, total, mean=None, dtype=batches.dtype, rows=n)
