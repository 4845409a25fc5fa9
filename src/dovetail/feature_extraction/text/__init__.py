"""Text as numbers: counts, weights and hashes of words, characters and n-grams."""

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from dovetail.feature_extraction.text._analyzers import (
    strip_accents_ascii,
    strip_accents_unicode,
    strip_tags,
)
from dovetail.feature_extraction.text.count_vectorizer import CountVectorizer
from dovetail.feature_extraction.text.hashing_vectorizer import HashingVectorizer
from dovetail.feature_extraction.text.text_joiner import TextJoiner
from dovetail.feature_extraction.text.tfidf_transformer import TfidfTransformer
from dovetail.feature_extraction.text.tfidf_vectorizer import TfidfVectorizer

__all__ = [
    "ENGLISH_STOP_WORDS",
    "CountVectorizer",
    "HashingVectorizer",
    "TextJoiner",
    "TfidfTransformer",
    "TfidfVectorizer",
    "strip_accents_ascii",
    "strip_accents_unicode",
    "strip_tags",
]
