"""Nets of any module: training, nested parameters, inputs, files, bad input."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data
from torch import nn

import dovetail as dv
from dovetail.deep import NetClassifier, NetRegressor, NetTransformer
from dovetail.errors import BundleError, DataError
from dovetail.nn.dense import Dense
from dovetail.preprocessing import StandardScaler
from tests.deep.modules import Picture, Small, TwoInputs

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
PATIENTS, PROGRESS = (scale(a) for a in load_diabetes(return_X_y=True))
DIGITS, LABELS = load_digits(return_X_y=True)
PICTURES = (DIGITS / 16).reshape(-1, 1, 8, 8).astype(np.float32)


def state_of(model):
    return model.program_.module.state_dict()


def assert_same_numbers(a, b, **close):
    for name, value in state_of(a).items():
        torch.testing.assert_close(value, state_of(b)[name], **(close or {"rtol": 0, "atol": 0}))


# -- training


@pytest.mark.parametrize("optimizer", ["adamw", torch.optim.AdamW])
def test_the_loop_is_a_hand_written_one(optimizer):
    """Mini-batches in order: the same weights to rounding."""
    model = NetClassifier(
        Dense, optimizer=optimizer, lr=0.01, weight_decay=0.1, max_epochs=5, batch_size=32,
        shuffle=False, dtype="float64", module__hidden=(8,), random_state=3,
    ).fit(IRIS, SPECIES)  # fmt: skip
    seed = np.random.RandomState(3).randint(2**31 - 1)
    torch.manual_seed(seed)
    net = Dense(4, 3, hidden=(8,)).double()
    heavy = [p for p in net.parameters() if p.ndim > 1]
    light = [p for p in net.parameters() if p.ndim < 2]
    groups = [{"params": heavy, "weight_decay": 0.1}, {"params": light, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.01)
    X, y = torch.tensor(IRIS), torch.tensor(SPECIES)
    for _ in range(5):
        for i in range(0, 150, 32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(X[i : i + 32]), y[i : i + 32]).backward()
            optimizer.step()
    for name, value in net.state_dict().items():
        torch.testing.assert_close(state_of(model)[name], value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "muon", torch.optim.NAdam])
def test_every_optimizer_learns(optimizer):
    model = NetClassifier(
        optimizer=optimizer, lr=0.03, batch_size=32, max_epochs=30, random_state=0
    )
    assert model.fit(IRIS, NAMES).score(IRIS, NAMES) > 0.95
    assert model.history_["loss"][-1] < model.history_["loss"][0]


def test_lbfgs_takes_all_rows():
    model = NetClassifier(optimizer="lbfgs", max_epochs=100, random_state=0).fit(IRIS, NAMES)
    assert model.score(IRIS, NAMES) > 0.98


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "cosine", "warmup": 0.1},
        {"schedule": "one_cycle"},
        {"schedule": "linear"},
        {"schedule": lambda t: 0.99**t},
        {"clip_norm": 0.5},
        {"ema": 0.9},
        {"precision": "bf16"},
        {"loss__label_smoothing": 0.1},
        {"loss": nn.CrossEntropyLoss, "loss__label_smoothing": 0.1},
        {"loss": nn.CrossEntropyLoss()},
        {"class_weight": "balanced"},
        {"early_stopping": True},
    ],
    ids=str,
)
def test_options(options):
    model = NetClassifier(max_epochs=40, lr=0.02, random_state=0, **options)
    model.fit(IRIS, NAMES)
    assert model.score(IRIS, NAMES) > 0.93
    again = clone(model).fit(IRIS, NAMES)
    assert_same_numbers(model, again)


@pytest.mark.slow
def test_a_compiled_module_learns_the_same():
    options = {"max_epochs": 3, "random_state": 0, "dtype": "float64"}
    plain = NetClassifier(**options).fit(IRIS, NAMES)
    compiled = NetClassifier(compile=True, **options).fit(IRIS, NAMES)
    assert_same_numbers(plain, compiled, rtol=1e-6, atol=1e-8)


def test_accumulation_changes_memory_alone():
    w = np.random.default_rng(0).random(150)
    for weights in (None, w):
        found = [
            NetClassifier(accumulate=k, max_epochs=3, random_state=0, dtype="float64").fit(
                IRIS, NAMES, weights
            )
            for k in (1, 3)
        ]
        assert_same_numbers(*found, rtol=1e-9, atol=1e-11)


def test_too_little_memory_halves_batches(monkeypatch):
    sizes = []

    class Greedy(Dense):
        def forward(self, X):
            if self.training:
                if len(X) > 40:
                    raise torch.OutOfMemoryError("not so many")
                sizes.append(len(X))
            return super().forward(X)

    options = {"max_epochs": 2, "batch_size": 100, "random_state": 0, "dtype": "float64"}
    with pytest.warns(UserWarning, match="accumulate=4"):
        model = NetClassifier(Greedy, **options).fit(IRIS, NAMES)
    assert max(sizes) == 25
    assert_same_numbers(model, NetClassifier(Dense, **options).fit(IRIS, NAMES), rtol=1e-9, atol=0)


def test_early_stopping_keeps_the_best_with_its_buffers():
    model = NetClassifier(
        Small, module__hidden=64, lr=0.05, max_epochs=200, n_iter_no_change=5, random_state=0,
        early_stopping=True,
    ).fit(CANCER, BENIGN)  # fmt: skip
    scores = model.history_["validation_score"]
    assert model.n_iter_ == len(scores) == int(np.argmax(scores)) + 6 < 200
    given = clone(model).set_params(early_stopping=False, validation_data=(CANCER, BENIGN))
    given.fit(CANCER, BENIGN)
    best = max(given.history_["validation_score"])
    p = given.predict_proba(CANCER)[np.arange(len(BENIGN)), BENIGN]
    assert abs(-np.log(p).mean() - -best) < 1e-5  # that of the weights and buffers kept


def test_a_loss_that_is_not_finite_stops_at_once():
    calls = []

    def spoiled(outputs, y):
        calls.append(1)
        loss = nn.functional.cross_entropy(outputs, y, reduction="none")
        return loss * float("nan") if len(calls) == 8 else loss

    model = NetClassifier(loss=spoiled, batch_size=50, max_epochs=50, random_state=0)
    with pytest.warns(ConvergenceWarning, match="no longer finite"):
        model.fit(IRIS, NAMES)
    assert len(calls) == 8
    assert all(v.isfinite().all() for v in state_of(model).values())
    with pytest.raises(DataError, match="from the start"):
        NetRegressor(loss=lambda outputs, y: (outputs - y) / 0.0, max_epochs=2).fit(
            PATIENTS, PROGRESS
        )


def test_partial_fit_and_warm_start_go_on():
    options = {"shuffle": False, "random_state": 0, "dtype": "float64"}
    whole = NetClassifier(max_epochs=4, **options).fit(IRIS, NAMES)
    parts = NetClassifier(**options)
    for _ in range(4):
        parts.partial_fit(IRIS, NAMES, classes=np.unique(NAMES))
    assert_same_numbers(whole, parts, rtol=1e-9, atol=1e-12)
    warm = NetClassifier(max_epochs=2, warm_start=True, **options).fit(IRIS, NAMES)
    loss = warm.history_["loss"][-1]
    assert warm.fit(IRIS, NAMES).history_["loss"][-1] < loss


def test_weights_are_repeated_rows_to_scikit_learns_check_in_float64():
    model = NetClassifier(dtype="float64", max_epochs=20)
    check_sample_weight_equivalence_on_dense_data("NetClassifier", model)


def test_several_targets():
    Y = np.column_stack([PROGRESS, -PROGRESS])
    model = NetRegressor(max_epochs=100, lr=0.01, random_state=0).fit(PATIENTS, Y)
    assert model.predict(PATIENTS).shape == Y.shape
    assert model.score(PATIENTS, Y) > 0.6


# -- steps of the user's own


def test_a_physical_loss():
    """u' = −u, u(0) = 1, without any value of u but the first."""

    def step(net, batch):
        t = batch.X.requires_grad_()
        u = net.forward(t)
        (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        start = net.forward(torch.zeros(1, 1)) - 1
        return (du + u).square().mean() + start.square().mean()

    t = np.linspace(0, 2, 64)[:, None]
    model = NetRegressor(step=step, max_epochs=400, lr=0.01, random_state=0, schedule="cosine")
    model.fit(t, np.zeros(64))
    np.testing.assert_allclose(model.predict(t), np.exp(-t[:, 0]), atol=0.03)


def test_a_contrastive_loss():
    """Two noisy views of a row are near, those of others far."""

    def step(net, batch):
        a, b = (net.module.encode(batch.X + 0.1 * torch.randn_like(batch.X)) for _ in range(2))
        a, b = nn.functional.normalize(a), nn.functional.normalize(b)
        return nn.functional.cross_entropy(a @ b.T / 0.1, torch.arange(len(a)))

    model = NetTransformer(step=step, module__n_components=8, max_epochs=20, random_state=0)
    Z = model.fit_transform(IRIS)
    assert Z.shape == (150, 8)
    assert model.history_["loss"][-1] < 0.8 * model.history_["loss"][0]


def test_alternating_updates():
    """A generator and its critic, each with its optimizer."""

    class Pair(nn.Module):
        def __init__(self, n_features):
            super().__init__()
            self.generator = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, n_features))
            self.critic = nn.Sequential(nn.Linear(n_features, 16), nn.ReLU(), nn.Linear(16, 1))

        def forward(self, X):
            return self.generator(X)

    bce = nn.functional.binary_cross_entropy_with_logits

    def step(net, batch):
        pair, X = net.module, batch.X
        fake = pair.generator(torch.randn(len(X), 2))
        real, made = pair.critic(X), pair.critic(fake.detach())
        critic = bce(real, torch.ones_like(real)) + bce(made, torch.zeros_like(made))
        net.update(critic, "critic")
        made = pair.critic(fake)
        generator = bce(made, torch.ones_like(made))
        net.update(generator, "generator")
        return {"critic": critic, "generator": generator}

    model = NetTransformer(
        Pair, step=step, optimizer={"generator": "adam", "critic": "adam"}, lr=2e-3,
        ema=0.99, optimizer__betas=(0.5, 0.9), max_epochs=200, random_state=0,
    )  # fmt: skip
    X = np.random.default_rng(0).normal([2.0, -1.0], 0.5, (256, 2))
    model.fit(X)
    made = model.transform(np.random.default_rng(1).normal(size=(500, 2)))
    np.testing.assert_allclose(made.mean(0), [2.0, -1.0], atol=0.5)
    with pytest.raises(ValueError, match="no optimizer of 'other'"):
        NetTransformer(step=lambda net, batch: net.update(None, "other")).fit(X)


