"""Categories as columns of zeros and ones."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils import _align_api_if_sparse, check_array
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.data.batches import Batches
from dovetail.data.columns import Columns
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.params import ArrayLike, AtLeast, OpenFraction
from dovetail.preprocessing._categorical import Categorical, LookUp, stacked
from dovetail.preprocessing._vocabulary import Rarity, Vocabulary
from dovetail.program import Program

__all__ = ["OneHotEncoder"]


class _OneHot(Program):
    """A row of zeros with a one at the position that each code has; none where that is −1.

    positions : LookUp of shape (K, 1), int64
    one : Tensor of shape (), 1 in the dtype of the output
    width : number of columns of the output
    """

    positions: LookUp
    one: Tensor
    width: int

    def forward(self, codes_nd: Tensor) -> Tensor:
        positions = self.positions(codes_nd)
        positions = torch.where(positions < 0, self.width, positions)
        out = self.one.new_zeros(codes_nd.shape[0], self.width + 1)
        return out.scatter(1, positions, self.one.expand(positions.shape))[:, : self.width]


class OneHotEncoder(Categorical):
    """One column of zeros and ones for each category of each column.

    Parameters
    ----------
    categories : "auto" or list of array-likes, default="auto"
        The categories of each column; "auto" takes the values seen in fit, sorted, None and nan
        last. Numbers must be given in ascending order, and nan last.
    drop : {"first", "if_binary"}, array-like of shape (n_features,) or None, default=None
        A category of each column that gets no column of its own: the first one, the first one of
        columns with two categories, or the ones given.
    sparse_output : bool, default=True
        Whether to give a CSR matrix instead of an array.
    dtype : number type, default=float64
    handle_unknown : {"error", "ignore", "infrequent_if_exist", "warn"}, default="error"
        What becomes of values that are no category. "ignore": all zeros. "infrequent_if_exist":
        the infrequent group, and all zeros where there is none. "warn": the same, with a warning.
    min_frequency : int >= 1, float in (0, 1) or None, default=None
        Categories with fewer rows, or a smaller share of them, form one infrequent group.
    max_categories : int >= 1 or None, default=None
        Most output columns of a column, the infrequent group included, before `drop`.
    feature_name_combiner : "concat" or callable, default="concat"
        (column, category) -> name of the output column; "concat" gives column_category.

    Attributes
    ----------
    categories_ : list of n_features arrays
    drop_idx_ : object ndarray of shape (n_features,), or None
        Position of the dropped category of each column in `categories_`, None where none is.
    infrequent_categories_ : list of n_features arrays or None
        Only where `min_frequency` or `max_categories` is given.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Unknown categories; categories to drop that are not there or are infrequent.

    Missing values (None, nan) are categories like others. Cost: one hash of every value, O(n d);
    the output has at most n d stored ones.

    Examples
    --------
    >>> from dovetail.preprocessing import OneHotEncoder
    >>> encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    >>> encoder.fit([["red", 1], ["blue", 2]]).transform([["red", 2], ["pink", 1]])
    array([[0., 1., 0., 1.],
           [0., 0., 1., 0.]])
    >>> encoder.get_feature_names_out(["color", "size"]).tolist()
    ['color_blue', 'color_red', 'size_1', 'size_2']
    """

    _: KW_ONLY
    categories: Literal["auto"] | list[Any] = "auto"
    drop: Literal["first", "if_binary"] | ArrayLike | None = None
    sparse_output: bool = True
    dtype: Any = np.float64
    handle_unknown: Literal["error", "ignore", "infrequent_if_exist", "warn"] = "error"
    min_frequency: Annotated[int, AtLeast(1)] | OpenFraction | None = None
    max_categories: Annotated[int, AtLeast(1)] | None = None
    feature_name_combiner: Literal["concat"] | Callable[[str, Any], str] = "concat"

    @classmethod
    def _examples(cls) -> list["OneHotEncoder"]:
        return [cls(), cls(drop="first", sparse_output=False), cls(max_categories=3)]

    @property
    def drop_idx_(self) -> npt.NDArray[Any] | None:
        """Position of the dropped category of each column, None where none is."""
        check_is_fitted(self)
        if self._dropped is None:
            return None
        first = [
            None if group is None else np.flatnonzero(v.groups() == group)[0]
            for v, group in zip(self._vocabularies, self._dropped, strict=True)
        ]
        return np.array(first, dtype=object)

    @property
    def infrequent_categories_(self) -> list[npt.NDArray[Any] | None]:
        """The infrequent categories of each column."""
        return self._infrequent()

    def _fit(self, batches: Batches) -> _OneHot:
        rarity = Rarity(self.min_frequency, self.max_categories)
        self._learn_vocabularies(batches, self.categories, rarity, self.handle_unknown == "error")
        self._dropped = self._groups_to_drop()
        tables, width = [], 0
        for j, vocabulary in enumerate(self._vocabularies):
            table = self._positions(vocabulary, self._drop_of(j))
            tables.append(np.where(table < 0, -1, table + width)[:, None])
            width += len(vocabulary.labels) - (self._drop_of(j) is not None)
        return _OneHot(stacked(tables), as_tensor(np.ones((), dtype=self.dtype)), width)

    def _positions(self, vocabulary: Vocabulary, drop: int | None) -> npt.NDArray[np.int64]:
        """Output column of unknown values and of each category, −1 for none, shape (k + 1,)."""
        groups = vocabulary.groups()
        grouped = vocabulary.infrequent is not None and self.handle_unknown != "ignore"
        unknown = len(vocabulary.labels) - 1 if grouped else -1
        groups = np.concatenate([[unknown], groups])
        if drop is None:
            return groups
        return np.where(groups == drop, -1, groups - (groups > drop))

    def _drop_of(self, j: int) -> int | None:
        return None if self._dropped is None else self._dropped[j]

    def _groups_to_drop(self) -> list[int | None] | None:
        """The group of each column that gets no output column."""
        vocabularies = self._vocabularies
        if self.drop is None:
            return None
        if isinstance(self.drop, str):
            every = self.drop == "first"
            return [0 if every or len(v.labels) == 2 else None for v in vocabularies]
        wanted = np.asarray(self.drop, dtype=object)
        if len(wanted) != len(vocabularies):
            raise ValueError(
                "`drop` should have length equal to the number of features "
                f"({len(vocabularies)}), got {len(wanted)}"
            )
        places = [int(v.find(wanted[j : j + 1])[0]) for j, v in enumerate(vocabularies)]
        absent = [f"Category: {j}, Feature: {wanted[j]}" for j, p in enumerate(places) if p < 0]
        if absent:
            raise ValueError(
                "The following categories were supposed to be dropped, but were not found in the "
                "training data.\n" + "\n".join(absent)
            )
        for j, (v, place) in enumerate(zip(vocabularies, places, strict=True)):
            if v.infrequent is not None and place in v.infrequent:
                raise ValueError(
                    f"Unable to drop category {v.values.tolist()[place]!r} from feature {j} "
                    "because it is infrequent"
                )
        return [int(v.groups()[p]) for v, p in zip(vocabularies, places, strict=True)]

    # -- transforming

    @property
    def _unknown(self) -> Literal["error", "ignore", "warn"]:
        if self.handle_unknown in ("error", "warn"):
            return self.handle_unknown
        return "ignore" if self.drop is None else "warn"  # zeros then look like the dropped one

    def _unknown_becomes(self) -> str:
        return "all zeros" if self.handle_unknown == "ignore" else "the infrequent category."

    def _encode(self, X: Columns) -> Any:
        self._refuse_sparse_frames()
        program = self._program
        tables = [t.astype(np.int32) for t in program.positions.tables()]
        positions = self._look_up(X, tables)
        if self.sparse_output:
            return _ones(positions, program.width, self.dtype)
        n, d = positions.shape
        out = np.zeros((n, program.width), dtype=self.dtype)
        for j in range(d):
            rows = np.flatnonzero(positions[:, j] >= 0)
            out[rows, positions[rows, j]] = 1
        return out

    def _refuse_sparse_frames(self) -> None:
        make = _get_output_config("transform", estimator=self)["dense"]
        if make != "default" and self.sparse_output:
            raise ValueError(
                f"{make.capitalize()} output does not support sparse data. Set "
                f"sparse_output=False to output {make} dataframes or disable "
                f'{make.capitalize()} output via `ohe.set_output(transform="default").'
            )

    def inverse_transform(self, X: Any) -> npt.NDArray[Any]:
        """The categories of encoded rows.

        Parameters
        ----------
        X : array, sparse matrix or tensor of shape (n_samples, n_features_out)
            In each group of columns the greatest value is the category.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            All zeros become the dropped category, or None where unknown values may be zeros.

        Raises
        ------
        ValueError
            All zeros where they mean nothing.
        """
        check_is_fitted(self)
        X = as_numpy(X) if isinstance(X, Tensor) else X
        X = check_array(X, accept_sparse="csr")
        if X.shape[1] != self._program.width:
            raise ValueError(
                "Shape of the passed X data is not correct. Expected "
                f"{self._program.width} columns, got {X.shape[1]}."
            )
        columns, start = [], 0
        for j, vocabulary in enumerate(self._vocabularies):
            stop = start + len(vocabulary.labels) - (self._drop_of(j) is not None)
            columns.append(self._inverse_column(X[:, start:stop], vocabulary, self._drop_of(j)))
            start = stop
        out = np.empty((X.shape[0], len(columns)), np.result_type(*(c.dtype for c in columns)))
        for j, column in enumerate(columns):
            out[:, j] = column
        return out

    def _inverse_column(self, X: Any, vocabulary: Vocabulary, drop: int | None) -> npt.NDArray[Any]:
        labels = vocabulary.labels
        if not X.shape[1]:
            return np.repeat(labels, X.shape[0])  # its one category is dropped
        kept = labels if drop is None else np.delete(labels, drop)
        column = kept[np.asarray(X.argmax(axis=1)).ravel()]
        zeros = np.asarray(X.sum(axis=1)).ravel() == 0
        if not zeros.any():
            return column
        if drop is not None:
            column[zeros] = labels[drop]
            return column
        if self.handle_unknown == "error" or (
            self.handle_unknown != "ignore" and vocabulary.infrequent is not None
        ):
            raise ValueError(
                f"Samples {np.flatnonzero(zeros)} can not be inverted when drop=None and "
                "handle_unknown='error' because they contain all zeros"
            )
        column = column.astype(object)
        column[zeros] = None
        return column

    # -- names

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns.

        Parameters
        ----------
        input_features : array-like of str or None
            Names of the columns of X; None takes those of fit, else x0, x1, ...

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        combine = self._combiner()
        found = [
            combine(name, label)
            for j, (name, v) in enumerate(zip(names, self._vocabularies, strict=True))
            for group, label in enumerate(v.labels)
            if group != self._drop_of(j)
        ]
        return np.array(found, dtype=object)

    def _combiner(self) -> Callable[[str, Any], str]:
        combine = self.feature_name_combiner
        if isinstance(combine, str):
            return lambda feature, category: f"{feature}_{category}"
        tried = combine("feature", "category")
        if not isinstance(tried, str):
            raise TypeError(
                "When `feature_name_combiner` is a callable, it should return a Python string. "
                f"Got {type(tried)} instead."
            )
        return combine


def _ones(positions_nd: npt.NDArray[np.int32], width: int, dtype: Any) -> Any:
    """A CSR matrix with ones at the positions of each row, ascending, those of −1 left out."""
    n, d = positions_nd.shape
    index = np.int32 if max(n * d, width) < 2**31 else np.int64
    there = positions_nd >= 0
    if there.all():
        indices, starts = positions_nd.reshape(-1), np.arange(0, n * d + 1, d, dtype=index)
    else:
        indices = positions_nd[there]
        starts = np.zeros(n + 1, dtype=index)
        np.cumsum(there.sum(axis=1), out=starts[1:])
    parts = (np.ones(len(indices), dtype=dtype), indices.astype(index, copy=False), starts)
    return _align_api_if_sparse(sp.csr_array(parts, shape=(n, width)))
