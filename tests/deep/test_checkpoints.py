"""Training that is interrupted."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.base import clone

import dovetail as dv
from dovetail.deep import NetClassifier, NetRegressor
from dovetail.errors import BundleError, DataError
from tests.deep.data import CANCER, IRIS, NAMES, assert_same_numbers
from tests.deep.killed import trained
from tests.deep.modules import Small

ROOT = Path(__file__).parents[2]


def test_a_killed_training_goes_on_where_it_was(tmp_path):
    """Killed at any moment, within an epoch, and resumed, it ends with the very same numbers."""
    path = tmp_path / "net.state"
    worker = subprocess.Popen([sys.executable, "-m", "tests.deep.killed", path], cwd=ROOT)
    deadline = time.monotonic() + 300
    while not path.exists():
        assert worker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(random.Random(time.time_ns()).random() * 0.2)
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    whole, resumed = trained(tmp_path / "whole.state"), trained(path)
    assert_same_numbers(whole, resumed)
    assert resumed.n_iter_ == whole.n_iter_ == 8
    assert resumed.history_["loss"] == whole.history_["loss"]


class Stopped(Exception):
    """In the place of a power cut."""


class Fragile(Small):
    """Fails once, in the call of a number."""

    left = -1

    def forward(self, X):
        if self.training:
            type(self).left -= 1
            if type(self).left == 0:
                raise Stopped
        return super().forward(X)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "muon"},
        {"optimizer": "sgd", "optimizer__momentum": 0.8},
        {"optimizer": torch.optim.NAdam, "warmup": 0.3},
        {"precision": "fp16", "clip_norm": 1.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("call", [4, 13])
def test_interrupted_at_any_batch(tmp_path, options, call):
    given = {"max_epochs": 3, "batch_size": 32, "random_state": 3, "module__dropout": 0.3}
    whole = NetClassifier(Fragile, **given, **options).fit(IRIS, NAMES)
    kept = {"checkpoint": tmp_path / "net.state", "checkpoint_minutes": 1e-9, "resume": True}
    model = NetClassifier(Fragile, **given, **options, **kept)
    Fragile.left = call
    with pytest.raises(Stopped):
        model.fit(IRIS, NAMES)
    assert_same_numbers(whole, model.fit(IRIS, NAMES))


def test_a_scan_is_gone_on_with(tmp_path):
    X = CANCER[:, :4]
    table = pa.table({f"x{j}": X[:, j] for j in range(4)} | {"y": X @ np.ones(4)})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=100)
    rows = dv.scan_parquet(tmp_path / "rows.parquet", "y", block_rows=100)
    given = {"max_epochs": 3, "batch_size": 64, "random_state": 3}
    whole = NetRegressor(Fragile, **given).fit(rows)
    kept = {"checkpoint": tmp_path / "net.state", "checkpoint_minutes": 1e-9, "resume": True}
    Fragile.left = 14
    with pytest.raises(Stopped):
        NetRegressor(Fragile, **given, **kept).fit(rows)
    assert_same_numbers(whole, NetRegressor(Fragile, **given, **kept).fit(rows))


def test_what_a_training_that_ended_is_gone_on_with(tmp_path):
    given = {"checkpoint": tmp_path / "net.state", "random_state": 0}
    stopped = {"early_stopping": True, "n_iter_no_change": 3, "lr": 0.1, "max_epochs": 100}
    model = NetClassifier(**given, **stopped).fit(IRIS, NAMES)
    again = clone(model).set_params(resume=True).fit(IRIS, NAMES)
    assert_same_numbers(model, again)
    assert again.n_iter_ == model.n_iter_ < 100


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
