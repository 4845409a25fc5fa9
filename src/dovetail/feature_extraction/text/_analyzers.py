"""Analyzers: callables that take one document to the list of its terms, and the steps they are made
of. What a subclass or a user replaces is a step; the rest stays.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Analyzer",
    "CharacterAnalyzer",
    "CustomAnalyzer",
    "Preprocessor",
    "WordAnalyzer",
    "as_text",
    "strip_accents_ascii",
    "strip_accents_unicode",
    "strip_tags",
]

_TAG = re.compile(r"<([^>]+)>")
_SPACES = re.compile(r"\s\s+")


def strip_accents_unicode(s: str) -> str:
    """s without accents and other combining marks, on any script (NFKD decomposition).

    >>> strip_accents_unicode("café, Čapek")
    'cafe, Capek'
    """
    if s.isascii():
        return s
    return "".join([c for c in unicodedata.normalize("NFKD", s) if not unicodedata.combining(c)])


def strip_accents_ascii(s: str) -> str:
    """s in ASCII: accents are taken off, what has no ASCII letter beneath is left out.

    >>> strip_accents_ascii("café, Привет")
    'cafe, '
    """
    return unicodedata.normalize("NFKD", s).encode("ascii", "ignore").decode("ascii")


def strip_tags(s: str) -> str:
    """s with a space in place of everything between < and >; no parser of HTML.

    >>> strip_tags("<b>bold</b>")
    ' bold '
    """
    return _TAG.sub(" ", s)


@dataclass(frozen=True)
class Preprocessor:
    """Lower case, then accents off."""

    lowercase: bool
    strip_accents: Callable[[str], str] | None

    def __call__(self, doc: Any) -> Any:
        if self.lowercase:
            doc = as_text(doc).lower()
        return doc if self.strip_accents is None else self.strip_accents(as_text(doc))


def as_text(doc: Any) -> str:
    """The document, where it is a string."""
    if isinstance(doc, str):
        return doc
    raise TypeError(
        f"A document must be a string, got {type(doc).__name__}: {repr(doc)[:80]}. For documents "
        "that are tokens already, set analyzer=list; for others, give a preprocessor that returns "
        "their text."
    )


@dataclass(frozen=True)
class CustomAnalyzer:
    """The user's own: from the decoded document to any iterable of terms."""

    decode: Callable[[Any], Any]
    analyze: Callable[[Any], Iterable[Any]]

    def __call__(self, doc: Any) -> Iterable[Any]:
        return self.analyze(self.decode(doc))


@dataclass(frozen=True)
class WordAnalyzer:
    """Tokens, stop words left out, then n-grams of what remains, joined by spaces."""

    decode: Callable[[Any], Any]
    preprocess: Callable[[Any], Any]
    tokenize: Callable[[Any], Iterable[Any]]
    stop_words: frozenset[str] | None
    ngram_range: tuple[int, int]

    def __call__(self, doc: Any) -> Iterable[Any]:
        return self.terms(self.text(doc))

    def text(self, doc: Any) -> Any:
        """The document, decoded and preprocessed."""
        return self.preprocess(self.decode(doc))

    def terms(self, text: Any) -> Iterable[Any]:
        """The n-grams of what `text` gave."""
        tokens = self.tokenize(text)
        if self.stop_words is not None:
            tokens = [t for t in tokens if t not in self.stop_words]
        shortest, longest = self.ngram_range
        if longest == 1:
            return tokens
        tokens = list(tokens)
        grams = tokens.copy() if shortest <= 1 else []
        for n in range(max(shortest, 2), min(longest, len(tokens)) + 1):
            grams += map(" ".join, zip(*(tokens[i:] for i in range(n)), strict=False))
        return grams


@dataclass(frozen=True)
class CharacterAnalyzer:
    """n-grams of characters, several white spaces in a row read as one space; with `within_words`
    those of each word with a space on either side, a word too short for any of them counted whole.
    """

    decode: Callable[[Any], Any]
    preprocess: Callable[[Any], Any]
    within_words: bool
    ngram_range: tuple[int, int]

    def __call__(self, doc: Any) -> list[str]:
        return self.terms(self.text(doc))

    def text(self, doc: Any) -> Any:
        """The document, decoded and preprocessed."""
        return self.preprocess(self.decode(doc))

    def terms(self, text: Any) -> list[str]:
        """The n-grams of what `text` gave."""
        if not self.within_words:
            return self._windows(_SPACES.sub(" ", text))
        grams = []
        for word in text.split():
            grams += self._windows(f" {word} ") or [f" {word} "]
        return grams

    def _windows(self, s: str) -> list[str]:
        shortest, longest = self.ngram_range
        grams = []
        for n in range(max(shortest, 1), min(longest, len(s)) + 1):
            grams += [s[i : i + n] for i in range(len(s) - n + 1)]
        return grams


Analyzer = Callable[[Any], Iterable[Any]]
