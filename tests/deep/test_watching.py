"""What is seen of a training: history, pictures, other programs, time budgets, learning rates."""

import sys
import time
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

import dovetail as dv
from dovetail.deep import (
    Autoencoder,
    ImageClassifier,
    MLflow,
    NetClassifier,
    NetRegressor,
    TensorBoard,
    TextClassifier,
    TrainingDisplay,
    find_lr,
)
from dovetail.errors import MissingDependencyError
from dovetail.solve.loop import Watch
from tests.deep.data import BENIGN, CANCER, IRIS, NAMES, assert_same_numbers
from tests.deep.modules import Small

matplotlib.use("Agg")


def test_history_is_plain_data_and_a_picture():
    pd = pytest.importorskip("pandas")
    model = NetClassifier(max_epochs=4, early_stopping=True, random_state=0).fit(IRIS, NAMES)
    frame = pd.DataFrame(model.history_)
    assert list(frame.epoch) == [1, 2, 3, 4]
    assert {"loss", "validation_score", "learning_rate", "seconds"} <= set(frame.columns)
    display = TrainingDisplay.from_estimator(model)
    assert [line.get_label() for line in display.lines_] == [
        "NetClassifier: loss", "NetClassifier: validation loss",
    ]  # fmt: skip
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), model.history_["loss"])
    with pytest.raises(AttributeError, match="before fit"):
        NetClassifier().history_


def test_a_watch_is_told_and_may_stop():
    class Enough(Watch):
        def end(self, n_iter, value, record):
            return record["loss"] < 0.5

    model = NetClassifier(lr=0.01, max_epochs=200, watch=Enough(), random_state=0)
    model.fit(IRIS, NAMES)
    assert model.history_["loss"][-1] < 0.5 <= model.history_["loss"][-2]


def test_tensorboard_and_mlflow_are_told(monkeypatch, tmp_path):
    told = []

    class Writer:
        def __init__(self, folder):
            told.append(folder)

        def add_scalar(self, name, number, epoch):
            told.append((name, number, epoch))

        def flush(self):
            told.append("flush")

    board = SimpleNamespace(SummaryWriter=Writer)
    flow = SimpleNamespace(log_metrics=lambda record, step: told.append((record["loss"], step)))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
    monkeypatch.setitem(sys.modules, "mlflow", flow)
    model = NetClassifier(watch=TensorBoard(tmp_path / "run"), max_epochs=2, random_state=0)
    losses = model.fit(IRIS, NAMES).history_["loss"]
    assert told[0] == str(tmp_path / "run")
    assert [t for t in told if t[0] == "loss"] == [("loss", losses[0], 1), ("loss", losses[1], 2)]
    told.clear()
    clone(model).set_params(watch=MLflow()).fit(IRIS, NAMES)
    assert told == [(losses[0], 1), (losses[1], 2)]


@pytest.mark.parametrize(
    ("watch", "module"), [(TensorBoard("x"), "torch.utils.tensorboard"), (MLflow(), "mlflow")]
)
def test_without_the_package_the_command_is_said(monkeypatch, watch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match="pip install (tensorboard|mlflow)$"):
        NetClassifier(watch=watch, max_epochs=1).fit(IRIS, NAMES)


def test_a_time_budget_holds_within_an_epoch():
    class Slow(Small):
        def forward(self, X):
            time.sleep(0.02)
            return super().forward(X)

    model = NetClassifier(Slow, batch_size=2, max_epochs=5, random_state=0)
    with dv.config(time_budget=0.2), pytest.warns(ConvergenceWarning, match="time budget"):
        model.fit(CANCER, BENIGN)  # an epoch takes five seconds
    assert model.n_iter_ == 1
    assert model.history_["seconds"][0] < 3


def test_a_learning_rate_is_found():
    net = NetClassifier(batch_size=32, random_state=0, schedule="cosine")
    sweep = find_lr(net, IRIS, NAMES)
    assert 1e-4 < sweep.lr < 0.2
    assert len(sweep.rates) == len(sweep.losses)
    assert sweep.losses[-1] > sweep.losses.min()
    assert not hasattr(net, "program_")
    assert net.lr == 1e-3
    again = find_lr(net, IRIS, NAMES)
    np.testing.assert_array_equal(sweep.losses, again.losses)
    assert sweep.plot().get_xscale() == "log"
    tuned = clone(net).set_params(lr=sweep.lr, max_epochs=20).fit(IRIS, NAMES)
    assert tuned.score(IRIS, NAMES) > 0.95
    with pytest.raises(ValueError, match="no single learning rate"):
        find_lr(NetClassifier(optimizer="lbfgs"), IRIS, NAMES)
    with pytest.raises(ValueError, match="0 < low < high"):
        find_lr(net, IRIS, NAMES, low=1.0, high=0.1)


def test_a_learning_rate_is_found_for_every_kind_of_net():
    digits = load_digits()
    small = {"width": 4, "random_state": 0}
    for net, X, y in (
        (NetRegressor(random_state=0), IRIS[:, :3], IRIS[:, 3]),
        (ImageClassifier(**small), digits.images[:200], digits.target[:200]),
        (Autoencoder(2, hidden=(8,), random_state=0), IRIS, None),
        (
            TextClassifier(depth=1, heads=1, **small),
            [f"a text {i % 7}" for i in range(80)],
            [0, 1] * 40,
        ),
    ):
        sweep = find_lr(net, X, y, steps=20)
        assert len(sweep.losses) > 5
        assert np.isfinite(sweep.losses).all()


def test_verbose_is_a_line_an_epoch(capsys):
    model = NetClassifier(max_epochs=2, verbose=True, random_state=0).fit(IRIS, NAMES)
    assert capsys.readouterr().out.count("loss = ") == 2
    quiet = NetClassifier(max_epochs=2, random_state=0).fit(IRIS, NAMES)
    assert_same_numbers(model, quiet)
