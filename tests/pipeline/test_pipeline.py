"""Pipelines: their Programs, how data passes from step to step, and scikit-learn around them."""

from typing import Any

import numpy as np
import pytest
import sklearn.pipeline
import sklearn.preprocessing
import torch
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate
from torch import Tensor

from dovetail.base import Accepts, Transformer
from dovetail.compose import ColumnTransformer, TransformedTargetRegressor
from dovetail.data.batches import Batches
from dovetail.errors import ProgramError
from dovetail.linear_model import LogisticRegression, Ridge
from dovetail.pipeline import FeatureUnion, Pipeline, _composition, make_pipeline
from dovetail.preprocessing import MinMaxScaler, StandardScaler
from dovetail.program import Chain, Program

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)) * [1.0, 2.0, 0.5, 3.0] + [0.0, 1.0, -2.0, 4.0]
y = X @ [1.0, -1.0, 0.5, 0.0] + 0.1 * rng.normal(size=60)


def split() -> ColumnTransformer:
    two = make_pipeline(MinMaxScaler(), StandardScaler())
    return ColumnTransformer(
        [("one", StandardScaler(), [0, 1]), ("two", two, slice(2, 4))],
        transformer_weights={"two": 3.0},
    )


LOWERABLE = {
    "chain": lambda: make_pipeline(StandardScaler(), MinMaxScaler(), Ridge()),
    "branches first": lambda: make_pipeline(split(), Ridge()),
    "branches after": lambda: make_pipeline(StandardScaler(), split(), Ridge()),
    "nested": lambda: make_pipeline(
        make_pipeline(StandardScaler(), "passthrough"), make_pipeline(MinMaxScaler(), Ridge())
    ),
    "union": lambda: make_pipeline(
        StandardScaler(), FeatureUnion([("a", MinMaxScaler()), ("b", split())]), Ridge()
    ),
    "target": lambda: make_pipeline(
        StandardScaler(), TransformedTargetRegressor(Ridge(), transformer=StandardScaler())
    ),
    "foreign first": lambda: make_pipeline(PCA(3), StandardScaler(), Ridge()),
    "transformer": lambda: make_pipeline(StandardScaler(), None, split()),
    "identity": lambda: make_pipeline("passthrough"),
}


@pytest.mark.parametrize("make", LOWERABLE.values(), ids=LOWERABLE.keys())
def test_program_of_front_is_what_the_pipeline_says(make: Any) -> None:
    model = make().fit(X, y)
    expected = model.predict(X) if hasattr(model, "predict") else model.transform(X)
    program = model.program_
    assert isinstance(program, Chain)
    np.testing.assert_allclose(program(model.front(X)).numpy(), expected, rtol=1e-10, atol=1e-12)


def test_program_gives_the_scores_of_a_classifier() -> None:
    model = make_pipeline(split(), LogisticRegression()).fit(X, y > 0)
    scores = model.program_(model.front(X)).numpy()
    np.testing.assert_allclose(scores, model.decision_function(X), rtol=1e-10)


@pytest.mark.parametrize("name", ["chain", "branches after", "union", "target"])
def test_pipelines_of_numbers_follow_other_programs(name: str) -> None:
    model = LOWERABLE[name]().fit(X, y)
    T = torch.from_numpy(X)
    torch.testing.assert_close(model._program_on_numbers()(T), model.program_(model.front(X)))


class _Bump(Program):
    height: Tensor

    def forward(self, X: Tensor) -> Tensor:
        return self.height * torch.exp(-X.square()).sum(1)


def test_gradients_flow_through_a_chain_of_programs() -> None:
    scaled = make_pipeline(StandardScaler(), StandardScaler(with_mean=False)).fit(X)
    program = Chain([scaled.program_, _Bump(torch.tensor(2.0, dtype=torch.float64))])
    T = torch.from_numpy(X[:5]).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: program(scaled.front(x)), T)
    inner = Chain([LOWERABLE["branches after"]().fit(X, y).program_])
    assert torch.autograd.gradcheck(inner, T)


