"""Rows and images through a few numbers."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits, load_iris

import dovetail as dv
from dovetail.deep import Autoencoder
from dovetail.errors import SchemaError

IRIS, _ = load_iris(return_X_y=True)
DIGITS = (load_digits().images * 15).astype(np.uint8)
QUICK = {"max_epochs": 3, "width": 4, "random_state": 0}


def error(model, X):
    return np.square(model.inverse_transform(model.transform(X)) - X).mean() / X.var()


def test_rows_come_back():
    model = Autoencoder(2, hidden=(32,), random_state=0).fit(IRIS * [1, 100, 1e-3, 1])
    again = model.inverse_transform(model.transform(IRIS * [1, 100, 1e-3, 1])) / [1, 100, 1e-3, 1]
    assert (np.square(again - IRIS).mean(0) / IRIS.var(0) < 0.12).all()
    assert list(model.get_feature_names_out()) == ["autoencoder0", "autoencoder1"]


def test_images_come_back():
    model = Autoencoder(16, width=8, max_epochs=15, random_state=0).fit(DIGITS[:800])
    again = model.inverse_transform(model.transform(DIGITS[800:1000]))
    assert again.dtype == np.uint8
    assert again.shape == (200, 8, 8)
    assert np.square(again.astype(float) - DIGITS[800:1000]).mean() < 0.35 * DIGITS.var()


def test_noise_is_taken_away():
    random = np.random.default_rng(0)
    line = random.normal(size=(500, 1)) @ np.ones((1, 8))
    noisy = line + 0.5 * random.normal(size=line.shape)
    model = Autoencoder(8, noise=0.5, max_epochs=40, random_state=0).fit(line)
    cleaned = model.inverse_transform(model.transform(noisy))
    assert np.square(cleaned - line).mean() < 0.3 * np.square(noisy - line).mean()


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (DIGITS / 255.0, {}),
        (np.stack([DIGITS, DIGITS, DIGITS], 3), {}),
        (torch.from_numpy(DIGITS)[:, None], {}),
        (DIGITS.reshape(-1, 64), {"image_shape": (8, 8)}),
    ],
    ids=["float", "color", "tensor", "rows"],
)
def test_images_come_back_as_they_came(given, options):
    model = Autoencoder(3, **QUICK, **options).fit(given[:100])
    codes = model.transform(given[:10])
    assert codes.shape == (10, 3)
    again = model.inverse_transform(codes)
    assert type(again) is type(given)
    assert again.shape == given[:10].shape
    assert (again.dtype == given.dtype) or "float" in str(again.dtype)


def test_files_and_bundles(tmp_path):
    for i in range(12):
        Image.fromarray(DIGITS[i]).save(tmp_path / f"{i:02}.png")
    model = Autoencoder(2, **QUICK).fit(tmp_path)
    codes = model.transform(DIGITS[:12])
    np.testing.assert_allclose(model.transform(tmp_path), codes, rtol=1e-4, atol=1e-5)
    again = dv.load(dv.save(model, tmp_path / "codes.dove"))
    np.testing.assert_array_equal(again.inverse_transform(codes), model.inverse_transform(codes))


def test_bad_input():
    with pytest.raises(SchemaError, match="fit saw"):
        Autoencoder(2, **QUICK).fit(DIGITS[:50]).transform(DIGITS[:5, 1:])
    with pytest.raises(ValueError, match="4 features"):
        Autoencoder(2, **QUICK).fit(IRIS).transform(IRIS[:, 1:])
