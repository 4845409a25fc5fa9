"""Nets that read texts: what is read, how it is batched, and what is learned."""

import numpy as np
import pytest
import torch

import dovetail as dv
from dovetail.data.batches import Batch, Batches
from dovetail.data.ragged import Ragged, Sequences
from dovetail.deep import TextClassifier, TextRegressor
from dovetail.deep._by_length import LikeLengths
from dovetail.deep._grams import Grams, Runs
from dovetail.deep._tokens import Bytes, Characters
from dovetail.deep._wide import as_sums, best_sum, gained, starts
from dovetail.errors import DataError
from dovetail.nn.text_scores import TextScores
from dovetail.objective.losses import MultinomialLogLoss

WORDS = {"good": "+", "fine": "+", "bad": "-", "poor": "-"}
TEXTS = [f"a rather {word} {thing} indeed" for word in WORDS for thing in ("day", "meal", "room")]
TEXTS = TEXTS * 4
LABELS = [WORDS[text.split()[2]] for text in TEXTS]
TINY = {"width": 16, "depth": 1, "heads": 2, "max_epochs": 3, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return TextClassifier(**TINY).fit(TEXTS, LABELS)


# -- sequences of unequal length


def rows():
    return [np.array(r, np.int64) for r in ([3, 1, 2], [], [7], [5, 6])]


def test_sequences_are_padded_taken_and_joined():
    s = Sequences.of(rows())
    assert s.padded().tolist() == [[3, 1, 2], [0, 0, 0], [7, 0, 0], [5, 6, 0]]
    assert s.slice_rows(2, 4).padded().tolist() == [[7, 0], [5, 6]]
    assert s.take_rows(torch.tensor([3, 1, 3])).padded().tolist() == [[5, 6], [0, 0], [5, 6]]
    assert s.take_rows(torch.tensor([False, True, True, False])).padded().tolist() == [[0], [7]]
    both = s.slice_rows(2, 3).above(s.slice_rows(0, 2))
    assert both.padded().tolist() == [[7, 0, 0], [3, 1, 2], [0, 0, 0]]
    assert s.slice_rows(1, 2).padded().tolist() == [[0]]


def test_batches_hold_each_text_once_among_texts_of_like_length():
    texts = [np.ones(n, np.int64) for n in np.random.default_rng(0).integers(1, 60, 100)]
    rows = Batch(Ragged({"ids": Sequences.of(texts)}), torch.arange(100))
    source = LikeLengths(rows, 8)
    found = list(source.batches(5))
    assert sorted(torch.cat([b.y for b in found]).tolist()) == list(range(100))
    padding = sum(float((b.X["ids"] == 0).sum()) for b in found)
    at_random = sum(float((b.X["ids"] == 0).sum()) for b in rows.split(8))
    assert padding < 0.4 * at_random
    rest = list(source.batches(5, done=7))
    assert [b.y.tolist() for b in rest] == [b.y.tolist() for b in found[7:]]
    assert [b.y.tolist() for b in source.batches(6)] != [b.y.tolist() for b in found]
    assert torch.equal(torch.cat([b.y for b in source.batches(None)]), rows.y)


# -- runs of tokens


def test_runs_are_those_that_several_texts_have():
    ids = [np.array(t) for t in ([2, 3, 4], [2, 3, 2, 3], [9, 4], [])]
    grams = Grams.learned(ids, 2, 100)
    # 2, 3, 4, "2 3", "4 end" and "begin 2": the others occur in one text
    assert len(grams.keys) == 6
    assert [len(r) for r in grams.of(ids)] == [6, 4, 2, 0]
    assert all(len(set(r.tolist())) == len(r) for r in grams.of(ids))
    assert grams.idf == pytest.approx([np.log(5 / (1 + n)) + 1 for n in [2] * 6])
    assert len(grams.of([np.array([4, 2])])[0]) == 2  # "begin 4", "4 2" and "2 end" are not known
    few = Grams.learned([np.array([1])] * 9 + [np.array([1, 2])] * 2, 1, 1)
    assert few.of([np.array([2]), np.array([1])])[1].tolist() == [1]


def test_runs_of_many_texts_are_those_of_each(monkeypatch):
    texts = [f"{i % 7} {i % 11} {i % 13}" for i in range(50)]
    whole = Runs.learned(texts, {Bytes(): 3, Characters.learned(texts): 2}, 1000)
    monkeypatch.setattr("dovetail.deep._grams._TEXTS", 8)
    parts = Runs.learned(texts, {Bytes(): 3, Characters.learned(texts): 2}, 1000)
    np.testing.assert_array_equal(whole.idf, parts.idf)
    for a, b in zip(whole.of(texts), parts.of(texts), strict=True):
        np.testing.assert_array_equal(a, b)
    one = whole.of(texts[3:4])[0]
    np.testing.assert_array_equal(one, whole.of(texts)[3])
    assert one.max() <= len(whole.idf)


def test_runs_are_counted():
    texts = [np.array(t) for t in ([5, 6, 5, 5], [6, 5], [])]
    grams = Grams.learned(texts, 1, 9)
    found = [dict(zip(*map(list, pair), strict=True)) for pair in grams.counted(texts)]
    assert sorted(found[0].values()) == [1, 3]
    assert list(found[1].values()) == [1, 1]
    assert found[2] == {}
    whole = Runs.learned(["aab", "ab"], {Bytes(): 1, Characters.learned(["aab"]): 1}, 9)
    runs, counts = whole.counted([reader.ids(["aab", "b"]) for reader in whole.readers])
    assert [r.tolist() for r in runs] == [r.tolist() for r in whole.of(["aab", "b"])]
    assert sorted(counts[0].tolist()) == [1, 1, 2, 2]
    assert counts[1].tolist() == [1, 1]


def test_the_best_sum_has_no_gradient():
    runs = Sequences.of([np.array(r) for r in ([1, 2], [2, 3], [3], [1], [1, 3])])
    idf = torch.tensor([0.0, 1.0, 2.0, 1.5], dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 0, 1])
    X = as_sums(runs, idf)
    coef, intercept = (t.requires_grad_(True) for t in best_sum(Batch(X, y), MultinomialLogLoss(3)))
    dense = X.to_dense()
    torch.testing.assert_close(dense.norm(dim=1), torch.ones(5, dtype=torch.float64))
    scores = dense @ coef.T + intercept
    loss = torch.nn.functional.cross_entropy(scores, y) + 0.5 * 0.1 / 5 * coef.square().sum()
    loss.backward()
    assert float(coef.grad.abs().max()) < 2e-4
    assert float(intercept.grad.abs().max()) < 2e-4


