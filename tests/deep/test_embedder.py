"""Features of nets as columns."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

import dovetail as dv
from dovetail.deep import Autoencoder, Embedder, ImageClassifier, NetClassifier
from dovetail.pipeline import make_pipeline
from dovetail.svm import SVC

DIGITS = load_digits()
X, Y = (DIGITS.images * 15).astype(np.uint8), DIGITS.target
NET = ImageClassifier(width=8, max_epochs=15, batch_size=64, random_state=0)


def test_features_of_a_classifier_in_a_pipeline(tmp_path):
    model = make_pipeline(Embedder(NET), SVC()).fit(X[:1000], Y[:1000])
    assert model.score(X[1000:], Y[1000:]) > 0.9
    net = model[0].estimator_
    np.testing.assert_array_equal(model[0].transform(X[:9]), net.embed(X[:9]))
    assert list(model[0].get_feature_names_out()) == [f"embedder{i}" for i in range(16)]
    again = dv.load(dv.save(model, tmp_path / "features.dove"))
    np.testing.assert_array_equal(again.predict(X[:50]), model.predict(X[:50]))


def test_a_trained_net_stays_as_it_is(tmp_path):
    net = clone(NET).set_params(max_epochs=1).fit(X[:200], Y[:200])
    model = clone(Embedder(FrozenEstimator(net))).fit(X[:50])
    np.testing.assert_array_equal(model.transform(X[:9]), net.embed(X[:9]))
    again = dv.load(dv.save(model, tmp_path / "features.dove"))
    np.testing.assert_array_equal(again.transform(X[:9]), net.embed(X[:9]))


def test_without_classes():
    net = Autoencoder(5, width=4, noise=0.3, max_epochs=2, random_state=0)
    model = make_pipeline(Embedder(net), SVC()).fit(X[:300], Y[:300])
    assert model[0].transform(X[:3]).shape == (3, 5)
    assert model[0].program_(model[0].front(X[:3])).shape == (3, 5)


def test_a_net_without_features():
    with pytest.raises(TypeError, match="neither `embed` nor `encode`"):
        Embedder(NetClassifier(max_epochs=1)).fit(DIGITS.data, Y)
