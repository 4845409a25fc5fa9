"""Missing values replaced by one number or word a column."""

import warnings
from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Transformer
from dovetail.data.batches import Batches
from dovetail.data.columns import Columns, is_nan, missing_mask, to_numpy
from dovetail.data.results import by_rows
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.impute._statistics import column_statistics
from dovetail.impute._values import Values, is_missing, numpy_dtype, open_values
from dovetail.impute.missing_indicator import MissingIndicator
from dovetail.params import MissingMark
from dovetail.program import NoProgram, Program

__all__ = ["SimpleImputer"]


class Fill(Program):
    """Numbers in the place of missing ones; then, for some columns, whether they were missing.

    kept : Tensor of shape (k,), int64, positions of the columns that come out
    values : Tensor of shape (k,), what is put in
    indicated : Tensor of shape (m,), int64, positions of the columns with an indicator
    mark : the number that stands for a missing one
    """

    kept: Tensor
    values: Tensor
    indicated: Tensor | None
    mark: Any

    def forward(self, X: Tensor) -> Tensor:
        kept = X if len(self.kept) == X.shape[1] else X.index_select(1, self.kept)
        filled = torch.where(is_missing(kept, self.mark), self.values.to(X.dtype), kept)
        if self.indicated is None:
            return filled
        indicators = is_missing(X.index_select(1, self.indicated), self.mark)
        return torch.cat([filled, indicators.to(X.dtype)], dim=1)

    @property
    def width(self) -> int:
        """Columns that come out."""
        return len(self.kept) + (0 if self.indicated is None else len(self.indicated))


