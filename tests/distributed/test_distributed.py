"""Several processes learn what one learns from all rows; and when one fails, none hangs."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import dovetail as dv
from dovetail.datasets import load_adult
from dovetail.distributed import Group
from dovetail.errors import DistributedError
from tests.distributed import jobs

HERE = Path(__file__).parent


def start(job, folder, size, *, script="jobs.py", inside=(), address="127.0.0.1"):
    """The processes of a job, started as torchrun starts them.

    script : that has the job
    inside : for each rank the command that runs it elsewhere
    """
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    common = {
        **os.environ,
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]),
    }
    inside = inside or [[]] * size
    return [
        subprocess.Popen(
            [*inside[r], sys.executable, str(HERE / script), job, str(folder)],
            env={**common, "RANK": str(r), "LOCAL_RANK": str(r)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for r in range(size)
    ]


def run(job, folder, size, **how):
    """(exit status, output) of each process."""
    processes = start(job, folder, size, **how)
    try:
        outputs = [p.communicate(timeout=200)[0] for p in processes]
    finally:
        for p in processes:
            p.kill()
    return [(p.returncode, out) for p, out in zip(processes, outputs, strict=True)]


def succeed(job, folder, size, **how):
    for status, output in run(job, folder, size, **how):
        assert status == 0, output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    X, y = load_adult(return_X_y=True)
    frame = X.assign(income=y)[::12]
    for i, part in enumerate(np.array_split(np.arange(len(frame)), 2)):
        table = pa.Table.from_pandas(frame.iloc[part], preserve_index=False)
        pq.write_table(table, folder / f"part-{i}.parquet", row_group_size=[700, 5000][i])
    return folder


@pytest.fixture(scope="module")
def one(folder):
    """What one process learns."""
    with dv.config(verbosity=0):
        jobs.fits(folder)
    with np.load(folder / "learned-0.npz") as learned:
        return dict(learned)


def agree(folder, one, size):
    first = None
    for rank in range(size):
        with np.load(folder / f"learned-{rank}.npz") as learned:
            found = dict(learned)
        if first is not None:
            for name in set(one) - {"alone"}:
                assert_array_equal(found[name], first[name], err_msg=name)  # to the last bit
        first = found
        for name in set(one) - {"alone"}:
            if one[name].dtype.kind == "U":
                assert_array_equal(found[name], one[name])
                continue
            atol = 1e-9 * np.abs(one[name]).max()
            assert_allclose(found[name], one[name], rtol=1e-6, atol=atol, err_msg=name)
        assert found["alone"][0] < one["alone"][0]


def test_three_processes_learn_what_one_learns(folder, one):
    succeed("fits", folder, 3)
    agree(folder, one, 3)


def torchrun(job, folder, *, script="jobs.py", restarts=0):
    """Two processes of a job, as torchrun starts them, all of which end well."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--max-restarts", str(restarts), "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(HERE / script), job, str(folder)],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "KILLED": str(folder / "was-killed"),
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr


def test_two_processes_that_torchrun_starts(folder, one):
    torchrun("fits", folder)
    agree(folder, one, 2)


def test_processes_without_rows(folder):
    with dv.config(verbosity=0):
        jobs.empty(folder)
    with np.load(folder / "empty-0.npz") as learned:
        one = dict(learned)
    succeed("empty", folder, 3)
    for rank in range(3):
        with np.load(folder / f"empty-{rank}.npz") as learned:
            for name, expected in one.items():
                assert_allclose(learned[name], expected, rtol=1e-6, atol=1e-9)


def test_an_error_in_one_process_stops_all(folder):
    (_, first), (_, second) = run("bad", folder, 2)
    assert "The process of rank 1 failed, so this one stops too" in first
    assert "contains NaN" in second


def test_other_columns_in_other_processes(folder):
    for status, output in run("widths", folder, 2):
        assert status == 1
        assert "The processes give other columns to the same fit" in output


def test_a_killed_process_stops_the_others(folder):
    begin = time.monotonic()
    (first, output), (second, _) = run("killed", folder, 2)
    assert second == -9
    assert first == 1
    assert "Lost contact with the other processes" in output
    assert time.monotonic() - begin < 100


def test_a_process_that_hangs_stops_the_others(folder):
    processes = start("hung", folder, 2)
    try:
        output, _ = processes[0].communicate(timeout=100)
    finally:
        processes[1].kill()
        processes[1].communicate()
    assert processes[0].returncode == 1
    assert "Lost contact with the other processes" in output


def test_hosts_in_separate_networks(folder, one):
    """Two network namespaces joined by a cable stand for two machines."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("needs root and the command ip, to make network namespaces")
    names = [f"dv{os.getpid()}{side}" for side in "ab"]
    try:
        made = subprocess.run(["ip", "netns", "add", names[0]], capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"network namespaces cannot be made here: {made.stderr.strip()}")
        _ip("netns", "add", names[1])
        _ip(
            *("link", "add", names[0], "netns", names[0], "type", "veth"),
            *("peer", "name", names[1], "netns", names[1]),
        )
        for i, name in enumerate(names):
            _ip("-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", name)
            _ip("-n", name, "link", "set", name, "up")
            _ip("-n", name, "link", "set", "lo", "up")
        inside = [
            ["ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={name}"] for name in names
        ]
        succeed("fits", folder, 2, inside=inside, address="10.77.0.1")
        agree(folder, one, 2)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


# -- without processes


def test_a_script_by_itself_is_one_process(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    assert dv.distributed.init() == Group(0, 1)
    assert (dv.distributed.rank(), dv.distributed.size()) == (0, 1)


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_shares_are_all_rows_once(monkeypatch, n):
    X = np.arange(3 * n).reshape(n, 3)
    parts = []
    for rank in range(3):
        monkeypatch.setattr("dovetail.distributed._current", Group(rank, 3))
        part, table, nothing = dv.distributed.share(X, pa.table({"x": X[:, 0]}), None)
        assert nothing is None
        assert_array_equal(table["x"].to_numpy(), part[:, 0])
        parts.append(part)
    assert_array_equal(np.concatenate(parts), X)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_master_that_is_not_there(monkeypatch):
    for name, value in {
        "RANK": "1",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "9",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DistributedError, match="Lost contact"):
        dv.distributed.init(timeout=1.0)
