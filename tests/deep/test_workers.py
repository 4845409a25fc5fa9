"""Nets that `dv.config(devices=...)` trains: by processes that are started for the fit."""

import subprocess
import sys
import types

import numpy as np
import pytest
from torch import nn

import dovetail as dv
from dovetail.datasets import example
from dovetail.deep import NetClassifier
from dovetail.errors import DataError
from dovetail.nn.dense import Dense
from tests.distributed.net_jobs import EXACT, IRIS, NAMES, WEIGHTS, numbers

QUICK = {**EXACT, "max_epochs": 3, "batch_size": 32}


class Failing(Dense):
    """Fails in training."""

    def forward(self, X):
        raise ZeroDivisionError(f"of {len(X)} rows")


def test_processes_train_the_net_that_one_trains():
    given = {**QUICK, "validation_data": (IRIS[::2], NAMES[::2])}
    one = NetClassifier(**given).fit(IRIS, NAMES, WEIGHTS)
    with dv.config(devices=2):
        two = NetClassifier(**given).fit(IRIS, NAMES, WEIGHTS)
    np.testing.assert_allclose(numbers(two), numbers(one), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(two.predict_proba(IRIS), one.predict_proba(IRIS), rtol=1e-9)
    for name in ("loss", "validation_score", "learning_rate"):
        np.testing.assert_allclose(two.history_[name], one.history_[name], rtol=1e-12)
    assert two.get_params() == one.get_params()
    one.partial_fit(IRIS, NAMES)  # what was learned by processes is gone on with in this one
    two.partial_fit(IRIS, NAMES)
    np.testing.assert_allclose(numbers(two), numbers(one), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_processes_that_hold_parts_of_the_net():
    one = NetClassifier(**QUICK).fit(IRIS, NAMES)
    with dv.config(devices=2, sharding=True):
        two = NetClassifier(**QUICK).fit(IRIS, NAMES)
        np.testing.assert_allclose(numbers(two), numbers(one), rtol=1e-9, atol=1e-12)
        with pytest.raises(ValueError, match="optimizer='muon' needs all numbers"):
            two.set_params(optimizer="muon").fit(IRIS, NAMES)


@pytest.mark.slow
def test_an_error_of_a_process_is_raised():
    with dv.config(devices=2), pytest.raises(ZeroDivisionError, match="rows"):
        NetClassifier(Failing, **QUICK).fit(IRIS, NAMES)


SCRIPT = """
import dovetail as dv
from dovetail.deep import NetClassifier
from dovetail.nn.dense import Dense

class Own(Dense):
    pass

if {guard}:
    dv.config(devices=2)
    NetClassifier(Own, max_epochs=2).fit([[0.0], [1.0]] * 9, [0, 1] * 9)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("guard", "status"), [("True", 1), ("__name__ == '__main__'", 0)])
def test_a_script_without_a_guard_says_what_to_do(tmp_path, guard, status):
    """With one, the modules of its own are found."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(guard=guard))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=250)
    assert done.returncode == status, done.stderr
    assert ("must stand under `if __name__" in done.stderr) == bool(status)


def test_mistakes(monkeypatch):
    with dv.config(devices=2):
        with pytest.raises(ValueError, match="no lambda"):
            NetClassifier(lambda n_features: nn.Linear(n_features, 3)).fit(IRIS, NAMES)
        rows = dv.scan_parquet(example("adult").path, "income", columns=["age"])
        with pytest.raises(DataError, match="Fit a scan under torchrun"):
            NetClassifier().fit(rows)
        with pytest.raises(ValueError, match="devices must be"):
            dv.config(devices=0)
        local = type("Local", (Dense,), {"__module__": "__main__"})
        monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
        with pytest.raises(ValueError, match="module=Local is defined in a notebook"):
            NetClassifier(local).fit(IRIS, NAMES)
