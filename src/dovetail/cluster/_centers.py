"""What estimators of cluster centers share: the Program, predictions, and where centers start.

Legend: n rows, d columns, k centers.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Learned, WeightedTransformer
from dovetail.data.batches import Batch, Batches
from dovetail.data.scan import Scan
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import warn
from dovetail.program import Program
from dovetail.solve.lloyd import moments_alike, nearest, own_distances, squared_distances
from dovetail.solve.seeding import drawn_rows, plus_plus, sampled

__all__ = ["Centers", "CentersProgram", "closest", "distinct", "is_array", "tolerance"]


class CentersProgram(Program):
    """Distances to centers.

    centers : Tensor of shape (k, d)
    """

    centers: Tensor

    def forward(self, X: Matrix) -> Tensor:
        return squared_distances(X, self.centers.to(X.dtype)).sqrt()


class _Found:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    inertia_: float
    n_iter_: int
    labels_: Any


class Centers(_Found, ClassNamePrefixFeaturesOutMixin, ClusterMixin, WeightedTransformer):
    """An estimator of cluster centers. Its `_fit` calls `_keep`."""

    accepts = Accepts(sparse=("csr",))
    cluster_centers_ = Learned("centers")

    def _keep(self, labels: Tensor) -> None:
        """Keep the cluster of each row of the fit as `labels_`, int32."""
        self.labels_ = labels if self._container == "torch" else as_numpy(labels)

    @property
    def _n_features_out(self) -> int:
        return len(self._program.centers)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Fit, and the cluster of each row, shape (n_samples,)."""
        return self.fit(X, sample_weight=sample_weight).labels_

    def predict(self, X: Any) -> Any:
        """The cluster of each row, shape (n_samples,), int32."""
        return self._run(self._assigned, X)

    def _assigned(self, X: Matrix) -> Tensor:
        """Labels of opened rows, int32."""
        return closest(X, self._program.centers).int()

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Minus the weighted squared distances of the rows to their centers."""
        check_is_fitted(self)
        if isinstance(X, Scan):
            blocks = ((rows.X, rows.w) for rows in X.blocks())
            return sum(self.score(block, sample_weight=w) for block, w in blocks)
        opened = self.front(X)
        centers = self._program.centers.to(opened.dtype).double()
        off = own_distances(opened, centers, self._assigned(opened).long())
        if sample_weight is not None:
            off = off * as_tensor(np.asarray(as_plain(sample_weight)), off.device)
        return -float(off.sum())

    def _seeds(self, batches: Batches, k: int, random: np.random.RandomState) -> Tensor:
        """Centers to start from, as `init` says, (k, d)."""
        init: Any = getattr(self, "init")  # noqa: B009  # declared by estimators
        if isinstance(init, str) and init == "k-means++":
            return plus_plus(sampled(batches, k, random)[0], k, random)[0]
        if isinstance(init, str):
            return drawn_rows(batches, k, random)
        if callable(init):
            X: Any = batches.X
            X = X.to_scipy() if isinstance(X, SparseMatrix) else as_numpy(X)
            init = init(X, k, random_state=random)
        return self._given(init, batches, k)

    def _given(self, init: Any, batches: Batches, k: int) -> Tensor:
        """Centers given by the user, checked."""
        array = check_array(as_plain(init), dtype=[np.float64, np.float32], copy=True)
        if array.shape[0] != k:
            raise ValueError(
                f"The shape of the initial centers {array.shape} does not match the number of "
                f"clusters {k}."
            )
        if array.shape[1] != batches.n_features:
            raise ValueError(
                f"The shape of the initial centers {array.shape} does not match the number of "
                f"features of the data {batches.n_features}."
            )
        return as_tensor(array, batches.device)

    def _starts(self, otherwise: int) -> int:
        """How often to start; `otherwise` is what "auto" means for other starts than k-means++."""
        me: Any = self
        given = is_array(me.init)
        n_init: Any = me.n_init
        if n_init == "auto":
            plus = isinstance(me.init, str) and me.init == "k-means++"
            n_init = 1 if plus or given else otherwise
        if given and n_init != 1:
            warn(
                "Explicit initial center position passed: performing only one init in "
                f"{type(self).__name__} instead of n_init={n_init}.",
                RuntimeWarning,
            )
            n_init = 1
        return int(n_init)

    def _refuse_few(self, batches: Batches) -> None:
        me: Any = self
        if len(batches) < me.n_clusters:
            raise ValueError(f"n_samples={len(batches)} should be >= n_clusters={me.n_clusters}.")

    def _warn_of_few(self, found: int) -> None:
        """Say that there are fewer clusters than asked for."""
        me: Any = self
        if found < me.n_clusters:
            warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters "
                f"({me.n_clusters}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the centers.

        Parameters
        ----------
        X : array-like, frame, sparse matrix, tensor or scan of shape (n_samples, n_features)
        y : ignored, there for the Pipeline
        sample_weight : array-like of shape (n_samples,) or None
            An integer weight equals that many copies of the row.

        Returns
        -------
        self
        """
        return super().fit(X, y, sample_weight)


def closest(X: Matrix, centers: Tensor) -> Tensor:
    """The nearest center of each row: of rows less the centers' mean, where digits of products
    would cancel.
    """
    centers = centers.to(X.dtype)
    if isinstance(X, SparseMatrix) or not len(X):
        return nearest(X, centers)
    middle = centers.mean(0)
    return nearest(X, centers - middle, middle)


def is_array(init: Any) -> bool:
    """Whether `init` are centers."""
    return not isinstance(init, str) and not callable(init)


def as_plain(values: Any) -> Any:
    """What numpy reads."""
    return as_numpy(values) if isinstance(values, Tensor) else values


def tolerance(batches: Batches, tol: float) -> float:
    """`tol` in units of the mean variance of the columns, of rows that count alike."""
    return tol * float(moments_alike(batches).variance.mean()) if tol else 0.0


def distinct(batches: Batches, labels: Tensor, k: int) -> int:
    """How many clusters have rows."""

    def block(b: Batch) -> Tensor:
        mine = labels[b.start : b.start + len(b)].long()
        return torch.bincount(mine, minlength=k)

    return int((batches.sum(block) > 0).sum())
