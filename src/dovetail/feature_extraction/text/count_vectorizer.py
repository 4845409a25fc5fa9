"""Documents as counts of their terms."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils import metadata_routing
from sklearn.utils.validation import check_array
from torch import Tensor

from dovetail.base import over_blocks
from dovetail.data.batches import Batches
from dovetail.data.scan import Scan
from dovetail.data.sparse import SparseMatrix
from dovetail.data.stream import Stream
from dovetail.data.tensors import target_device
from dovetail.distributed import current
from dovetail.errors import warn
from dovetail.feature_extraction.text._counting import counted, counted_in_parts, counted_on
from dovetail.feature_extraction.text._entries import Entries
from dovetail.feature_extraction.text._terms import TermCounts
from dovetail.feature_extraction.text._vectorizer import Vectorizer
from dovetail.feature_extraction.text._weights import TermWeights
from dovetail.params import AtLeast, Fraction, Has
from dovetail.program import Program

__all__ = ["CountVectorizer"]


class CountVectorizer(Vectorizer, auto_wrap_output_keys=None):
    r"""Documents as a sparse matrix: how often each document contains each term.

    A term is a token (`analyzer="word"`), a run of characters, or an n-gram of either. The terms of
    the documents given to fit, in alphabetical order, are the columns.

    Parameters
    ----------
    input : {"content", "filename", "file"}, default="content"
        Whether a document is its text (str or bytes), the path of a file, or an object with a
        method `read`.
    encoding : str, default="utf-8"
        Of bytes.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do about bytes that are not in that encoding.
    strip_accents : {"ascii", "unicode"}, callable or None, default=None
        "unicode" takes accents off letters of any script, "ascii" leaves nothing but ASCII.
    lowercase : bool, default=True
    preprocessor : callable or None
        From a decoded document to text, in place of `lowercase` and `strip_accents`.
    tokenizer : callable or None
        From a text to its tokens, in place of `token_pattern`.
    stop_words : "english", list of str or None, default=None
        Tokens to leave out. "english" is the list of the Glasgow Information Retrieval Group,
        http://ir.dcs.gla.ac.uk/resources/linguistic_utils/stop_words.
    token_pattern : str, default=r"(?u)\b\w\w+\b"
        What a token is: two or more letters, digits or underscores. With a group, its content is
        the token.
    ngram_range : (int, int), default=(1, 1)
        Fewest and most tokens (or characters) in a term.
    analyzer : {"word", "char", "char_wb"} or callable, default="word"
        "char" makes n-grams of characters, "char_wb" those of each word with a space on either
        side. A callable takes a decoded document to its terms, in place of everything above.
    max_df, min_df : float in [0, 1] or int, defaults 1.0 and 1
        Terms in more, or fewer, documents than this share or number are left out.
    max_features : int or None, default=None
        Keep so many terms, those with the highest counts; of equal ones the first by alphabet.
    vocabulary : mapping of terms to columns, iterable of terms, or None
        The terms to count; None learns them.
    binary : bool, default=False
        Whether every count above 0 becomes 1.
    dtype : type, default=numpy.int64
        Of the result.

    Attributes
    ----------
    vocabulary_ : dict
        Column of each term.
    fixed_vocabulary_ : bool
        Whether it was given.

    Documents are any iterable, a Series, a frame with one column, or an array of shape
    (n_samples, 1); missing values in a column are empty documents.

    Where the analyzer is built in and `token_pattern` means runs of one class of characters, as the
    default does, documents are not taken apart one by one: the code points of a block of documents
    are split and its n-grams counted by sorting integers. Cost O(c log c) for c characters; memory
    beyond the result is a block's and one row for each distinct term.

    Examples
    --------
    >>> from dovetail.feature_extraction.text import CountVectorizer
    >>> vectorizer = CountVectorizer()
    >>> vectorizer.fit_transform(["to be", "to be or not to be"]).toarray()
    array([[1, 0, 0, 1],
           [2, 1, 1, 2]])
    >>> vectorizer.get_feature_names_out()
    array(['be', 'not', 'or', 'to'], dtype=object)
    """

    # `raw_documents` is a name of X, no metadata
    __metadata_request__fit: ClassVar = {"raw_documents": metadata_routing.UNUSED}
    __metadata_request__transform: ClassVar = {"raw_documents": metadata_routing.UNUSED}

    max_df: Fraction | Annotated[int, AtLeast(1)] = 1.0
    min_df: Fraction | Annotated[int, AtLeast(1)] = 1
    max_features: Annotated[int, AtLeast(1)] | None = None
    vocabulary: Mapping[str, int] | Annotated[Any, Has("__iter__")] | None = None
    binary: bool = False

    @classmethod
    def _examples(cls) -> list["CountVectorizer"]:
        return [cls(), cls(ngram_range=(1, 2), binary=True), cls(analyzer="char_wb")]

    def fit(self, raw_documents: Any, y: Any = None) -> Self:
        """Learn the vocabulary.

        Parameters
        ----------
        raw_documents : documents
        y : ignored, there for the Pipeline

        Returns
        -------
        self
        """
        return self._learn(raw_documents, y)

    def fit_transform(self, raw_documents: Any, y: Any = None) -> Any:
        """Learn the vocabulary and count, reading the documents once.

        Returns
        -------
        CSR matrix of shape (n_samples, n_terms); of a scan another scan
        """
        if isinstance(raw_documents, Scan):
            return self.fit(raw_documents).transform(raw_documents)
        return self._learn_and_transform(raw_documents)

    @over_blocks
    def transform(self, raw_documents: Any) -> Any:
        """Count the terms of the vocabulary; other terms are passed over.

        Returns
        -------
        CSR matrix of shape (n_samples, n_terms)
        """
        return self._weighed(self.front(raw_documents))

    def front(self, X: Any) -> SparseMatrix:
        """The counts of the vocabulary's terms in documents X, which `program_` takes."""
        self._check_vocabulary()
        if not self.__sklearn_is_fitted__():
            self._program = self._weights(None)
        counts: SparseMatrix = super().front(X)
        return counts

    # -- the vocabulary

    def _take_vocabulary(self) -> None:
        """Set `vocabulary_` from the parameter, where it is given."""
        self.fixed_vocabulary_ = self.vocabulary is not None
        if self.vocabulary is None:
            return
        terms = self.vocabulary
        if isinstance(terms, Mapping):
            columns = set(terms.values())
            if len(columns) != len(terms):
                raise ValueError("Vocabulary contains repeated indices.")
            for column in range(len(terms)):
                if column not in columns:
                    raise ValueError(
                        f"Vocabulary of size {len(terms)} doesn't contain index {column}."
                    )
            self.vocabulary_ = dict(terms)
        else:
            terms = sorted(terms) if isinstance(terms, set | frozenset) else list(terms)
            self.vocabulary_ = {}
            for column, term in enumerate(terms):
                if self.vocabulary_.setdefault(term, column) != column:
                    raise ValueError(f"Duplicate term in vocabulary: {term!r}")
        if not self.vocabulary_:
            raise ValueError("empty vocabulary passed to fit")

    def _check_vocabulary(self) -> None:
        if not hasattr(self, "vocabulary_"):
            self._take_vocabulary()
            if not self.fixed_vocabulary_:
                raise NotFittedError("Vocabulary not fitted or provided")
        if not self.vocabulary_:
            raise ValueError("Vocabulary is empty")

    def _warn_of_upper_case(self) -> None:
        if self.lowercase and any(any(map(str.isupper, term)) for term in self.vocabulary_):
            warn(
                "Upper case characters found in vocabulary while 'lowercase' is True. These "
                "entries will not be matched with any documents",
            )

    # -- counting

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> SparseMatrix:
        documents = self._documents(X)
        if reset:
            self._begin()
        if reset and not self.fixed_vocabulary_:
            entries = self._learn_vocabulary(documents)
        else:
            entries = counted_on(documents, self.build_analyzer(), self.vocabulary_)
        counts = entries.matrix(len(self.vocabulary_), self._counts_dtype())
        return counts.to(device or target_device())

    def _begin(self) -> None:
        """What a fit does before it looks at documents."""
        self._check_ngram_range()
        self._warn_of_unused()
        self._take_vocabulary()
        if self.fixed_vocabulary_:
            self._warn_of_upper_case()

    def _opened(self, scan: Scan, *, reset: bool) -> Stream:
        """A first pass learns the vocabulary."""
        if reset:
            self._begin()
            if not self.fixed_vocabulary_:
                self._choose(self._of_scan(scan))
        return super()._opened(scan, reset=False)

    def _of_scan(self, scan: Scan) -> TermCounts:
        analyze = self.build_analyzer()

        def parts() -> Iterator[TermCounts]:
            for rows in scan.blocks():
                with rows.blamed():
                    counted = counted_in_parts(self._documents(rows.X), analyze)
                    yield from map(TermCounts.of, counted)

        return TermCounts.joined(parts())

    def _counts_dtype(self) -> Any:
        return self.dtype

    def _learn_vocabulary(self, documents: Iterable[Any]) -> Entries:
        counts = counted(documents, self.build_analyzer())
        self._choose(TermCounts.of(counts))
        if len(self.vocabulary_) == len(counts.terms) and current() is None:
            return counts.entries
        columns = map(self.vocabulary_.get, counts.terms, repeat(-1))
        return counts.entries.onto(np.fromiter(columns, np.int64, len(counts.terms)))

    def _choose(self, found: TermCounts) -> None:
        """Set `vocabulary_` to those of sorted terms that are to be kept; where there is a group,
        of the terms of all its processes.
        """
        group = current()
        if group is not None:
            found = TermCounts.joined(group.gather(lambda: found))
        if not found.terms:
            raise ValueError("empty vocabulary; perhaps the documents only contain stop words")
        kept = np.flatnonzero(self._kept(found)).tolist()
        self.vocabulary_ = {found.terms[j]: column for column, j in enumerate(kept)}

    def _kept(self, found: TermCounts) -> npt.NDArray[np.bool_]:
        """Which terms `max_df`, `min_df` and `max_features` leave."""
        high, low = (
            limit if isinstance(limit, int | np.integer) else limit * found.documents
            for limit in (self.max_df, self.min_df)
        )
        if high < low:
            raise ValueError("max_df corresponds to < documents than min_df")
        kept = (found.within <= high) & (found.within >= low)
        if not kept.any():
            raise ValueError(
                "After pruning, no terms remain. Try a lower min_df or a higher max_df."
            )
        if self.max_features is not None and kept.sum() > self.max_features:
            counts = found.within if self.binary else found.total
            order = np.argsort(np.where(kept, -counts, 1), kind="stable")
            kept[order[self.max_features :]] = False
        return kept

    def _fit(self, batches: Batches) -> Program:
        return self._weights(None)

    def _weights(self, idf: Tensor | None) -> TermWeights:
        return TermWeights(binary=self.binary, sublinear=False, idf=idf, norm=None)

    # -- back to terms

    def inverse_transform(self, X: Any) -> list[npt.NDArray[Any]]:
        """The terms of each document that have a nonzero entry in X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_terms)

        Returns
        -------
        list of n_samples arrays of str
        """
        self._check_vocabulary()
        matrix = sp.csr_array(check_array(X, accept_sparse="csr"))
        matrix.eliminate_zeros()
        terms = self.get_feature_names_out()[matrix.indices]
        rows = np.split(terms, matrix.indptr[1:-1])
        return [np.array(row.tolist()) if len(row) else row.astype(str) for row in rows]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """The terms, column by column.

        Parameters
        ----------
        input_features : ignored, there for scikit-learn's signature
        """
        self._check_vocabulary()
        return np.array(sorted(self.vocabulary_, key=self.vocabulary_.__getitem__), dtype=object)
