"""Reading blocks of texts gives what calling the analyzer for each document gives."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.feature_extraction.text import _counting, _grams
from dovetail.feature_extraction.text._analyzers import (
    CharacterAnalyzer,
    Preprocessor,
    WordAnalyzer,
)
from dovetail.feature_extraction.text._counting import counted, counted_on
from dovetail.feature_extraction.text._symbols import Characters, TokenRuns, Words

# letters, digits, accents on their own, several kinds of white space, four-byte code points, halves
# of surrogate pairs
LETTERS = "aab bc cd0_.,-éÉßΣς\u0301\n\t\x00\x1c\x85\u2028\u3000漢字😀\ud800"
texts = st.lists(st.text(st.sampled_from(LETTERS), max_size=25), min_size=1, max_size=6)
ranges = st.tuples(st.integers(1, 4), st.integers(0, 3)).map(lambda r: (r[0], r[0] + r[1]))
patterns = st.sampled_from([r"(?u)\b\w\w+\b", r"\b\w+\b", r"\w\w+", r"[a-c]+", r"[\w]+", r"\S+"])


def same(text):
    return text


def analyzers():
    words = st.builds(
        lambda pattern, stop, n: WordAnalyzer(
            same, Preprocessor(True, None), re.compile(pattern).findall, stop, n
        ),
        patterns,
        st.sampled_from([None, frozenset(["ab", "c"])]),
        ranges,
    )
    characters = st.builds(
        lambda within, n: CharacterAnalyzer(same, Preprocessor(False, None), within, n),
        st.booleans(),
        ranges,
    )
    return st.one_of(words, characters)


@pytest.fixture(params=[(1 << 20, 63), (12, 63), (40, 18)], ids=["one", "many", "narrow"])
def blocks(request, monkeypatch):
    """One block or many, and so few bits that prefixes have to be ranked."""
    size, bits = request.param
    for reader in (Words, Characters):
        monkeypatch.setattr(reader, "few", 0)
        monkeypatch.setattr(reader, "block", size)
    monkeypatch.setattr(_counting, "_TERMS", size)
    monkeypatch.setattr(_counting, "_PART", size)
    monkeypatch.setattr(_grams, "_BITS", bits)


def as_dicts(terms, entries):
    """The counts of each document as a dict."""
    documents = []
    for start, stop in zip(entries.starts, entries.starts[1:], strict=False):
        columns, values = entries.indices[start:stop], entries.values[start:stop]
        assert len(set(columns.tolist())) == len(columns)
        documents.append({terms[j]: int(v) for j, v in zip(columns, values, strict=True)})
    return documents


@settings(max_examples=150, deadline=None)
@given(documents=texts, analyze=analyzers())
def check_counts(documents, analyze):
    expected = [dict(Counter(analyze(text))) for text in documents]
    terms, entries = counted(iter(documents), analyze)
    assert terms == sorted(set().union(*expected))
    assert as_dicts(terms, entries) == expected

    vocabulary = {term: j for j, term in enumerate(terms[::2])}
    found = as_dicts(list(vocabulary), counted_on(iter(documents), analyze, vocabulary))
    assert found == [{t: n for t, n in d.items() if t in vocabulary} for d in expected]


def test_blocks_agree_with_calls(blocks):
    check_counts()


def test_terms_of_a_callable_may_be_anything():
    terms, entries = counted([[(1, 2), (0, 1), (1, 2)], []], list)
    assert terms == [(0, 1), (1, 2)]
    assert as_dicts(terms, entries) == [{(1, 2): 2, (0, 1): 1}, {}]


@pytest.mark.parametrize(
    ("pattern", "runs"),
    [
        (r"(?u)\b\w\w+\b", ("\\w", 2)),
        (r"\w+", ("\\w", 1)),
        (r"[a-z]+", ("[a-z]", 1)),
        (r"\b[a-z]+\b", None),  # not the runs: in "a1" there is none
        (r"\b\w+", None),
        (r"(\w)\w+", None),
        (r"(?i)[a-z]+", None),
        (r"(?a)\w+", None),
    ],
)
def test_which_patterns_are_runs(pattern, runs):
    found = TokenRuns.of(re.compile(pattern).findall)
    assert (found and (found.character.pattern, found.shortest)) == runs


def test_other_tokenizers_are_called():
    assert TokenRuns.of(str.split) is None
    assert TokenRuns.of(re.compile(r"\w+").split) is None


def test_unique_rows_sorts_and_inverts():
    rows = np.random.default_rng(0).integers(0, 2**20, (200, 5)).astype(np.int32)
    rows = rows[np.random.default_rng(1).integers(0, 50, 200)]
    distinct, inverse = _grams.unique_rows(rows)
    np.testing.assert_array_equal(distinct, np.unique(rows, axis=0))
    np.testing.assert_array_equal(distinct[inverse], rows)
