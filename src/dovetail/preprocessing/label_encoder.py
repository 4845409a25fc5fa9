"""Labels as whole numbers."""

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.data.tensors import as_tensor
from dovetail.preprocessing._labels import LabelTransformer, as_given, coded, plain, sorted_labels
from dovetail.preprocessing._vocabulary import listed
from dovetail.program import Passthrough, Program

__all__ = ["LabelEncoder"]


class LabelEncoder(LabelTransformer):
    """The classes of a target numbered 0, 1, ..., in ascending order.

    For targets; columns of X are encoded by OrdinalEncoder. Classifiers encode their targets
    themselves.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Distinct labels, sorted; None and nan are classes too, the last ones.

    Raises
    ------
    ValueError
        Labels that were not there in fit.

    Cost: one hash a label.

    Examples
    --------
    >>> from dovetail.preprocessing import LabelEncoder
    >>> encoder = LabelEncoder().fit(["paris", "tokyo", "amsterdam"])
    >>> encoder.transform(["tokyo", "paris"])
    array([2, 1])
    >>> encoder.inverse_transform([0, 2])
    array(['amsterdam', 'tokyo'], dtype='<U9')
    """

    def _learned(self, y: Any) -> Program:
        self.classes_ = sorted_labels(column_or_1d(y, warn=True))
        return Passthrough()

    def front(self, y: Any) -> Tensor:
        """Codes of labels, int64 of shape (n,)."""
        check_is_fitted(self)
        labels = column_or_1d(plain(y), dtype=self.classes_.dtype, warn=True)
        codes, unseen = coded(labels, self.classes_)
        if unseen:
            raise ValueError(f"y contains previously unseen labels: {listed(unseen)}")
        return as_tensor(codes)

    def transform(self, y: Any) -> Any:
        """Number labels.

        Parameters
        ----------
        y : array-like of shape (n_samples,)

        Returns
        -------
        array or tensor of shape (n_samples,), int64
        """
        return as_given(self.front(y).numpy(), y)

    def inverse_transform(self, y: Any) -> Any:
        """Labels of numbers.

        Parameters
        ----------
        y : array-like of int of shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples,), or tensor where y is one and the labels are numbers
        """
        check_is_fitted(self)
        codes = column_or_1d(plain(y), warn=True)
        if not len(codes):
            return as_given(self.classes_[:0], y)
        wrong = np.setdiff1d(codes, np.arange(len(self.classes_)))
        if len(wrong):
            raise ValueError(
                f"y contains previously unseen labels: {wrong}. Numbers of classes are from 0 to "
                f"{len(self.classes_) - 1}."
            )
        return as_given(self.classes_[codes.astype(np.int64)], y)
