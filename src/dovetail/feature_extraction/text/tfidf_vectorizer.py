"""Documents as weights of their terms."""

from typing import Any, Literal

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.data.sparse import SparseMatrix
from dovetail.errors import warn
from dovetail.feature_extraction.text._idf import WeighsByIdf
from dovetail.feature_extraction.text._weights import TermWeights
from dovetail.feature_extraction.text.count_vectorizer import CountVectorizer

__all__ = ["TfidfVectorizer"]

_FLOATS = (np.float64, np.float32)


class TfidfVectorizer(WeighsByIdf, CountVectorizer, auto_wrap_output_keys=None):
    r"""Documents as a sparse matrix of tf-idf: a CountVectorizer and a TfidfTransformer in one.

    tf-idf(t) = count(t) · (log((1 + n) / (1 + df(t))) + 1) for n documents, of which df(t) contain
    the term t; each row is divided by its norm.

    Parameters
    ----------
    input, encoding, decode_error, strip_accents, lowercase, preprocessor, tokenizer, analyzer,
    stop_words, token_pattern, ngram_range, max_df, min_df, max_features, vocabulary
        As of CountVectorizer.
    binary : bool, default=False
        Whether a count above 0 is taken as 1.
    dtype : type, default=numpy.float64
        Of the result, float32 or float64.
    norm, use_idf, smooth_idf, sublinear_tf
        As of TfidfTransformer.

    Attributes
    ----------
    vocabulary_ : dict
        Column of each term.
    fixed_vocabulary_ : bool
        Whether it was given.
    idf_ : ndarray of shape (n_terms,), in `dtype`
        Only with `use_idf`. May be set.

    Cost: that of CountVectorizer; weighing adds O(m) for m stored counts.

    Examples
    --------
    >>> from dovetail.feature_extraction.text import TfidfVectorizer
    >>> vectorizer = TfidfVectorizer()
    >>> vectorizer.fit_transform(["to be", "to be or not to be"]).toarray().round(2)
    array([[0.71, 0.  , 0.  , 0.71],
           [0.58, 0.41, 0.41, 0.58]])
    """

    dtype: Any = np.float64
    norm: Literal["l1", "l2"] | None = "l2"
    use_idf: bool = True
    smooth_idf: bool = True
    sublinear_tf: bool = False

    @classmethod
    def _examples(cls) -> list["CountVectorizer"]:
        return [cls(), cls(ngram_range=(1, 2), sublinear_tf=True, norm="l1"), cls(use_idf=False)]

    def _begin(self) -> None:
        if self.dtype not in _FLOATS:
            warn(
                f"Only {_FLOATS} 'dtype' should be used. {self.dtype} 'dtype' will be converted to "
                "np.float64.",
            )
        super()._begin()

    def _counts_dtype(self) -> Any:
        return self.dtype if self.dtype in _FLOATS else np.float64

    def front(self, X: Any) -> SparseMatrix:
        """The counts of the vocabulary's terms in documents X, which `program_` takes."""
        check_is_fitted(self, msg="The TF-IDF vectorizer is not fitted")
        return super().front(X)

    def _take_idf(self, idf: Any) -> None:
        if not hasattr(self, "vocabulary_"):
            self._take_vocabulary()
        if hasattr(self, "vocabulary_") and len(self.vocabulary_) != len(idf):
            raise ValueError(
                f"idf length = {len(idf)} must be equal to vocabulary size = "
                f"{len(self.vocabulary_)}"
            )
        super()._take_idf(idf)

    def _weights(self, idf: Tensor | None) -> TermWeights:
        return super()._weights(idf).replace(binary=self.binary)
