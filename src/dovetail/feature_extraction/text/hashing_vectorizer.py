"""Documents as counts of the hashes of their terms."""

from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from sklearn.utils import murmurhash3_32

from dovetail.base import Stateless, over_blocks
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import target_device
from dovetail.feature_extraction.text._counting import counted_in_parts
from dovetail.feature_extraction.text._entries import Counts, Entries, join
from dovetail.feature_extraction.text._vectorizer import Vectorizer
from dovetail.feature_extraction.text._weights import TermWeights
from dovetail.params import Between

__all__ = ["HashingVectorizer"]


class HashingVectorizer(Vectorizer, Stateless, auto_wrap_output_keys=None):
    r"""Documents as a sparse matrix of fixed width: a term's column is its hash.

    Column of a term: |h| mod n_features, h its signed 32-bit MurmurHash3; sign of its counts: that
    of h. Terms may share a column; with signs, what they add to the product of two rows is zero on
    average. Nothing is learned: no vocabulary is held, and `transform` needs no fit.

    Parameters
    ----------
    input, encoding, decode_error, strip_accents, lowercase, preprocessor, tokenizer, stop_words,
    token_pattern, ngram_range, analyzer
        As of CountVectorizer.
    n_features : int, default=2**20
        Columns of the result.
    binary : bool, default=False
        Whether every stored count becomes 1.
    norm : {"l1", "l2"} or None, default="l2"
        What each row is divided by: the sum of its absolute values, the root of the sum of their
        squares, or nothing.
    alternate_sign : bool, default=True
        Whether counts have the sign of the hash.
    dtype : type, default=numpy.float64
        Of the result.

    Documents are any iterable, a Series, a frame with one column, or an array of shape
    (n_samples, 1); missing values in a column are empty documents. Cost O(c log c) for c characters
    and one hash for each distinct term among some million counts; memory is that of the result and
    of these.

    Examples
    --------
    >>> from dovetail.feature_extraction.text import HashingVectorizer
    >>> HashingVectorizer(n_features=8, norm=None).transform(["to be or not to be"]).toarray()
    array([[ 0.,  0.,  0.,  2.,  1.,  0., -2.,  1.]])

    Weinberger et al. (2009), https://arxiv.org/abs/0902.2206
    """

    dtype: Any = np.float64
    n_features: Annotated[int, Between(1, 2**31 - 1, "left")] = 2**20
    binary: bool = False
    norm: Literal["l1", "l2"] | None = "l2"
    alternate_sign: bool = True

    @classmethod
    def _examples(cls) -> list["HashingVectorizer"]:
        return [
            cls(n_features=512),
            cls(n_features=16, norm="l1"),
            cls(n_features=256, binary=True, norm=None),
        ]

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters; the documents are not read.

        Parameters
        ----------
        X : documents
        y : ignored, there for the Pipeline

        Returns
        -------
        self
        """
        return self._learn(X, y)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """The same as `fit`."""
        return self.fit(X, y)

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """`transform`, after a check of the parameters.

        Returns
        -------
        CSR matrix of shape (n_samples, n_features)
        """
        return self.fit(X, y).transform(X)

    @over_blocks
    def transform(self, X: Any) -> Any:
        """Count the hashes of the terms of documents X.

        Returns
        -------
        CSR matrix of shape (n_samples, n_features)
        """
        return self._weighed(self.front(X))

    def front(self, X: Any) -> SparseMatrix:
        """The signed counts of the hashes in documents X, which `program_` takes."""
        return self._open(X, reset=False)

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> SparseMatrix:
        documents = self._documents(X)
        self._check_ngram_range()
        if reset:
            self._warn_of_unused()
            documents = []
        parts = counted_in_parts(documents, self.build_analyzer())
        entries = join(map(self._hashed, parts))
        if len(entries.starts) == 1 and not reset:
            raise ValueError("Cannot vectorize empty sequence.")
        counts = entries.matrix(self.n_features, self.dtype, repeated=True)
        return counts.to(device or target_device())

    def _hashed(self, counts: Counts) -> Entries:
        """The counts by hash. Where only presence matters, without signs, so that terms that share
        a column do not cancel.
        """
        terms, entries = counts
        if not all(isinstance(term, str | bytes) for term in terms):
            raise TypeError("feature names must be strings")
        hashes = np.fromiter(map(murmurhash3_32, terms), np.int64, len(terms))
        if self.alternate_sign and not self.binary:
            signs = np.where(hashes < 0, -1, 1).astype(np.int32)
            entries = entries._replace(values=entries.values * signs[entries.indices])
        return entries.onto(np.abs(hashes) % self.n_features)

    def _stateless(self) -> TermWeights:
        return TermWeights(binary=self.binary, sublinear=False, idf=None, norm=self.norm)
