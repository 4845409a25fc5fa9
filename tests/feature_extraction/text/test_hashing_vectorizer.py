"""Columns and signs of hashes."""

import numpy as np
import pytest
import sklearn.feature_extraction.text as theirs
from sklearn.utils import murmurhash3_32

from dovetail.feature_extraction.text import CountVectorizer, HashingVectorizer, _counting

SONG = ["row row row your boat", "gently down the stream", "merrily merrily row", ""]


def test_columns_and_signs_are_those_of_the_hash():
    vectorizer = HashingVectorizer(n_features=11, norm=None)
    expected = np.zeros((len(SONG), 11))
    for row, text in zip(expected, SONG, strict=True):
        for word in text.split():
            h = murmurhash3_32(word)
            row[abs(h) % 11] += 1 if h >= 0 else -1
    np.testing.assert_array_equal(vectorizer.transform(SONG).toarray(), expected)


@pytest.mark.parametrize("settings", [{}, {"norm": "l1"}, {"binary": True, "norm": None}])
@pytest.mark.parametrize("n_features", [2, 13, 2**20])
@pytest.mark.parametrize("part", [0, 1 << 20])
def test_agrees_with_scikit_learn(settings, n_features, part, monkeypatch):
    """Also where terms share a column and cancel, and where documents are hashed in parts."""
    monkeypatch.setattr(_counting, "_PART", part)
    monkeypatch.setattr(_counting, "_TERMS", 3)
    settings = {**settings, "n_features": n_features, "ngram_range": (1, 2)}
    ours = HashingVectorizer(**settings).fit_transform(SONG)
    expected = theirs.HashingVectorizer(**settings).fit_transform(SONG)
    np.testing.assert_allclose(ours.toarray(), expected.toarray())
    assert ours.dtype == expected.dtype


def test_products_are_kept_on_average():
    """Signs make the product of two hashed rows unbiased."""
    a, b = ["a b c a", "b c c d"], {"analyzer": str.split}
    exact = CountVectorizer(**b).fit_transform(a).toarray()
    salted = [[" ".join(f"{w}{salt}" for w in t.split()) for t in a] for salt in range(1000)]
    hashed = HashingVectorizer(n_features=4, norm=None, **b)
    products = [np.prod(hashed.transform(s).toarray(), axis=0).sum() for s in salted]
    assert abs(np.mean(products) - exact[0] @ exact[1]) < 0.5


def test_needs_no_fit_and_learns_nothing():
    vectorizer = HashingVectorizer(n_features=8)
    X = vectorizer.transform(SONG)
    np.testing.assert_array_equal(vectorizer.fit(["other"]).transform(SONG).toarray(), X.toarray())
    np.testing.assert_allclose(vectorizer.program_(vectorizer.front(SONG)).to_dense(), X.toarray())
    with pytest.raises(ValueError, match="Cannot vectorize empty sequence"):
        vectorizer.transform([])
    with pytest.raises(TypeError, match="must be strings"):
        HashingVectorizer(analyzer=list).transform([[1, 2]])
