"""What the processes of the tests of sharded nets run: `python shard_jobs.py JOB FOLDER`."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

import dovetail as dv
from dovetail.deep import NetClassifier, NetRegressor, _sharing
from dovetail.distributed import alone, rank, share, size
from tests.deep.modules import Small
from tests.distributed.net_jobs import (
    BENIGN,
    CANCER,
    EXACT,
    IRIS,
    NAMES,
    PATIENTS,
    PROGRESS,
    WEIGHTS,
    numbers,
    squared,
    uneven,
)


class Blocks(nn.Module):
    """Blocks in a ModuleList, each with a list of its own; a shared and a frozen parameter."""

    steps, last = 0, None  # of those that all processes fail in

    def __init__(self, n_features, n_outputs, width=6):
        super().__init__()
        self.first = nn.Linear(n_features, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
            for _ in range(2)
        )
        self.blocks.append(nn.Linear(width, width))
        self.mixed = self.blocks[2].weight
        self.out = nn.Linear(width, n_outputs)
        self.shift = nn.Parameter(torch.ones(n_outputs), requires_grad=False)

    def forward(self, X):
        Blocks.steps += self.training
        if Blocks.steps == Blocks.last:
            raise InterruptedError
        out = self.first(X)
        for block in self.blocks:
            out = out + block(out @ self.mixed)
        return self.out(out) + self.shift


SMALL = {"module": Blocks, **EXACT, "batch_size": 75, "max_epochs": 2}
LONG = {**SMALL, "lr": 0.05, "batch_size": 190, "max_epochs": 4}
STOPPED = {**LONG, "early_stopping": True, "ema": 0.5, "checkpoint_minutes": 1e-9}


def exact():
    """name: model. What one process learns."""
    X, y, w = share(IRIS, NAMES, WEIGHTS)
    few = uneven(IRIS[:60:6], NAMES[:60:6])
    return {
        "weights": NetClassifier(
            **SMALL, class_weight="balanced", clip_norm=0.1, ema=0.9, schedule="cosine"
        ).fit(X, y, w),
        "in order": NetClassifier(**SMALL, shuffle=False, accumulate=3, recompute=True).fit(X, y),
        "sgd": NetRegressor(**SMALL | {"step": squared, "optimizer": "sgd"}).fit(
            *uneven(PATIENTS, PROGRESS)
        ),
        "few": NetClassifier(**SMALL | {"batch_size": 3, "optimizer": torch.optim.RMSprop}).fit(
            *few
        ),
        "held out": NetClassifier(**LONG, early_stopping=True, ema=0.5).fit(
            *uneven(CANCER, BENIGN)
        ),
        "given": NetRegressor(**SMALL, validation_data=uneven(PATIENTS[::3], PROGRESS[::3])).fit(
            *share(PATIENTS, PROGRESS)
        ),
    }


def alike(folder):
    """name: model. The same in all processes, but another than one process would learn."""
    rows = dv.scan_parquet(folder / "part-*.parquet", "y", sample_weight="w", block_rows=100)
    X, y = uneven(CANCER, BENIGN)
    half = NetClassifier(**LONG | {"dtype": "float32"}, precision="fp16")
    return {
        "scan": NetClassifier(**LONG).fit(rows),
        "norms": NetClassifier(
            Small, **EXACT, module__dropout=0.2, max_epochs=2, batch_size=64, early_stopping=True
        ).fit(X, y),
        "half": half.fit(X, y),
        "warm": half.set_params(warm_start=True, max_epochs=1).fit(X, y),
        "diverged": NetClassifier(**LONG | {"lr": 1e200}).fit(X, y),
    }


def nets(folder):
    """All of the above, one file for each process; before that, what two of them leave to one and
    to three.
    """
    if int(os.environ["RANK"]) < 2:
        of_size(2, 0)
        interrupted(folder)
    of_size(3, 1)
    models = {**exact(), **resumed(folder), **alike(folder)}
    found = {name: numbers(model) for name, model in models.items()}
    found |= {f"losses of {name}": model.history_["loss"] for name, model in models.items()}
    for name in ("held out", "given", "norms"):
        found[f"scores of {name}"] = models[name].history_["validation_score"]
    found["chosen"] = chosen(folder)
    found["refused"] = refused(folder)
    found["failures"] = failures()
    np.savez(folder / f"shards-{rank()}.npz", **found)


def of_size(n, meeting):
    """Make a group of the first n processes."""
    if dist.is_initialized():
        dist.destroy_process_group()
    os.environ |= {"WORLD_SIZE": str(n), "MASTER_PORT": os.environ["PORTS"].split()[meeting]}
    dv.distributed.init(timeout=60.0)


def interrupted(folder):
    """Checkpoints of two processes: within the third epoch, and after the second."""
    X, y = share(CANCER, BENIGN)
    Blocks.last = Blocks.steps + 2 * 3 + 3  # of three an epoch
    try:
        NetClassifier(**STOPPED, checkpoint=folder / "stopped.state").fit(X, y)
    except InterruptedError:
        Blocks.last = None
    sgd = {**LONG, "optimizer": "sgd", "max_epochs": 2}
    NetClassifier(**sgd, checkpoint=folder / "sgd.state").fit(X, y)


def resumed(folder):
    """Trainings that go on from there."""
    sgd = {**LONG, "optimizer": "sgd", "checkpoint": folder / "sgd.state", "resume": True}
    if rank() == 0:
        with alone():  # goes on from two processes, and leaves it to three
            NetClassifier(**sgd | {"max_epochs": 3}).fit(CANCER, BENIGN)
    dist.barrier()
    X, y = share(CANCER, BENIGN)
    return {
        "sgd resumed": NetClassifier(**sgd).fit(X, y),
        "resumed": NetClassifier(**STOPPED, checkpoint=folder / "stopped.state", resume=True).fit(
            X, y
        ),
    }


class Scaled(nn.Module):
    """A number for all outputs."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer, self.scale = nn.Linear(n_features, n_outputs), nn.Parameter(torch.ones(()))

    def forward(self, X):
        return self.scale * self.layer(X)


