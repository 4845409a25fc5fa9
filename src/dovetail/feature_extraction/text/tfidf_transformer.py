"""Term frequency times inverse document frequency."""

from dataclasses import KW_ONLY
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, Transformer, over_blocks
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.feature_extraction.text._entries import as_configured
from dovetail.feature_extraction.text._idf import WeighsByIdf

__all__ = ["TfidfTransformer"]


class TfidfTransformer(OneToOneFeatureMixin, WeighsByIdf, Transformer, auto_wrap_output_keys=None):
    r"""Weigh counts of terms by how rare the terms are: tf-idf = tf · idf, rows of unit norm.

    idf(t) = log((1 + n) / (1 + df(t))) + 1 for n documents, of which df(t) contain the term t;
    without smoothing, log(n / df(t)) + 1.

    Parameters
    ----------
    norm : {"l1", "l2"} or None, default="l2"
        What each row is divided by: the sum of its values, the root of the sum of their squares, or
        nothing.
    use_idf : bool, default=True
        False leaves every idf at 1.
    smooth_idf : bool, default=True
        Count as if one more document contained every term, so that no idf is infinite.
    sublinear_tf : bool, default=False
        Take 1 + log(count) instead of the count.

    Attributes
    ----------
    idf_ : ndarray or tensor of shape (n_features,), in X's dtype, at least 1 with `smooth_idf`
        Only with `use_idf`. May be set.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    The result is sparse (CSR) whatever array X is; of a dense tensor it is a dense tensor. Cost
    O(m) for m stored counts.

    Examples
    --------
    >>> from dovetail.feature_extraction.text import TfidfTransformer
    >>> TfidfTransformer(norm=None).fit_transform([[1, 2], [1, 0]]).toarray().round(2)
    array([[1.  , 2.81],
           [1.  , 0.  ]])

    Manning, Raghavan & Schütze (2008), section 6.2, https://nlp.stanford.edu/IR-book/
    """

    accepts = Accepts(sparse=("csr",))

    _: KW_ONLY
    norm: Literal["l1", "l2"] | None = "l2"
    use_idf: bool = True
    smooth_idf: bool = True
    sublinear_tf: bool = False

    @classmethod
    def _examples(cls) -> list["TfidfTransformer"]:
        return [cls(), cls(norm="l1", smooth_idf=False), cls(norm=None, sublinear_tf=True)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @over_blocks
    def transform(self, X: Any, copy: bool = True) -> Any:
        """Weigh counts.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        copy : bool, default=True
            False overwrites X where it is a CSR matrix of floats.

        Returns
        -------
        CSR matrix of the shape of X, or tensor where X is one
        """
        if isinstance(X, Tensor):
            return super().transform(X)
        keep = copy or not (sp.issparse(X) and X.data.flags.writeable)
        weighed = self._run(lambda opened: self._weigh(opened, X if keep else None), X)
        if not _shares_memory(weighed, X):
            return weighed
        return X if type(weighed) is type(X) else type(weighed)(X)

    def _weigh(self, X: Matrix, keep: Any) -> SparseMatrix:
        """The weights of X, written over it unless it is the matrix to keep."""
        if isinstance(X, Tensor):
            X = SparseMatrix.from_scipy(sp.csr_matrix(as_numpy(X)), X.device)
        elif keep is not None and _shares_memory(X.to_scipy(), keep):
            X = X.with_values(X.values.clone())
        return as_configured(self._program.overwriting(X))


def _shares_memory(a: Any, b: Any) -> bool:
    """Whether two matrices, b of any kind, store the same values."""
    return sp.issparse(b) and np.may_share_memory(a.data, b.data)
