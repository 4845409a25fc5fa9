"""Nets that go on from a pretrained encoder: a word that fit never saw is told by what the encoder
learned of it elsewhere.
"""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import dovetail as dv
from dovetail.deep import TextClassifier, TextEmbedder, TextRegressor
from dovetail.errors import DataError
from dovetail.nn.bert import Bert
from dovetail.nn.encoder_scores import EncoderScores
from tests.deep import encoders

WORDS = [f"{kind}{i}" for kind in ("good", "bad") for i in range(10)] + ["a", "the", "day"]
SIZES = encoders.sizes(WORDS, hidden_size=16, num_attention_heads=2, num_hidden_layers=1)
FEW = {"random_state": 0, "batch_size": 8}


def texts_of(numbers, n=24, seed=0):
    """Texts with one word of a kind each, of these numbers, and their kinds."""
    random = np.random.default_rng(seed)
    kinds = ["good", "bad"] * (n // 2)
    words = [f"{kind}{random.choice(numbers)}" for kind in kinds]
    return [f"{random.choice(['a', 'the'])} {w} day" for w in words], kinds


TEXTS, KINDS = texts_of([0, 1, 2])
OTHERS, OTHER_KINDS = texts_of([5, 6, 7, 8, 9], 40, 1)


def trained(net):
    """Tells the kinds of all words apart."""
    texts, kinds = texts_of(range(10), 200, 2)
    ids = [[2, *(4 + WORDS.index(w) for w in t.split()), 3] for t in texts]
    X, y = torch.tensor(ids), torch.tensor([float(k == "good") for k in kinds])
    head = torch.nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], 0.01)
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(net(X))[:, 0], y)
        loss.backward()
        optimizer.step()
    return net