def test_a_step_without_a_program_is_named() -> None:
    model = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    with pytest.raises(ProgramError, match=r"step 'pca' is sklearn's PCA, .* only estimators of"):
        model.program_
    inner = ColumnTransformer([("deep", PCA(1), [0, 1])])
    with pytest.raises(
        ProgramError, match=r"step 'columntransformer' .* branch 'deep' is sklearn's"
    ):
        make_pipeline(StandardScaler(), inner).fit(X).front(X)


class _Words(Transformer):
    """Reads columns of any type, so that no Program can come before its own."""

    accepts = Accepts(columns=True)

    def _fit(self, batches: Batches) -> Program:
        return Chain([])

    def front(self, X: Any) -> Tensor:
        return torch.as_tensor(np.asarray(X, dtype=float).round())

    def transform(self, X: Any) -> Any:
        return np.asarray(X, dtype=float).round()


def test_a_step_that_reads_columns_begins_the_program() -> None:
    model = make_pipeline(StandardScaler(), _Words(), Ridge()).fit(X, y)
    front = model.front(X)
    assert torch.equal(front, torch.from_numpy(model[:-1].transform(X)))
    np.testing.assert_allclose(model.program_(front).numpy(), model.predict(X))
    assert model._program_on_numbers() is None


class _Spy(TransformerMixin, BaseEstimator):
    """A foreign step that remembers what it was given."""

    def fit(self, X: Any, y: Any = None) -> Any:
        self.seen_ = [type(X)]
        return self

    def transform(self, X: Any) -> Any:
        self.seen_.append(type(X))
        return X


def test_tensors_pass_as_tensors_and_foreign_steps_see_numpy() -> None:
    T, target = torch.from_numpy(X), torch.from_numpy(y)
    model = make_pipeline(StandardScaler(), _Spy(), Ridge()).fit(T, target)
    out = model.predict(T)
    assert isinstance(out, Tensor)
    assert set(model[1].seen_) == {np.ndarray}
    np.testing.assert_allclose(
        out.numpy(), make_pipeline(StandardScaler(), Ridge()).fit(X, y).predict(X)
    )
    assert isinstance(make_pipeline(StandardScaler(), _Spy()).fit_transform(T), Tensor)
    assert isinstance(
        sklearn.pipeline.make_pipeline(StandardScaler(), Ridge()).fit(T, y).predict(T), Tensor
    )


