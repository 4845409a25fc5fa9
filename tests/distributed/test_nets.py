"""Nets that several processes train are those that one trains; and a killed training goes on."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dovetail as dv
from dovetail.data.batches import Batch, Batches
from dovetail.data.epochs import InMemory
from dovetail.data.shared_epochs import SharedBlocks, SharedRows
from dovetail.deep import NetClassifier
from dovetail.nn.dense import Dense
from tests.distributed import net_jobs
from tests.distributed.net_jobs import BENIGN, CANCER, EXACT, numbers
from tests.distributed.test_distributed import succeed, torchrun

OTHERWISE = ("scan", "norms", "instance", "diverged", "accuracy", "failures")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets")
    names = [f"x{i}" for i in range(CANCER.shape[1])]
    frame = pd.DataFrame(CANCER, columns=names).assign(y=BENIGN, w=np.arange(len(CANCER)) % 5 > 0)
    frame["w"] = frame["w"].astype(float)
    for i, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[part].to_parquet(folder / f"part-{i}.parquet", row_group_size=130)
    frame.iloc[-1, 0] = np.nan
    frame.drop(columns="w").to_parquet(folder / "spoiled.parquet", row_group_size=150)
    return folder


def read(path):
    with np.load(path) as learned:
        return dict(learned)


@pytest.fixture(scope="module")
def one(folder):
    """What one process learns."""
    with dv.config(verbosity=0):
        net_jobs.nets(folder)
    (folder / "net.state").unlink()
    return read(folder / "nets-0.npz")


def test_three_processes_train_the_net_that_one_trains(folder, one):
    succeed("nets", folder, 3, script="net_jobs.py")
    first, *others = (read(folder / f"nets-{rank}.npz") for rank in range(3))
    for name, expected in one.items():
        for other in others:
            assert_array_equal(first[name], other[name], err_msg=name)  # to the last bit
        if not name.endswith(OTHERWISE):
            assert_allclose(first[name], expected, rtol=1e-9, atol=1e-12, err_msg=name)
    assert first["losses of scan"][-1] < 0.5 * first["losses of scan"][0]
    assert np.isfinite(first["diverged"]).all()
    assert first["accuracy"].min() > 0.9


def test_a_failure_of_one_process_is_heard_of_in_all(folder, one):
    found = [read(folder / f"nets-{rank}.npz")["failures"].tolist() for rank in range(3)]
    for said in found[:2]:
        assert len(said) == 4
        for words in said[:3]:
            assert "DistributedError: The process of rank 2 failed, so this one stops too" in words
    step, rows, block, parts = found[2]
    assert step == "ZeroDivisionError: the seventh step"
    assert "contains NaN" in rows
    assert "contains NaN" in block
    assert all(said[3] == parts for said in found)
    assert "are taken by one process" in parts


def test_a_checkpoint_of_a_group_is_gone_on_with_by_one(folder, one):
    """That of the test above, after two of four epochs."""
    options = {**EXACT, "batch_size": 64, "max_epochs": 4}
    whole = NetClassifier(**options).fit(CANCER, BENIGN)
    path = folder / "plain.state"
    again = NetClassifier(**options, checkpoint=path, resume=True).fit(CANCER, BENIGN)
    assert len(again.history_["loss"]) == 4
    assert_allclose(numbers(again), numbers(whole), rtol=1e-9, atol=1e-12)


def test_torchrun_starts_a_killed_worker_again(folder):
    torchrun("killed", folder, script="net_jobs.py", restarts=1)
    assert (folder / "was-killed").exists()
    whole = NetClassifier(Dense, **EXACT, batch_size=128, max_epochs=6).fit(CANCER, BENIGN)
    for rank in range(2):
        found = read(folder / f"killed-{rank}.npz")
        assert found["steps"] == 20  # four of the six epochs, of five steps each
        assert_allclose(found["numbers"], numbers(whole), rtol=1e-9, atol=1e-12)


# -- without processes


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("size", [1, 3, 4, 10, 13])
@pytest.mark.parametrize("counts", [[5, 0, 8], [0, 0, 13], [13, 0, 0]])
def test_parts_of_batches(counts, size, seed):
    rows = Batch(torch.arange(13.0)[:, None], torch.arange(13))
    ends = np.cumsum([0, *counts])
    processes = [
        SharedRows(rows.rows(ends[r], ends[r + 1]), size, r, counts) for r in range(len(counts))
    ]
    steps = processes[0].steps
    for done in {0, steps - 1}:
        whole = list(InMemory(rows, size).batches(seed, done))
        parts = [list(p.batches(seed, done)) for p in processes]
        assert len(whole) == steps - done
        for i, batch in enumerate(whole):
            mine = torch.cat([part[i].y for part in parts])
            assert sorted(mine.tolist()) == sorted(batch.y.tolist())
            assert all(p.rows(done + i) == len(batch) for p in processes)


class Blocks:
    """Rows in blocks of two, some without rows."""

    def __init__(self, rows):
        self.rows, self.head = rows, rows.rows(0, 0)

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        yield from self.rows.split(2)
        yield self.head

    def kept(self):
        return self


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("counts", [[5, 0, 9], [1, 1, 1], [1, 30, 1]])
@pytest.mark.parametrize("size", [2, 5])
def test_parts_of_what_is_read_in_blocks(counts, size, seed):
    n = sum(counts)
    rows = Batch(torch.arange(float(n))[:, None], torch.arange(n))
    ends = np.cumsum([0, *counts])
    seen, sizes = [], []
    for r in range(3):
        mine = Batches(Blocks(rows.rows(ends[r], ends[r + 1])))
        process = SharedBlocks(mine, size, r, counts)
        parts = list(process.batches(seed))
        assert [p.y.tolist() for p in process.batches(seed, 1)] == [p.y.tolist() for p in parts[1:]]
        seen += torch.cat([part.y for part in parts]).tolist()
        sizes.append([len(part) for part in parts])
    assert sorted(seen) == list(range(n))
    totals = np.sum(sizes, 0).tolist()
    assert totals == [process.rows(i) for i in range(process.steps)]
    assert min(totals) > 0
