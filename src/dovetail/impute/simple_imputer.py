"""Missing values filled in, column by column."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Transformer, over_blocks
from dovetail.data.batches import Batches
from dovetail.data.columns import Columns, is_nan, missing_mask, to_numpy
from dovetail.data.results import by_rows, may_overwrite
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import warn
from dovetail.impute._fills import column_fills, frequent_objects
from dovetail.impute._values import Values, is_missing, missing_counts, numpy_dtype, open_values
from dovetail.impute.missing_indicator import (
    MISSING_CODE,
    Indicate,
    MissingIndicator,
    fitted_indicator,
)
from dovetail.params import MissingMark
from dovetail.program import NoProgram, Program

__all__ = ["SimpleImputer"]


class _Fill(Program):
    """The columns kept, their missing values filled; then the indicators, if any.

    fill : Tensor of shape (k,)
    kept : int64 Tensor of shape (k,), or None where all columns are kept
    """

    fill: Tensor
    kept: Tensor | None
    n_features: int
    mark: float
    indicate: Indicate | None

    @property
    def width(self) -> int:
        """Columns of the output."""
        return len(self.fill) + (0 if self.indicate is None else len(self.indicate.columns))

    @property
    def statistics(self) -> Tensor:
        """The fill of every column, NaN for those that are not kept."""
        if self.kept is None:
            return self.fill
        nan = torch.full((self.n_features,), torch.nan, dtype=torch.float64, device=self.device)
        return nan.index_copy(0, self.kept, self.fill.to(torch.float64))

    def forward(self, X: Tensor) -> Tensor:
        kept = X if self.kept is None else X.index_select(1, self.kept)
        filled = torch.where(is_missing(kept, self.mark), self.fill.to(X.dtype), kept)
        if self.indicate is None:
            return filled
        return torch.cat([filled, self.indicate(X).to(X.dtype)], dim=1)

    def filled(self, X: Matrix, *, copy: bool) -> Matrix:
        """The same for sparse matrices too, into a new matrix or, where it has the columns of X,
        over it.
        """
        if not isinstance(X, SparseMatrix):
            same = self.kept is None and self.indicate is None
            return by_rows(self, X, copy=copy or not same, width=self.width)
        indicators = None if self.indicate is None else self.indicate.indicated(X)
        kept = X if self.kept is None else _picked(X, self.kept)
        fills = kept.by_column(self.fill.to(X.dtype))
        values = torch.where(is_missing(kept.values, self.mark), fills, kept.values)
        if isinstance(indicators, SparseMatrix):
            parts = [kept.with_values(values).to_scipy(), indicators.to(dtype=X.dtype).to_scipy()]
            return SparseMatrix.from_scipy(sp.hstack(parts, format="csc"), X.device)
        if copy:
            return kept.with_values(values)
        kept.values.copy_(values)
        return kept


class _FillObjects(NoProgram):
    """What is filled in columns of anything; nan for those that are not kept."""

    statistics: npt.NDArray[Any]
    indicate: Indicate | None

    @property
    def kept(self) -> Tensor | None:
        """The columns that are kept, None where all are."""
        kept = [j for j, fill in enumerate(self.statistics) if not is_nan(fill)]
        return None if len(kept) == len(self.statistics) else torch.tensor(kept, dtype=torch.long)


class SimpleImputer(Transformer):
    """Fill the missing values of each column by a number, or a string, of that column.

    Parameters
    ----------
    missing_values : number, string, nan, None or pandas.NA, default=nan
        The value that stands for a missing one; nan and pandas.NA mean each other, and null.
    strategy : {"mean", "median", "most_frequent", "constant"} or callable, default="mean"
        What a missing value becomes: the mean or the median of the others; the most frequent
        value, of several the least; `fill_value`; what a function makes of the array of the
        others. The mean, the median and functions need numbers.
    fill_value : object, default=None
        For "constant"; None is 0 for numbers, and "missing_value" for anything else.
    copy : bool, default=True
        False overwrites X where it is a float array, or CSC, and the columns stay what they are.
    add_indicator : bool, default=False
        Whether the columns of a `MissingIndicator` follow: for every column that misses some
        values in fit, 1 where one is missing, else 0.
    keep_empty_features : bool, default=False
        Whether a column without any value in fit is filled with 0 (or `fill_value`) instead of
        left out.

    Attributes
    ----------
    statistics_ : ndarray or tensor of shape (n_features,)
        What is filled in; nan for columns that are left out. An array of objects where X holds
        anything but numbers.
    indicator_ : MissingIndicator or None
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Strings where the strategy needs numbers; a `fill_value` that X's dtype cannot hold; sparse
        X whose zeros are the missing values.

    Numbers keep their dtype: integers too, unless the strategy needs floats. Strings, and frames
    with any column that is not of numbers, give an array of objects, and there is no Program: no
    tensor holds strings. Cost O(n d); the median and the most frequent number sort, O(n d log n).

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.impute import SimpleImputer
    >>> imputer = SimpleImputer(add_indicator=True)
    >>> imputer.fit_transform([[7, 2], [np.nan, 4], [10, 6]])
    array([[ 7. ,  2. ,  0. ],
           [ 8.5,  4. ,  1. ],
           [10. ,  6. ,  0. ]])
    """

    accepts = Accepts(sparse=("csc",), missing=True)

    _: KW_ONLY
    missing_values: MissingMark = np.nan
    strategy: Literal["mean", "median", "most_frequent", "constant"] | Callable[..., Any] = "mean"
    fill_value: Any = None
    copy: bool = True
    add_indicator: bool = False
    keep_empty_features: bool = False

    @classmethod
    def _examples(cls) -> list["SimpleImputer"]:
        return [
            cls(),
            cls(strategy="median", add_indicator=True),
            cls(strategy="most_frequent", missing_values=1.0, add_indicator=True),
            cls(strategy="constant", fill_value=-1.0),
        ]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = is_nan(self.missing_values)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def statistics_(self) -> Any:
        """What is filled in, by column; nan for columns that are left out."""
        check_is_fitted(self)
        found = self._program.statistics
        torch_like = isinstance(found, np.ndarray) or self._container == "torch"
        return found if torch_like else as_numpy(found)

    @property
    def indicator_(self) -> MissingIndicator | None:
        """The fitted indicator, None without `add_indicator`."""
        check_is_fitted(self)
        indicate = self._program.indicate
        if indicate is None:
            return None
        return fitted_indicator(
            indicate,
            self.missing_values,
            n_features=self.n_features_in_,
            of_columns=isinstance(self._program, _FillObjects),
            container=self._container,
        )

    @property
    def _fill_dtype(self) -> np.dtype[Any]:
        """The dtype of what is filled in, in numpy's words."""
        of_objects = isinstance(self._program, _FillObjects)
        return np.dtype(object) if of_objects else numpy_dtype(self._program.fill)

    @property
    def _mark(self) -> Any:
        """The value that stands for a missing one, one nan for all that are not themselves."""
        return np.nan if is_nan(self.missing_values) else self.missing_values

    @property
    def _needs_floats(self) -> bool:
        return self.strategy not in ("most_frequent", "constant")

    # -- the door

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Values:
        wanted: Any = "any" if reset else "columns" if self._of_columns else "numbers"
        wanted = "floats" if self._needs_floats else wanted
        try:
            X = open_values(self, X, self.missing_values, wanted, reset=reset, device=device)
        except ValueError as error:
            if "could not convert" not in str(error):
                raise
            raise ValueError(
                f"Cannot use {self.strategy} strategy with non-numeric data:\n{error}"
            ) from None
        if isinstance(X, SparseMatrix) and self.missing_values == 0:
            raise ValueError(
                "Imputation not possible when missing_values == 0 and input is sparse. Provide a "
                "dense array instead."
            )
        if reset:
            self._of_columns: bool = isinstance(X, Columns)
        if self.strategy == "constant" and (reset or self.__sklearn_is_fitted__()):
            self._check_fill(numpy_dtype(X), reset=reset)
        return X

    def _check_fill(self, dtype: np.dtype[Any], *, reset: bool) -> None:
        """Refuse a constant that an array of this dtype cannot hold."""
        if reset and self.fill_value is None:
            return
        kind = type(self.fill_value) if reset else self._fill_dtype
        if np.can_cast(kind, dtype, casting="same_kind"):
            return
        if reset:
            raise ValueError(
                f"fill_value={self.fill_value!r} (of type {kind!r}) cannot be cast to the input "
                f"data that is {dtype!r}. Give a value of the kind of the data."
            )
        raise ValueError(
            f"The dtype of the filling value (i.e. {kind!r}) cannot be cast to the input data that "
            f"is {dtype!r}. Give data of the kind that fit saw."
        )

    # -- learning

    def _fit(self, batches: Batches) -> Program:
        missing = missing_counts(batches, self._mark)
        observed = len(batches) - missing
        of_columns = isinstance(batches.head.X, Columns)
        mark = MISSING_CODE if of_columns else self._mark
        indicate = Indicate(missing.nonzero().flatten(), mark) if self.add_indicator else None
        if of_columns:
            return self._fit_objects(batches, as_numpy(observed), indicate)
        fills = self._fills(batches, observed)
        dropped = (observed == 0) | fills.isnan()
        kept = None
        if not self.keep_empty_features and bool(dropped.any()):
            kept = (~dropped).nonzero().flatten()
            fills = fills[kept]
        return _Fill(fills, kept, batches.n_features, mark, indicate)

    def _fills(self, batches: Batches, observed: Tensor) -> Tensor:
        if self.strategy == "constant":
            dtype = torch.float64 if batches.dtype.is_floating_point else batches.dtype
            value = 0 if self.fill_value is None else self.fill_value
            return torch.full(observed.shape, value, dtype=dtype, device=observed.device)
        fills = column_fills(batches, self.strategy, self._mark, observed)
        return torch.where(observed > 0, fills, 0)

    def _fit_objects(
        self, batches: Batches, observed: npt.NDArray[Any], indicate: Indicate | None
    ) -> _FillObjects:
        fills = np.empty(len(observed), dtype=object)
        empty: Any = 0
        if self.strategy == "constant":
            empty = "missing_value" if self.fill_value is None else self.fill_value
            fills[:] = [empty] * len(fills)
        else:
            fills[:] = frequent_objects(batches, self._mark)
        fills[observed == 0] = empty if self.keep_empty_features else np.nan
        return _FillObjects(
            "This SimpleImputer fills columns that are not all numbers: its output are objects, "
            "which no tensor holds. Give it columns of numbers alone, or encode the others.",
            fills,
            indicate,
        )

    # -- the map

    @over_blocks
    def transform(self, X: Any) -> Any:
        """Fill the missing values of X.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)

        Returns
        -------
        array, sparse matrix or tensor of shape (n_samples, n_features_out); X itself where `copy`
        is False and X can be written to

        Warns
        -----
        UserWarning
            Columns without any value in fit are left out.
        """
        check_is_fitted(self)
        copy = self.copy or not may_overwrite(X)
        return self._run(partial(self._transform, copy=copy), X)

    def _transform(self, X: Values, *, copy: bool = True) -> Any:
        self._warn_of_dropped()
        if isinstance(X, Columns):
            return self._filled_objects(X)
        return self._program.filled(X, copy=copy)

    def _warn_of_dropped(self) -> None:
        kept = self._program.kept
        if kept is None or self.keep_empty_features:
            return
        names = getattr(self, "feature_names_in_", np.arange(self.n_features_in_))
        warn(
            "Skipping features without any observed values: "
            f"{np.delete(names, as_numpy(kept))}. At least one non-missing value is needed for "
            f"imputation with strategy='{self.strategy}'.",
            UserWarning,
        )

    def _filled_objects(self, X: Columns) -> npt.NDArray[Any]:
        program = self._program
        masks = [missing_mask(values, self._mark) for values in X.values]
        kept = self._kept().tolist()
        indicated = [] if program.indicate is None else program.indicate.columns.tolist()
        out = np.empty((len(kept) + len(indicated), len(X)), dtype=object)
        for row, j in zip(out, kept, strict=False):
            row[:] = _as_objects(X[j], X.null)
            row[masks[j]] = program.statistics[j]
        for row, j in zip(out[len(kept) :], indicated, strict=True):
            row[:] = masks[j]
        return out.T

    def _kept(self) -> npt.NDArray[np.int64]:
        """The columns of X that the output has, in order."""
        kept = None if self.keep_empty_features else self._program.kept
        return np.arange(self.n_features_in_) if kept is None else as_numpy(kept)

    def inverse_transform(self, X: Any) -> Any:
        """Put the missing values back, where the indicators say so.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_features_out), with the indicators

        Returns
        -------
        array or tensor of shape (n_samples, n_features)
            0 in what was left out, and in columns without indicator what was filled in.

        Raises
        ------
        ValueError
            Fitted without `add_indicator`.
        """
        check_is_fitted(self)
        indicate = self._program.indicate
        if indicate is None:
            raise ValueError(
                "'inverse_transform' works only when 'SimpleImputer' is instantiated with "
                f"'add_indicator=True'. Got 'add_indicator={self.add_indicator}' instead."
            )
        array = as_numpy(X) if isinstance(X, Tensor) else np.asarray(X)
        kept, mark = self._kept(), self.missing_values
        out = np.zeros(
            (len(array), self.n_features_in_), np.result_type(array.dtype, np.asarray(mark).dtype)
        )
        out[:, kept] = array[:, : len(kept)]
        missing = np.zeros(out.shape, dtype=bool)
        missing[:, as_numpy(indicate.columns)] = array[:, len(kept) :].astype(bool)
        out[missing] = mark
        return as_tensor(out, X.device) if isinstance(X, Tensor) else out

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns: those of the columns, and those of the indicators.

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        check_is_fitted(self, "n_features_in_")
        names = _check_feature_names_in(self, input_features)
        indicator = self.indicator_
        kept = names[self._kept()]
        if indicator is None:
            return np.asarray(kept, dtype=object)
        return np.concatenate([kept, indicator.get_feature_names_out(names)])


def _picked(X: SparseMatrix, columns: Tensor) -> SparseMatrix:
    return SparseMatrix.from_scipy(X.to_scipy()[:, as_numpy(columns)], X.device)


def _as_objects(values: Any, null: Any) -> Any:
    """A column as Python objects: moments as what datetime knows, not as numbers."""
    array = values if isinstance(values, np.ndarray) else to_numpy(values, null)
    return array.astype("M8[us]").astype(object) if array.dtype.kind == "M" else array