class _Seen(StandardScaler):
    """A step of ours that remembers what it was given."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        self.seen_ = [type(X)]
        return super().fit(X, y, sample_weight)

    def transform(self, X: Any, copy: bool | None = None) -> Any:
        self.seen_.append(type(X))
        return super().transform(X, copy)


def test_on_an_accelerator_data_stays_tensors_between_steps(monkeypatch: Any) -> None:
    expected = make_pipeline(split(), StandardScaler(), Ridge()).fit(X, y).predict(X)
    monkeypatch.setattr(_composition, "_accelerator", lambda device: True)
    inner = FeatureUnion([("all", _Seen())])
    model = make_pipeline(split(), _Seen(), make_pipeline(inner, _Seen()), Ridge()).fit(X, y)
    assert model[1].seen_[0] is Tensor
    model[1].seen_.clear()
    out = model.predict(X)
    assert isinstance(out, np.ndarray)
    np.testing.assert_allclose(out, expected)
    assert set(model[1].seen_) == {Tensor}
    assert set(model[2][0]["all"].seen_) == set(model[2][1].seen_) == {Tensor}
    for step in (model[-1].coef_, model[1].mean_, model[2][1].mean_):
        assert isinstance(step, np.ndarray)
    mixed = make_pipeline(StandardScaler(), _Spy(), StandardScaler()).fit(X)
    assert isinstance(mixed.transform(X), np.ndarray)
    assert set(mixed[1].seen_) == {np.ndarray}


def test_moves_to_a_device_in_one_call(device: torch.device) -> None:
    model = LOWERABLE["union"]().fit(X, y)
    expected = model.predict(X)
    assert model.to(device) is model
    assert all(t.device.type == device.type for t in model.program_.tensors())
    np.testing.assert_allclose(model.predict(X), expected)
    out = model.predict(torch.from_numpy(X).to(device))
    assert out.device.type == device.type


def test_search_cross_validation_and_mixtures_with_scikit_learn() -> None:
    model = make_pipeline(sklearn.preprocessing.StandardScaler(), split(), Ridge())
    grid = {"ridge__alpha": [0.1, 1000.0], "columntransformer__two__minmaxscaler": ["passthrough"]}
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert search.best_params_["ridge__alpha"] == 0.1
    assert search.best_estimator_["columntransformer"]["two"].steps[0][1] == "passthrough"
    scores = cross_validate(model, X, y, cv=3)["test_score"]
    outer = sklearn.pipeline.make_pipeline(model[:-1], Ridge())
    np.testing.assert_allclose(cross_validate(outer, X, y, cv=3)["test_score"], scores)


def test_weights_reach_their_step() -> None:
    w = np.arange(60.0)
    model = make_pipeline(StandardScaler(), Ridge()).fit(X, y, ridge__sample_weight=w)
    scaled = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(model[-1].coef_, Ridge().fit(scaled, y, w).coef_)
    assert model.score(X, y, sample_weight=w) != model.score(X, y)
    with pytest.raises(KeyError, match=r"no step 'rigde'. Its steps are standardscaler, ridge"):
        model.fit(X, y, rigde__sample_weight=w)
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        model.score(X, y, weight=w)


def test_memory_finds_fitted_steps_again(tmp_path: Any) -> None:
    model = make_pipeline(StandardScaler(), Ridge(), memory=str(tmp_path))
    given = model[0]
    model.fit(X, y)
    assert model[0] is not given
    first = model[0].mean_
    other = clone(model).set_params(ridge__alpha=5.0).fit(X, y)
    np.testing.assert_array_equal(other[0].mean_, first)
    plain = make_pipeline(StandardScaler(), Ridge(alpha=5.0)).fit(X, y)
    np.testing.assert_allclose(other.predict(X), plain.predict(X))


def test_steps_are_taken_by_place_name_and_slice() -> None:
    model = Pipeline([("a", StandardScaler()), ("b", MinMaxScaler()), ("c", Ridge())]).fit(X, y)
    assert model["b"] is model[1] is model.named_steps.b
    part = model[:-1]
    assert len(part) == 2
    np.testing.assert_allclose(part.transform(X), model[1].transform(model[0].transform(X)))
    back = part.inverse_transform(part.transform(X))
    np.testing.assert_allclose(back, X)
    with pytest.raises(ValueError, match="step of 1"):
        model[::2]


def test_refuses_what_it_cannot_run() -> None:
    with pytest.raises(ValueError, match="empty"):
        Pipeline([]).fit(X)
    with pytest.raises(TypeError, match=r"All intermediate steps.*'ridge-1'"):
        make_pipeline(Ridge(), Ridge()).fit(X, y)
    with pytest.raises(TypeError, match=r"instance .*StandardScaler"):
        Pipeline([("a", StandardScaler)]).fit(X)
    with pytest.raises(ValueError, match="__"):
        Pipeline([("a__b", StandardScaler())]).fit(X)
    with pytest.raises(NotFittedError):
        make_pipeline(StandardScaler(), Ridge()).predict(X)


def test_verbose_times_every_step(capsys: Any) -> None:
    make_pipeline(StandardScaler(), Ridge(), verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:10] for line in lines] == ["[Pipeline]"] * 2
    assert "(step 1 of 2) Processing standardscaler, total=" in lines[0]
