"""Scaling of rows to unit norm."""

from dataclasses import KW_ONLY
from typing import Any, Literal

import torch
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, Stateless, over_blocks
from dovetail.data.results import may_overwrite
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.preprocessing._affine import applied
from dovetail.program import Program

__all__ = ["Normalizer"]

Norm = Literal["l1", "l2", "max"]

_ROWS = 8192  # of a block, so that its absolute values stay in the cache (l2 makes none)


class _UnitNorm(Program):
    """Each row of X divided by its norm, rows of zeros left alone."""

    norm: str

    def forward(self, X: Tensor) -> Tensor:
        return X / _no_zeros(self.norms(X))[:, None]

    def norms(self, X: Tensor) -> Tensor:
        """Norm of each row, shape (n,)."""
        if self.norm == "l2":
            return torch.linalg.vector_norm(X, dim=1)
        return X.abs().sum(1) if self.norm == "l1" else X.abs().amax(1)

    def sparse(self, X: SparseMatrix) -> SparseMatrix:
        """The same of a CSR matrix."""
        if self.norm == "max":
            rows = X.rows.long()
            zeros = X.values.new_zeros(len(X))
            norms = zeros.scatter_reduce(0, rows, X.values.abs(), "amax")
        elif self.norm == "l1":
            norms = X.row_sums(X.values.abs())
        else:
            norms = X.row_sums(X.values.square()).sqrt()
        return X.scale_rows(1 / _no_zeros(norms))


def _no_zeros(norms: Tensor) -> Tensor:
    return torch.where(norms == 0, torch.ones_like(norms), norms)


class Normalizer(OneToOneFeatureMixin, Stateless):
    """Divide each row by its norm: x / ‖x‖.

    Parameters
    ----------
    norm : {"l1", "l2", "max"}, default="l2"
        Sum of absolute values, root of the sum of squares, or greatest absolute value.
    copy : bool, default=True
        False overwrites X where it is a float array or CSR matrix.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Rows are mapped one by one, there is nothing to learn: `transform` needs no fit. Rows of zeros
    stay zeros. Cost O(n d), or the number of stored values of sparse X.

    Examples
    --------
    >>> from dovetail.preprocessing import Normalizer
    >>> Normalizer().transform([[3.0, 4.0], [0.0, 2.0]])
    array([[0.6, 0.8],
           [0. , 1. ]])
    """

    accepts = Accepts(sparse=("csr",), half=True)

    norm: Norm = "l2"
    _: KW_ONLY
    copy: bool = True

    @classmethod
    def _examples(cls) -> list["Normalizer"]:
        return [cls(), cls("l1"), cls("max")]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _stateless(self) -> _UnitNorm:
        return _UnitNorm(self.norm)

    @over_blocks
    def transform(self, X: Any, copy: bool | None = None) -> Any:
        """Divide each row of X by its norm.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        copy : bool or None
            None follows the parameter `copy`.

        Returns
        -------
        array, sparse matrix or tensor of the shape and dtype of X
        """
        copy = (self.copy if copy is None else copy) or not may_overwrite(X)
        return self._run(lambda opened: self._normalize(opened, copy=copy), X)

    def _normalize(self, X: Matrix, *, copy: bool) -> Matrix:
        program = self._stateless()
        if isinstance(X, SparseMatrix):
            scaled = program.sparse(X)
            if not copy:
                X.values.copy_(scaled.values)
            return scaled if copy else X
        if X.requires_grad:
            out: Tensor = program(X)
            return out
        rows = len(X) if self.norm == "l2" else _ROWS
        norms = torch.cat([program.norms(block) for block in torch.split(X, rows)])
        return applied(X, (torch.div, _no_zeros(norms)[:, None]), copy=copy)
