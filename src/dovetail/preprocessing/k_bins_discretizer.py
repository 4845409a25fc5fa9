"""Numbers into bins."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, replace
from numbers import Integral
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import check_array, check_random_state, resample
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Learned, WeightedTransformer, run_inverse
from dovetail.data.batches import Batches
from dovetail.data.order_statistics import columns_in_turn, quantiles
from dovetail.data.quantiles import QuantileMethod
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.statistics import column_ranges, without_weightless
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.distributed import agreed
from dovetail.errors import warn
from dovetail.kernels.ranks import bins
from dovetail.params import ArrayLike, AtLeast, FloatType, Seed
from dovetail.preprocessing._lloyd import centers_on_line
from dovetail.program import Program

__all__ = ["KBinsDiscretizer"]

_NARROWEST = 1e-8  # bins no wider than this are merged with their neighbor


class _Discretize(Program):
    """Bins of numbers: their positions, or an indicator of each bin.

    inner : Tensor of shape (d, k − 1), edges between the bins of each column, filled up with
        infinity
    low, high : Tensor of shape (d,), the outer edges
    counts : Tensor of shape (d,), int64, numbers of bins
    dtype : of the result, "float32", "float64", or None for that of X
    """

    inner: Tensor
    low: Tensor
    high: Tensor
    counts: Tensor
    one_hot: bool
    dtype: str | None

    def forward(self, X: Tensor) -> Tensor:
        codes = self.codes(X)
        if not self.one_hot:
            return codes
        column, position = self._outputs()
        return (codes.index_select(1, column) == position).to(codes.dtype)

    def codes(self, X: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Positions of bins, shape (n, d)."""
        if dtype is None and self.dtype is not None:
            dtype = getattr(torch, self.dtype)
        return bins(X, self.inner, dtype)

    def _outputs(self) -> tuple[Tensor, Tensor]:
        """Column and bin that each indicator stands for."""
        every = torch.arange(len(self.counts), device=self.counts.device)
        column = every.repeat_interleave(self.counts)
        return column, torch.arange(len(column), device=column.device) - self.starts()[column]

    def starts(self) -> Tensor:
        """Indicators before those of each column, shape (d,)."""
        return self.counts.cumsum(0) - self.counts

    def indicators(self, X: Tensor) -> SparseMatrix:
        """The indicators as a CSR matrix: one stored value for each column of a row."""
        (n, d), width = X.shape, int(self.counts.sum())
        index = torch.int32 if n * d < 2**31 else torch.int64
        places = self.codes(X, index).add_(self.starts().to(index))
        starts = torch.arange(0, n * d + 1, d, dtype=index, device=X.device)
        dtype = X.dtype if self.dtype is None else getattr(torch, self.dtype)
        ones = torch.ones(n * d, dtype=dtype, device=X.device)
        return SparseMatrix(starts, places.flatten(), ones, (n, width))

    def edges(self, j: int) -> Tensor:
        """All edges of a column."""
        inner = self.inner[j, : int(self.counts[j]) - 1]
        return torch.cat([self.low[j : j + 1], inner, self.high[j : j + 1]])

    def from_indicators(self, X: Matrix) -> Tensor:
        """Positions of bins from indicators."""
        column, position = self._outputs()
        if isinstance(X, SparseMatrix):
            rows, places, values = X.rows.long(), X.columns.long(), X.values
        else:
            rows, places = X.nonzero(as_tuple=True)
            values = X[rows, places]
        stored = values != 0
        rows, places = rows[stored], places[stored]
        codes = torch.zeros(len(X), len(self.counts), dtype=torch.int64, device=X.device)
        codes[rows, column[places]] = position[places]
        return codes

    def centers(self, codes: Tensor) -> Tensor:
        """Middles of bins, float64."""
        inner = torch.where(self.inner.isinf(), self.high[:, None], self.inner)
        edges = torch.cat([self.low[:, None], inner, self.high[:, None]], dim=1)
        middles = (edges[:, 1:] + edges[:, :-1]) / 2
        return middles[torch.arange(len(self.counts), device=codes.device), codes.long()]