def test_repeated_runs_weigh_by_the_logarithm_of_their_count():
    runs = Sequences.of([np.array(r) for r in ([1, 2], [2, 3])])
    counts = Sequences.of([np.array(r) for r in ([1, 4], [2, 1])])
    idf = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    log2, log4 = 1 + np.log(2), 1 + np.log(4)
    expected = torch.tensor([[1, 2 * log4, 0], [0, 2 * log2, 3]], dtype=torch.float64)
    expected /= expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(as_sums(runs, idf, counts).to_dense(), expected)
    net = module()
    ids = torch.tensor([[3], [4]])
    found = net(ids, runs.padded(), counts.padded()) - net(ids, torch.zeros(2, 1, dtype=torch.long))
    torch.testing.assert_close(found, expected @ net.wide[1:])


def told(n, seed, wrong=0.2):
    """Rows whose first column tells the class, wrong of a share, beside 30 that tell nothing."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (n,), generator=g)
    lies = torch.rand(n, generator=g) < wrong
    X = torch.randn(n, 31, generator=g, dtype=torch.float64)
    X[:, 0] = torch.where(lies, -1.0, 1.0) * (2 * y - 1)
    return Batch(X / X.norm(dim=1, keepdim=True), y)


def test_the_penalty_is_that_which_does_best_on_rows_held_out():
    rows, held_out, loss = told(60, 0), told(400, 1), MultinomialLogLoss(2)

    def chosen(*batches):
        return starts(lambda rows: [(rows, loss)], *(b and Batches(b) for b in batches))[0]

    def judged(start):
        scores = held_out.X @ start[0].T + start[1]
        return float(torch.nn.functional.cross_entropy(scores, held_out.y))

    sums = {penalty: best_sum(rows, loss, penalty) for penalty in (1.0, 0.1, 0.01)}
    best = min(sums, key=lambda penalty: judged(sums[penalty]))
    assert chosen(rows, held_out).penalty == best == 1.0
    assert chosen(told(60, 0, 0.0), told(400, 1, 0.0)).penalty == 0.01
    assert chosen(rows, held_out.rows(0, 10)).penalty == 0.1  # too few to tell
    within = chosen(told(2000, 2), None)
    expected = best_sum(told(2000, 2), loss, within.penalty)
    torch.testing.assert_close(within.coef, expected[0], rtol=0, atol=0.02)


def test_a_gain_is_believed_beyond_chance():
    """Of scores that are right in all rows, not of those that only differ here and there."""
    rows, loss = told(200, 3), MultinomialLogLoss(2)
    held_out = Batches(told(300, 4))
    start = starts(lambda of: [(of, loss)], Batches(rows), held_out)
    (coef, intercept, _) = start[0]

    def judged(change):
        def scored(batch):
            return batch.X @ coef.T + intercept + change(batch)

        return gained(lambda of: [(of, loss)], held_out, start, scored)

    g = torch.Generator().manual_seed(0)
    assert judged(lambda batch: torch.nn.functional.one_hot(batch.y, 2))
    assert not judged(lambda batch: 0.0)
    assert not judged(lambda batch: 0.01 * torch.randn(len(batch), 2, generator=g))
    lucky = torch.zeros(300, 2)
    lucky[0, held_out.own.y[0]] = 9.0  # one row alone
    assert not judged(lambda batch: lucky)


# -- the module


def module(**more):
    torch.manual_seed(0)
    sizes = {"width": 8, "depth": 1, "heads": 2, "length": 4} | more
    net = TextScores(20, torch.tensor([1.0, 2.0, 3.0]), 2, **sizes).double()
    with torch.no_grad():
        net.deep.weight.normal_()
        net.wide.normal_()
    return net


def test_scores_are_their_formula():
    net = module()
    ids, runs = torch.tensor([[3, 4]]), torch.tensor([[1, 3]])
    x = torch.cat([net.first[None, None], net.embedding(ids)], 1)
    mean = net.transformer(x)[0, 1:].mean(0)
    a = torch.tensor([1.0, 3.0], dtype=torch.float64) / 10**0.5
    expected = net.deep(mean) + a @ net.wide[[1, 3]]
    torch.testing.assert_close(net(ids, runs)[0], expected)


def test_padding_and_company_have_no_influence():
    net = module()
    alone = net(torch.tensor([[3, 4]]), torch.tensor([[2]]))
    padded = net(torch.tensor([[3, 4, 0], [5, 6, 7]]), torch.tensor([[2, 0], [1, 3]]))
    torch.testing.assert_close(padded[:1], alone)
    empty = net(torch.tensor([[0]]), torch.tensor([[0]]))
    torch.testing.assert_close(empty[0], net.deep.bias)


def test_long_texts_are_the_mean_over_windows():
    net = module(length=3)
    ids = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 0, 0, 0]])
    first, second = net.encode(ids[:1, :3]), net.encode(ids[:1, 3:])
    torch.testing.assert_close(net.encode(ids)[:1], (3 * first + 2 * second) / 5)
    torch.testing.assert_close(net.encode(ids)[1:], net.encode(ids[1:, :2]))


# -- learning


def test_classes_are_told_apart(model):
    assert model.classes_.tolist() == ["+", "-"]
    assert model.score(TEXTS, LABELS) == 1.0
    assert model.predict(["what a GOOD walk", "poor thing"]).tolist() == ["+", "-"]
    proba = model.predict_proba(["good", "bad", ""])
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-6)
    assert proba[0, 0] > 0.6 > 0.4 > proba[1, 0]


def test_it_starts_from_the_best_sum():
    start = TextClassifier(**{**TINY, "lr": 1e-12, "max_epochs": 1}).fit(TEXTS, LABELS)
    assert start.score(TEXTS, LABELS) == 1.0
    assert float(start.program_.module.deep.weight.abs().max()) < 1e-9


def test_a_start_that_is_not_beaten_is_kept():
    bad = {**TINY, "lr": 10.0, "max_epochs": 2, "schedule": "constant", "warmup": 0.0}
    model = TextClassifier(**bad).fit(TEXTS, LABELS)
    assert float(model.program_.module.deep.weight.abs().max()) == 0
    assert model.score(TEXTS, LABELS) == 1.0


def slope(model, penalty, start=None):
    """Of the penalized loss of all texts, at what a model or `start` has."""
    texts, module = model.front(TEXTS).sequences, model.program_.module
    X = as_sums(texts["runs"], module.idf, texts["counts"]).to_dense()
    y = torch.tensor([model.classes_.tolist().index(label) for label in LABELS])
    coef, intercept = start or (module.wide[1:].T, module.deep.bias)
    coef = coef.detach().requires_grad_(True)
    loss = torch.nn.functional.cross_entropy(X @ coef.T + intercept.detach(), y)
    (loss + penalty / 2 / len(y) * coef.square().sum()).backward()
    return float(coef.grad.abs().max())


STILL = {**TINY, "lr": 1e-12, "max_epochs": 1, "dtype": "float64"}


def test_a_start_that_is_kept_is_learned_from_all_texts():
    """Those held out to judge it, too."""
    model = TextClassifier(**STILL).fit(TEXTS, LABELS)
    texts = model.front(TEXTS).sequences
    X = as_sums(texts["runs"], model.program_.module.idf, texts["counts"])
    y = torch.tensor([model.classes_.tolist().index(label) for label in LABELS])
    most = best_sum(Batch(X, y).rows(0, 43), MultinomialLogLoss(2))
    assert slope(model, 0.1) < 2e-4 < slope(model, 0.1, most)


def test_given_validation_data_choose_the_penalty_and_are_not_learned_from():
    wrong = ["-" if label == "+" else "+" for label in LABELS]
    model = TextClassifier(**STILL, validation_data=(TEXTS, wrong)).fit(TEXTS, LABELS)
    assert slope(model, 1.0) < 2e-4


def test_the_transformer_learns_alone():
    how = {**TINY, "max_epochs": 15, "lr": 0.02, "batch_size": 8, "dropout": 0.0}
    model = TextClassifier(n_runs=0, early_stopping=False, **how).fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) == 1.0
    assert model.program_.module.wide.shape == (1, 2)


@pytest.mark.parametrize("tokenizer", ["auto", "bpe", "char", "byte"])
def test_every_way_to_read_learns(tokenizer):
    quick = {**TINY, "max_epochs": 1}
    model = TextClassifier(tokenizer, vocab_size=300, **quick).fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) == 1.0


def test_names_are_read_by_characters():
    names = ["Ivanov", "Petrov", "Rossi", "Bianchi"] * 6
    model = TextClassifier(**TINY).fit(names, ["ru", "ru", "it", "it"] * 6)
    assert isinstance(model.tokenizer_, Characters)
    assert model.predict(["Sidorov"]).tolist() == ["ru"]


def test_labels_may_be_smoothed():
    quick = {**TINY, "early_stopping": False, "max_epochs": 15, "lr": 0.02}
    sharp = TextClassifier(**quick).fit(TEXTS, LABELS).predict_proba(TEXTS).max()
    smooth = TextClassifier(label_smoothing=0.4, **quick).fit(TEXTS, LABELS)
    assert smooth.predict_proba(TEXTS).max() < sharp - 0.02


def test_weights_count():
    texts, y = ["x"] * 8, [0, 0, 1, 1, 1, 1, 1, 1]
    quick = {**TINY, "early_stopping": False}
    assert TextClassifier(**quick).fit(texts, y).predict(["x"])[0] == 1
    weights = [9, 9, 1, 1, 1, 1, 1, 1]
    assert TextClassifier(**quick).fit(texts, y, weights).predict(["x"])[0] == 0
    by_class = TextClassifier(class_weight={0: 9, 1: 1}, **quick)
    assert by_class.fit(texts, y).predict(["x"])[0] == 0


def test_numbers_are_predicted():
    sizes = {"one": 100.0, "two": 200.0, "five": 500.0}
    texts = [f"{n} rooms, {what}" for n in sizes for what in ("garden", "balcony", "yard")] * 5
    y = np.array([sizes[t.split()[0]] for t in texts])
    model = TextRegressor(**TINY).fit(texts, y)
    assert model.score(texts, y) > 0.97
    both = TextRegressor(**TINY).fit(texts, np.column_stack([y, -y]))
    assert both.predict(texts[:4]).shape == (4, 2)
    assert both.score(texts, np.column_stack([y, -y])) > 0.97


def test_same_seed_same_model(model):
    again = TextClassifier(**TINY).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), again.predict_proba(TEXTS))


# -- containers and files


def test_columns_of_any_make_are_texts(model):
    pd, pl, pa = (pytest.importorskip(m) for m in ("pandas", "polars", "pyarrow"))
    expected = model.decision_function(TEXTS)
    for X in (
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        tuple(TEXTS),
        pd.Series(TEXTS),
        pd.DataFrame({"text": TEXTS}),
        pl.Series(TEXTS),
        pl.DataFrame({"text": TEXTS}),
        pa.array(TEXTS),
        pa.table({"text": TEXTS}),
    ):
        np.testing.assert_array_equal(model.decision_function(X), expected)
    missing = model.decision_function(pd.Series([None, "good"]))
    np.testing.assert_allclose(missing, model.decision_function(["", "good"]))
    two = pd.DataFrame({"a": TEXTS, "b": TEXTS})
    with pytest.raises(DataError, match="one column of text"):
        model.predict(two)


@pytest.mark.parametrize("tokenizer", ["bpe", "char", "byte"])
def test_a_bundle_predicts_the_same(tokenizer, tmp_path):
    model = TextClassifier(tokenizer, **{**TINY, "max_epochs": 1}).fit(TEXTS, LABELS)
    again = dv.load(dv.save(model, tmp_path / "m.dove"))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))
    numbers = TextRegressor(**{**TINY, "max_epochs": 1}).fit(TEXTS, np.arange(len(TEXTS)))
    again = dv.load(dv.save(numbers, tmp_path / "n.dove"))
    np.testing.assert_array_equal(again.predict(TEXTS), numbers.predict(TEXTS))


def test_the_module_exports(model):
    opened = model.front(["a good day", "bad"])
    inputs = {name: opened[name] for name in ("ids", "runs")}
    auto = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    exported = torch.export.export(
        model.program_.module, (), inputs, dynamic_shapes={"ids": auto, "runs": auto}
    ).module()
    opened = model.front(TEXTS[:5])
    inputs = {name: opened[name] for name in ("ids", "runs")}
    torch.testing.assert_close(exported(**inputs), model.program_.module(**inputs))


def test_it_goes_on_from_a_checkpoint(tmp_path):
    how = {**TINY, "schedule": "constant", "warmup": 0.0, "early_stopping": False}
    whole = TextClassifier(**{**how, "max_epochs": 4}).fit(TEXTS, LABELS)
    path = tmp_path / "state"
    TextClassifier(**{**how, "max_epochs": 2}, checkpoint=path).fit(TEXTS, LABELS)
    resumed = TextClassifier(**{**how, "max_epochs": 4}, checkpoint=path, resume=True)
    resumed.fit(TEXTS, LABELS)
    np.testing.assert_array_equal(whole.predict_proba(TEXTS), resumed.predict_proba(TEXTS))


def test_the_device_in_force_is_used(device):
    with dv.config(device=device):
        there = TextClassifier(**{**TINY, "max_epochs": 1}).fit(TEXTS, LABELS)
        assert there.program_.device.type == device.type
        assert there.score(TEXTS, LABELS) == 1.0
    np.testing.assert_allclose(there.to("cpu").predict_proba(["good"]).sum(), 1, rtol=1e-6)


def test_partial_fit_goes_on():
    model = TextClassifier(**{**TINY, "early_stopping": False})
    model.partial_fit(TEXTS, LABELS, classes=["+", "-", "?"])
    model.partial_fit(TEXTS[:8], LABELS[:8])
    assert model.classes_.tolist() == ["+", "-", "?"]
    assert model.score(TEXTS, LABELS) == 1.0


# -- errors


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "needs texts"),
        (["", ""], "All texts are empty: TextClassifier has nothing to learn"),
        ([" ", "\n"], "All 2 texts are without a letter; was the wrong column given"),
        (["a", 3], "text 1 is 3, a int"),
        (np.ones((2, 3)), "one column of text"),
        ("no such text", r"Put a single text in a list: \[text\]"),
    ],
)
def test_what_is_no_text_is_an_error(texts, message):
    with pytest.raises(DataError, match=message):
        TextClassifier(**TINY).fit(texts, ["x", "y"])


def test_empty_texts_are_counted():
    texts = [*TEXTS, "", " "]
    with pytest.warns(UserWarning, match="2 of 50 texts are empty, the first of them text 48"):
        model = TextClassifier(**TINY).fit(texts, [*LABELS, "+", "-"])
    assert model.score(TEXTS, LABELS) == 1.0
    assert model.predict(["", "good"]).tolist() == ["+", "+"]  # and no word of it


def test_long_texts_are_counted():
    texts = [*TEXTS[:-1], TEXTS[-1] + " more" * 30]
    quick = {**TINY, "max_epochs": 1, "max_tokens": 30}
    with pytest.warns(UserWarning, match=r"first 30 tokens .* 1 of 48 .* Raise max_tokens") as said:
        model = TextClassifier("bpe", **quick).fit(texts, LABELS)
    assert [str(w.message).endswith("The sum over runs is of all of them.") for w in said] == [True]
    assert model.front(texts)["ids"].shape == (48, 30)
    long, cut = model.front([texts[-1], texts[-1] + " more" * 30]).sequences["ids"].lengths
    assert long == cut == 30


def test_targets_must_fit():
    with pytest.raises(ValueError, match="1 class"):
        TextClassifier(**TINY).fit(["a", "b"], ["x", "x"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TextClassifier(**TINY).fit(["a", "b"], ["x", "y", "x"])