class SimpleImputer(Transformer):
    """Put a column's mean, median, most frequent value or a constant in place of missing values.

    Parameters
    ----------
    missing_values : number, str, nan, None or pandas.NA, default=nan
        What stands for a missing value; nan and pandas.NA mean all of NaN, None, null and NA.
    strategy : {"mean", "median", "most_frequent", "constant"} or callable, default="mean"
        What is put in: "mean" and "median" for numbers only; the least of the most frequent values;
        `fill_value`; or what a function makes of the values of a column that are there.
    fill_value : number or str or None, default=None
        The constant; None: 0 for numbers, "missing_value" for anything else.
    copy : bool, default=True
        False lets the result of transform be written over X, where X is dense or CSC.
    add_indicator : bool, default=False
        Whether a column that says where values were missing is added for each column that had
        missing values in fit.
    keep_empty_features : bool, default=False
        Whether columns without any value in fit come out, filled with 0 or with `fill_value`; else
        they are dropped.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_features_in_,), what is put in; nan for dropped columns
    indicator_ : MissingIndicator or None
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        "mean" or "median" of strings; a constant of another kind than X; `missing_values=0` with
        sparse X.

    Zeros of a sparse matrix count as values. Frames with strings give an array of objects. Cost
    O(n d), O(n d log n) for medians.

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.impute import SimpleImputer
    >>> SimpleImputer().fit_transform([[7.0, 2.0], [4.0, np.nan], [10.0, 5.0]])
    array([[ 7. ,  2. ],
           [ 4. ,  3.5],
           [10. ,  5. ]])
    """

    accepts = Accepts(sparse=("csc", "csr"), missing=True)

    _: KW_ONLY
    missing_values: MissingMark = np.nan
    strategy: Literal["mean", "median", "most_frequent", "constant"] | Callable[..., Any] = "mean"
    fill_value: Any = None
    copy: bool = True
    add_indicator: bool = False
    keep_empty_features: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        return [
            cls(),
            cls(strategy="median", add_indicator=True, keep_empty_features=True),
            cls(strategy="most_frequent"),
            cls(strategy="constant", fill_value=-1.0),
        ]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = is_nan(self.missing_values)
        return tags

    # -- the door

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        floats = self.strategy not in ("most_frequent", "constant")
        objects = not reset and self._dtype.kind == "O"
        try:
            opened = open_values(
                self,
                X,
                self.missing_values,
                reset=reset,
                floats=floats and not objects,
                objects=objects,
            )
        except ValueError as error:
            if "could not convert" not in str(error):
                raise
            raise ValueError(
                f"Cannot use {self.strategy} strategy with non-numeric data:\n{error}"
            ) from None
        dtype = numpy_dtype(opened)
        self._check_constant(dtype, reset=reset)
        if reset:
            self._dtype = dtype
        return opened if isinstance(opened, Columns) else opened.to(device)

    def _check_constant(self, dtype: np.dtype[Any], *, reset: bool) -> None:
        """A constant must be of the kind of the values."""
        if self.strategy != "constant" or (reset and self.fill_value is None):
            return
        given = type(self.fill_value) if reset else self._dtype
        if np.can_cast(given, dtype, casting="same_kind"):
            return
        if reset:
            raise ValueError(
                f"fill_value={self.fill_value!r} (of type {given!r}) cannot be cast to the input "
                f"data that is {dtype!r}. If fill_value is a Python scalar, instead pass  a numpy "
                "scalar (e.g. fill_value=np.uint8(0) if your data is of type np.uint8). Make sure "
                "that both dtypes are of the same kind."
            )
        raise ValueError(
            f"The dtype of the filling value (i.e. {given!r}) cannot be cast to the input data "
            f"that is {dtype!r}. Make sure that the dtypes of the input data are of the same kind "
            "between fit and transform."
        )

    # -- learning

    def _fit(self, batches: Batches) -> Program:
        self.indicator_ = self._indicator(batches) if self.add_indicator else None
        self.statistics_ = column_statistics(
            batches,
            self.strategy,
            mark=self.missing_values,
            fill_value=self._constant(),
            empty=0 if self.keep_empty_features else np.nan,
        )
        if isinstance(batches.X, Columns):
            return NoProgram("SimpleImputer was fitted on strings, which no tensor can hold.")
        kept = self._kept()
        values = self.statistics_[kept].astype(self._dtype)
        device = batches.device
        return Fill(
            as_tensor(kept, device),
            as_tensor(values, device),
            None if self.indicator_ is None else self.indicator_._program.features,
            self.missing_values,
        )

    def _indicator(self, batches: Batches) -> MissingIndicator:
        indicator = MissingIndicator(missing_values=self.missing_values, error_on_new=False)
        indicator._container = self._container
        indicator._program = indicator._fit(batches)
        indicator.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            indicator.feature_names_in_ = self.feature_names_in_
        return indicator

    def _constant(self) -> Any:
        if self.fill_value is None:
            return 0 if self._dtype.kind in "iuf" else "missing_value"
        return self.fill_value

    def _kept(self) -> npt.NDArray[np.int64]:
        """Positions of the columns that come out."""
        if self.keep_empty_features:
            return np.arange(len(self.statistics_))
        return np.flatnonzero(~missing_mask(self.statistics_))

    # -- transforming

    def _transform(self, X: Values) -> Any:
        kept = self._kept()
        if len(kept) < len(self.statistics_):
            self._warn_of_dropped(kept)
        if isinstance(X, Tensor):
            copy = self.copy or self._program.width != X.shape[1] or X.requires_grad
            return by_rows(self._program, X, copy=copy, width=self._program.width)
        indicators = None if self.indicator_ is None else self.indicator_._transform(X)
        filled = self._sparse(X, kept) if isinstance(X, SparseMatrix) else self._objects(X, kept)
        if indicators is None:
            return SparseMatrix.from_scipy(filled) if sp.issparse(filled) else filled
        if sp.issparse(filled):
            joined = sp.hstack([filled, indicators.to_scipy()], format=filled.format)
            return SparseMatrix.from_scipy(joined)
        return np.hstack([filled, as_numpy(indicators)])

    def _warn_of_dropped(self, kept: npt.NDArray[np.int64]) -> None:
        dropped: Any = np.setdiff1d(np.arange(len(self.statistics_)), kept)
        if hasattr(self, "feature_names_in_"):
            dropped = self.feature_names_in_[dropped]
        warnings.warn(
            f"Skipping features without any observed values: {dropped}. At least one non-missing "
            f"value is needed for imputation with strategy='{self.strategy}'.",
            stacklevel=5,
        )

    def _sparse(self, X: SparseMatrix, kept: npt.NDArray[np.int64]) -> Any:
        """Stored missing values replaced, a scipy matrix of the kept columns."""
        mask = is_missing(X.values, self.missing_values)
        statistics = np.where(missing_mask(self.statistics_), 0, self.statistics_)
        by_value = X.by_column(as_tensor(statistics.astype(self._dtype), X.device))
        values = torch.where(mask, by_value.to(X.dtype), X.values)
        if not self.copy and X.format == "csc":
            values = X.values.copy_(values)
        filled = X.with_values(values).to_scipy()
        return filled if len(kept) == filled.shape[1] else filled[:, kept]

    def _objects(self, X: Columns, kept: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        out = np.empty((len(X), len(kept)), dtype=object)
        for i, j in enumerate(kept):
            values = X.values[j]
            out[:, i] = to_numpy(values, X.null)
            out[missing_mask(values, self.missing_values), i] = self.statistics_[j]
        return out

    def inverse_transform(self, X: Any) -> npt.NDArray[Any]:
        """Put missing values back where the indicators say so.

        Parameters
        ----------
        X : array of shape (n_samples, n_features_out), with the indicators

        Returns
        -------
        array of shape (n_samples, n_features_in_); columns that were dropped are missing, those
        without an indicator stay filled

        Raises
        ------
        ValueError
            `add_indicator` is False.
        """
        check_is_fitted(self)
        if self.indicator_ is None:
            raise ValueError(
                "'inverse_transform' works only when 'SimpleImputer' is instantiated with "
                f"'add_indicator=True'. Got 'add_indicator={self.add_indicator}' instead."
            )
        X = as_numpy(X) if isinstance(X, Tensor) else np.asarray(X)
        kept, indicated = self._kept(), np.asarray(self.indicator_.features_)
        numbers = X.dtype.kind in "iufb" and not isinstance(self.missing_values, str)
        original = np.full(
            (len(X), self.n_features_in_), self.missing_values, dtype=None if numbers else object
        )
        original[:, kept] = X[:, : len(kept)]
        gone = np.zeros(original.shape, dtype=bool)
        gone[:, indicated] = X[:, len(kept) :].astype(bool)
        original[gone] = self.missing_values
        return original

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns: those that are kept, then the indicators.

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        kept = names[self._kept()]
        if self.indicator_ is None:
            return np.asarray(kept, dtype=object)
        return np.concatenate([kept, self.indicator_.get_feature_names_out(names)])