# -- parameters


def test_nested_parameters_in_a_search():
    search = GridSearchCV(
        make_pipeline(
            StandardScaler(),
            NetClassifier(Small, lr=0.03, batch_size=32, max_epochs=20, random_state=0),
        ),
        {"netclassifier__module__hidden": [2, 16], "netclassifier__optimizer": ["adam", "sgd"]},
        cv=3,
    ).fit(IRIS, NAMES)
    assert search.best_score_ > 0.85
    best = search.best_estimator_[-1]
    assert best.get_params()["module__hidden"] in (2, 16)
    assert best.program_.module.layers[0].out_features == best.get_params()["module__hidden"]


def test_nested_parameters_are_parameters():
    model = NetClassifier(Small, module__hidden=5, optimizer__betas=(0.8, 0.9))
    assert clone(model).get_params() == model.get_params()
    assert "module__hidden=5" in repr(model)
    model.set_params(module__hidden=7, lr=0.1)
    assert (model.get_params()["module__hidden"], model.lr) == (7, 0.1)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"modul__hidden": 3}, TypeError, "Did you mean module__hidden"),
        ({"module__hiden": 3}, TypeError, "Did you mean module__hidden"),
        ({"optimizer__beta": 3}, TypeError, "Did you mean optimizer__betas"),
        ({"loss__smoothing": 3}, TypeError, "loss__smoothing is no argument of CrossEntropy"),
        ({"resume": True}, ValueError, "needs checkpoint="),
        ({"module": Dense(4, 3), "module__hidden": 3}, TypeError, "an instance of Dense"),
        ({"module": lambda: 3}, TypeError, "must make a torch.nn.Module"),
        ({"module": nn.Identity}, ValueError, "no parameters to learn"),
        ({"module": lambda: nn.Linear(4, 2)}, ValueError, r"\(120, 2\), but 3 classes"),
        ({"loss": lambda o, y: 3.0}, ValueError, "must give a tensor"),
        ({"loss": lambda o, y: o[:2, 0]}, ValueError, "one number a row, 120"),
        ({"loss": nn.MSELoss, "batch_size": 50}, ValueError, r"\(50, 3\).*MSELoss.*\(50,\)"),
    ],
    ids=str,
)
def test_mistakes(options, error, words):
    with pytest.raises(error, match=words):
        NetClassifier(**{"batch_size": 120, **options}).fit(IRIS, NAMES)


