"""A model file is data: it holds what it should, refuses the rest, and every changed byte is
noticed.
"""

import json
import zipfile

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import dovetail as dv
from dovetail.bundle import archive, describe
from dovetail.bundle.codec import Decoder, Encoder
from dovetail.errors import BundleError
from dovetail.linear_model import LogisticRegression, Ridge
from dovetail.preprocessing import StandardScaler

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")


@pytest.fixture
def path(tmp_path):
    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight={"yes": 2.0, "no": 1.0})
    ).fit(X, Y)
    return dv.save(model, tmp_path / "model.dove", card={"score": 0.5})


def seal(path, content):
    """Write a file whose seal fits, as an attacker would."""
    import hashlib

    path.write_bytes(content + archive._SEAL + hashlib.sha256(content).hexdigest().encode())


def rewrite(path, change):
    """Change the manifest and seal the file anew."""
    manifest, tensors = archive.read_archive(path)
    change(manifest)
    archive.write_archive(path, manifest, tensors)


def test_nested_pipelines_of_both_libraries(tmp_path):
    inner = ColumnTransformer([("z", StandardScaler(), [0, 1]), ("p", "passthrough", slice(2, 3))])
    model = make_pipeline(inner, LogisticRegression()).fit(X, Y)
    again = dv.load(dv.save(model, tmp_path / "m.dove"))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    dummy = dv.load(dv.save(DummyClassifier(strategy="prior").fit(X, Y), tmp_path / "d.dove"))
    assert dummy.predict(X[:2]).tolist() == ["no", "no"] or dummy.predict(X[:2]).tolist() == [
        "yes",
        "yes",
    ]


def test_describe_does_not_build_the_model(path):
    about = describe(path)
    assert about["class"] == "Pipeline"
    assert about["card"] == {"score": 0.5}
    assert about["bytes"] == path.stat().st_size


def test_every_changed_byte_is_noticed(path):
    content = path.read_bytes()
    for i in range(0, len(content), 53):
        damaged = bytearray(content)
        damaged[i] ^= 1
        path.write_bytes(bytes(damaged))
        with pytest.raises(BundleError):
            dv.load(path)


@pytest.mark.parametrize("keep", [0, 1, 20, 500, -1])
def test_truncated_files_are_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BundleError, match="not a Dovetail model|truncated|No such"):
        dv.load(path)


def test_foreign_files_are_refused(tmp_path):
    with pytest.raises(BundleError, match="No such model file"):
        dv.load(tmp_path / "none.dove")
    other = tmp_path / "other.dove"
    with zipfile.ZipFile(other, "w") as z:
        z.writestr("hello.txt", "hi")
    with pytest.raises(BundleError, match="seal is missing"):
        dv.load(other)


def test_newer_formats_name_the_cure(path):
    rewrite(path, lambda m: m.update(format=99))
    with pytest.raises(BundleError, match=r"format 99.*pip install -U dovetail"):
        dv.load(path)


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:eval",
        "dovetail.cli.app:main",
        "dovetail.base:Estimator.fit",
        "sklearn.tree._classes:DecisionTreeClassifier",
        "dovetail.os:system",
    ],
)
def test_classes_that_are_not_trusted_are_refused(path, name):
    rewrite(path, lambda m: m["model"].update({"class": name}))
    with pytest.raises(BundleError, match="trust|lacks|no "):
        dv.load(path)


@pytest.mark.parametrize(
    "name",
    ["os:system", "numpy:load", "torch:load", "numpy:ufunc", "torch:__builtins__", "builtins:exec"],
)
def test_functions_that_are_not_trusted_are_refused(path, name):
    def put(manifest):
        manifest["model"]["state"]["steps"] = {"~": "function", "v": name}

    rewrite(path, put)
    with pytest.raises(BundleError, match="trust"):
        dv.load(path)


