"""Which values are missing, as truth values."""

from dataclasses import KW_ONLY
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils import Tags, _align_api_if_sparse
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Learned, Transformer, over_blocks
from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import Columns, is_nan, missing_mask
from dovetail.data.door import Container
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.impute._values import is_missing, missing_counts, open_values
from dovetail.params import MissingMark
from dovetail.program import Program

__all__ = ["MISSING_CODE", "Indicate", "MissingIndicator", "fitted_indicator"]

# Columns of anything go to the Program as codes: 0 where there is a value, else this.
MISSING_CODE = -1


class Indicate(Program):
    """Whether the values of some columns are missing.

    columns : int64 Tensor of shape (k,)
    mark : the number that stands for a missing one
    """

    columns: Tensor
    mark: float

    def forward(self, X: Tensor) -> Tensor:
        whole = len(self.columns) == X.shape[1]
        return is_missing(X if whole else X.index_select(1, self.columns), self.mark)

    def indicated(self, X: Matrix) -> Matrix:
        """The same for sparse matrices too, of which only what is missing is stored."""
        if not isinstance(X, SparseMatrix):
            out: Tensor = self(X)
            return out
        missing = X.with_values(is_missing(X.values, self.mark)).to_scipy().tocsc(copy=True)
        missing.eliminate_zeros()
        return SparseMatrix.from_scipy(missing[:, as_numpy(self.columns)], X.device)


class MissingIndicator(Transformer):
    """A column of truth values for each column that misses some: whether the value is missing.

    Parameters
    ----------
    missing_values : number, string, nan, None or pandas.NA, default=nan
        The value that stands for a missing one; nan and pandas.NA mean each other, and null.
    features : {"missing-only", "all"}, default="missing-only"
        Whether the columns that missed nothing in fit are left out.
    sparse : bool or "auto", default="auto"
        Whether the output is a sparse matrix (CSC); "auto": where X is one.
    error_on_new : bool, default=True
        With "missing-only", whether a column that missed nothing in fit may not miss anything now.

    Attributes
    ----------
    features_ : ndarray or tensor of shape (n_features_out,)
        Positions of the columns that are in the output.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Missing values in other columns than in fit (`error_on_new`); sparse X whose zeros are the
        missing values; text as anything but objects.

    Cost O(n d).

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.impute import MissingIndicator
    >>> MissingIndicator().fit_transform([[np.nan, 1, 3], [4, 0, np.nan]])
    array([[ True, False],
           [False,  True]])
    """

    accepts = Accepts(sparse=("csc", "csr"), missing=True)

    _: KW_ONLY
    missing_values: MissingMark = np.nan
    features: Literal["missing-only", "all"] = "missing-only"
    sparse: bool | Literal["auto"] = "auto"
    error_on_new: bool = True

    features_ = Learned("columns")

    @classmethod
    def _examples(cls) -> list["MissingIndicator"]:
        return [cls(features="all"), cls(missing_values=1.0, error_on_new=False)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def _mark(self) -> Any:
        """The value that stands for a missing one, one nan for all that are not themselves."""
        return np.nan if is_nan(self.missing_values) else self.missing_values

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Matrix:
        wanted: Any = "any" if reset else "columns" if self._of_columns else "numbers"
        opened = open_values(self, X, self.missing_values, wanted, reset=reset, device=device)
        if reset:
            self._of_columns: bool = isinstance(opened, Columns)
        if isinstance(opened, SparseMatrix) and self.missing_values == 0:
            raise ValueError(
                "Sparse input with missing_values=0 is not supported. Provide a dense array "
                "instead."
            )
        return _codes(opened, self._mark) if isinstance(opened, Columns) else opened

    def _program_on_numbers(self) -> Program | None:
        return None if self._of_columns else super()._program_on_numbers()

    def _fit(self, batches: Batches) -> Indicate:
        mark = MISSING_CODE if self._of_columns else self._mark
        counts = missing_counts(batches, mark)
        chosen = torch.ones_like(counts) if self.features == "all" else counts
        return Indicate(columns=chosen.nonzero().flatten(), mark=mark)

    @over_blocks
    def transform(self, X: Any) -> Any:
        """Tell which values are missing.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)

        Returns
        -------
        array, sparse matrix or tensor of bool, shape (n_samples, n_features_out)
        """
        return _align_api_if_sparse(self._run(self._transform, X))

    def _transform(self, X: Matrix) -> Matrix:
        if self.error_on_new and self.features == "missing-only":
            self._refuse_new(X)
        out = self._program.indicated(X)
        wanted = isinstance(X, SparseMatrix) if self.sparse == "auto" else self.sparse
        if wanted == isinstance(out, SparseMatrix):
            return out
        return out.to_dense() if isinstance(out, SparseMatrix) else _compressed(out)

    def _refuse_new(self, X: Matrix) -> None:
        """Hold the columns that miss values against those of fit."""
        program = self._program
        if len(program.columns) == X.shape[1]:
            return
        counts = missing_counts(Batches(Batch(X)), program.mark)
        new = counts.index_fill(0, program.columns, 0).nonzero().flatten().tolist()
        if new:
            raise ValueError(
                f"The features {new} have missing values in transform but have no missing values "
                "in fit."
            )

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns: those of the columns, after "missingindicator_".

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        check_is_fitted(self, "n_features_in_")
        names = _check_feature_names_in(self, input_features)
        prefix = type(self).__name__.lower()
        columns = self._program.columns.tolist()
        return np.asarray([f"{prefix}_{names[j]}" for j in columns], dtype=object)


def fitted_indicator(
    program: Indicate,
    missing_values: Any,
    *,
    n_features: int,
    of_columns: bool,
    container: Container,
) -> MissingIndicator:
    """The MissingIndicator that an imputer has beside its fills."""
    indicator = MissingIndicator(missing_values=missing_values, error_on_new=False)
    indicator._program, indicator._container = program, container
    indicator.n_features_in_, indicator._of_columns = n_features, of_columns
    return indicator


def _codes(X: Columns, mark: Any) -> Tensor:
    """What is missing as codes, int64, shape (n, d)."""
    masks = [missing_mask(values, mark) for values in X.values]
    return as_tensor(np.stack(masks).T).long() * MISSING_CODE


def _compressed(X: Tensor) -> SparseMatrix:
    return SparseMatrix.from_scipy(sp.csc_array(as_numpy(X)))