class KBinsDiscretizer(WeightedTransformer):
    """Cut the range of each column into intervals, and give the interval of each value.

    Parameters
    ----------
    n_bins : int ≥ 2, or array-like of shape (n_features,), default=5
    encode : {"onehot", "onehot-dense", "ordinal"}, default="onehot"
        One indicator for each bin, sparse or dense, or one column of positions from 0.
    strategy : {"uniform", "quantile", "kmeans"}, default="quantile"
        Bins of equal width, with equally many values, or around the centers of a one-dimensional
        k-means that starts from equal widths.
    quantile_method : str, default="averaged_inverted_cdf"
        How a quantile between two values is read, in the words of numpy.percentile.
    dtype : {numpy.float32, numpy.float64} or None, default=None
        Of the result; None keeps that of X.
    subsample : int or None, default=200000
        Rows, drawn with replacement, to find edges from; None takes all.
    random_state : int, RandomState or None, default=None
        Draws these rows.

    Attributes
    ----------
    bin_edges_ : ndarray of n_features ndarrays of shape (n_bins_[j] + 1,), float64
    n_bins_ : ndarray of shape (n_features,), int
        Fewer than asked for where bins no wider than 1e-8 were merged; 1 for constant columns.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        `n_bins` below 2 or not one for each column; row weights with a `quantile_method` that does
        not know them.

    Values beyond the outer edges belong to the outer bins. Cost of a fit O(d s log s) for s rows
    sampled, of a transform O(n d √k) for k bins.

    Examples
    --------
    >>> from dovetail.preprocessing import KBinsDiscretizer
    >>> bins = KBinsDiscretizer(3, encode="ordinal", strategy="uniform")
    >>> bins.fit_transform([[0.0], [1.0], [4.0], [6.0]])
    array([[0.],
           [0.],
           [2.],
           [2.]])
    >>> bins.bin_edges_[0]
    array([0., 2., 4., 6.])
    """

    accepts = Accepts()

    n_bins: Annotated[int, AtLeast(2)] | ArrayLike = 5
    _: KW_ONLY
    encode: Literal["onehot", "onehot-dense", "ordinal"] = "onehot"
    strategy: Literal["uniform", "quantile", "kmeans"] = "quantile"
    quantile_method: QuantileMethod = "averaged_inverted_cdf"
    dtype: FloatType | None = None
    subsample: Annotated[int, AtLeast(1)] | None = 200_000
    random_state: Seed = None

    n_bins_ = Learned("counts")

    @property
    def bin_edges_(self) -> npt.NDArray[Any]:
        """Edges of each column's bins, outer ones included."""
        program: Any = self.program_
        edges = np.empty(self.n_features_in_, dtype=object)
        edges[:] = [as_numpy(program.edges(j)) for j in range(len(edges))]
        return edges

    @classmethod
    def _examples(cls) -> list["KBinsDiscretizer"]:
        return [
            cls(),
            cls(encode="ordinal", strategy="uniform"),
            cls(3, encode="onehot-dense", strategy="kmeans"),
        ]

    def _fit(self, batches: Batches) -> _Discretize:
        counts = self._counts(batches.n_features)
        batches = self._sampled(batches)
        if (
            self.strategy == "quantile"
            and batches.weighted
            and self.quantile_method not in ("inverted_cdf", "averaged_inverted_cdf")
        ):
            raise ValueError(
                "When fitting with strategy='quantile' and sample weights, quantile_method should "
                "either be set to 'averaged_inverted_cdf' or 'inverted_cdf', got "
                f"quantile_method='{self.quantile_method}' instead."
            )
        there = batches.mapped(without_weightless) if batches.weighted else batches
        low, high = (bound.to(torch.float64) for bound in column_ranges(there))
        edges = []
        for j, found in enumerate(self._edges(batches, low, high, counts)):
            if low[j] == high[j]:
                warn(f"Feature {j} is constant and will be replaced with 0.")
                edges.append(torch.tensor([-torch.inf, torch.inf], device=low.device))
                continue
            wide = found.diff() > _NARROWEST
            if self.strategy != "uniform" and not bool(wide.all()):
                found = torch.cat([found[:1], found[1:][wide]])
                warn(
                    f"Bins whose width are too small (i.e., <= {_NARROWEST:g}) in feature {j} are "
                    "removed. Consider decreasing the number of bins.",
                )
            edges.append(found)
        return self._program_of(edges)

    def _counts(self, d: int) -> npt.NDArray[np.int64]:
        """The number of bins asked for, by column."""
        if isinstance(self.n_bins, Integral):
            return np.full(d, self.n_bins, dtype=np.int64)
        counts = check_array(self.n_bins, dtype=np.int64, copy=True, ensure_2d=False)
        if counts.ndim > 1 or len(counts) != d:
            raise ValueError("n_bins must be a scalar or array of shape (n_features,).")
        bad = np.flatnonzero((counts < 2) | (counts != self.n_bins))
        if len(bad):
            raise ValueError(
                "KBinsDiscretizer received an invalid number of bins at indices "
                f"{', '.join(map(str, bad))}. Number of bins must be at least 2, and must be an "
                "int."
            )
        return counts

    def _sampled(self, batches: Batches) -> Batches:
        """The rows to find edges from: a sample where there are many."""
        n = len(batches)
        if self.subsample is None or n <= self.subsample:
            return batches.kept()
        w = as_numpy(batches.weights()).astype(np.float64) if batches.weighted else None
        seed = agreed(lambda: check_random_state(self.random_state))
        rows = resample(
            np.arange(n),
            replace=True,
            n_samples=self.subsample,
            random_state=seed,
            sample_weight=w,
        )
        sample = batches.take(as_tensor(rows, batches.device)).whole
        return Batches(replace(sample, w=None))

    def _edges(
        self, batches: Batches, low: Tensor, high: Tensor, counts: npt.NDArray[np.int64]
    ) -> Iterator[Tensor]:
        """Edges of the bins of each column, shape (k + 1,)."""
        if self.strategy == "quantile":
            return self._quantiles(batches, counts)
        even = (
            as_tensor(np.linspace(first, last, k + 1), batches.device)
            for first, last, k in zip(low.tolist(), high.tolist(), counts.tolist(), strict=True)
        )
        return even if self.strategy == "uniform" else self._between_centers(batches, even)

    def _quantiles(self, batches: Batches, counts: npt.NDArray[np.int64]) -> Iterator[Tensor]:
        """Edges with as many values between them; one look at the rows for all columns."""
        shares = {k: np.linspace(0, 100, k + 1) / 100 for k in set(counts.tolist())}
        levels = np.unique(np.concatenate(list(shares.values())))
        found = quantiles(batches, torch.from_numpy(levels), method=self.quantile_method)
        for column, k in zip(found.T, counts.tolist(), strict=True):
            yield column[torch.from_numpy(np.searchsorted(levels, shares[k]))]

    def _between_centers(self, batches: Batches, even: Iterator[Tensor]) -> Iterator[Tensor]:
        """Edges between the centers of k-means that starts from even ones."""
        columns = (
            (column, w) for X, w in columns_in_turn(batches) for column in X.T.to(torch.float64)
        )
        for edges, (column, w) in zip(even, columns, strict=True):
            k = len(edges) - 1
            if edges[0] == edges[-1]:
                yield edges
                continue
            if w is not None:
                column, w = column[w != 0], w[w != 0]
            if len(column) < k:
                raise ValueError(f"n_samples={len(column)} should be >= n_clusters={k}.")
            centers = centers_on_line(column, w, (edges[1:] + edges[:-1]) / 2)
            yield torch.cat([edges[:1], (centers[1:] + centers[:-1]) / 2, edges[-1:]])

    def _program_of(self, edges: list[Tensor]) -> _Discretize:
        counts = torch.tensor([len(e) - 1 for e in edges], device=edges[0].device)
        inner = torch.full((len(edges), int(counts.max()) - 1), torch.inf, dtype=torch.float64)
        inner = inner.to(counts.device)
        for row, found in zip(inner, edges, strict=True):
            row[: len(found) - 2] = found[1:-1]
        low, high = (torch.stack([e[i] for e in edges]).to(torch.float64) for i in (0, -1))
        dtype = None if self.dtype is None else np.dtype(self.dtype).name
        return _Discretize(inner, low, high, counts, self.encode != "ordinal", dtype)

    def _transform(self, X: Tensor) -> Matrix:
        program = self._program
        if self.encode == "onehot":
            return program.indicators(X)
        if self.encode == "ordinal" or X.device.type != "cpu":
            return program(X)
        indicators = program.indicators(X)
        dense = torch.zeros(indicators.shape, dtype=indicators.dtype)
        places = indicators.indices.view(X.shape).long()
        return dense.scatter_(1, places, indicators.values.view(X.shape))

    def inverse_transform(self, X: Any) -> Any:
        """The middle of each bin.

        Parameters
        ----------
        X : array-like, sparse matrix or tensor of what `transform` gives

        Returns
        -------
        array or tensor of shape (n_samples, n_features), in the dtype of X

        Raises
        ------
        ValueError
            Not as many columns as `transform` gives.
        """
        check_is_fitted(self)
        accepts = Accepts(sparse=() if self.encode == "ordinal" else ("csr",))
        return run_inverse(self, X, self._middles, accepts)

    def _middles(self, X: Matrix) -> Tensor:
        program = self._program
        width = len(program.counts) if self.encode == "ordinal" else int(program.counts.sum())
        if X.shape[1] != width:
            raise ValueError(
                f"Incorrect number of features. Expecting {width}, received {X.shape[1]}."
            )
        codes = X if self.encode == "ordinal" else program.from_indicators(X)
        middles: Tensor = program.centers(codes)
        return middles.to(X.dtype)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns: those of the input, each with its bins where one-hot.

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if self.encode == "ordinal":
            return np.asarray(names, dtype=object)
        counts = as_numpy(self._program.counts)
        return np.array(
            [f"{n}_{float(b)}" for n, k in zip(names, counts, strict=True) for b in range(k)],
            dtype=object,
        )