def test_a_mean_loss_cannot_be_weighted():
    model = NetClassifier(loss=lambda o, y: nn.functional.cross_entropy(o, y), max_epochs=2)
    model.fit(IRIS, NAMES)
    with pytest.raises(ValueError, match="take the weights as its third argument"):
        model.fit(IRIS, NAMES, np.ones(150) * 2)

    def weighted(outputs, y, w):
        loss = nn.functional.cross_entropy(outputs, y, reduction="none")
        return loss.mean() if w is None else (loss * w).sum() / w.sum()

    w = np.random.default_rng(0).random(150)
    options = {"max_epochs": 3, "random_state": 0, "dtype": "float64"}
    own = NetClassifier(loss=weighted, **options).fit(IRIS, NAMES, w)
    assert_same_numbers(own, NetClassifier(**options).fit(IRIS, NAMES, w), rtol=1e-9, atol=1e-12)


# -- inputs


def test_several_inputs_by_name():
    given = {"wide": IRIS[:, :2], "narrow": IRIS[:, 2:]}
    options = {"lr": 0.02, "max_epochs": 30, "random_state": 0}
    model = NetClassifier(TwoInputs, **options).fit(given, NAMES)
    assert model.score(given, NAMES) > 0.93
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    names = {"wide": ["a", "b"], "narrow": ["c", "d"]}
    by_column = NetClassifier(TwoInputs, inputs=names, **options).fit(frame, NAMES)
    assert_same_numbers(model, by_column)
    np.testing.assert_array_equal(by_column.predict(frame), model.predict(given))
    with pytest.raises(ValueError, match="as many rows each"):
        model.fit({"wide": IRIS[:, :2], "narrow": IRIS[:9, 2:]}, NAMES)
    with pytest.raises(ValueError, match="does not have: \\['z'\\]"):
        clone(by_column).set_params(inputs={"wide": ["z"]}).fit(frame, NAMES)
    with pytest.raises(ValueError, match="the shapes"):
        model.predict({"wide": IRIS, "narrow": IRIS})


