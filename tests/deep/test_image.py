"""Classes of images."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from torch.nn import functional

import dovetail as dv
from dovetail.data.batches import Batch
from dovetail.deep import ImageClassifier
from dovetail.errors import DataError, SchemaError
from dovetail.nn.residual import ResidualCNN, stage_sides

DIGITS = load_digits()
X = (DIGITS.images * 15).astype(np.uint8)
Y = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])[
    DIGITS.target
]
TRAIN, TEST = slice(0, 1200), slice(1200, None)
QUICK = {"width": 8, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return ImageClassifier(width=16, max_epochs=12, random_state=0).fit(X[TRAIN], Y[TRAIN])


def test_digits_are_told_apart(model):
    assert model.score(X[TEST], Y[TEST]) > 0.94
    proba = model.predict_proba(X[TEST])
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)
    assert model.history_["loss"][-1] < 0.6 * model.history_["loss"][0]
    assert model.n_features_in_ == 64


def test_a_saved_net_takes_bytes(model, tmp_path):
    again = dv.load(dv.save(model, tmp_path / "digits.dove"))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    pixels = model.front(X[TEST])
    assert pixels.dtype == torch.uint8
    n = torch.export.Dim("n")
    exported = torch.export.export(model.program_, (pixels[:4],), dynamic_shapes=({0: n},))
    torch.testing.assert_close(exported.module()(pixels), model.program_(pixels))


def test_features_are_what_scores_are_made_of(model):
    F = model.embed(X[:5])
    assert F.shape == (5, 32)
    out = model.program_.module.out
    scores = F @ out.weight.numpy().T + out.bias.numpy()
    np.testing.assert_allclose(scores, model.decision_function(X[:5]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (X[:, :, :, None], {}),
        (X[:, None], {"channels": "first"}),
        (torch.from_numpy(X), {}),
        (torch.from_numpy(X)[:, None], {}),
        (X.astype(int), {}),
        (list(X), {}),
        (X.reshape(-1, 64), {"image_shape": (8, 8)}),
        (X.reshape(-1, 64).tolist(), {"image_shape": (8, 8)}),
    ],
    ids=["nhwc", "nchw", "tensor", "tensor nchw", "int", "list", "rows", "lists"],
)
def test_however_images_come(given, options):
    quick = {**QUICK, "max_epochs": 1, "precision": None}
    expected = ImageClassifier(**quick).fit(X[:200], Y[:200])
    found = ImageClassifier(**quick, **options).fit(given[:200], Y[:200])
    close = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(
        found.predict_proba(given[:50]), expected.predict_proba(X[:50]), **close
    )
    tensor = isinstance(given, torch.Tensor)
    assert isinstance(found.decision_function(given[:5]), torch.Tensor) == tensor


@pytest.fixture
def folder(tmp_path):
    for i in range(120):
        place = tmp_path / Y[i]
        place.mkdir(exist_ok=True)
        Image.fromarray(X[i]).save(place / f"{i:03}.png")
    return tmp_path


def test_a_folder_of_class_folders(folder):
    model = ImageClassifier(**QUICK).fit(folder)
    assert set(model.classes_) == set(Y)
    files = sorted(folder.rglob("*.png"), key=lambda p: p.name)
    paths = [str(f) for f in files]
    assert model.predict(paths[:7]).shape == (7,)
    proba = model.predict_proba(paths)
    np.testing.assert_allclose(proba, model.predict_proba(X[:120]), rtol=1e-5)
    assert model.score(folder) == model.score(paths, Y[:120])
    own = ImageClassifier(**QUICK).fit(paths, Y[:120])
    assert own.predict(paths).shape == (120,)


def test_sizes(folder):
    Image.fromarray(X[0][:, :6]).save(folder / "zero" / "narrow.png")
    with pytest.raises(DataError, match=r"Set size="):
        ImageClassifier(**QUICK).fit(folder)
    resized = ImageClassifier(size=12, **QUICK).fit(folder)
    assert resized.program_.module(resized.front(folder)).shape == (121, 10)
    assert resized.predict(X[:3]).shape == (3,)


@pytest.mark.parametrize(
    "options",
    [
        {"flip": True},
        {"cutout": 0.3},
        {"mixup": 0.4},
        {"ema": 0.9},
        {"schedule": "cosine", "warmup": 0.1},
        {"class_weight": "balanced"},
        {"early_stopping": True},
        {"precision": None},
        {"dropout": 0.2, "depth": 2},
        {"label_smoothing": 0.0, "shift": 0.0},
    ],
    ids=str,
)
def test_options_are_reproducible(options):
    model = ImageClassifier(**QUICK, **options).fit(X[:300], Y[:300])
    again = clone(model).fit(X[:300], Y[:300])
    scores = model.decision_function(X[300:400])
    np.testing.assert_array_equal(scores, again.decision_function(X[300:400]))
    if "ema" not in options:
        plain = ImageClassifier(**QUICK).fit(X[:300], Y[:300])
        assert not np.array_equal(plain.decision_function(X[300:400]), scores) or options == {
            "precision": None
        }
    assert model.history_["loss"][-1] < model.history_["loss"][0]


def test_what_training_sees():
    model = ImageClassifier(flip=True, cutout=0.4, mixup=0.3).set_params(max_epochs=1, width=4)
    model.fit(X[:100], Y[:100])
    batch = Batch(torch.from_numpy(X[:64])[:, None], torch.arange(64) % 10)
    changed = model._augment(batch, torch.Generator().manual_seed(0))
    assert changed.X.shape == batch.X.shape
    assert changed.y.shape == (64, 10)
    torch.testing.assert_close(changed.y.sum(1), torch.ones(64))
    still = ImageClassifier(shift=0.0)
    still.classes_ = model.classes_
    same = still._augment(batch, torch.Generator())
    assert same.X is batch.X
    assert same.y is batch.y


def test_weights_of_bytes():
    w = np.where(np.isin(Y[:300], ["one", "two"]), 1.0, 1e-3)
    model = ImageClassifier(width=8, max_epochs=6, random_state=0).fit(X[:300], Y[:300], w)
    assert np.isin(model.predict(X[:300]), ["one", "two"]).mean() > 0.9


def test_a_search_over_widths():
    search = GridSearchCV(ImageClassifier(**QUICK), {"width": [4, 8]}, cv=2).fit(X[:200], Y[:200])
    assert search.best_params_["width"] in (4, 8)


@pytest.mark.parametrize(
    ("images", "labels", "options", "error", "words"),
    [
        (X[:50], np.zeros(50), {}, ValueError, "at least 2 classes"),
        (X[:50].reshape(50, -1), Y[:50], {}, DataError, r"may be images of \(8, 8\)"),
        (np.zeros((50, 8, 8, 9)), Y[:50], {}, DataError, "no axis of"),
        ([X[0], X[1][:5]], Y[:2], {}, DataError, "Set size="),
        (X[:0], Y[:0], {}, DataError, "no images"),
        (X[:50], Y[:49], {}, ValueError, "inconsistent numbers of samples"),
        (X[:50], None, {}, ValueError, "requires y"),
    ],
    ids=["classes", "rows", "channels", "sizes", "none", "lengths", "no y"],
)
def test_bad_input(images, labels, options, error, words):
    with pytest.raises(error, match=words):
        ImageClassifier(**QUICK, **options).fit(images, labels)


def test_other_images_than_in_fit(model):
    with pytest.raises(SchemaError, match=r"\(1, 9, 8\).*fit saw \(1, 8, 8\)"):
        model.predict(np.zeros((2, 9, 8), np.uint8))
    with pytest.raises(SchemaError, match=r"\(3, 8, 8\).*fit saw \(1, 8, 8\)"):
        model.predict(np.zeros((2, 8, 8, 3), np.uint8))


def test_the_net_follows_the_size_of_images():
    for side, features in ((3, 8), (8, 16), (20, 32), (64, 64)):
        net = ResidualCNN(
            (3, side, side + 1), 5, torch.zeros(3, 1, 1), torch.ones(3, 1, 1), width=8
        )
        X = torch.randn(2, 3, side, side + 1)
        assert net(X).shape == (2, 5)
        assert net.embed(X).shape == (2, features)
        assert len(stage_sides(side)[1]) == (features // 8).bit_length()
    functional.cross_entropy(net(X), torch.tensor([0, 1])).backward()
    assert all(p.grad is not None for p in net.parameters())
