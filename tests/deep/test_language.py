"""A language model learns, tells how well, writes, and is kept."""

import math

import numpy as np
import pytest
import torch

import dovetail as dv
from dovetail.deep import LanguageModel
from dovetail.deep._tokens import END, OTHER, BytePairs, Bytes, Characters
from dovetail.deep._windows import batched, positions
from dovetail.errors import DataError

TEXTS = ["the cat sat on the mat. ", "the dog sat on the log. "] * 10
TINY = {
    "width": 16,
    "depth": 1,
    "heads": 2,
    "context": 16,
    "dropout": 0.0,
    "batch_size": 8,
    "lr": 0.02,
    "steps_per_epoch": 30,
    "max_epochs": 6,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def model():
    return LanguageModel("char", **TINY).fit(TEXTS)


# -- tokens


@pytest.mark.parametrize("text", ["", "héllo 🙂 <end>", "日本", "line\nline\t "])
@pytest.mark.parametrize("tokenizer", [Bytes(), BytePairs.learned(TEXTS, 300)])
def test_any_text_comes_back(tokenizer, text):
    (ids,) = tokenizer.ids([text])
    assert tokenizer.text(ids) == text
    assert len(ids) == 0 or (ids.min() > OTHER and ids.max() < tokenizer.n_tokens)


def test_characters_that_fit_did_not_see_are_one_token():
    tokenizer = Characters.learned(["bca", "a"])
    assert tokenizer.characters == "abc"
    assert tokenizer.ids(["cz🙂a", ""])[0].tolist() == [4, OTHER, OTHER, 2]
    assert tokenizer.text([4, OTHER, 2, END]) == "c�a"


def test_frequent_pairs_become_tokens():
    tokenizer = BytePairs.learned(TEXTS, 300)
    (ids,) = tokenizer.ids(["the cat sat on the mat. "])
    assert len(ids) < 12
    assert BytePairs.learned(TEXTS, 300) == tokenizer
    (ids,) = tokenizer.ids(["\ud800x"])  # half of a pair of surrogates is no text
    assert tokenizer.text(ids) == "?x"


# -- learning


@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
def test_it_learns(tokenizer):
    model = LanguageModel(tokenizer, vocab_size=300, **TINY).fit(TEXTS)
    losses = model.history_["loss"]
    assert losses[-1] < 0.5 * losses[0] < 0.5 * math.log(model.tokenizer_.n_tokens) + 0.5
    assert model.bits_per_byte(TEXTS) < 2.5
    assert model.score(TEXTS) == -model.bits_per_byte(TEXTS)


def test_same_seed_same_model():
    quick = {**TINY, "max_epochs": 1}
    first, second = (LanguageModel("char", **quick).fit(TEXTS) for _ in range(2))
    for a, b in zip(first.program_.tensors(), second.program_.tensors(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    other = LanguageModel("char", **{**quick, "random_state": 1}).fit(TEXTS)
    assert other.history_["loss"] != first.history_["loss"]


def test_the_last_texts_are_held_out():
    texts = ["abcabcabc " * 30, "xyzxyzxyz " * 3]
    model = LanguageModel("char", early_stopping=True, **TINY).fit(texts)
    # what was held out is of another kind than what was learned
    assert model.history_["validation_score"][-1] < -2 * model.history_["loss"][-1]


def test_validation_texts_may_be_given():
    model = LanguageModel("char", validation_data=(TEXTS, None), **TINY).fit(TEXTS)
    assert model.history_["validation_score"][-1] > model.history_["validation_score"][0]


def test_a_path_is_one_text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(TEXTS), "utf-8")
    quick = {**TINY, "max_epochs": 1}
    from_path, from_list = (LanguageModel("char", **quick).fit(X) for X in (path, ["".join(TEXTS)]))
    assert from_path.history_["loss"] == from_list.history_["loss"]
    pandas = pytest.importorskip("pandas")
    column = LanguageModel("char", **quick).fit(pandas.DataFrame({"text": TEXTS}))
    assert column.history_["loss"] == LanguageModel("char", **quick).fit(TEXTS).history_["loss"]


def test_short_texts_suffice():
    model = LanguageModel("byte", **{**TINY, "max_epochs": 1}).fit(["ab"])
    assert model.bits_per_byte(["a"]) > 0


def test_steps_of_an_epoch_can_be_set():
    model = LanguageModel("char", **{**TINY, "steps_per_epoch": 3, "max_epochs": 2}).fit(TEXTS)
    assert model.n_iter_ == 2
    assert model._ongoing.progress.rows == 2 * 3 * 8


def test_it_goes_on_from_a_checkpoint(tmp_path):
    path, quick = tmp_path / "state", {**TINY, "max_epochs": 3, "steps_per_epoch": 5}
    quick |= {"schedule": "constant", "warmup": 0}
    whole = LanguageModel("char", **quick).fit(TEXTS)
    LanguageModel("char", checkpoint=path, **{**quick, "max_epochs": 2}).fit(TEXTS)
    resumed = LanguageModel("char", checkpoint=path, resume=True, **quick).fit(TEXTS)
    for a, b in zip(whole.program_.tensors(), resumed.program_.tensors(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


# -- judging


@pytest.mark.parametrize("n", [2, 3, 16, 17, 18, 40, 97])
def test_every_token_is_counted_once(n):
    counted = [i for start, stop, first in positions(n, 16) for i in range(first, stop)]
    assert counted == list(range(1, n))
    for start, stop, first in positions(n, 16):
        assert stop - start <= 17
        assert start == 0 or first - start >= 8
    assert [w for block in batched(n, 16, 3) for w in block] == list(positions(n, 16))


def test_bits_per_byte_is_its_formula(model):
    text = "the cät"
    ids = torch.as_tensor(np.r_[END, model.tokenizer_.ids([text])[0], END])
    with torch.no_grad():
        p = model.program_(ids[None, :-1])[0].log_softmax(1)
    nats = -float(p[torch.arange(len(ids) - 1), ids[1:]].sum())
    assert model.bits_per_byte([text]) == pytest.approx(nats / math.log(2) / 8, rel=1e-5)
    assert model.perplexity([text]) == pytest.approx(math.exp(nats / 8), rel=1e-5)


# -- writing


def test_a_text_goes_on_as_learned(model):
    assert model.generate("the dog sat", max_new_tokens=8, temperature=0) == " on the "


def test_pieces_are_the_text(model):
    how = {"max_new_tokens": 40, "temperature": 1.5, "random_state": 3}
    written = model.generate("the", stream=True, **how)
    assert next(written)
    assert "".join(model.generate("the", stream=True, **how)) == model.generate("the", **how)
    others = {model.generate("the", **{**how, "random_state": s}) for s in range(4)}
    assert len(others) > 1


def test_a_cache_and_all_anew_write_the_same(model):
    ids = [END, *model.tokenizer_.ids(["the cat "])[0].tolist()]
    for _ in range(7):
        with torch.no_grad():
            scores = model.program_(torch.tensor([ids]))[0, -1]
        scores[OTHER] = -math.inf
        ids.append(int(scores.argmax()))
    text = model.tokenizer_.text(ids[9:])
    assert model.generate("the cat ", max_new_tokens=7, temperature=0) == text


def test_texts_may_be_longer_than_the_context(model):
    long = "the cat sat on the mat. the dog sat on the log. the "
    assert model.generate(long, max_new_tokens=2, temperature=0)
    model = LanguageModel("char", **TINY).fit(["ab" * 400])
    assert model.generate("ab", max_new_tokens=60, temperature=0) == "ab" * 30


def test_unlikely_tokens_can_be_ruled_out(model):
    greedy = model.generate("the", max_new_tokens=20, temperature=0)
    for how in ({"top_k": 1}, {"top_p": 1e-6}):
        assert model.generate("the", max_new_tokens=20, temperature=3.0, **how) == greedy
    assert model.generate("the", max_new_tokens=20, temperature=3.0, top_k=1000)


def test_pieces_do_not_end_within_a_character():
    text = "日本語" * 60
    model = LanguageModel("byte", **TINY).fit([text])
    pieces = list(model.generate("日", max_new_tokens=30, temperature=0, stream=True))
    assert "�" not in "".join(pieces)[:-1]
    assert set("".join(pieces)) <= set("日本語�")


# -- keeping


@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
def test_a_bundle_writes_the_same(tokenizer, tmp_path):
    model = LanguageModel(tokenizer, vocab_size=300, **{**TINY, "max_epochs": 2}).fit(TEXTS)
    again = dv.load(dv.save(model, tmp_path / "m.dove"))
    how = {"max_new_tokens": 20, "random_state": 0}
    assert again.generate("the", **how) == model.generate("the", **how)
    assert again.bits_per_byte(TEXTS) == model.bits_per_byte(TEXTS)


@pytest.mark.slow
def test_the_program_exports(model):
    ids = torch.randint(model.tokenizer_.n_tokens, (3, 7))
    dynamic = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    exported = torch.export.export(model.program_, (ids,), dynamic_shapes=(dynamic,)).module()
    other = torch.randint(model.tokenizer_.n_tokens, (2, 16))
    torch.testing.assert_close(exported(other), model.program_(other))


# -- errors


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "needs texts"),
        (["a", ""], "Text 1 is empty"),
        (["a", None], "text 1 is None, a NoneType"),
        (["a", 3], "text 1 is 3, a int"),
        ("no such text", r"Put a single text in a list: \[text\]"),
    ],
)
def test_what_is_no_text_is_an_error(texts, message):
    with pytest.raises(DataError, match=message):
        LanguageModel(**TINY).fit(texts)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocab_size": 100}, "vocab_size"),
        ({"width": 10, "heads": 4}, "multiple of heads"),
        ({"tokenizer": "word"}, "tokenizer"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        LanguageModel(**{**TINY, **settings}).fit(TEXTS)


@pytest.mark.parametrize(
    "how", [{"temperature": -1}, {"top_k": 0}, {"top_p": 1.5}, {"max_new_tokens": 0}]
)
def test_wrong_ways_to_write_are_named(model, how):
    with pytest.raises(ValueError, match=next(iter(how))):
        model.generate("the", **how)