def test_arrays_of_more_dimensions():
    model = NetClassifier(Picture, max_epochs=15, lr=0.01, random_state=0)
    model.fit(PICTURES[:1000], LABELS[:1000])
    assert model.score(PICTURES[1000:], LABELS[1000:]) > 0.85
    with pytest.raises(ValueError, match="shapes"):
        model.predict(PICTURES[:, :, :4])
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((10, 1, 8, 8), np.nan), LABELS[:10])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(PICTURES[:0])


def test_classes():
    with pytest.raises(ValueError, match="do not exist in the initial classes"):
        NetClassifier().fit(IRIS, NAMES).partial_fit(IRIS, np.full(150, "rose"))
    one_score = NetClassifier(lambda n_features: nn.Linear(n_features, 1), max_epochs=30, lr=0.02)
    assert one_score.fit(CANCER, BENIGN).score(CANCER, BENIGN) > 0.95
    assert one_score.predict_proba(CANCER).shape == (len(BENIGN), 2)


# -- files


def test_saved_and_loaded(tmp_path):
    model = NetClassifier(Dense, module__hidden=(6,), max_epochs=2, random_state=0)
    model.fit(IRIS, NAMES)
    dv.save(model, tmp_path / "net.dove")
    loaded = dv.load(tmp_path / "net.dove")
    np.testing.assert_array_equal(loaded.predict_proba(IRIS), model.predict_proba(IRIS))
    assert loaded.get_params() == model.get_params()


