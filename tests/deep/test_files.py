"""Nets in files and exported."""

import numpy as np
import pytest
import torch

import dovetail as dv
from dovetail.deep import NetClassifier
from dovetail.errors import BundleError
from dovetail.nn.dense import Dense
from tests.deep.data import (
    IRIS,
    NAMES,
)
from tests.deep.modules import Small


def test_saved_and_loaded(tmp_path):
    model = NetClassifier(Dense, module__hidden=(6,), max_epochs=2, random_state=0)
    model.fit(IRIS, NAMES)
    dv.save(model, tmp_path / "net.dove")
    loaded = dv.load(tmp_path / "net.dove")
    np.testing.assert_array_equal(loaded.predict_proba(IRIS), model.predict_proba(IRIS))
    assert loaded.get_params() == model.get_params()


def test_a_module_of_the_users_own_is_named_to_load_it(tmp_path):
    model = NetClassifier(Small, optimizer=torch.optim.NAdam, max_epochs=2, random_state=0)
    model.fit(IRIS, NAMES)
    with pytest.raises(BundleError, match="Small, which is code"):
        dv.save(model, tmp_path / "net.dove")
    dv.save(model, tmp_path / "net.dove", trusted=[Small])
    with pytest.raises(BundleError, match="trusted"):
        dv.load(tmp_path / "net.dove")
    loaded = dv.load(tmp_path / "net.dove", trusted=[Small])
    np.testing.assert_array_equal(loaded.predict_proba(IRIS), model.predict_proba(IRIS))
    instance = NetClassifier(Small(4, 3), max_epochs=2).fit(IRIS, NAMES)
    with pytest.raises(BundleError, match="module"):
        dv.save(instance, tmp_path / "other.dove", trusted=[Small])


def test_exported():
    model = NetClassifier(Small, max_epochs=2, random_state=0).fit(IRIS, NAMES)
    X = torch.tensor(IRIS, dtype=torch.float32)
    rows = torch.export.Dim("rows", min=2)
    exported = torch.export.export(model.program_, (X,), dynamic_shapes=({0: rows},)).module()
    torch.testing.assert_close(exported(X[:7]), model.program_(X[:7]))
