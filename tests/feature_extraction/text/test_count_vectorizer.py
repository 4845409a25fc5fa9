"""The vocabulary, and counts over it."""

import numpy as np
import pytest
import sklearn.feature_extraction.text as theirs

from dovetail.feature_extraction.text import CountVectorizer

SONG = ["row row row your boat", "gently down the stream", "merrily merrily row", "the dream"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ngram_range": (1, 3)},
        {"analyzer": "char", "ngram_range": (2, 4)},
        {"analyzer": "char_wb", "ngram_range": (3, 8)},
        {"stop_words": "english", "min_df": 2, "max_df": 0.5, "token_pattern": r"[a-z]+"},
        {"tokenizer": str.split, "token_pattern": None, "binary": True, "dtype": np.float32},
    ],
)
def test_agrees_with_scikit_learn_on_newsgroups(settings, large_data):
    import pyarrow.parquet as pq

    posts = pq.read_table(large_data("newsgroups20.parquet")).slice(0, 120)["text"].to_pylist()
    ours, other = CountVectorizer(**settings), theirs.CountVectorizer(**settings)
    counts, expected = ours.fit_transform(posts[:80]), other.fit_transform(posts[:80])
    assert ours.vocabulary_ == other.vocabulary_
    assert counts.dtype == expected.dtype
    assert (counts != expected).nnz == 0
    assert (ours.transform(posts[80:]) != other.transform(posts[80:])).nnz == 0


def test_limits():
    def kept(**limits):
        return list(CountVectorizer(**limits).fit(SONG).vocabulary_)

    assert kept(min_df=2) == ["row", "the"]
    assert kept(min_df=0.5, max_df=2) == ["row", "the"]
    assert kept(max_features=2) == ["merrily", "row"]
    assert kept(max_features=4) == ["boat", "merrily", "row", "the"]  # ties go by alphabet
    assert kept(max_features=2, binary=True) == ["row", "the"]
    with pytest.raises(ValueError, match="no terms remain"):
        kept(min_df=3)
    with pytest.raises(ValueError, match="max_df corresponds to < documents than min_df"):
        kept(min_df=3, max_df=2)


def test_rows_are_sorted_and_inverted():
    vectorizer = CountVectorizer()
    counts = vectorizer.fit_transform(SONG)
    assert all((np.diff(counts[[i]].indices) > 0).all() for i in range(len(SONG)))
    names = vectorizer.get_feature_names_out()
    assert names.tolist() == sorted(vectorizer.vocabulary_)
    for matrix in (counts, counts.tocsc(), counts.toarray()):
        found = vectorizer.inverse_transform(matrix)
        assert [sorted(terms) for terms in found] == [sorted(set(s.split())) for s in SONG]
    assert vectorizer.inverse_transform(0 * counts)[0].shape == (0,)


@pytest.mark.parametrize(
    ("vocabulary", "names"),
    [
        (["row", "boat"], ["row", "boat"]),
        ({"row", "boat"}, ["boat", "row"]),
        ({"row": 1, "boat": 0}, ["boat", "row"]),
        (iter(["row", "boat"]), ["row", "boat"]),
    ],
)
def test_given_vocabulary_needs_no_fit(vocabulary, names):
    vectorizer = CountVectorizer(vocabulary=vocabulary)
    counts = vectorizer.transform(["boat row row rowing"])
    assert vectorizer.get_feature_names_out().tolist() == names
    assert dict(zip(names, counts.toarray()[0], strict=True)) == {"row": 2, "boat": 1}
    assert vectorizer.fixed_vocabulary_


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ([], "empty vocabulary passed to fit"),
        (["a", "b", "a"], "Duplicate term in vocabulary: 'a'"),
        ({"a": 0, "b": 0}, "repeated indices"),
        ({"a": 0, "b": 2}, "doesn't contain index 1"),
    ],
)
def test_impossible_vocabularies(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        CountVectorizer(vocabulary=vocabulary).fit(SONG)


def test_an_attribute_set_by_hand_is_a_vocabulary_too():
    vectorizer = CountVectorizer()
    vectorizer.vocabulary_ = {"boat": 0}
    assert vectorizer.transform(["boat boat"]).toarray() == [[2]]


def test_overridden_steps_are_used():
    class Stems(CountVectorizer):
        def build_tokenizer(self):
            return lambda text: [word[:4] for word in text.split()]

    assert list(Stems(min_df=2).fit(["merrily rows", "merry rower"]).vocabulary_) == ["merr"]


def test_warnings():
    with pytest.warns(UserWarning, match=r"'tokenizer' will not be used since 'analyzer' != 'wor"):
        CountVectorizer(analyzer="char", tokenizer=str.split, token_pattern=None).fit(SONG)
    with pytest.warns(UserWarning, match="Upper case characters found"):
        CountVectorizer(vocabulary=["Row"]).fit(SONG)
    inconsistent = CountVectorizer(stop_words=["don't"])
    with pytest.warns(UserWarning, match=r"generated tokens \['don'\] not in stop_words"):
        inconsistent.fit(SONG)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, bool, np.float32, complex])
def test_dtypes(dtype):
    counts = CountVectorizer(dtype=dtype).fit_transform(SONG)
    assert counts.dtype == dtype
    assert counts.toarray().sum() == (11 if dtype is bool else 14)


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match="empty vocabulary; perhaps"):
        CountVectorizer().fit(["a", "!"])
    with pytest.raises(ValueError, match="at least one token"):
        CountVectorizer(ngram_range=(0, 0)).fit(SONG)
    assert CountVectorizer().fit(SONG).transform([]).shape == (0, 9)
