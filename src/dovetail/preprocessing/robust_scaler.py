"""Scaling by median and quantile range, which outliers do not move."""

from dataclasses import KW_ONLY

import torch
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags

from dovetail.base import Accepts, Learned, Transformer
from dovetail.data.batches import Batches
from dovetail.data.order_statistics import quantiles
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.preprocessing._affine import Affine
from dovetail.preprocessing._shared import InPlace, nonzero_scale

__all__ = ["RobustScaler"]


class RobustScaler(OneToOneFeatureMixin, InPlace, Transformer):
    """Shift each column to median 0 and scale it by a quantile range: (x − median) / (q_b − q_a).

    Parameters
    ----------
    with_centering : bool, default=True
        Whether to shift. Not possible for sparse X, which would become dense.
    with_scaling : bool, default=True
        Whether to scale.
    quantile_range : tuple (a, b) in percent, 0 ≤ a ≤ b ≤ 100, default=(25.0, 75.0)
    copy : bool, default=True
        False overwrites X where it is a float array or CSR / CSC matrix.
    unit_variance : bool, default=False
        Whether to scale so that normally distributed columns get variance 1.

    Attributes
    ----------
    center_ : ndarray or tensor of shape (n_features,), float64, or None
        Median of each column.
    scale_ : ndarray or tensor of shape (n_features,), float64, or None
        The divisor, 1 where the quantiles are the same.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        `quantile_range` is not ascending within 0 to 100, or sparse X is to be shifted.

    Missing values (NaN) do not count and stay NaN. Cost of a fit O(d n log n), it sorts every
    column.

    Examples
    --------
    >>> from dovetail.preprocessing import RobustScaler
    >>> RobustScaler().fit_transform([[1.0], [2.0], [3.0], [4.0], [1000.0]])
    array([[ -1. ],
           [ -0.5],
           [  0. ],
           [  0.5],
           [498.5]])
    """

    accepts = Accepts(sparse=("csr", "csc"), missing=True, half=True)

    _: KW_ONLY
    with_centering: bool = True
    with_scaling: bool = True
    quantile_range: tuple[float, float] = (25.0, 75.0)
    copy: bool = True
    unit_variance: bool = False

    center_ = Learned("center")
    scale_ = Learned("scale")

    @classmethod
    def _examples(cls) -> list["RobustScaler"]:
        return [cls(), cls(with_centering=False, unit_variance=True)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.with_centering
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _fit(self, batches: Batches) -> Affine:
        a, b = self.quantile_range
        if not 0 <= a <= b <= 100:
            raise ValueError(f"Invalid quantile range: {self.quantile_range}")
        self._refuse_sparse(batches.head.X)
        levels = torch.tensor([a / 100, 0.5, b / 100], dtype=torch.float64, device=batches.device)
        low, median, high = quantiles(batches, levels)
        scale = nonzero_scale(high - low)
        if self.unit_variance:
            normal = torch.special.ndtri(levels)
            scale = scale / (normal[2] - normal[0])
        return Affine(median if self.with_centering else None, scale if self.with_scaling else None)

    def _transform(self, X: Matrix, *, copy: bool = True) -> Matrix:
        self._refuse_sparse(X)
        return self._program.transformed(X, copy=copy)

    def _inverse(self, X: Matrix, *, copy: bool = True) -> Matrix:
        self._refuse_sparse(X)
        return self._program.inverse(X, copy=copy)

    def _refuse_sparse(self, X: Matrix) -> None:
        if isinstance(X, SparseMatrix) and self.with_centering:
            raise ValueError(
                "Cannot center sparse matrices: use `with_centering=False` instead. Centering "
                "would fill in their zeros."
            )
