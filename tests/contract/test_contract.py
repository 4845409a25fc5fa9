"""What holds for every estimator, whatever it computes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone, is_classifier, is_clusterer, is_regressor
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline as sklearn_pipeline
from sklearn.preprocessing import FunctionTransformer as SklearnFunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import has_fit_parameter

import dovetail as dv
from dovetail.errors import ProgramError
from tests.conformance.exceptions import expected_failures
from tests.contract.instances import (
    OUTPUTS,
    data_for,
    default_instance,
    instances,
    is_checked,
    is_text,
    name_of,
    output,
    public_classes,
)

ALL = instances()
every = pytest.mark.parametrize("estimator", ALL, ids=name_of)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::UserWarning"
)


def fitted(estimator: Any, X: Any, y: Any, **more: Any) -> Any:
    """A fitted clone, its seed fixed."""
    model = clone(estimator)
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    return model.fit(X) if is_label_encoder(model) else model.fit(X, y, **more)


def is_label_encoder(estimator: Any) -> bool:
    return get_tags(estimator).target_tags.one_d_labels


def close(a: Any, b: Any, *, rtol: float = 1e-7, atol: float = 1e-9) -> None:
    a, b = (x.toarray() if sp.issparse(x) else np.asarray(x) for x in (a, b))
    if a.dtype.kind in "OUSb" or a.dtype.kind == "i":
        np.testing.assert_array_equal(a, b)
    else:
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # type_of_target casts infinite labels
@pytest.mark.parametrize("cls", public_classes(), ids=lambda c: c.__name__)
def test_scikit_learns_checks(cls: type) -> None:
    estimator = default_instance(cls)
    if estimator is None:
        pytest.skip("needs an estimator of the user's own")
    check_estimator(
        estimator,
        expected_failed_checks=expected_failures(estimator),
        on_skip=None,
        on_fail="raise",
    )


@every
def test_fit_changes_neither_parameters_nor_input(estimator: Any) -> None:
    X, y = data_for(estimator)
    before = copy.deepcopy((X, y))
    model = clone(estimator)
    params = copy.deepcopy(model.get_params(deep=False))
    model.fit(X) if is_label_encoder(model) else model.fit(X, y)
    after = model.get_params(deep=False)
    assert {k: repr(v) for k, v in params.items()} == {k: repr(v) for k, v in after.items()}
    np.testing.assert_array_equal(np.asarray(before[0]), np.asarray(X))
    if y is not None:
        np.testing.assert_array_equal(before[1], y)


@every
def test_bundle_round_trip(estimator: Any, tmp_path: Any) -> None:
    X, y = data_for(estimator)
    model = fitted(estimator, X, y)
    trusted = [f for f in model.get_params().values() if callable(f)]
    path = dv.save(model, tmp_path / "model.dove", trusted=trusted)
    again = dv.load(path, trusted=trusted)
    assert type(again) is type(model)
    assert repr(again) == repr(model)
    close(output(model, X), output(again, X), rtol=0, atol=0)
    unfitted = dv.load(
        dv.save(clone(estimator), tmp_path / "empty.dove", trusted=trusted), trusted=trusted
    )
    close(output(fitted(unfitted, X, y), X), output(model, X))


@every
def test_one_row_is_the_same_alone(estimator: Any) -> None:
    X, y = data_for(estimator)
    model = fitted(estimator, X, y)
    whole = np.asarray(output(model, X))
    for i in (0, 7, len(whole) - 1):
        close(np.asarray(output(model, X[i : i + 1]))[0], whole[i], rtol=1e-6)


@every
def test_output_follows_a_permutation_of_rows(estimator: Any) -> None:
    X, y = data_for(estimator)
    model = fitted(estimator, X, y)
    order = np.random.default_rng(3).permutation(len(X))
    moved = [X[i] for i in order] if isinstance(X, list) else X[order]
    close(np.asarray(output(model, X))[order], output(model, moved), rtol=1e-6)


@every
def test_same_seed_same_result_for_any_number_of_threads(estimator: Any) -> None:
    X, y = data_for(estimator)
    with dv.config(threads=1):
        one = np.asarray(output(fitted(estimator, X, y), X))
    with dv.config(threads=2):
        two = np.asarray(output(fitted(estimator, X, y), X))
        again = np.asarray(output(fitted(estimator, X, y), X))
    close(two, again, rtol=0, atol=0)
    close(one, two, rtol=1e-5, atol=1e-8)


@every
def test_integer_weights_are_repeated_rows(estimator: Any) -> None:
    if not has_fit_parameter(estimator, "sample_weight"):
        pytest.skip("takes no sample weights")
    if is_text(estimator):
        pytest.skip("what it knows of words is counted over texts, whatever they weigh")
    net = hasattr(estimator, "max_epochs")
    listed = "check_sample_weight_equivalence_on_dense_data" in expected_failures(estimator)
    if estimator.get_params().get("bootstrap") or (listed and not net):
        pytest.skip("draws rows at random, the likelier the greater their weight")
    if "label_smoothing" in estimator.get_params():
        pytest.skip("normalizes over the rows of a batch, and shifts them at random")
    if net:  # whose batches then have all rows
        estimator = clone(estimator).set_params(batch_size=10_000)
    X, y = data_for(estimator)
    random_order = getattr(estimator, "solver", None) in ("sag", "saga", "adam", "sgd", "adamw")
    splits_rows = getattr(estimator, "early_stopping", False) is True or getattr(
        estimator, "subsample", None
    )
    if random_order or splits_rows:
        pytest.skip("draws rows at random, so that repeating them changes the draw")
    if "cv" in estimator.get_params():
        pytest.skip("folds are of rows: those that are repeated are in several")
    w = np.random.default_rng(0).integers(1, 4, len(X))
    weighted = fitted(estimator, X, y, sample_weight=w)
    repeated = fitted(estimator, np.repeat(X, w, 0), None if y is None else np.repeat(y, w, 0))
    close(output(weighted, X), output(repeated, X), rtol=1e-3, atol=1e-4)


@every
def test_containers_agree(estimator: Any) -> None:
    if is_text(estimator) or is_label_encoder(estimator):
        pytest.skip("reads documents or labels, not a table")
    if not is_checked(estimator):
        pytest.skip("passes its input to a function as it is")
    pd, pl, pa = (
        pytest.importorskip("pandas"),
        pytest.importorskip("polars"),
        pytest.importorskip("pyarrow"),
    )
    X, y = data_for(estimator)
    expected = np.asarray(output(fitted(estimator, X, y), X))
    names = [f"f{j}" for j in range(X.shape[1])]
    columns = {n: X[:, j] for j, n in enumerate(names)}
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns), columns):
        model = fitted(estimator, frame, y)
        close(np.asarray(output(model, frame)), expected, rtol=1e-6)
        assert list(model.feature_names_in_) == names
    close(output(fitted(estimator, X.tolist(), y), X.tolist()), expected, rtol=1e-6)


@every
def test_tensors_in_tensors_out(estimator: Any, device: torch.device) -> None:
    if is_text(estimator) or is_label_encoder(estimator):
        pytest.skip("reads documents or labels, not a matrix")
    X, y = data_for(estimator)
    expected = np.asarray(output(fitted(estimator, X, y), X))
    T = torch.from_numpy(X).to(device)
    target = torch.from_numpy(y).to(device) if y is not None and y.dtype.kind in "fi" else y
    model = fitted(estimator, T, target)
    out = output(model, T)
    if isinstance(out, torch.Tensor):
        assert out.device.type == device.type
        out = out.cpu()
    else:
        assert (
            sp.issparse(out)
            or np.asarray(out).dtype.kind in "OU"
            or not hasattr(model, "program_")
            or hasattr(out, "shape")
        )
    close(np.asarray(out), expected, rtol=1e-5, atol=1e-7)


@every
def test_columns_are_matched_by_name(estimator: Any) -> None:
    if is_text(estimator) or is_label_encoder(estimator):
        pytest.skip("reads documents or labels, not a table")
    if not is_checked(estimator):
        pytest.skip("passes its input to a function as it is")
    pd = pytest.importorskip("pandas")
    X, y = data_for(estimator)
    frame = pd.DataFrame(X, columns=[f"f{j}" for j in range(X.shape[1])])
    model = fitted(estimator, frame, y)
    close(output(model, frame[frame.columns[::-1]]), output(model, frame), rtol=0, atol=0)
    with pytest.raises(ValueError, match="f0"):
        output(model, frame.rename(columns={"f0": "F0"}))


@every
def test_program_agrees_with_the_estimator(estimator: Any) -> None:
    X, y = data_for(estimator)
    model = fitted(estimator, X, y)
    try:
        program, tensors = model.program_, model.front(X)
    except (ProgramError, AttributeError) as error:
        pytest.skip(str(error))
    with torch.no_grad():
        out = program(tensors)
    if hasattr(model, "decision_function"):
        expected = model.decision_function(X)
    elif hasattr(model, "predict_proba"):
        expected = model.predict_proba(X)
        out = program.link(out)
    elif is_clusterer(model) and hasattr(model, "transform"):  # distances, of which labels follow
        expected = model.transform(X)
    else:
        expected = output(model, X)
    dense = out.to_dense() if hasattr(out, "to_dense") else out
    close(dense.numpy(), expected, rtol=1e-6, atol=1e-9)


@every
def test_float32_stays_float32(estimator: Any) -> None:
    X, y = data_for(estimator)
    if (
        is_text(estimator)
        or is_label_encoder(estimator)
        or "dtype" in {name.split("__")[-1] for name in estimator.get_params()}
    ):
        pytest.skip("its output has a dtype of its own")
    tags = get_tags(estimator).transformer_tags
    if tags is not None and not tags.preserves_dtype:
        pytest.skip("its output has a dtype of its own")
    out = output(fitted(estimator, X.astype(np.float32), y), X.astype(np.float32))
    if np.asarray(out).dtype.kind == "f" and not is_regressor(estimator):
        assert np.asarray(out).dtype == np.float32, "a float64 copy is made on the way"


@every
def test_shows_itself(estimator: Any) -> None:
    model = clone(estimator)
    assert type(model).__name__ in repr(model)
    assert type(model).__name__ in model._repr_html_()


@every
def test_works_inside_scikit_learn(estimator: Any) -> None:
    X, y = data_for(estimator)
    if is_text(estimator) or is_label_encoder(estimator):
        pytest.skip("reads documents or labels, not a matrix")
    pipe = sklearn_pipeline(SklearnFunctionTransformer(), clone(estimator))
    pipe.fit(X, y)
    if not any(hasattr(pipe, method) for method in OUTPUTS):
        pytest.skip("what it computes is none of the methods that a Pipeline passes on")
    close(
        output(pipe, X), output(fitted(estimator, X, y), X), rtol=1e-2, atol=1e-2
    ) if "random_state" not in estimator.get_params() else output(pipe, X)
    if is_classifier(estimator) or is_regressor(estimator):
        scores = cross_validate(clone(estimator), X, y, cv=2)
        assert np.isfinite(scores["test_score"]).all()
        name = next(
            (
                p
                for p in ("alpha", "C", "l2_regularization", "check_inverse")
                if p in estimator.get_params()
            ),
            None,
        )
        if name is not None:
            search = GridSearchCV(clone(estimator), {name: [getattr(estimator, name)]}, cv=2).fit(
                X, y
            )
            assert search.best_params_[name] == getattr(estimator, name)
