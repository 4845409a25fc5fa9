"""Rows drawn by VAE and GAN: tables keep what they are, images look like those seen."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

import dovetail as dv
from dovetail.deep import GAN, VAE
from dovetail.errors import DataError
from dovetail.linear_model import LogisticRegression

RANDOM = np.random.default_rng(0)
N = 400
GROUP = RANDOM.choice(["low", "high", "none"], N, p=[0.5, 0.4, 0.1])
TABLE = pd.DataFrame(
    {
        "count": RANDOM.poisson(3, N) + 20 * (GROUP == "high"),
        "amount": np.where(GROUP == "none", np.nan, RANDOM.normal(size=N) + 5 * (GROUP == "high")),
        "price": np.round(RANDOM.gamma(2, 10, N), 2),
        "group": pd.Series(GROUP, dtype=object).where(GROUP != "none", None),
        "flag": GROUP == "high",
        "code": pd.Categorical(np.where(GROUP == "low", "A", "B")),
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(RANDOM.integers(0, 50, N), unit="D"),
    }
)
Y = np.where(GROUP == "high", "yes", "no")
IMAGES = (load_digits().images * 15).astype(np.uint8)
LABELS = load_digits().target
QUICK = {"max_epochs": 2, "hidden": 16, "width": 4, "random_state": 0}
both = pytest.mark.parametrize("cls", [VAE, GAN])


@both
@pytest.mark.parametrize(
    "make", [lambda t: t, pl.from_pandas, lambda t: pl.from_pandas(t).to_arrow()]
)
def test_a_table_keeps_its_columns(cls, make):
    given = make(TABLE)
    drawn = cls(**QUICK).fit(given).sample(300, random_state=0)
    assert type(drawn) is type(given)
    frame, seen = (pl.DataFrame(t) for t in (drawn, given))
    assert frame.schema == seen.schema
    assert frame.shape == (300, 7)
    for name in ("group", "flag", "code"):
        assert set(frame[name].unique()) <= set(seen[name].unique())
    for name in ("count", "amount", "price", "day"):
        values = frame[name].drop_nulls()
        assert seen[name].min() <= values.min()
        assert values.max() <= seen[name].max()
    assert np.allclose(frame["price"] * 100, (frame["price"] * 100).round())
    assert frame["amount"].null_count() + frame["amount"].is_nan().sum() > 0
    assert frame["count"].null_count() == 0


def test_what_columns_have_in_common():
    model = VAE(4, max_epochs=60, random_state=0).fit(TABLE)
    drawn = model.sample(1000, random_state=0)
    assert drawn["count"][drawn.flag].mean() > 15 > 8 > drawn["count"][~drawn.flag].mean()
    assert abs(drawn.flag.mean() - TABLE.flag.mean()) < 0.12
    missing = drawn.amount.isna()
    assert drawn.group.isna()[missing].mean() > 0.6 > 0.2 > drawn.group.isna()[~missing].mean()


@both
def test_classes(cls):
    model = cls(**QUICK).fit(TABLE, Y)
    _, labels = model.sample(500, random_state=1)
    assert abs((labels == "yes").mean() - (Y == "yes").mean()) < 0.1
    assert (model.sample(7, y="yes")[1] == "yes").all()
    wanted = ["yes", "no", "yes"]
    assert model.sample(3, y=wanted)[1].tolist() == wanted
    with pytest.raises(ValueError, match="labels that fit did not see: maybe"):
        model.sample(2, y="maybe")
    with pytest.raises(ValueError, match="one label or 5"):
        model.sample(5, y=wanted)
    with pytest.raises(ValueError, match="not given to fit"):
        cls(**QUICK).fit(TABLE).sample(2, y="yes")


@both
def test_same_seed_same_rows(cls, tmp_path):
    model = cls(**QUICK).fit(TABLE, Y)
    drawn, labels = model.sample(50, random_state=3)
    for other in (clone(model).fit(TABLE, Y), dv.load(dv.save(model, tmp_path / "m.dove"))):
        again, found = other.sample(50, random_state=3)
        pd.testing.assert_frame_equal(again, drawn)
        assert (found == labels).all()


@both
@pytest.mark.parametrize(
    "given",
    [IMAGES, IMAGES[:, :, :, None], torch.from_numpy(IMAGES / 255)[:, None].float()],
    ids=["bytes", "nhwc", "tensor"],
)
def test_images_come_as_they_were(cls, given):
    drawn = cls(**QUICK).fit(given[:200]).sample(3, random_state=0)
    assert type(drawn) is type(given)
    assert drawn.shape == (3, *given.shape[1:])
    assert drawn.dtype == given.dtype
    assert drawn.min() >= (0 if cls is GAN else -1e9)


@pytest.mark.parametrize(
    "model",
    [
        VAE(8, width=16, max_epochs=20, random_state=0),
        pytest.param(GAN(16, width=16, random_state=0, max_epochs=25), marks=pytest.mark.slow),
    ],
    ids=["VAE", "GAN"],
)
def test_drawn_digits_are_told_apart_by_a_classifier_of_real_ones(model):
    judge = LogisticRegression(max_iter=500).fit(IMAGES.reshape(-1, 64) / 255, LABELS)
    drawn, labels = model.fit(IMAGES, LABELS).sample(500, random_state=0)
    assert judge.score(drawn.reshape(-1, 64) / 255, labels) > 0.75
    assert drawn.std(0).mean() > 0.5 * IMAGES.std(0).mean()  # not one picture again and again


def test_arrays_of_numbers():
    X = RANDOM.normal(size=(200, 3)).astype(np.float32)
    X[::7, 0] = np.nan
    drawn = VAE(**QUICK).fit(X).sample(100, random_state=0)
    assert drawn.dtype == np.float32
    assert np.isnan(drawn[:, 0]).any()
    assert not np.isnan(drawn[:, 1:]).any()
    assert isinstance(VAE(**QUICK).fit(torch.from_numpy(X)).sample(2), torch.Tensor)


@both
def test_bad_input(cls):
    words = TABLE.assign(word=[f"word {i}" for i in range(N)])
    cls(**QUICK).fit(words)  # as many different ones as a column may have
    many = pd.concat([words] * 3).assign(word=[f"word {i}" for i in range(3 * N)])
    with pytest.raises(DataError, match=r"'word' has 1,200 different values"):
        cls(**QUICK).fit(many)
    with pytest.raises(DataError, match=r"'amount' has no values"):
        cls(**QUICK).fit(TABLE.assign(amount=np.nan))
    with pytest.raises(DataError, match=r"'lists' holds List"):
        cls(**QUICK).fit(pl.DataFrame({"lists": [[1], [2]]}))
    with pytest.raises(ValueError, match="n_samples must be 1 or more"):
        cls(**QUICK).fit(TABLE).sample(0)
    with pytest.raises(ValueError, match="takes no validation_data"):
        cls(validation_data=(TABLE, None), **QUICK).fit(TABLE)


def test_a_gan_refuses_what_it_cannot_mean():
    with pytest.raises(ValueError, match="early_stopping=True has no meaning for a GAN"):
        GAN(early_stopping=True).fit(TABLE)
