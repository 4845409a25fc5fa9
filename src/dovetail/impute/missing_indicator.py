"""Columns that say where values are missing."""

from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Learned, Transformer
from dovetail.data.batches import Batches
from dovetail.data.columns import Columns
from dovetail.data.sparse import SparseMatrix
from dovetail.impute._values import columns_with_missing, is_missing, missing, open_values
from dovetail.params import MissingMark
from dovetail.program import Program

__all__ = ["Indicate", "MissingIndicator"]


class Indicate(Program):
    """Whether a number is missing, for some of the columns.

    features : Tensor of shape (k,), int64, positions of the columns
    mark : the number that stands for a missing one
    """

    features: Tensor
    mark: float

    def forward(self, X: Tensor) -> Tensor:
        return is_missing(X.index_select(1, self.features), self.mark)


class MissingIndicator(Transformer):
    """A column of truth values for each column that has missing values.

    Parameters
    ----------
    missing_values : number, str, nan, None or pandas.NA, default=nan
        What stands for a missing value; nan and pandas.NA mean all of NaN, None, null and NA.
    features : {"missing-only", "all"}, default="missing-only"
        Columns that get an indicator: those with missing values in fit, or all.
    sparse : bool or "auto", default="auto"
        Whether the output is a CSC matrix; "auto": where X is sparse.
    error_on_new : bool, default=True
        Whether missing values in a column that had none in fit are an error.

    Attributes
    ----------
    features_ : ndarray of shape (n_features_out,), positions of the columns
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        `missing_values=0` with sparse X, where every zero would be missing.

    Cost O(n d).

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.impute import MissingIndicator
    >>> MissingIndicator().fit_transform([[1.0, np.nan], [2.0, 5.0]])
    array([[ True],
           [False]])
    """

    accepts = Accepts(sparse=("csc", "csr"), missing=True)

    _: KW_ONLY
    missing_values: MissingMark = np.nan
    features: Literal["missing-only", "all"] = "missing-only"
    sparse: bool | Literal["auto"] = "auto"
    error_on_new: bool = True

    features_ = Learned("features")

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(features="all"), cls(features="all", sparse=True)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        opened = open_values(self, X, self.missing_values, reset=reset, floats=False)
        return opened if isinstance(opened, Columns) else opened.to(device)

    def _fit(self, batches: Batches) -> Indicate:
        if self.features == "all":
            there = torch.ones(batches.n_features, dtype=torch.bool, device=batches.device)
        else:
            there = batches.sum(
                lambda b: columns_with_missing(missing(b.X, self.missing_values)).long()
            )
        return Indicate(there.nonzero().flatten(), self.missing_values)

    def _transform(self, X: Any) -> Any:
        mask, features = missing(X, self.missing_values), self._program.features
        if self.features == "missing-only" and self.error_on_new:
            new = columns_with_missing(mask).cpu()
            new[features.cpu()] = False
            if bool(new.any()):
                raise ValueError(
                    f"The features {new.nonzero().flatten().numpy()} have missing values in "
                    "transform but have no missing values in fit."
                )
        if isinstance(mask, SparseMatrix):
            found = mask.to_scipy().tocsc()
            found.eliminate_zeros()
            kept = found[:, features.cpu().numpy()]
            return kept.toarray() if self.sparse is False else SparseMatrix.from_scipy(kept)
        kept = mask.index_select(1, features.to(mask.device))
        return (
            SparseMatrix.from_scipy(sp.csc_matrix(kept.cpu().numpy()))
            if self.sparse is True
            else kept
        )

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns, such as "missingindicator_age".

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        positions = self._program.features.cpu().numpy()
        prefix = type(self).__name__.lower()
        return np.asarray([f"{prefix}_{name}" for name in names[positions]], dtype=object)