@pytest.mark.parametrize(
    "tree",
    [
        {"~": "pickle", "v": "gASV"},
        {"~": "tensor", "t": "t999"},
        {"~": "list"},
        {"~": "array", "dtype": "|O8", "v": [1], "shape": [5]},
        [1, 2],
        {"~": "slice", "v": [1, 2, 3, 4, 5]},
    ],
)
def test_malformed_trees_are_refused(path, tree):
    rewrite(path, lambda m: m["model"]["state"].update(steps=tree))
    with pytest.raises(BundleError):
        dv.load(path)


def test_compressed_members_and_path_tricks_are_refused(path, tmp_path):
    for name, how in (
        ("manifest.json", zipfile.ZIP_DEFLATED),
        ("../evil.json", zipfile.ZIP_STORED),
    ):
        bad = tmp_path / "bad.dove"
        with zipfile.ZipFile(bad, "w", how) as z:
            z.writestr(name, json.dumps({"format": 1, "x": "0" * 10_000_000}))
            z.writestr("tensors.safetensors", b"")
            z.comment = archive._SEAL + b"0" * 64
        seal(bad, bad.read_bytes()[: -archive._SEAL_LENGTH])
        with pytest.raises(BundleError, match="compressed|other members"):
            dv.load(bad)
    assert not (tmp_path.parent / "evil.json").exists()


def test_foreign_estimators_need_trust(tmp_path):
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(X, Y)
    with pytest.raises(BundleError, match=r"DecisionTreeClassifier.*trusted"):
        dv.save(model, tmp_path / "m.dove")
    assert not (tmp_path / "m.dove").exists()


def local_function(x):
    return x


def test_functions_need_a_name_or_trust(tmp_path):
    from sklearn.preprocessing import FunctionTransformer

    trusted: list = []
    for f in (np.log1p, torch.exp):
        again = dv.load(
            dv.save(FunctionTransformer(f), tmp_path / "f.dove", trusted=trusted), trusted=trusted
        )
        assert again.func is f
    with pytest.raises(BundleError, match="local_function.*trusted"):
        dv.save(FunctionTransformer(local_function), tmp_path / "g.dove", trusted=trusted)
    both = [local_function]
    again = dv.load(
        dv.save(FunctionTransformer(local_function), tmp_path / "g.dove", trusted=both),
        trusted=both,
    )
    assert again.func is local_function


def test_metadata_requests_are_kept(tmp_path):
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = Ridge().set_fit_request(sample_weight=True).fit(X, X[:, 0])
        again = dv.load(dv.save(model, tmp_path / "m.dove"))
        assert again.get_metadata_routing().fit.requests == {"sample_weight": True}


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(plain)
def test_plain_data_comes_back_the_same(value):
    encoder = Encoder()
    tree = json.loads(json.dumps(encoder.encode(value, "it")))
    assert repr(Decoder(encoder.tensors).decode(tree)) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.array([1.5, np.nan], dtype=np.float32),
        np.array(["a", "bc"]),
        np.array(["a", None, np.nan, 3], dtype=object),
        np.array([True, False]),
        np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"),
        np.zeros((0, 3)),
        np.float32(2.5),
        np.int64(7),
        np.dtype("float32"),
        np.float64,
        sp.csr_array(np.eye(3)),
        slice(1, None, 2),
        {1, 2, 30},
    ],
    ids=lambda v: f"{type(v).__name__}-{getattr(v, 'dtype', '')}",
)
def test_numpy_and_scipy_values_come_back_the_same(value):
    encoder = Encoder()
    tree = json.loads(json.dumps(encoder.encode(value, "it")))
    again = Decoder(encoder.tensors).decode(tree)
    assert type(again) is type(value)
    if isinstance(value, np.ndarray):
        assert again.dtype == value.dtype
        assert repr(again) == repr(value)
    elif sp.issparse(value):
        np.testing.assert_array_equal(again.toarray(), value.toarray())
    else:
        assert again == value


def test_what_contains_itself_is_refused():
    loop: list = []
    loop.append(loop)
    with pytest.raises(BundleError, match="contains itself"):
        Encoder().encode(loop, "it")
    with pytest.raises(BundleError, match=r"it\[0\] is a .*lock"):
        import threading

        Encoder().encode([threading.Lock()], "it")
