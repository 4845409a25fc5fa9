"""What the vectorizers share: how a document is read and taken apart."""

import re
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY
from typing import Any, Literal

import numpy as np
import torch
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.utils import Tags

from dovetail.base import Accepts, Transformer
from dovetail.data.batches import Batches
from dovetail.data.documents import open_documents
from dovetail.data.door import Given, give_back
from dovetail.data.sparse import SparseMatrix
from dovetail.errors import warn
from dovetail.feature_extraction.text._analyzers import (
    Analyzer,
    CharacterAnalyzer,
    CustomAnalyzer,
    Preprocessor,
    WordAnalyzer,
    strip_accents_ascii,
    strip_accents_unicode,
)
from dovetail.program import Program

__all__ = ["Vectorizer"]

_TOKEN_PATTERN = r"(?u)\b\w\w+\b"
_STRIPPERS = {"ascii": strip_accents_ascii, "unicode": strip_accents_unicode}


class Vectorizer(Transformer, auto_wrap_output_keys=None):
    """The settings of text, and the callables that they mean: decode, preprocess, tokenize,
    analyze.

    Each `build_` method may be overridden; what it returns is used.
    """

    accepts = Accepts(columns=True)

    _: KW_ONLY
    input: Literal["filename", "file", "content"] = "content"
    encoding: str = "utf-8"
    decode_error: Literal["strict", "ignore", "replace"] = "strict"
    strip_accents: Literal["ascii", "unicode"] | Callable[[str], str] | None = None
    lowercase: bool = True
    preprocessor: Callable[[Any], Any] | None = None
    tokenizer: Callable[[Any], Iterable[Any]] | None = None
    stop_words: Literal["english"] | list[str] | None = None
    token_pattern: str | None = _TOKEN_PATTERN
    ngram_range: tuple[int, int] = (1, 1)
    analyzer: Literal["word", "char", "char_wb"] | Callable[[Any], Iterable[Any]] = "word"
    dtype: Any = np.int64

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = tags.input_tags.categorical = False
        return tags

    # -- from settings to callables

    def decode(self, doc: Any) -> Any:
        """The document as a string: read from its file, decoded where it is bytes.

        Raises
        ------
        UnicodeDecodeError
            With decode_error="strict", bytes that are not in the given encoding.
        ValueError
            The document is NaN.
        """
        if self.input == "filename":
            with open(doc, "rb") as file:
                doc = file.read()
        elif self.input == "file":
            doc = doc.read()
        if isinstance(doc, bytes):
            return doc.decode(self.encoding, self.decode_error)
        if isinstance(doc, float) and doc != doc:
            raise ValueError(
                "np.nan is an invalid document, expected byte or unicode string. Give the "
                "documents as a Series or as one column to have missing ones read as empty."
            )
        return doc

    def build_preprocessor(self) -> Callable[[Any], Any]:
        """The callable from a decoded document to the text that is taken apart."""
        if self.preprocessor is not None:
            return self.preprocessor
        if self.strip_accents is None or callable(self.strip_accents):
            return Preprocessor(self.lowercase, self.strip_accents)
        if self.strip_accents not in _STRIPPERS:
            raise ValueError(f'Invalid value for "strip_accents": {self.strip_accents}')
        return Preprocessor(self.lowercase, _STRIPPERS[self.strip_accents])

    def build_tokenizer(self) -> Callable[[Any], Iterable[Any]]:
        """The callable from a text to its tokens."""
        if self.tokenizer is not None:
            return self.tokenizer
        pattern = re.compile(self.token_pattern)  # type: ignore[type-var]
        if pattern.groups > 1:
            raise ValueError(
                "More than 1 capturing group in token pattern. Only a single group should be "
                "captured."
            )
        return pattern.findall

    def get_stop_words(self) -> frozenset[str] | None:
        """The words that are left out, None where there are none."""
        if self.stop_words == "english":
            return ENGLISH_STOP_WORDS
        if isinstance(self.stop_words, str):
            raise ValueError(f"not a built-in stop list: {self.stop_words}")
        return None if self.stop_words is None else frozenset(self.stop_words)

    def build_analyzer(self) -> Analyzer:
        """The callable from a document, as it was given, to the list of its terms."""
        if callable(self.analyzer):
            return CustomAnalyzer(self.decode, self.analyzer)
        preprocess = self.build_preprocessor()
        if self.analyzer in ("char", "char_wb"):
            within = self.analyzer == "char_wb"
            return CharacterAnalyzer(self.decode, preprocess, within, self.ngram_range)
        if self.analyzer != "word":
            raise ValueError(f"{self.analyzer} is not a valid tokenization scheme/analyzer")
        stop_words, tokenize = self.get_stop_words(), self.build_tokenizer()
        self._check_stop_words(stop_words, preprocess, tokenize)
        return WordAnalyzer(self.decode, preprocess, tokenize, stop_words, self.ngram_range)

    # -- checks

    def _check_stop_words(
        self,
        stop_words: frozenset[str] | None,
        preprocess: Callable[[Any], Any],
        tokenize: Callable[[Any], Iterable[Any]],
    ) -> None:
        """Warn, once for a list, of stop words that the preprocessing would turn into others."""
        if stop_words is None or self.__dict__.get("_checked_stop_words") is self.stop_words:
            return
        self._checked_stop_words = self.stop_words
        try:
            found = {token for word in stop_words for token in tokenize(preprocess(word))}
        except Exception:  # the user's own steps may take something else than strings
            return
        if found - stop_words:
            warn(
                "Your stop_words may be inconsistent with your preprocessing. Tokenizing the stop "
                f"words generated tokens {sorted(found - stop_words)} not in stop_words.",
            )

    def _check_ngram_range(self) -> None:
        shortest, longest = self.ngram_range
        if shortest > longest or longest < 1:
            wrong = "lower boundary larger than the upper boundary."
            if longest < 1:
                wrong = "an n-gram has at least one token."
            raise ValueError(f"Invalid value for ngram_range={self.ngram_range} {wrong}")

    def _warn_of_unused(self) -> None:
        """Warn of settings that others make meaningless."""
        custom, words = callable(self.analyzer), self.analyzer == "word"
        own_pattern = self.token_pattern not in (None, _TOKEN_PATTERN)
        checks = [
            ("token_pattern", "'tokenizer' is not None", self.tokenizer and self.token_pattern),
            ("preprocessor", "'analyzer' is callable", custom and self.preprocessor),
            ("ngram_range", "'analyzer' is callable", custom and self.ngram_range != (1, 1)),
            ("stop_words", "'analyzer' != 'word'", not words and self.stop_words is not None),
            ("token_pattern", "'analyzer' != 'word'", not words and own_pattern),
            ("tokenizer", "'analyzer' != 'word'", not words and self.tokenizer),
        ]
        for name, reason, unused in checks:
            if unused:
                message = f"The parameter '{name}' will not be used since {reason}"
                warn(message)

    # -- documents to counts to output

    def _documents(self, X: Any) -> Iterable[Any]:
        return open_documents(X, type(self).__name__, content=self.input == "content")

    def _learn_and_transform(self, documents: Any) -> Any:
        """fit, and its documents transformed, read once."""
        counts: list[SparseMatrix] = []

        def learn(batches: Batches) -> Program:
            counts.append(batches.head.X)  # of this process's documents
            return self._fit(batches)

        self._template(learn, documents, None, None, reset=True)
        return self._weighed(counts.pop())

    def _weighed(self, counts: SparseMatrix) -> Any:
        """What the Program makes of counts nobody else has, as a scipy matrix."""
        with torch.no_grad():
            weighed = give_back(self._program.overwriting(counts), Given.of(None))
        # tensors have fewer integer types than arrays
        return weighed if weighed.dtype.kind == "f" else weighed.astype(self.dtype, copy=False)
