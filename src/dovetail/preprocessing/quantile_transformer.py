"""Mapping of columns to a uniform or normal distribution by their ranks."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Literal

import numpy as np
import torch
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags, check_random_state, resample
from torch import Tensor

from dovetail.base import Accepts, Learned, Transformer
from dovetail.data.batches import Batches
from dovetail.data.order_statistics import quantiles
from dovetail.data.quantiles import quantiles_with_zeros
from dovetail.data.results import by_rows
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import FLOATS, as_numpy, as_tensor
from dovetail.distributed import agreed
from dovetail.errors import warn
from dovetail.kernels.ranks import ranks
from dovetail.params import AtLeast, Seed
from dovetail.preprocessing._shared import InPlace
from dovetail.program import Program

__all__ = ["QuantileTransformer"]

# Shares nearer to 0 or 1 than this count as 0 or 1, so that normal quantiles stay within ±5.2.
_EDGE = 1e-7
_BOUND = -float(torch.special.ndtri(torch.tensor(_EDGE - np.spacing(1), dtype=torch.float64)))


class _ToDistribution(Program):
    """Ranks of numbers among the quantiles of their column, as shares or as normal quantiles.

    quantiles : Tensor of shape (k, d), float64, ascending in each column
    references : Tensor of shape (k,), the shares they stand for, evenly spaced from 0 to 1
    """

    quantiles: Tensor
    references: Tensor
    normal: bool

    def forward(self, X: Tensor) -> Tensor:
        return self.spread(self.ranked(X))

    def ranked(self, X: Tensor) -> Tensor:
        """Ranks from 0 to k − 1, in the dtype of X."""
        return ranks(X, self.quantiles.T.contiguous(), _EDGE if self.normal else 0.0)

    def spread(self, rank: Tensor) -> Tensor:
        """What is at a rank: a share, or a normal quantile."""
        share = rank / max(1, len(self.references) - 1)
        if not self.normal:
            return share
        wide = share if share.dtype in FLOATS else share.to(torch.float32)
        return torch.special.ndtri(wide).clamp(-_BOUND, _BOUND).to(share.dtype)

    def transformed(self, X: Tensor) -> Tensor:
        """The same outside autograd, with fewer temporaries."""
        return self(X) if X.requires_grad else by_rows(self.spread, self.ranked(X), copy=False)

    def inverse(self, X: Tensor) -> Tensor:
        """The quantiles at the shares X."""
        k, d = self.quantiles.shape
        share = X.to(torch.float64)
        if self.normal:
            share = torch.special.ndtr(share)
            share = torch.where(share < _EDGE, 0.0, torch.where(share > 1 - _EDGE, 1.0, share))
        rank = share.clamp(0, 1) * (k - 1)
        below = torch.nan_to_num(rank).long().clamp(0, max(0, k - 2))
        place = below * d + torch.arange(d, device=X.device)
        values = self.quantiles.flatten()
        low, high = values[place], values[(place + d).clamp(max=k * d - 1)]
        return torch.lerp(low, high, rank - below).to(X.dtype)

    def column(self, j: int) -> "_ToDistribution":
        """The map of one column."""
        return self.replace(quantiles=self.quantiles[:, j : j + 1])


class QuantileTransformer(OneToOneFeatureMixin, InPlace, Transformer):
    """Map each column to a uniform or normal distribution: the share of the training values below
    x, or the normal quantile of that share.

    Between the learned quantiles shares are interpolated; a value that repeats gets the middle of
    its shares. The map is monotonic, its outcome the same for any monotonic change of the input.

    Parameters
    ----------
    n_quantiles : int, default=1000
        Quantiles to learn, at most as many as rows.
    output_distribution : {"uniform", "normal"}, default="uniform"
    ignore_implicit_zeros : bool, default=False
        Whether the zeros of sparse X that are not stored are left out of the statistics.
    subsample : int or None, default=10000
        Rows, drawn without replacement, to estimate the quantiles from; None takes all.
    random_state : int, RandomState or None, default=None
        Draws these rows.
    copy : bool, default=True
        False overwrites X where it is a float array or CSC matrix.

    Attributes
    ----------
    n_quantiles_ : int
    quantiles_ : ndarray or tensor of shape (n_quantiles_, n_features), float64
    references_ : ndarray or tensor of shape (n_quantiles_,), from 0 to 1
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        More quantiles than subsampled rows; negative values in sparse X, unless implicit zeros are
        ignored.

    Missing values (NaN) do not count and stay NaN. Cost of a fit O(d s log s) for s sampled rows,
    of a transform O(n d √k) for k quantiles.

    Examples
    --------
    >>> from dovetail.preprocessing import QuantileTransformer
    >>> QuantileTransformer(n_quantiles=5).fit_transform([[1.0], [2.0], [4.0], [8.0], [1000.0]])
    array([[0.  ],
           [0.25],
           [0.5 ],
           [0.75],
           [1.  ]])
    """

    accepts = Accepts(sparse=("csc",), missing=True, half=True)

    _: KW_ONLY
    n_quantiles: Annotated[int, AtLeast(1)] = 1000
    output_distribution: Literal["uniform", "normal"] = "uniform"
    ignore_implicit_zeros: bool = False
    subsample: Annotated[int, AtLeast(1)] | None = 10_000
    random_state: Seed = None
    copy: bool = True

    quantiles_ = Learned("quantiles")
    references_ = Learned("references")

    @property
    def n_quantiles_(self) -> int:
        """Number of quantiles learned."""
        return len(self.references_)

    @classmethod
    def _examples(cls) -> list["QuantileTransformer"]:
        return [cls(n_quantiles=20), cls(n_quantiles=20, output_distribution="normal")]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _fit(self, batches: Batches) -> _ToDistribution:
        if self.subsample is not None and self.n_quantiles > self.subsample:
            raise ValueError(
                "The number of quantiles cannot be greater than the number of samples used. Got "
                f"{self.n_quantiles} quantiles and {self.subsample} samples."
            )
        n = len(batches)
        if self.n_quantiles > n:
            warn(
                f"n_quantiles ({self.n_quantiles}) is greater than the total number of samples "
                f"({n}). n_quantiles is set to n_samples.",
            )
        k = max(1, min(self.n_quantiles, n))
        references = torch.arange(k, dtype=torch.float64, device=batches.device) / max(1, k - 1)
        rng = agreed(lambda: check_random_state(self.random_state))
        if batches.sparse:
            found = self._sparse_quantiles(batches.X, references, rng)  # type: ignore[arg-type]
        else:
            found = quantiles(self._sampled(batches, rng), references)
        found = found.cummax(dim=0).values  # rounding may break the order of neighbors
        return _ToDistribution(found, references, self.output_distribution == "normal")

    def _sampled(self, batches: Batches, rng: np.random.RandomState) -> Batches:
        if self.ignore_implicit_zeros:
            warn(
                "'ignore_implicit_zeros' takes effect only with sparse matrix. This parameter "
                "has no effect.",
            )
        n = len(batches)
        if self.subsample is None or self.subsample >= n:
            return batches
        rows = resample(np.arange(n), replace=False, n_samples=self.subsample, random_state=rng)
        return batches.take(as_tensor(rows, batches.device))

    def _sparse_quantiles(
        self, X: SparseMatrix, references: Tensor, rng: np.random.RandomState
    ) -> Tensor:
        """Quantiles of each column's stored values, and of its zeros where they count."""
        self._refuse_negative(X)
        n, found = len(X), []
        for values in torch.split(X.values, X.starts.diff().tolist()):
            zeros = 0 if self.ignore_implicit_zeros else n - len(values)
            if self.subsample is not None and len(values) > self.subsample:
                share = 1.0 if self.ignore_implicit_zeros else len(values) / n
                size = int(self.subsample * share)
                picked = rng.choice(as_numpy(values), size=size, replace=False)
                values, zeros = as_tensor(picked, X.device), self.subsample - size
            empty = not len(values) and not zeros
            found.append(quantiles_with_zeros(values, zeros or int(empty), references))
        return torch.stack(found, dim=1)

    def _refuse_negative(self, X: Matrix) -> None:
        if (
            isinstance(X, SparseMatrix)
            and not self.ignore_implicit_zeros
            and bool((X.values < 0).any())
        ):
            raise ValueError(
                "QuantileTransformer only accepts non-negative sparse matrices, since zeros that "
                "are not stored have to stay the least value. Pass ignore_implicit_zeros=True to "
                "leave them out."
            )

    def _transform(self, X: Matrix, *, copy: bool = True) -> Matrix:
        self._refuse_negative(X)
        if isinstance(X, SparseMatrix):
            return self._by_column(_ToDistribution.transformed, X, copy=copy)
        out: Tensor = self._program.transformed(X)
        return out if copy else X.copy_(out)

    def _inverse(self, X: Matrix, *, copy: bool = True) -> Matrix:
        if X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {X.shape[1]} features, but QuantileTransformer is expecting "
                f"{self.n_features_in_} features as input."
            )
        if isinstance(X, SparseMatrix):
            return self._by_column(_ToDistribution.inverse, X, copy=copy)
        return by_rows(self._program.inverse, X, copy=copy)

    def _by_column(
        self, f: Callable[[_ToDistribution, Tensor], Tensor], X: SparseMatrix, *, copy: bool
    ) -> SparseMatrix:
        """f of the stored values of each column; zeros that are not stored stay zeros."""
        values = X.values.clone() if copy else X.values
        for j, part in enumerate(torch.split(values, X.starts.diff().tolist())):
            part.copy_(f(self._program.column(j), part[:, None])[:, 0])
        return X.with_values(values) if copy else X
