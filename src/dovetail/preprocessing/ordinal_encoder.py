"""Categories as whole numbers."""

from dataclasses import KW_ONLY, replace
from numbers import Integral
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.data.batches import Batches
from dovetail.data.columns import is_nan
from dovetail.data.tensors import as_numpy
from dovetail.params import AnyFloat, AtLeast, OpenFraction
from dovetail.preprocessing._categorical import Categorical, LookUp, stacked
from dovetail.preprocessing._vocabulary import Rarity, Vocabulary

__all__ = ["OrdinalEncoder"]


class OrdinalEncoder(OneToOneFeatureMixin, Categorical):
    """The categories of each column numbered 0, 1, ...

    Parameters
    ----------
    categories : "auto" or list of array-likes, default="auto"
        The categories of each column, in the order of their numbers; "auto" takes the values seen
        in fit, sorted, None and nan last. Numbers must be given in ascending order, and nan last.
    dtype : number type, default=float64
    handle_unknown : {"error", "use_encoded_value"}, default="error"
        Whether values that are no category become `unknown_value`.
    unknown_value : int, nan or None, default=None
        Required for "use_encoded_value": a number that no category has.
    encoded_missing_value : int or nan, default=nan
        What nan becomes.
    min_frequency : int >= 1, float in (0, 1) or None, default=None
        Categories with fewer rows, or a smaller share of them, get one number, the greatest.
    max_categories : int >= 1 or None, default=None
        Most numbers of a column; those for unknown and missing values do not count.

    Attributes
    ----------
    categories_ : list of n_features arrays
    infrequent_categories_ : list of n_features arrays or None
        Only where `min_frequency` or `max_categories` is given.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Unknown categories; a number for unknown or missing values that a category has.

    Cost: one hash of every value, O(n d).

    Examples
    --------
    >>> from dovetail.preprocessing import OrdinalEncoder
    >>> encoder = OrdinalEncoder().fit([["low", 1], ["high", 3], ["low", None]])
    >>> encoder.transform([["high", 3], ["low", 1]])
    array([[0., 1.],
           [1., 0.]])
    """

    _: KW_ONLY
    categories: Literal["auto"] | list[Any] = "auto"
    dtype: Any = np.float64
    handle_unknown: Literal["error", "use_encoded_value"] = "error"
    unknown_value: int | AnyFloat | None = None
    encoded_missing_value: int | AnyFloat = np.nan
    min_frequency: Annotated[int, AtLeast(1)] | OpenFraction | None = None
    max_categories: Annotated[int, AtLeast(1)] | None = None

    @classmethod
    def _examples(cls) -> list["OrdinalEncoder"]:
        lenient = cls(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=3)
        return [cls(), lenient]

    @property
    def infrequent_categories_(self) -> list[npt.NDArray[Any] | None]:
        """The infrequent categories of each column."""
        return self._infrequent()

    @property
    def _unknown(self) -> Literal["error", "ignore"]:
        return "error" if self.handle_unknown == "error" else "ignore"

    def _fit(self, batches: Batches) -> LookUp:
        self._check_unknown_value()
        rarity = Rarity(self.min_frequency, self.max_categories, spare_nan=True)
        self._learn_vocabularies(batches, self.categories, rarity, self._unknown == "error")
        self._check_numbers()
        return stacked([self._numbers(v) for v in self._vocabularies])

    def _numbers(self, vocabulary: Vocabulary) -> npt.NDArray[Any]:
        """The number of unknown values and of each category, shape (k + 1, 1)."""
        lenient = self.handle_unknown == "use_encoded_value"
        unknown = [self.unknown_value if lenient else 0]
        nan = [self.encoded_missing_value] if vocabulary.has_nan else []
        numbers = [*unknown, *vocabulary.groups(_known(vocabulary)), *nan]
        return np.array(numbers).astype(self.dtype)[:, None]

    def _check_unknown_value(self) -> None:
        value = self.unknown_value
        if self.handle_unknown == "error":
            if value is not None:
                raise TypeError(
                    "unknown_value should only be set when handle_unknown is "
                    f"'use_encoded_value', got {value}."
                )
        elif is_nan(value):
            if np.dtype(self.dtype).kind != "f":
                raise ValueError(
                    "When unknown_value is np.nan, the dtype parameter should be a float dtype. "
                    f"Got {self.dtype}."
                )
        elif not isinstance(value, Integral):
            raise TypeError(
                "unknown_value should be an integer or np.nan when handle_unknown is "
                f"'use_encoded_value', got {value}."
            )

    def _check_numbers(self) -> None:
        """Hold the numbers for unknown and missing values against those of the categories."""
        vocabularies, missing = self._vocabularies, self.encoded_missing_value
        sizes = [int(v.groups(_known(v)).max(initial=-1)) + 1 for v in vocabularies]
        unknown = self.unknown_value
        if unknown is not None and any(0 <= unknown < size for size in sizes):
            raise ValueError(
                f"The used value for unknown_value {unknown} is one of the values "
                "already used for encoding the seen categories."
            )
        columns = [j for j, v in enumerate(vocabularies) if v.has_nan]
        if not columns:
            return
        if is_nan(missing):
            if np.dtype(self.dtype).kind != "f":
                raise ValueError(
                    f"There are missing values in features {columns}. For OrdinalEncoder to "
                    f"encode missing values with dtype: {self.dtype}, set encoded_missing_value "
                    "to a non-nan value, or set dtype to a float"
                )
            return
        taken = [j for j in columns if 0 <= missing < sizes[j]]
        if taken:
            names = getattr(self, "feature_names_in_", None)
            raise ValueError(
                f"encoded_missing_value ({missing}) is already used to encode a known category in "
                f"features: {taken if names is None else names[taken]}"
            )

    def inverse_transform(self, X: Any) -> npt.NDArray[Any]:
        """The categories of numbers.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            None for unknown values, "infrequent_sklearn" for infrequent ones.
        """
        check_is_fitted(self)
        X = check_array(as_numpy(X) if isinstance(X, Tensor) else X, ensure_all_finite="allow-nan")
        if X.shape[1] != len(self._vocabularies):
            raise ValueError(
                "Shape of the passed X data is not correct. Expected "
                f"{len(self._vocabularies)} columns, got {X.shape[1]}."
            )
        columns = [self._inverse_column(X[:, j], v) for j, v in enumerate(self._vocabularies)]
        out = np.empty(X.shape, np.result_type(*(c.dtype for c in columns)))
        for j, column in enumerate(columns):
            out[:, j] = column
        return out

    def _inverse_column(
        self, numbers: npt.NDArray[Any], vocabulary: Vocabulary
    ) -> npt.NDArray[Any]:
        labels = replace(vocabulary, values=vocabulary.values[: _known(vocabulary)]).labels
        nan = _equal(numbers, self.encoded_missing_value) & vocabulary.has_nan
        unknown = np.zeros(len(numbers), dtype=bool)
        if self.handle_unknown == "use_encoded_value":
            unknown, labels = _equal(numbers, self.unknown_value) & ~nan, labels.astype(object)
        places = np.where(nan | unknown, 0, numbers).astype(np.int64)
        if len(places) and not 0 <= places.min() <= places.max() < max(1, len(labels)):
            raise ValueError(
                f"The numbers of a column must be from 0 to {len(labels) - 1}. Got "
                f"{numbers[(places < 0) | (places >= len(labels))][0]}."
            )
        places[nan] = len(labels)
        places[unknown] = len(labels) + vocabulary.has_nan
        missing = vocabulary.values[_known(vocabulary) :]
        unknown_label = np.array([None] if unknown.any() else [], dtype=labels.dtype)
        return np.concatenate([labels, missing, unknown_label])[places]


def _known(vocabulary: Vocabulary) -> int:
    """How many categories are not nan."""
    return len(vocabulary) - vocabulary.has_nan


def _equal(numbers: npt.NDArray[Any], value: Any) -> npt.NDArray[np.bool_]:
    return np.isnan(numbers) if is_nan(value) else numbers == value
