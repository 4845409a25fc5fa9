"""Principal components of rows that come in batches."""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import torch
from sklearn.utils import gen_batches
from torch import Tensor

from dovetail.base import Accepts, Incremental, Learned
from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.statistics import Moments, column_moments, merge_moments
from dovetail.decomposition._projection import Principal, Projection, projection
from dovetail.errors import needs_all_rows
from dovetail.params import AtLeast
from dovetail.solve.singular_values import Singular, with_signs

__all__ = ["IncrementalPCA"]


class IncrementalPCA(Incremental, Principal):
    """Principal components kept up to date as rows come, in memory of one batch.

    Each batch is decomposed together with the components so far, scaled by their singular values,
    and one row for the shift of the mean (Ross et al. 2008,
    https://doi.org/10.1007/s11263-007-0075-7). The result is that of `PCA` but for what the
    components left out meant for later ones. To decompose files larger than memory exactly, give
    `PCA` a scan.

    Parameters
    ----------
    n_components : int >= 1 or None, default=None
        None keeps min(rows of the first batch, n_features).
    whiten : bool, default=False
        Whether to divide each component by its standard deviation.
    copy : bool, default=True
        There for scikit-learn's signature; X is never written to.
    batch_size : int >= 1 or None, default=None
        Rows that `fit` takes at a time; None takes 5 n_features.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
    explained_variance_, explained_variance_ratio_, singular_values_ : array of shape
        (n_components,)
    mean_, var_ : array of shape (n_features,)
    noise_variance_ : float
    n_components_, n_samples_seen_, batch_size_ : int

    Raises
    ------
    ValueError
        More components than columns, or than rows of the first batch.
    TypeError
        Sparse X in `partial_fit`; `fit` makes batches of it dense.

    Cost O(n d (b + k)) for batches of b rows.

    Examples
    --------
    >>> from dovetail.decomposition import IncrementalPCA
    >>> pca = IncrementalPCA(n_components=1)
    >>> pca.partial_fit([[0.0, 0.0], [1.0, 2.0]]).partial_fit([[2.0, 4.0], [3.0, 6.0]])
    IncrementalPCA(n_components=1)
    >>> pca.components_.round(4)
    array([[0.4472, 0.8944]])
    """

    accepts = Accepts(sparse=("csr", "csc"))

    n_components: Annotated[int, AtLeast(1)] | None = None
    _: KW_ONLY
    whiten: bool = False
    copy: bool = True
    batch_size: Annotated[int, AtLeast(1)] | None = None

    n_samples_seen_ = Learned("rows")
    var_ = Learned("spread")

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(2, whiten=True, batch_size=50)]

    def partial_fit(self, X: Any, y: Any = None, check_input: bool = True) -> Self:
        """Take in one more batch.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
        y : ignored, there for the Pipeline
        check_input : bool
            There for scikit-learn's signature; the look at X costs little beside its decomposition.

        Returns
        -------
        self
        """
        return super().partial_fit(X, y)

    def _fit(self, batches: Batches) -> Projection:
        d = batches.n_features
        self.batch_size_ = 5 * d if self.batch_size is None else self.batch_size
        program: Projection | None = None
        for rows in self._in_turn(batches):
            program = self._update(program, Batches(Batch(rows)))
        assert program is not None
        return program

    def _in_turn(self, batches: Batches) -> Iterator[Tensor]:
        """The rows, `batch_size_` at a time, however they come."""
        if batches.group is not None:
            raise needs_all_rows("are shared among processes")
        ends = [
            part.stop
            for part in gen_batches(
                len(batches), self.batch_size_, min_batch_size=self.n_components or 0
            )
        ]
        held: list[Tensor] = []
        first = 0  # number of the first row that is held
        for block in batches.in_blocks(self.batch_size_):
            held.append(block.X.to_dense() if batches.sparse else block.X)
            while ends and first + sum(map(len, held)) >= ends[0]:
                rows = torch.cat(held)
                size = ends.pop(0) - first
                yield rows[:size]
                held, first = [rows[size:]], first + size

    def _update(self, before: Any, batches: Batches) -> Projection:
        batch = batches.whole
        if isinstance(batch.X, SparseMatrix):
            raise TypeError(
                "IncrementalPCA.partial_fit does not support sparse input. Either convert data to "
                "dense or use IncrementalPCA.fit to do so in batches."
            )
        k = self._number(before, batch)
        moments = column_moments(Batches(Batch(batch.X)))
        X = batch.X.double() - moments.mean
        if before is not None:
            old = Moments(
                torch.full_like(moments.weight, before.rows),
                before.mean.double(),
                before.spread.double() * before.rows,
            )
            shift = (before.rows * len(batch) / (before.rows + len(batch))) ** 0.5
            basis = before.values.double()[:, None] * before.components.double()
            moved = shift * (old.mean - moments.mean)
            X = torch.cat([basis, X, moved[None]])
            moments = merge_moments(old, moments)
        n = len(batch) + (0 if before is None else before.rows)
        _, s, Vh = torch.linalg.svd(X, full_matrices=False)
        variance = s.square() / max(n - 1, 1)
        # scikit-learn's rule: nothing is left out of as many as the batch has rows, or X columns
        full = k in (len(batch), batches.n_features) or k >= len(s)
        return projection(
            Singular(s, with_signs(Vh)).first(k),
            variance[:k],
            moments.squares.sum() / max(n - 1, 1),
            mean=moments.mean,
            noise=None if full else variance[k:].mean(),
            spread=moments.variance,
            dtype=batches.dtype,
            rows=n,
            whiten=self.whiten,
        )

    def _number(self, before: Any, batch: Batch) -> int:
        n, d = batch.X.shape
        known = None if before is None else len(before.components)
        wanted = self.n_components
        if wanted is None:
            return min(n, d) if known is None else known
        if wanted > d:
            raise ValueError(
                f"n_components={wanted!r} invalid for n_features={d}, need more rows than columns "
                "for IncrementalPCA processing"
            )
        if known is None and wanted > n:
            raise ValueError(
                f"n_components={wanted} must be less or equal to the batch number of samples {n} "
                "for the first partial_fit call."
            )
        if known is not None and known != wanted:
            raise ValueError(
                f"Number of input features has changed from {known} to {wanted} between calls to "
                "partial_fit! Try setting n_components to a fixed value."
            )
        return wanted
