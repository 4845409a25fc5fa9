"""FunctionTransformer: functions as they are, and as Programs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dovetail.preprocessing import FunctionTransformer

X = np.array([[1.0, 2.0], [3.0, 4.0]])


def shifted(X: np.ndarray, by: float = 0.0) -> np.ndarray:
    return X + by


def test_functions_get_what_is_given_and_their_arguments() -> None:
    model = FunctionTransformer(
        shifted, shifted, kw_args={"by": 2.0}, inv_kw_args={"by": -2.0}
    ).fit(X)
    np.testing.assert_array_equal(model.transform(X), X + 2)
    np.testing.assert_array_equal(model.inverse_transform(X + 2), X)
    assert FunctionTransformer(lambda words: [w.upper() for w in words]).transform(["a"]) == ["A"]


def test_none_is_the_input_itself() -> None:
    assert FunctionTransformer().fit_transform(X) is X


@pytest.mark.parametrize("func", [np.log1p, np.sqrt, np.exp, torch.sin])
def test_universal_functions_are_programs_with_gradients(func: object) -> None:
    model = FunctionTransformer(func).fit(X)
    T = torch.tensor(X, requires_grad=True)
    out = model.program_(T)
    expected = func(torch.from_numpy(X)) if func is torch.sin else func(X)  # type: ignore[operator]
    np.testing.assert_allclose(out.detach(), expected)
    out.sum().backward()
    assert T.grad is not None


def test_tells_where_the_inverse_is_none() -> None:
    with pytest.warns(UserWarning, match="not strictly inverse"):
        FunctionTransformer(np.sqrt, np.sqrt).fit(X)
    FunctionTransformer(np.sqrt, np.sqrt, check_inverse=False).fit(X)
    FunctionTransformer(np.sqrt, np.square).fit(X)
    with pytest.raises(ValueError, match="only supported when all the elements in `X` is numer"):
        FunctionTransformer(np.sqrt, np.square).fit([["a"]])


def test_names() -> None:
    assert not hasattr(FunctionTransformer().fit(X), "get_feature_names_out")
    same = FunctionTransformer(np.sqrt, feature_names_out="one-to-one").fit(X)
    assert same.get_feature_names_out(["a", "b"]).tolist() == ["a", "b"]
    made = FunctionTransformer(
        np.sqrt, feature_names_out=lambda _, names: [f"sqrt_{n}" for n in names]
    ).fit(X)
    assert made.get_feature_names_out().tolist() == ["sqrt_x0", "sqrt_x1"]


def test_frames_get_the_names() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = FunctionTransformer(
        np.sqrt, feature_names_out=lambda _, names: [f"sqrt_{n}" for n in names]
    ).fit(frame)
    assert model.transform(frame).columns.tolist() == ["sqrt_a", "sqrt_b"]
    other = FunctionTransformer(
        lambda f: f.rename(columns={"a": "c"}), feature_names_out="one-to-one"
    ).fit(frame)
    with pytest.raises(ValueError, match="different column names"):
        other.transform(frame)


def test_checks_where_asked() -> None:
    with pytest.raises(ValueError, match="Expected 2D array"):
        FunctionTransformer(validate=True).fit([1.0, 2.0])
    with pytest.raises(ValueError, match="3 features"):
        FunctionTransformer(validate=True).fit(X).transform(np.ones((1, 3)))
