"""Labels as one column of two numbers for each class."""

from dataclasses import KW_ONLY
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils import _align_api_if_sparse, check_array, column_or_1d
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import _num_samples, check_is_fitted
from torch import Tensor

from dovetail.data.tensors import as_tensor
from dovetail.preprocessing._categorical import LookUp
from dovetail.preprocessing._labels import LabelTransformer, as_given, coded, plain
from dovetail.program import Program

__all__ = ["LabelBinarizer", "label_binarize"]


class _Levels(Program):
    """Where an indicator is not zero, `high`, elsewhere `low`."""

    low: int
    high: int

    def forward(self, X: Tensor) -> Tensor:
        return torch.where(X != 0, self.high, self.low)


class LabelBinarizer(LabelTransformer):
    """One column for each class, `pos_label` where a row is of the class, else `neg_label`.

    Two classes make one column, that of the second.

    Parameters
    ----------
    neg_label : int, default=0
    pos_label : int, default=1
        Greater than `neg_label`.
    sparse_output : bool, default=False
        Whether to give a CSR matrix; `neg_label` must be 0 then.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    y_type_ : str
        "binary", "multiclass", or "multilabel-indicator" for targets that are such columns already.
    sparse_input_ : bool
        Whether y was sparse in fit.

    Raises
    ------
    ValueError
        `neg_label` is not less than `pos_label`; targets that are not labels.

    Labels that were not there in fit become `neg_label` everywhere. Cost O(n k) for k classes, O(n)
    where sparse.

    Examples
    --------
    >>> from dovetail.preprocessing import LabelBinarizer
    >>> binarizer = LabelBinarizer().fit(["cat", "dog", "cow"])
    >>> binarizer.transform(["dog", "cat"])
    array([[0, 0, 1],
           [1, 0, 0]])
    >>> binarizer.inverse_transform(binarizer.transform(["dog", "cat"]))
    array(['dog', 'cat'], dtype='<U3')
    """

    _: KW_ONLY
    neg_label: int = 0
    pos_label: int = 1
    sparse_output: bool = False

    @classmethod
    def _examples(cls) -> list["LabelBinarizer"]:
        return [cls(), cls(neg_label=-1)]

    def _learned(self, y: Any) -> Program:
        _check_levels(self.neg_label, self.pos_label, self.sparse_output)
        self.y_type_ = type_of_target(y, input_name="y")
        _refuse_kind(self.y_type_)
        if not _num_samples(y):
            raise ValueError(f"y has 0 samples: {y!r}")
        self.sparse_input_ = sp.issparse(y)
        self.classes_ = unique_labels(y)
        if self.y_type_.startswith("multilabel"):
            return _Levels(self.neg_label, self.pos_label)
        table = _table(len(self.classes_), self.y_type_, self.neg_label, self.pos_label)
        return LookUp(as_tensor(table), torch.zeros(1, dtype=torch.int64))

    def front(self, y: Any) -> Tensor:
        """Codes of labels, int64 of shape (n, 1), −1 for other labels; an indicator itself."""
        check_is_fitted(self)
        y = plain(y)
        if self.y_type_.startswith("multilabel"):
            return as_tensor(np.asarray(y.toarray() if sp.issparse(y) else y))
        return as_tensor(coded(column_or_1d(y), self.classes_)[0][:, None])

    def transform(self, y: Any) -> Any:
        """The columns of labels.

        Parameters
        ----------
        y : array-like of shape (n_samples,), or zeros and ones of shape (n_samples, n_classes)

        Returns
        -------
        array, CSR matrix or tensor of shape (n_samples, n_classes), (n_samples, 1) for two classes
        """
        check_is_fitted(self)
        kind = type_of_target(plain(y))
        if not self.y_type_.startswith("multilabel"):
            if kind.startswith("multilabel"):
                raise ValueError("The object was not fitted with multilabel input.")
            kind = self.y_type_
        levels = self.neg_label, self.pos_label
        return _binarized(y, self.classes_, kind, *levels, sparse_output=self.sparse_output)

    def inverse_transform(self, Y: Any, threshold: float | None = None) -> Any:
        """The labels of columns.

        Parameters
        ----------
        Y : array, sparse matrix or tensor of shape (n_samples, n_classes), or (n_samples, 1)
            Also scores or probabilities: of several classes the greatest is taken.
        threshold : float or None
            Above which a row is of the class, for two classes and for indicators; None is halfway
            between `neg_label` and `pos_label`. Use 0 for `decision_function`, 0.5 for
            `predict_proba`.

        Returns
        -------
        ndarray of shape (n_samples,), an indicator of shape (n_samples, n_classes), or a CSR matrix
        where y was sparse in fit
        """
        check_is_fitted(self)
        scores = plain(Y)
        if threshold is None:
            threshold = (self.pos_label + self.neg_label) / 2
        if self.y_type_ == "multiclass":
            best = np.asarray(
                scores.tocsr().argmax(axis=1) if sp.issparse(scores) else np.argmax(scores, 1)
            )
            labels = self.classes_[best.ravel().clip(max=len(self.classes_) - 1)]
        else:
            labels = self._thresholded(scores, threshold)
        return (
            _align_api_if_sparse(sp.csr_array(labels))
            if self.sparse_input_
            else as_given(labels, Y)
        )

    def _thresholded(self, scores: Any, threshold: float) -> npt.NDArray[Any]:
        scores = np.asarray(scores.toarray() if sp.issparse(scores) else scores)
        k = len(self.classes_)
        if self.y_type_ != "binary":
            if scores.shape[1] != k:
                raise ValueError(
                    "The number of class is not equal to the number of dimension of y. Expected "
                    f"{k} columns, got {scores.shape[1]}."
                )
            return (scores > threshold).astype(np.int64)
        if scores.ndim == 2 and scores.shape[1] > 2:
            raise ValueError(f"output_type='binary', but y.shape = {scores.shape}")
        second = scores[:, 1] if scores.ndim == 2 and scores.shape[1] == 2 else scores.reshape(-1)
        found: npt.NDArray[Any] = self.classes_[np.minimum(second > threshold, k - 1).astype(int)]
        return found