def backward(net, batch):
    """A step with a backward pass of its own."""
    loss = net.loss(net.forward(batch.X), batch)
    loss.backward()
    return {"loss": loss}


def chosen(folder):
    """Whether nets are sharded, as their checkpoints tell, where one process has no room."""
    X, y = share(CANCER, BENIGN)
    found = []
    before, _sharing.fits = _sharing.fits, lambda *given: rank() != 1
    for optimizer in ("adam", "muon"):
        for sharding in ("auto", False):
            path = folder / f"{optimizer}-{sharding}.state"
            with dv.config(sharding=sharding):
                options = {**SMALL, "max_epochs": 1, "optimizer": optimizer}
                NetClassifier(**options, checkpoint=path).fit(X, y)
            dist.barrier()
            found.append(path.with_name(f"{path.name}.shards").is_dir())
    _sharing.fits = before
    return found


def refused(folder):
    """What is said of what cannot be meant."""
    X, y = share(CANCER, BENIGN)
    models = [
        NetClassifier(optimizer="muon"),
        NetClassifier(optimizer="lbfgs"),
        NetClassifier(compile=True),
        NetClassifier(Scaled),
        NetClassifier(step=backward),
        NetClassifier(**LONG | {"batch_size": 99}, checkpoint=folder / "sgd.state", resume=True),
    ]
    return [
        *(said(partial(model.fit, X, y)) for model in models),
        said(lambda: NetClassifier().partial_fit(X, y, np.unique(BENIGN))),
    ]


class Failing(Blocks):
    """Fails in the third step of the last process."""

    def forward(self, X):
        Failing.steps += 1
        if Failing.steps == 3 and rank() == size() - 1:
            raise ZeroDivisionError("the third step")
        return super().forward(X)


def failures():
    """What each process says of failures in one of them, of which the second ends the group."""
    X, y = share(CANCER, BENIGN)
    spoiled = X.copy()
    spoiled[:1] = np.nan if rank() == size() - 1 else 0.0
    Failing.steps = 0
    return [
        said(lambda: NetClassifier(**LONG).fit(spoiled, y)),
        said(lambda: NetClassifier(**LONG | {"module": Failing}).fit(X, y)),
    ]


def said(fit):
    try:
        fit()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


class Killed(Blocks):
    """Kills its process once, in the middle of an epoch."""

    def forward(self, X):
        Killed.steps += self.training
        marker = Path(os.environ["KILLED"])
        if Killed.steps == 8 and rank() == 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(X)


def killed(folder):
    """A training whose worker is killed once, and which torchrun starts again."""
    dv.distributed.init(timeout=60.0)
    model = NetClassifier(
        **LONG | {"module": Killed}, checkpoint=folder / "killed.state", resume=True
    ).fit(*share(CANCER, BENIGN))
    np.savez(folder / f"killed-{rank()}.npz", numbers=numbers(model), steps=Killed.steps)


if __name__ == "__main__":
    job, folder = sys.argv[1:3]
    with dv.config(verbosity=0, sharding=True):
        globals()[job](Path(folder))