def encoder():
    torch.manual_seed(0)
    return Bert(SIZES["vocab_size"], 16, 1, 2, 20, 9, normalize=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("encoders") / "trained"
    return encoders.write(path, SIZES, WORDS, trained(encoder()).state_dict())


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    path = tmp_path_factory.mktemp("encoders") / "untrained"
    return encoders.write(path, SIZES, WORDS, encoder().state_dict())


@pytest.fixture(scope="module")
def model(folder):
    return TextClassifier(pretrained=folder, **FEW).fit(TEXTS, KINDS)


def test_words_that_fit_never_saw_are_known(model, untrained):
    assert model.score(OTHERS, OTHER_KINDS) > 0.95
    from_nothing = TextClassifier(pretrained=untrained, **FEW).fit(TEXTS, KINDS)
    assert from_nothing.score(OTHERS, OTHER_KINDS) < 0.75


def test_the_encoder_learns_what_its_vectors_did_not_tell(untrained):
    """The order of words: a good thing before a bad one is praise."""
    pairs = [(a, b) for a in range(5) for b in range(5)]
    texts = [f"good{a} the bad{b}" for a, b in pairs] + [f"bad{b} the good{a}" for a, b in pairs]
    kinds = ["praise"] * 25 + ["blame"] * 25
    how = {**FEW, "lr": 0.01, "max_epochs": 10, "early_stopping": False, "dropout": 0.0}
    tuned = TextClassifier(pretrained=untrained, **how).fit(texts, kinds)
    frozen = TextClassifier(pretrained=untrained, freeze=True, **how).fit(texts, kinds)
    assert tuned.score(texts, kinds) == 1.0
    assert tuned.history_["loss"][-1] < 0.5 * frozen.history_["loss"][-1]


def weights(model):
    return model.program_.module.encoder.state_dict()


def test_a_frozen_encoder_stays_as_it_was(folder):
    before = encoder_of(folder)
    how = {**FEW, "lr": 0.01, "early_stopping": False, "max_epochs": 3}
    frozen = TextClassifier(pretrained=folder, freeze=True, warm_start=True, **how)
    frozen.fit(TEXTS, KINDS).fit(TEXTS, KINDS)
    for name, tensor in weights(frozen).items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    assert frozen.score(OTHERS, OTHER_KINDS) > 0.95
    tuned = weights(TextClassifier(pretrained=folder, **how).fit(TEXTS, KINDS))
    assert all((tensor != before[name]).any() for name, tensor in tuned.items())


def encoder_of(folder):
    return TextEmbedder(folder).fit(TEXTS).program_.module.state_dict()


def test_it_starts_from_the_best_linear_map_of_the_vectors(folder):
    """Of penalized logistic regression on them, its gradient is zero."""
    how = {**FEW, "lr": 1e-12, "max_epochs": 1, "weight_decay": 0.0, "early_stopping": False}
    start = TextClassifier(pretrained=folder, dtype="float64", **how).fit(TEXTS, KINDS)
    net = start.program_.module
    vectors = net.encode(start.front(TEXTS)["ids"]).detach()
    center, spread = vectors.mean(0), vectors.std(0, correction=0) * 4.0
    coef = (net.head.weight * spread).detach().requires_grad_(True)
    bias = (net.head.bias + net.head.weight @ center).detach().requires_grad_(True)
    scores = (vectors - center) / spread @ coef.T + bias
    y = torch.tensor([start.classes_.tolist().index(k) for k in KINDS])
    loss = torch.nn.functional.cross_entropy(scores, y, reduction="sum")
    (loss + 0.05 * coef.square().sum()).backward()
    assert float(coef.grad.abs().max()) < 5e-3
    assert float(bias.grad.abs().max()) < 5e-3


def test_defaults_are_those_of_fine_tuning(model, folder):
    assert max(model.history_["learning_rate"]) <= 5e-5
    assert model.n_iter_ <= 4
    net = model.program_.module
    assert net.dropout == net.encoder.dropout == 0.1
    ours = TextClassifier(lr=1e-3, max_epochs=2, pretrained=folder, dropout=0.3, **FEW)
    ours.fit(TEXTS, KINDS)
    assert max(ours.history_["learning_rate"]) > 5e-4
    assert ours.program_.module.dropout == 0.3


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_scores_are_a_linear_map_of_the_pooled_vectors(folder, pooling):
    one = {**FEW, "max_epochs": 1, "pooling": pooling}
    model = TextClassifier(pretrained=folder, **one).fit(TEXTS, KINDS)
    net, ids = model.program_.module, model.front(OTHERS)["ids"]
    vectors = net.encoder.vectors(ids)
    expected = vectors[:, 0] if pooling == "first" else vectors.mean(1)  # no padding here
    torch.testing.assert_close(net(ids), net.head(expected))


def test_numbers_are_predicted(folder):
    y = np.array([5.0 if kind == "good" else -3.0 for kind in KINDS])
    model = TextRegressor(pretrained=folder, **FEW).fit(TEXTS, y)
    assert model.score(OTHERS, [5.0 if kind == "good" else -3.0 for kind in OTHER_KINDS]) > 0.8


def test_a_bundle_needs_the_folder_no_longer(tmp_path):
    path = encoders.write(tmp_path / "encoder", SIZES, WORDS, encoder().state_dict())
    model = TextClassifier(pretrained=path, max_epochs=1, **FEW).fit(TEXTS, KINDS)
    expected = model.predict_proba(OTHERS)
    file = dv.save(model, tmp_path / "m.dove")
    for each in path.iterdir():
        each.unlink()
    again = dv.load(file)
    np.testing.assert_array_equal(again.predict_proba(OTHERS), expected)
    assert again.get_params()["pretrained"] == path


def test_it_goes_on_from_a_checkpoint(folder, tmp_path):
    how = {**FEW, "schedule": "constant", "warmup": 0.0, "early_stopping": False, "lr": 1e-3}
    whole = TextClassifier(pretrained=folder, **how, max_epochs=4).fit(TEXTS, KINDS)
    how["checkpoint"] = tmp_path / "state"
    TextClassifier(pretrained=folder, **how, max_epochs=2).fit(TEXTS, KINDS)
    resumed = TextClassifier(pretrained=folder, **how, max_epochs=4, resume=True)
    resumed.fit(TEXTS, KINDS)
    np.testing.assert_array_equal(whole.predict_proba(OTHERS), resumed.predict_proba(OTHERS))


def test_it_is_cloned_and_searched(folder):
    model = TextClassifier(pretrained=folder, max_epochs=1, **FEW)
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(model, {"freeze": [True, False], "lr": [1e-4]}, cv=2)
    search.fit(TEXTS, KINDS)
    assert search.best_score_ > 0.9


def test_partial_fit_goes_on(folder):
    model = TextClassifier(pretrained=folder, early_stopping=False, **FEW)
    model.partial_fit(TEXTS[:12], KINDS[:12], classes=["bad", "good"])
    model.partial_fit(TEXTS[12:], KINDS[12:])
    assert model.score(OTHERS, OTHER_KINDS) > 0.95


def test_the_module_exports(model):
    ids = model.front(OTHERS)["ids"]
    auto = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    net = model.program_.module
    exported = torch.export.export(net, (ids,), dynamic_shapes={"ids": auto}).module()
    torch.testing.assert_close(exported(ids[:5, :4]), net(ids[:5, :4]))


def test_dropout_is_of_training_alone():
    torch.manual_seed(0)
    sizes = {"n_tokens": 9, "width": 8, "depth": 1, "heads": 2, "units": 8, "length": 4}
    net, ids = EncoderScores(sizes, 2, dropout=0.5), torch.tensor([[2, 5, 3]])
    torch.nn.init.normal_(net.head.weight)
    assert not torch.equal(net(ids), net(ids))
    assert torch.equal(net.eval()(ids), net(ids))
    frozen = EncoderScores(sizes, 2, dropout=0.5, frozen=True)
    assert torch.equal(frozen.encode(ids), frozen.encode(ids))
    assert not any(p.requires_grad for p in frozen.requires_grad_(True).encoder.parameters())


def test_an_empty_text_without_marks_has_numbers():
    net = Bert(9, 8, 1, 2, 8, 4)
    assert bool(net(torch.tensor([[0, 0], [4, 5]])).isfinite().all())


def test_what_has_no_effect_is_refused(folder):
    with pytest.raises(ValueError, match=r"width=32 has no effect beside pretrained="):
        TextClassifier(pretrained=folder, width=32).fit(TEXTS, KINDS)
    with pytest.raises(ValueError, match=r"freeze=True has no effect .* Give pretrained="):
        TextClassifier(freeze=True).fit(TEXTS, KINDS)


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"bert-base-uncased lacks config.json.* is downloaded"):
        TextClassifier(pretrained="bert-base-uncased").fit(TEXTS, KINDS)
    config = {**SIZES, "model_type": "roberta"}
    path = encoders.write(tmp_path / "other", config, WORDS, encoder().state_dict())
    with pytest.raises(DataError, match=r"model_type='roberta'; only 'bert'"):
        TextRegressor(pretrained=path).fit(TEXTS, np.arange(24.0))
