"""What the processes of the tests of tabular and text nets run."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import dovetail as dv
from dovetail.deep import TabularClassifier, TabularRegressor, TextClassifier, TextRegressor
from dovetail.distributed import rank, size
from dovetail.errors import DataError

random = np.random.default_rng(0)
PEOPLE = pd.DataFrame(
    {
        "height": random.normal(size=160),
        "age": np.where(random.random(160) < 0.1, np.nan, random.random(160)),
        "town": np.sort(random.choice(["Bern", "Chur", "Genf", "Visp"], 160)),  # each process's own
    }
)
INCOME = PEOPLE.height + 2.0 * (PEOPLE.town < "Cz")
RICH = np.where(INCOME.median() < INCOME, "rich", "poor")
WEIGHTS = random.random(160) * (np.arange(160) % 9 > 0)

THINGS = ["day", "meal", "room", "walk", "song", "film"]
WORDS = {"good": 2.0, "fine": 1.0, "bad": -2.0, "poor": -1.0}
TEXTS = [f"a rather {word} {thing} " + "indeed " * n for word in WORDS for thing in THINGS
         for n in range(3)]  # fmt: skip
MOODS = np.array([WORDS[text.split()[2]] for text in TEXTS])
KINDS = np.where(MOODS > 0, "+", "-")

TABLE = {"n_members": 2, "width": 8, "max_epochs": 2, "dropout": 0.0, "n_bins": 4}
TEXT = {"width": 8, "depth": 1, "heads": 2, "max_epochs": 2, "dropout": 0.0, "batch_size": 16}
EXACT = {"dtype": "float64", "random_state": 0, "lr": 0.01}


def uneven(*arrays):
    """Few rows in the first process, most in the second, none in others."""
    n = len(arrays[0])
    ends = [0, n] if size() == 1 else [0, n // 4, *[n] * size()]
    return tuple(a[ends[rank()] : ends[rank() + 1]] for a in arrays)


def fits(folder):
    """The predictions of all rows, by models of the rows of all processes."""
    X, rich, income, w = uneven(PEOPLE, RICH, INCOME.to_numpy(), WEIGHTS)
    texts, kinds, moods = uneven(np.array(TEXTS, object), KINDS, MOODS)
    table, text = {**TABLE, **EXACT}, {**TEXT, **EXACT}
    models = {
        "table": TabularClassifier(**table).fit(X, rich, w),
        "numbers": TabularRegressor(**table, early_stopping=False).fit(X, income),
        "words": TextClassifier(**text).fit(texts, kinds),
        "moods": TextRegressor(**text, early_stopping=False).fit(texts, moods),
        "encoder": TextClassifier(
            pretrained=folder / "encoder", max_epochs=1, batch_size=32, dropout=0.0, **EXACT
        ).fit(texts, kinds),
    }
    found = {"table": models["table"].predict_proba(PEOPLE)}
    found["numbers"] = models["numbers"].predict(PEOPLE)
    found |= {name: models[name].predict_proba(TEXTS) for name in ("words", "encoder")}
    found["moods"] = models["moods"].predict(TEXTS)
    found |= {f"losses of {name}": m.history_["loss"] for name, m in models.items()}
    if size() > 1:
        empty = ["" for _ in texts]
        try:
            TextClassifier(**text).fit(empty, kinds)
        except DataError as error:
            found["said"] = str(error)
    np.savez(folder / f"learned-{rank()}.npz", **found)


if __name__ == "__main__":
    job, folder = sys.argv[1:3]
    dv.distributed.init(timeout=60.0)
    with dv.config(verbosity=0):
        globals()[job](Path(folder))