def label_binarize(
    y: Any, *, classes: Any, neg_label: int = 0, pos_label: int = 1, sparse_output: bool = False
) -> Any:
    """One column for each of some classes, `pos_label` where a row is of the class.

    Parameters
    ----------
    y : array-like of shape (n_samples,), or zeros and ones of shape (n_samples, n_classes)
    classes : array-like of shape (n_classes,)
        In the order of the columns.
    neg_label, pos_label : int, default=0 and 1
    sparse_output : bool, default=False
        Whether to give a CSR matrix; `neg_label` must be 0 then.

    Returns
    -------
    array, CSR matrix or tensor of shape (n_samples, n_classes); (n_samples, 1), the column of the
    second class, where y is binary and there are two

    Examples
    --------
    >>> from dovetail.preprocessing import label_binarize
    >>> label_binarize([1, 6], classes=[1, 6, 4])
    array([[1, 0, 0],
           [0, 1, 0]])
    """
    _check_levels(neg_label, pos_label, sparse_output)
    kind = type_of_target(plain(y))
    classes = np.asarray(plain(classes))
    return _binarized(y, classes, kind, neg_label, pos_label, sparse_output=sparse_output)


def _binarized(
    given: Any,
    classes: npt.NDArray[Any],
    kind: str,
    neg_label: int,
    pos_label: int,
    *,
    sparse_output: bool,
) -> Any:
    y = plain(given)
    if not isinstance(y, list):
        y = check_array(y, input_name="y", accept_sparse="csr", ensure_2d=False, dtype=None)
    elif not y:
        raise ValueError(f"y has 0 samples: {y!r}")
    _refuse_kind(kind)
    if kind == "multilabel-indicator":
        out: Any = _indicator(y, classes, neg_label, pos_label, sparse_output)
    else:
        order = np.argsort(classes)
        labels = column_or_1d(y)
        codes, _ = coded(labels, classes[order])
        codes = np.append(order, -1)[codes]  # places in the order given
        signed = labels.dtype.kind == "i"
        table = _table(len(classes), kind, neg_label, pos_label)
        table = table.astype(labels.dtype if signed else np.int64)
        out = _sparse_rows(table, codes) if sparse_output else table[codes + 1]
    return _align_api_if_sparse(out) if sparse_output else as_given(out, given)


def _table(k: int, kind: str, low: int, high: int) -> npt.NDArray[np.int64]:
    """The rows of labels: that of no class, then that of each of k."""
    table = np.full((k + 1, k), low)
    table[np.arange(1, k + 1), np.arange(k)] = high
    if kind != "binary" or k > 2:
        return table
    return table[:, -1:] if k == 2 else np.full((k + 1, 1), low)


def _sparse_rows(table: npt.NDArray[Any], codes: npt.NDArray[np.int64]) -> sp.csr_array:
    """The rows of a table whose rows have at most one value that is not zero."""
    column, value = np.abs(table).argmax(1), table.sum(1)
    starts = np.zeros(len(codes) + 1, dtype=np.int64)
    there = value[codes + 1] != 0
    np.cumsum(there, out=starts[1:])
    rows = codes[there] + 1
    return sp.csr_array(
        (value[rows].astype(int), column[rows], starts), shape=(len(codes), table.shape[1])
    )


def _indicator(y: Any, classes: npt.NDArray[Any], low: int, high: int, sparse_output: bool) -> Any:
    """An indicator with other numbers for its zeros and ones."""
    width = y.shape[1] if hasattr(y, "shape") else len(y[0])
    if len(classes) != width:
        raise ValueError(
            f"classes {classes} mismatch with the labels {unique_labels(y)} found in the data"
        )
    columns = np.argsort(np.argsort(classes))
    if not sparse_output:
        there = np.asarray(y.toarray() if sp.issparse(y) else y) != 0
        return np.where(there, high, low)[:, columns]
    Y = sp.csr_array(y)
    Y.data = np.where(Y.data != 0, high, 0)
    return Y[:, columns]


def _check_levels(low: int, high: int, sparse_output: bool) -> None:
    if low >= high:
        raise ValueError(f"neg_label={low} must be strictly less than pos_label={high}.")
    if sparse_output and (high == 0 or low != 0):
        raise ValueError(
            "Sparse binarization is only supported with non zero pos_label and zero neg_label, got "
            f"pos_label={high} and neg_label={low}"
        )


def _refuse_kind(kind: str) -> None:
    if "multioutput" in kind:
        raise ValueError("Multioutput target data is not supported with label binarization")
    if kind == "unknown":
        raise ValueError("The type of target data is not known")
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        raise ValueError(f"{kind} target data is not supported with label binarization")
