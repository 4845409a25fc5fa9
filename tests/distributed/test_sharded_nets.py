"""Nets whose numbers are spread over processes are those that one process trains."""

import socket

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

import dovetail as dv
from dovetail.deep import NetClassifier
from dovetail.deep._holding import Sharded, _layers
from dovetail.deep._optimizers import one_by_one
from dovetail.deep._sharing import advised, fits
from dovetail.distributed import Group
from dovetail.errors import BundleError
from tests.distributed import shard_jobs
from tests.distributed.net_jobs import BENIGN, CANCER, numbers
from tests.distributed.shard_jobs import LONG, STOPPED
from tests.distributed.test_distributed import succeed, torchrun
from tests.distributed.test_nets import folder, read  # noqa: F401

ALIKE = ("scan", "norms", "half", "warm", "diverged")


def ports(n):
    """Free ones."""
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    found = [str(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return " ".join(found)


@pytest.fixture(scope="module")
def found(folder):  # noqa: F811
    """What each of three processes learns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PORTS", ports(2))
        succeed("nets", folder, 3, script="shard_jobs.py")
    return [read(folder / f"shards-{rank}.npz") for rank in range(3)]


def test_three_processes_train_the_net_that_one_trains(found):
    with dv.config(verbosity=0):
        one = shard_jobs.exact()
    for name in found[0]:
        for other in found[1:]:
            if name != "failures":
                assert_array_equal(found[0][name], other[name], err_msg=name)  # to the last bit
    for name, model in one.items():
        assert_allclose(found[0][name], numbers(model), rtol=1e-9, atol=1e-12, err_msg=name)
        losses = model.history_["loss"]
        assert_allclose(found[0][f"losses of {name}"], losses, rtol=1e-9, err_msg=name)
    for name in ("held out", "given"):
        scores = one[name].history_["validation_score"]
        assert_allclose(found[0][f"scores of {name}"], scores, rtol=1e-9, err_msg=name)
    for name in ALIKE:
        assert np.isfinite(found[0][name]).all()
    for name in ("scan", "half"):
        assert found[0][f"losses of {name}"][-1] < 0.5 * found[0][f"losses of {name}"][0]


def test_a_checkpoint_is_gone_on_with_by_other_numbers_of_processes(found, folder):  # noqa: F811
    """By three from within an epoch of two; by one from two, and by three from that."""
    plain = {**STOPPED, "checkpoint_minutes": None}
    for name, options in [("resumed", plain), ("sgd resumed", {**LONG, "optimizer": "sgd"})]:
        model = NetClassifier(**options).fit(CANCER, BENIGN)
        losses = found[0][f"losses of {name}"]
        assert_allclose(losses, model.history_["loss"], rtol=1e-9, err_msg=name)
        assert_allclose(found[0][name], numbers(model), rtol=1e-9, atol=1e-12, err_msg=name)
    assert not (folder / "sgd.state").exists()  # of the one process
    (entry,) = (folder / "sgd.state.shards").iterdir()
    names = {p.name for p in entry.iterdir()}
    assert {"state"} < names
    assert all(name.endswith(".safetensors") for name in names - {"state"})  # no pickle
    shard = max(entry.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:100])
    again = NetClassifier(**LONG, optimizer="sgd", checkpoint=folder / "sgd.state", resume=True)
    with pytest.raises(BundleError, match=r"sgd.state.shards.* is no whole checkpoint"):
        again.fit(CANCER, BENIGN)
    with pytest.raises(BundleError, match="is no whole checkpoint"):
        shard.unlink()
        again.fit(CANCER, BENIGN)


def test_sharded_where_it_does_not_fit(found):
    assert found[0]["chosen"].tolist() == [True, False, False, False]  # Muon needs whole matrices


def test_what_cannot_be_meant(found):
    muon, lbfgs, compiled, single, own, other, partial = found[0]["refused"]
    for said, what in [
        (muon, "optimizer='muon'"), (lbfgs, "optimizer='lbfgs'"), (compiled, "compile=True"),
        (single, "The parameter scale, which has no dimension to cut,"), (partial, "partial_fit"),
    ]:  # fmt: skip
        assert said.startswith(f"ValueError: {what} needs all numbers of a net in one place")
    assert "A step with backward passes of its own needs whole batches" in own
    assert "The checkpoint is of" in other
    assert "but now of" in other


def test_a_failure_of_one_process_is_heard_of_in_all(found):
    for each in found[:2]:
        rows, step = each["failures"]
        assert "DistributedError: The process of rank 2 failed, so this one stops too" in rows
        assert step.startswith("DistributedError: Lost contact with the other processes")
    rows, step = found[2]["failures"]
    assert "contains NaN" in rows
    assert step == "ZeroDivisionError: the third step"


@pytest.mark.slow
def test_torchrun_starts_a_killed_worker_again(folder):  # noqa: F811
    torchrun("killed", folder, script="shard_jobs.py", restarts=1)
    assert (folder / "was-killed").exists()
    whole = NetClassifier(**LONG).fit(CANCER, BENIGN)
    for rank in range(2):
        learned = read(folder / f"killed-{rank}.npz")
        assert learned["steps"] == 6  # two of the four epochs, of three steps each
        assert_allclose(learned["numbers"], numbers(whole), rtol=1e-9, atol=1e-12)


# -- without processes


def test_layers():
    module = shard_jobs.Blocks(3, 2)
    assert _layers(module) == [module.blocks[0], module.blocks[1]]  # the third shares a parameter
    deep = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), module, nn.ModuleList())
    assert _layers(deep)[:1] == [deep[0]]
    assert module.blocks[0] in _layers(deep)


def test_which_optimizers_do_with_a_part():
    assert all(map(one_by_one, ("adam", "adamw", "sgd", torch.optim.Adagrad)))
    assert not any(map(one_by_one, ("muon", "lbfgs", torch.optim.Adafactor, torch.optim.LBFGS)))


def test_a_callback_sees_no_model():
    with pytest.raises(ValueError, match="fit with dv.config"):
        Sharded.twin(object(), torch.zeros(1))


def test_memory_of_a_gpu(monkeypatch):
    net, gpu = nn.Linear(99, 10), torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (20_000, 80_000))
    assert fits(net, gpu, 3)  # of 4,000 bytes each
    assert not fits(net, gpu, 4)
    assert fits(net, torch.device("cpu"), 10**9)
    for group, noted in [(Group(0, 2), True), (None, False)]:
        with pytest.raises(torch.OutOfMemoryError) as caught, advised(group):
            raise torch.OutOfMemoryError
        notes = getattr(caught.value, "__notes__", [])
        assert any("dv.config(sharding=True)" in note for note in notes) == noted
