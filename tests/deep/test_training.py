"""How nets are trained."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data
from torch import nn

from dovetail.data.batches import Batch
from dovetail.deep import NetClassifier, NetRegressor
from dovetail.errors import DataError
from dovetail.nn.dense import Dense
from tests.deep.data import (
    BENIGN,
    CANCER,
    IRIS,
    NAMES,
    PATIENTS,
    PROGRESS,
    SPECIES,
    assert_same_numbers,
    state_of,
)
from tests.deep.modules import Small


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


def test_batches_are_changed_before_each_step_alone():
    """The seam of augmentation: mixed rows and soft targets, never in validation."""
    seen = []

    class Mixed(NetClassifier):
        def _augment(self, batch, generator):
            other = torch.randperm(len(batch), generator=generator)
            share = torch.rand((), generator=generator)
            seen.append(float(share))
            y = nn.functional.one_hot(batch.y, 3).float()
            X = share * batch.X + (1 - share) * batch.X[other]
            return Batch(X, share * y + (1 - share) * y[other], batch.w)

    options = {"max_epochs": 40, "lr": 0.02, "batch_size": 32, "random_state": 0}
    model = Mixed(early_stopping=True, n_iter_no_change=40, **options).fit(IRIS, NAMES)
    assert model.score(IRIS, NAMES) > 0.93
    assert len(seen) == 40 * 5 == 200  # 135 rows in batches of 32
    drawn, seen[:] = seen[:], []
    assert_same_numbers(model, clone(model).fit(IRIS, NAMES))
    assert seen == drawn


def test_outputs_of_layers_are_computed_again_instead_of_kept():
    calls = []

    class Counted(nn.Linear):
        def forward(self, X):
            calls.append(torch.is_grad_enabled())
            return super().forward(X)

    def module(n_features, n_outputs):
        inner = [Counted(n_features, 16), nn.Dropout(0.2), nn.ReLU()]
        return nn.Sequential(nn.Sequential(*inner), nn.Linear(16, n_outputs))

    found, counts = [], []
    for recompute in (False, True):
        calls.clear()
        model = NetClassifier(module, recompute=recompute, max_epochs=2, random_state=0)
        found.append(model.fit(IRIS, NAMES))
        counts.append(len(calls))
    assert counts == [4, 8]  # two batches an epoch, forward and again in the backward pass
    assert_same_numbers(*found)
    assert not any("forward" in vars(m) for m in found[1].program_.modules())
    with pytest.raises(ValueError, match="Linear has none"):
        NetClassifier(lambda: nn.Linear(4, 3), recompute=True).fit(IRIS, NAMES)


def test_parameters_without_effect_are_refused():
    with pytest.raises(ValueError, match="clip_norm=1.0 has no effect beside optimizer='lbfgs'"):
        NetClassifier(optimizer="lbfgs", clip_norm=1.0).fit(IRIS, NAMES)
    with pytest.raises(ValueError, match="accumulate=2 has no effect"):
        NetClassifier(optimizer={"layers": "adam"}, accumulate=2).fit(IRIS, NAMES)
    with pytest.raises(ValueError, match="names no part of Dense, which has layers"):
        NetClassifier(optimizer={"layer": "adam"}).fit(IRIS, NAMES)
    with pytest.raises(ValueError, match="must be one of 'adam'.*Got 'adan'"):
        NetClassifier(optimizer="adan").fit(IRIS, NAMES)


def test_norms_and_biases_do_not_decay():
    """Steps of almost nothing leave them; weights shrink."""
    options = {"lr": 1e-12, "weight_decay": 1e10, "max_epochs": 1, "batch_size": 150}
    plain = {"optimizer__momentum": 0.0, "optimizer__nesterov": False}
    for optimizer, more in (("adamw", {}), ("sgd", plain), (torch.optim.AdamW, {})):
        torch.manual_seed(0)
        net = Small(4, 3)
        model = NetClassifier(net, optimizer=optimizer, **options, **more).fit(IRIS, NAMES)
        for name, value in net.state_dict().items():
            learned = state_of(model)[name]
            if value.ndim == 2:
                torch.testing.assert_close(learned, 0.99 * value)
            elif "running" not in name and "tracked" not in name:
                torch.testing.assert_close(learned, value)
