"""What a document is taken apart into."""

import io
import pickle

import pytest

from dovetail.feature_extraction.text import (
    CountVectorizer,
    strip_accents_ascii,
    strip_accents_unicode,
    strip_tags,
)


def terms(document, **settings):
    return CountVectorizer(**settings).build_analyzer()(document)


def test_words_and_their_ngrams():
    assert terms("A red, RED door!") == ["red", "red", "door"]
    assert terms("a b c", token_pattern=r"\w", ngram_range=(1, 2)) == ["a", "b", "c", "a b", "b c"]
    assert terms("a b", token_pattern=r"\w", ngram_range=(3, 3)) == []
    assert terms("of mice and men", stop_words=["and", "of"], ngram_range=(2, 2)) == ["mice men"]


def test_characters():
    assert terms("ab  \n c", analyzer="char", ngram_range=(3, 3)) == ["ab ", "b c"]
    assert terms("a\nb", analyzer="char", ngram_range=(2, 2)) == ["a\n", "\nb"]
    assert terms("ab c", analyzer="char_wb", ngram_range=(3, 3)) == [" ab", "ab ", " c "]
    # a word that is shorter than any n-gram counts once, whole
    assert terms("a ab", analyzer="char_wb", ngram_range=(4, 5)) == [" a ", " ab "]


def test_accents_and_tags():
    assert strip_accents_unicode("Čeština: žluťoučký") == "Cestina: zlutoucky"
    assert strip_accents_ascii("naïve 漢字") == "naive "
    assert strip_tags("<p class='a'>x</p>") == " x "
    assert terms("ÉTÉ", strip_accents=lambda s: s.replace("é", "e")) == ["ete"]


def test_sources(tmp_path):
    path = tmp_path / "document.txt"
    path.write_bytes("där är".encode("latin-1"))
    assert terms(path, input="filename", encoding="latin-1") == ["där", "är"]
    assert terms(io.BytesIO(b"to be"), input="file") == ["to", "be"]
    assert terms(b"to \xff", decode_error="ignore") == ["to"]
    with pytest.raises(UnicodeDecodeError):
        terms(b"to \xff")


def test_built_callables_survive_pickling():
    vectorizer = CountVectorizer(analyzer="char_wb", ngram_range=(2, 3))
    for build in (vectorizer.build_analyzer, vectorizer.build_preprocessor):
        function = build()
        assert pickle.loads(pickle.dumps(function))("To be") == function("To be")


def test_what_is_no_text_is_named():
    with pytest.raises(TypeError, match=r"must be a string, got list: \['to', 'be'\]"):
        terms(["to", "be"])
    assert terms(["to", "be"], analyzer=list) == ["to", "be"]
    with pytest.raises(ValueError, match=r"np\.nan is an invalid document"):
        terms(float("nan"))