def test_a_module_of_the_users_own_is_named_to_load_it(tmp_path):
    model = NetClassifier(Small, optimizer=torch.optim.NAdam, max_epochs=2, random_state=0)
    model.fit(IRIS, NAMES)
    with pytest.raises(BundleError, match="Small, which is code"):
        dv.save(model, tmp_path / "net.dove")
    dv.save(model, tmp_path / "net.dove", trusted=[Small])
    with pytest.raises(BundleError, match="trusted"):
        dv.load(tmp_path / "net.dove")
    loaded = dv.load(tmp_path / "net.dove", trusted=[Small])
    np.testing.assert_array_equal(loaded.predict_proba(IRIS), model.predict_proba(IRIS))
    instance = NetClassifier(Small(4, 3), max_epochs=2).fit(IRIS, NAMES)
    with pytest.raises(BundleError, match="module"):
        dv.save(instance, tmp_path / "other.dove", trusted=[Small])


def test_exported():
    model = NetClassifier(Small, max_epochs=2, random_state=0).fit(IRIS, NAMES)
    X = torch.tensor(IRIS, dtype=torch.float32)
    rows = torch.export.Dim("rows", min=2)
    exported = torch.export.export(model.program_, (X,), dynamic_shapes=({0: rows},)).module()
    torch.testing.assert_close(exported(X[:7]), model.program_(X[:7]))


# -- checkpoints

SCRIPT = """
import sys, time
import numpy as np, torch
from sklearn.datasets import load_breast_cancer
from dovetail.deep import NetClassifier
from tests.deep.modules import Small

class Slow(Small):
    def forward(self, X):
        time.sleep(float(sys.argv[2]))
        return super().forward(X)

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
model = NetClassifier(
    Slow, module__dropout=0.2, max_epochs=12, random_state=None, checkpoint=sys.argv[1],
    resume=True, schedule="cosine", ema=0.9, early_stopping=True, n_iter_no_change=20,
    optimizer=sys.argv[3],
)
np.random.seed(7)
model.fit(X, y)
torch.save(model.program_.module.state_dict(), sys.argv[1] + ".weights")
"""


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_killed_training_goes_on_where_it_was(tmp_path, optimizer):
    """Killed at any moment and resumed, it ends with the very same numbers."""

    def start(path, pause):
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(path), str(pause), optimizer])

    whole = tmp_path / "whole.state"
    assert start(whole, 0).wait(120) == 0
    broken, moments = tmp_path / "broken.state", random.Random(0)
    for _ in range(3):
        worker = start(broken, 0.01)
        deadline = time.monotonic() + 60
        before = broken.stat().st_mtime_ns if broken.exists() else 0
        while time.monotonic() < deadline and worker.poll() is None:
            if broken.exists() and broken.stat().st_mtime_ns != before:
                break
            time.sleep(0.005)
        time.sleep(moments.random() * 0.1)
        if worker.poll() is None:
            os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    assert start(broken, 0).wait(120) == 0
    a, b = (torch.load(f"{p}.weights", weights_only=True) for p in (whole, broken))
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=0)


def test_checkpoints_of_other_data_and_damaged_ones(tmp_path):
    path = tmp_path / "net.state"
    model = NetClassifier(max_epochs=2, random_state=0, checkpoint=path).fit(IRIS, NAMES)
    model.set_params(resume=True, max_epochs=4).fit(IRIS, NAMES)
    assert len(model.history_["loss"]) == 4
    with pytest.raises(DataError, match="is of 150 rows.*now of 100 rows"):
        clone(model).fit(IRIS[:100], NAMES[:100])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BundleError, match="no whole checkpoint"):
        clone(model).fit(IRIS, NAMES)
    assert not list(Path(tmp_path).glob("*.part"))
