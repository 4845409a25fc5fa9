"""What nets are given."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from torch import nn

from dovetail.deep import NetClassifier
from tests.deep.data import (
    BENIGN,
    CANCER,
    IRIS,
    LABELS,
    NAMES,
    PICTURES,
    assert_same_numbers,
)
from tests.deep.modules import Picture, TwoInputs


def test_several_inputs_by_name():
    given = {"wide": IRIS[:, :2], "narrow": IRIS[:, 2:]}
    options = {"lr": 0.02, "max_epochs": 30, "random_state": 0}
    model = NetClassifier(TwoInputs, **options).fit(given, NAMES)
    assert model.score(given, NAMES) > 0.93
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    names = {"wide": ["a", "b"], "narrow": ["c", "d"]}
    by_column = NetClassifier(TwoInputs, inputs=names, **options).fit(frame, NAMES)
    assert_same_numbers(model, by_column)
    np.testing.assert_array_equal(by_column.predict(frame), model.predict(given))
    with pytest.raises(ValueError, match="as many rows each"):
        model.fit({"wide": IRIS[:, :2], "narrow": IRIS[:9, 2:]}, NAMES)
    with pytest.raises(ValueError, match="does not have: \\['z'\\]"):
        clone(by_column).set_params(inputs={"wide": ["z"]}).fit(frame, NAMES)
    with pytest.raises(ValueError, match="the shapes"):
        model.predict({"wide": IRIS, "narrow": IRIS})


def test_arrays_of_more_dimensions():
    model = NetClassifier(Picture, max_epochs=15, lr=0.01, random_state=0)
    model.fit(PICTURES[:1000], LABELS[:1000])
    assert model.score(PICTURES[1000:], LABELS[1000:]) > 0.85
    with pytest.raises(ValueError, match="shapes"):
        model.predict(PICTURES[:, :, :4])
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((10, 1, 8, 8), np.nan), LABELS[:10])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(PICTURES[:0])


def test_one_class_is_no_task():
    with pytest.raises(ValueError, match="at least 2 classes.*Got 1 class: 'setosa'"):
        NetClassifier().fit(IRIS[:20], NAMES[:20])
    with pytest.raises(ValueError, match="minimum of 1"):
        NetClassifier().fit(IRIS[:0], NAMES[:0])
    parts = NetClassifier(max_epochs=1).partial_fit(IRIS[:20], NAMES[:20], np.unique(NAMES))
    assert parts.predict(IRIS).shape == (150,)


def test_classes():
    with pytest.raises(ValueError, match="do not exist in the initial classes"):
        NetClassifier().fit(IRIS, NAMES).partial_fit(IRIS, np.full(150, "rose"))
    one_score = NetClassifier(lambda n_features: nn.Linear(n_features, 1), max_epochs=30, lr=0.02)
    assert one_score.fit(CANCER, BENIGN).score(CANCER, BENIGN) > 0.95
    assert one_score.predict_proba(CANCER).shape == (len(BENIGN), 2)
