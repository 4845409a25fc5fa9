"""What the processes of the tests of nets run: `python net_jobs.py JOB FOLDER`."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.preprocessing import scale
from torch import nn

import dovetail as dv
from dovetail.deep import NetClassifier, NetRegressor, NetTransformer
from dovetail.distributed import rank, share, size
from dovetail.nn.dense import Dense
from tests.deep.modules import Small, TwoInputs

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)[SPECIES]
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
PATIENTS, PROGRESS = (scale(a) for a in load_diabetes(return_X_y=True))
WEIGHTS = np.random.default_rng(0).random(150) * (np.arange(150) % 7 > 0)

EXACT = {"random_state": 0, "dtype": "float64", "lr": 0.01}
QUICK = {**EXACT, "max_epochs": 3, "batch_size": 25}


def weighted(outputs, y, w):
    """A loss that gives the mean of a batch."""
    loss = nn.functional.cross_entropy(outputs, y, reduction="none")
    return loss.mean() if w is None else (loss * w).sum() / w.sum()


def squared(net, batch):
    """A step that gives the mean of a batch."""
    return (net.forward(batch.X)[:, 0] - batch.y).square().mean()


def uneven(*arrays):
    """Most rows in the first process, none in the last of several."""
    n = len(arrays[0])
    ends = [0, n, n, n] if size() == 1 else [0, n - 11, n, n]
    return tuple(a[ends[rank()] : ends[rank() + 1]] for a in arrays)


def exact(folder):
    """name: model. What one process learns."""
    few = {name: value[:60:3] for name, value in {"X": IRIS, "y": NAMES}.items()}
    inputs = {"wide": IRIS[:, :2], "narrow": IRIS[:, 2:]}
    X, y, w = share(IRIS, NAMES, WEIGHTS)
    return {
        "weights": NetClassifier(
            **QUICK, class_weight="balanced", clip_norm=0.1, ema=0.9, schedule="cosine"
        ).fit(X, y, w),
        "in order": NetClassifier(**QUICK, shuffle=False, accumulate=3).fit(X, y),
        "mean": NetClassifier(**QUICK, loss=weighted, optimizer="adam").fit(X, y, w),
        "lbfgs": NetClassifier(**EXACT, optimizer="lbfgs", max_epochs=8).fit(X, y, w),
        "uneven": NetRegressor(**QUICK, step=squared).fit(*uneven(PATIENTS, PROGRESS)),
        "few": NetClassifier(**QUICK | {"batch_size": 2}).fit(*uneven(few["X"], few["y"])),
        "held out": NetClassifier(**QUICK, early_stopping=True).fit(X, y),
        "given": NetRegressor(**QUICK, validation_data=share(PATIENTS[::3], PROGRESS[::3])).fit(
            *share(PATIENTS, PROGRESS)
        ),
        "named": NetClassifier(TwoInputs, **QUICK).fit(
            {name: share(part) for name, part in inputs.items()}, y
        ),
        "squeezed": NetTransformer(**QUICK, module__n_components=2).fit(X),
        "in parts": NetClassifier(**QUICK).partial_fit(X, y, np.unique(NAMES)).partial_fit(X, y),
    }


def alike(folder):
    """name: model. The same in all processes, but another than one process would learn."""
    rows = dv.scan_parquet(folder / "part-*.parquet", "y", sample_weight="w", block_rows=100)
    X, y = uneven(CANCER, BENIGN)
    return {
        "scan": NetClassifier(**EXACT, max_epochs=5).fit(rows),
        "norms": NetClassifier(
            Small, **EXACT, module__dropout=0.2, max_epochs=5, batch_size=16, early_stopping=True
        ).fit(X, y),
        "instance": NetClassifier(nn.Linear(30, 2), lr=0.01, random_state=0, max_epochs=5).fit(
            X, y
        ),
        "diverged": NetClassifier(**EXACT | {"lr": 1e200}, max_epochs=5).fit(X, y),
    }


def resumed(folder):
    """Numbers of a training, and of one that was interrupted after two of its five epochs."""
    X, y = share(CANCER, BENIGN)
    options = {
        "module__dropout": 0.2,
        **EXACT,
        "batch_size": 64,
        "checkpoint": folder / "net.state",
    }
    whole = NetClassifier(Small, **options | {"checkpoint": None}, max_epochs=5).fit(X, y)
    NetClassifier(Small, **options, max_epochs=2).fit(X, y)
    again = NetClassifier(Small, **options, max_epochs=5, resume=True).fit(X, y)
    assert again.n_iter_ == 5
    np.testing.assert_array_equal(numbers(whole), numbers(again))
    plain = {**EXACT, "batch_size": 64, "checkpoint": folder / "plain.state"}
    return {"resumed": NetClassifier(**plain, max_epochs=2).fit(X, y)}


class Failing(Small):
    """Fails in the seventh step of one process."""

    steps = 0

    def forward(self, X):
        Failing.steps += self.training
        if Failing.steps == 7 and rank() == size() - 1:
            raise ZeroDivisionError("the seventh step")
        return super().forward(X)


def failures(folder):
    """What each process says of failures in one of them."""
    X, y = share(CANCER, BENIGN)
    spoiled = X.copy()
    spoiled[:1] = np.nan if rank() == size() - 1 else 0.0
    found = []
    hidden = dv.scan_parquet(folder / "spoiled.parquet", "y", block_rows=50)
    for model, data in [
        (NetClassifier(Failing, max_epochs=2, random_state=0), (X, y)),
        (NetClassifier(max_epochs=2, random_state=0), (spoiled, y)),
        (NetClassifier(max_epochs=2, random_state=0), (hidden,)),
        (NetClassifier(optimizer={"": "adam"}), (X, y)),
    ]:
        try:
            model.fit(*data)
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    return found


def numbers(model):
    module = model.program_.module
    return np.concatenate([t.double().numpy().ravel() for t in module.state_dict().values()])


def nets(folder):
    """All of the above, one file for each process."""
    models = {**exact(folder), **alike(folder), **resumed(folder)}
    found = {name: numbers(model) for name, model in models.items()}
    found |= {
        f"losses of {name}": model.history_["loss"]
        for name, model in models.items()
        if name != "lbfgs"
    }
    for name in ("held out", "given", "norms"):
        found[f"scores of {name}"] = models[name].history_["validation_score"]
    found["accuracy"] = [models[name].score(CANCER, BENIGN) for name in ("norms", "instance")]
    if size() > 1:
        found["failures"] = failures(folder)
    np.savez(folder / f"nets-{rank()}.npz", **found)


class Killed(Dense):
    """Kills its process once, in the middle of an epoch."""

    steps = 0

    def forward(self, X):
        Killed.steps += self.training
        marker = Path(os.environ["KILLED"])
        if Killed.steps == 15 and rank() == 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(X)


def killed(folder):
    """A training whose worker is killed once, and which torchrun starts again."""
    path = folder / "killed.state"
    model = NetClassifier(
        Killed, **EXACT, batch_size=128, max_epochs=6, checkpoint=path, resume=True
    ).fit(*share(CANCER, BENIGN))
    np.savez(folder / f"killed-{rank()}.npz", numbers=numbers(model), steps=Killed.steps)


if __name__ == "__main__":
    job, folder = sys.argv[1:3]
    dv.distributed.init(timeout=60.0)
    with dv.config(verbosity=0):
        globals()[job](Path(folder))
