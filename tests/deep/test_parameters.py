"""Parameters of nets and of their parts, and mistakes in them."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from torch import nn

from dovetail.deep import NetClassifier
from dovetail.nn.dense import Dense
from dovetail.preprocessing import StandardScaler
from tests.deep.data import (
    IRIS,
    NAMES,
    assert_same_numbers,
)
from tests.deep.modules import Small


def test_nested_parameters_in_a_search():
    search = GridSearchCV(
        make_pipeline(
            StandardScaler(),
            NetClassifier(Small, lr=0.03, batch_size=32, max_epochs=20, random_state=0),
        ),
        {"netclassifier__module__hidden": [2, 16], "netclassifier__optimizer": ["adam", "sgd"]},
        cv=3,
    ).fit(IRIS, NAMES)
    assert search.best_score_ > 0.85
    best = search.best_estimator_[-1]
    assert best.get_params()["module__hidden"] in (2, 16)
    assert best.program_.module.layers[0].out_features == best.get_params()["module__hidden"]


def test_nested_parameters_are_parameters():
    model = NetClassifier(Small, module__hidden=5, optimizer__betas=(0.8, 0.9))
    assert clone(model).get_params() == model.get_params()
    assert "module__hidden=5" in repr(model)
    model.set_params(module__hidden=7, lr=0.1)
    assert (model.get_params()["module__hidden"], model.lr) == (7, 0.1)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"modul__hidden": 3}, TypeError, "Did you mean module__hidden"),
        ({"module__hiden": 3}, TypeError, "Did you mean module__hidden"),
        ({"optimizer__beta": 3}, TypeError, "Did you mean optimizer__betas"),
        ({"loss__smoothing": 3}, TypeError, "loss__smoothing is no argument of CrossEntropy"),
        ({"resume": True}, ValueError, "needs checkpoint="),
        ({"module": Dense(4, 3), "module__hidden": 3}, TypeError, "an instance of Dense"),
        ({"module": lambda: 3}, TypeError, "must make a torch.nn.Module"),
        ({"module": nn.Identity}, ValueError, "no parameters to learn"),
        ({"module": lambda: nn.Linear(4, 2)}, ValueError, r"\(120, 2\), but 3 classes"),
        ({"loss": lambda o, y: 3.0}, ValueError, "must give a tensor"),
        ({"loss": lambda o, y: o[:2, 0]}, ValueError, "one number a row, 120"),
        ({"loss": nn.MSELoss, "batch_size": 50}, ValueError, r"\(50, 3\).*MSELoss.*\(50,\)"),
    ],
)
def test_mistakes(options, error, words):
    with pytest.raises(error, match=words):
        NetClassifier(**{"batch_size": 120, **options}).fit(IRIS, NAMES)


def test_a_mean_loss_cannot_be_weighted():
    model = NetClassifier(loss=lambda o, y: nn.functional.cross_entropy(o, y), max_epochs=2)
    model.fit(IRIS, NAMES)
    with pytest.raises(ValueError, match="take the weights as its third argument"):
        model.fit(IRIS, NAMES, np.ones(150) * 2)

    def weighted(outputs, y, w):
        loss = nn.functional.cross_entropy(outputs, y, reduction="none")
        return loss.mean() if w is None else (loss * w).sum() / w.sum()

    w = np.random.default_rng(0).random(150)
    options = {"max_epochs": 3, "random_state": 0, "dtype": "float64"}
    own = NetClassifier(loss=weighted, **options).fit(IRIS, NAMES, w)
    assert_same_numbers(own, NetClassifier(**options).fit(IRIS, NAMES, w), rtol=1e-9, atol=1e-12)
