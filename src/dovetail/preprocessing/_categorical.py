"""The role of transformers of categories, and look-ups by code.

A column is hashed once into codes of its few distinct values (`data.columns.factorize`); all that
is decided about a value (which category it is, what it becomes) is decided for the distinct values,
and carried to the rows by one gather from a table. Code −1 stands for values that are no category;
the first row of a column's table is theirs.

Legend: n rows, d columns, k categories of a column, K rows of all tables together, m numbers a row.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Transformer, over_blocks
from dovetail.data.batches import Batches
from dovetail.data.columns import Columns, factorize
from dovetail.data.door import Given
from dovetail.data.tallies import tally_columns
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import warn
from dovetail.preprocessing._vocabulary import (
    Rarity,
    Vocabulary,
    given_vocabulary,
    listed,
    sorted_vocabulary,
)
from dovetail.program import Program

__all__ = ["Categorical", "LookUp", "stacked"]

# Rows written at a time, so that those of the output stay in the cache: half the time for 6
# columns.
_BLOCK = 8192


class LookUp(Program):
    """Rows of a table by code, those of all columns side by side.

    table : Tensor of shape (K, m), the tables of all columns one below the other
    starts : int64 Tensor of shape (d,), the row of code −1 of each column
    """

    table: Tensor
    starts: Tensor

    def forward(self, codes_nd: Tensor) -> Tensor:
        return self.table[codes_nd + (self.starts + 1)].flatten(1)

    def tables(self) -> list[npt.NDArray[Any]]:
        """The table of each column, shape (k + 1, m), the row of unknown values first."""
        return np.split(as_numpy(self.table), as_numpy(self.starts)[1:])


def stacked(tables: Sequence[npt.NDArray[Any]]) -> LookUp:
    """The look-up of one table a column, each of shape (k + 1, m)."""
    starts = np.cumsum([0, *map(len, tables)])[:-1]
    return LookUp(as_tensor(np.concatenate(tables)), as_tensor(starts))


class Categorical(Transformer):
    """A transformer of columns of categories.

    Its `_fit` calls `_learn_vocabularies`; its Program takes codes: int64, shape (n, d), −1 for
    values that are no category.
    """

    accepts = Accepts(columns=True, missing=True)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def categories_(self) -> list[npt.NDArray[Any]]:
        """The categories of each column."""
        check_is_fitted(self)
        return [v.values for v in self._vocabularies]

    def _infrequent(self) -> list[npt.NDArray[Any] | None]:
        """The infrequent categories of each column."""
        check_is_fitted(self)
        if not self._rarity:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'infrequent_categories_': it was "
                "fitted without min_frequency and max_categories."
            )
        return [
            None if v.infrequent is None else v.values[v.infrequent] for v in self._vocabularies
        ]

    @property
    def _unknown(self) -> Literal["error", "ignore", "warn"]:
        """What is done about values that are no category."""
        return "error"

    def front(self, X: Any) -> Tensor:
        """X as codes on the program's device: int64, shape (n, d), −1 for unknown values."""
        check_is_fitted(self)
        return self._codes(self._open(X, reset=False)).to(self._program.device)

    @over_blocks
    def transform(self, X: Any) -> Any:
        """Encode X.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)

        Returns
        -------
        array, sparse matrix or tensor of shape (n_samples, n_features_out)

        Raises
        ------
        ValueError
            A value is no category and `handle_unknown` refuses that.
        """
        check_is_fitted(self)
        given = Given.of(X)
        out = self._encode(self._open(X, reset=False))
        torch_out = given.container == "torch" and isinstance(out, np.ndarray)
        return as_tensor(out, given.device) if torch_out else out

    def _codes(self, X: Columns) -> Tensor:
        """The codes of X, each column in one piece of memory."""
        out = np.empty((X.shape[1], len(X)), dtype=np.int64)
        for row, (codes, place) in zip(out, self._places(X), strict=True):
            np.take(place, codes, out=row, mode="clip")
        return as_tensor(out.T)

    def _encode(self, X: Columns) -> Any:
        """What the Program makes of X's codes, as an array or sparse matrix."""
        return self._look_up(X, self._program.tables())

    def _look_up(self, X: Columns, tables: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The rows of a table a column, each of shape (k + 1, m), by X's values: shape (n, d m)."""
        n, d, m = len(X), len(tables), tables[0].shape[1]
        out = np.empty((n, d * m), dtype=np.result_type(*tables))
        parts = [
            (j if m == 1 else slice(j * m, (j + 1) * m), codes, _squeezed(table[place + 1]))
            for j, ((codes, place), table) in enumerate(zip(self._places(X), tables, strict=True))
        ]
        for start in range(0, n, _BLOCK):
            rows = slice(start, start + _BLOCK)
            block = out[rows]
            for where, codes, table in parts:
                block[:, where] = table[codes[rows]]
        return out

    def _places(self, X: Columns) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """For each column the codes of its distinct values, and which category each of these is."""
        found, unknown = [], []
        for j, (values, vocabulary) in enumerate(zip(X.values, self._vocabularies, strict=True)):
            codes, distinct = factorize(values, X.null)
            place = vocabulary.find(distinct)
            if (place < 0).any():
                unknown.append(j)
                if self._unknown == "error":
                    raise _unknown_error(distinct[place < 0].tolist(), j, "transform")
            found.append((codes, place))
        if unknown and self._unknown == "warn":
            warn(
                f"Found unknown categories in columns {unknown} during transform. These unknown "
                f"categories will be encoded as {self._unknown_becomes()}",
                UserWarning,
            )
        return found

    def _unknown_becomes(self) -> str:
        """What a warning says unknown values are encoded as."""
        return ""

    def _learn_vocabularies(
        self,
        batches: Batches,
        categories: Literal["auto"] | list[Any],
        rarity: Rarity,
        complete: bool,
    ) -> None:
        """Find the categories of every column, or check those given.

        complete : whether a value that is not among those given is an error
        """
        self._rarity = rarity
        tallies = tally_columns(batches, counted=bool(rarity))
        if isinstance(categories, str):
            vocabularies = [sorted_vocabulary(t.values) for t in tallies]
        elif len(categories) != len(tallies):
            raise ValueError(
                "Shape mismatch: if categories is an array, it has to be of shape (n_features,). "
                f"Got categories for {len(categories)} columns, and X has {len(tallies)}."
            )
        else:
            vocabularies = [
                given_vocabulary(c, t.values, j)
                for j, (c, t) in enumerate(zip(categories, tallies, strict=True))
            ]
            for j, (v, t) in enumerate(zip(vocabularies, tallies, strict=True)):
                unknown = t.values[v.find(t.values) < 0]
                if complete and len(unknown):
                    raise _unknown_error(unknown.tolist(), j, "fit")
        if rarity:
            vocabularies = [
                rarity.applied(v, t, len(batches))
                for v, t in zip(vocabularies, tallies, strict=True)
            ]
        self._vocabularies: list[Vocabulary] = vocabularies


def _squeezed(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return table[:, 0] if table.shape[1] == 1 else table


def _unknown_error(values: list[Any], j: int, when: str) -> ValueError:
    return ValueError(
        f"Found unknown categories {listed(values)} in column {j} during {when}. Give "
        "`handle_unknown` another value than 'error' to let them pass."
    )
