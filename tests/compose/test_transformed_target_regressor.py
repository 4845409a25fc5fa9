"""Regression on a transformed target."""

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.preprocessing
import torch

from dovetail.compose import TransformedTargetRegressor
from dovetail.errors import ProgramError
from dovetail.linear_model import LinearRegression, Ridge
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = np.exp(X @ [1.0, -0.5, 0.2] + 1.0)


def test_fits_the_transformed_target() -> None:
    model = TransformedTargetRegressor(func=np.log, inverse_func=np.exp).fit(X, y)
    np.testing.assert_allclose(model.regressor_.coef_, [1.0, -0.5, 0.2])
    np.testing.assert_allclose(model.predict(X), y)
    assert isinstance(model.regressor_, LinearRegression)
    assert model.n_features_in_ == 3


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (-1, 2)])
def test_answers_have_the_shape_of_the_target(shape: tuple[int, ...]) -> None:
    target = np.log(y).repeat(shape[-1]).reshape(shape) if len(shape) > 1 else np.log(y)
    model = TransformedTargetRegressor(Ridge(), transformer=StandardScaler()).fit(X, target)
    assert model.predict(X).shape == target.shape
    np.testing.assert_allclose(model.program_(model.front(X)).numpy(), model.predict(X))
    scaled = (target - target.mean(0)) / target.std(0)
    expected = Ridge().fit(X, scaled).predict(X).reshape(target.shape) * target.std(
        0
    ) + target.mean(0)
    np.testing.assert_allclose(model.predict(X), expected)


def test_mixes_with_foreign_parts_and_tensors() -> None:
    ours = TransformedTargetRegressor(Ridge(), transformer=sklearn.preprocessing.StandardScaler())
    theirs = TransformedTargetRegressor(sklearn.linear_model.Ridge(), transformer=StandardScaler())
    T, target = torch.from_numpy(X), torch.from_numpy(y)
    expected = ours.fit(X, y).predict(X)
    np.testing.assert_allclose(theirs.fit(X, y).predict(X), expected)
    for model in (ours, theirs):
        out = model.fit(T, target).predict(T)
        assert isinstance(out, torch.Tensor)
        np.testing.assert_allclose(out.numpy(), expected)


def test_programs() -> None:
    plain = TransformedTargetRegressor(Ridge()).fit(X, y)
    np.testing.assert_allclose(plain.program_(plain.front(X)).numpy(), plain.predict(X))
    by_function = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp).fit(X, y)
    out = by_function.program_(by_function.front(X))
    np.testing.assert_allclose(out.numpy(), by_function.predict(X))
    with pytest.raises(ProgramError, match=r"by the function .* which torch does not know"):
        by_function.set_params(inverse_func=lambda z: np.exp(z)).fit(X, y).program_
    with pytest.raises(ProgramError, match="regressor is sklearn's Ridge"):
        TransformedTargetRegressor(sklearn.linear_model.Ridge()).fit(X, y).program_
    moved = TransformedTargetRegressor(Ridge(), transformer=StandardScaler()).fit(X, y).to("cpu")
    T = torch.from_numpy(X).requires_grad_()
    (slope,) = torch.autograd.grad(moved.program_(moved.front(T)).sum(), T)
    np.testing.assert_allclose(slope[0], moved.regressor_.coef_ * y.std())


def test_weights_reach_the_regressor() -> None:
    w = np.arange(40.0)
    model = TransformedTargetRegressor(func=np.log, inverse_func=np.exp).fit(
        X[:, :1], y, sample_weight=w
    )
    expected = LinearRegression().fit(X[:, :1], np.log(y), w)
    np.testing.assert_allclose(model.regressor_.coef_, expected.coef_)
    inside = make_pipeline(StandardScaler(), TransformedTargetRegressor())
    inside.fit(X, y, transformedtargetregressor__sample_weight=w)


def test_refuses_and_warns() -> None:
    with pytest.raises(ValueError, match="cannot both be set"):
        TransformedTargetRegressor(
            transformer=StandardScaler(), func=np.log, inverse_func=np.exp
        ).fit(X, y)
    with pytest.raises(ValueError, match="When 'func' is provided, 'inverse_func' must"):
        TransformedTargetRegressor(func=np.log).fit(X, y)
    with pytest.raises(ValueError, match="requires y"):
        TransformedTargetRegressor().fit(X, None)
    with pytest.warns(UserWarning, match="not strictly inverse"):
        TransformedTargetRegressor(func=np.log, inverse_func=np.cbrt).fit(X, y)
    TransformedTargetRegressor(func=np.log, inverse_func=np.cbrt, check_inverse=False).fit(X, y)
