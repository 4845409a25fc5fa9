import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.preprocessing import scale

import dovetail as dv
from dovetail.neural_network import MLPClassifier, MLPRegressor

IRIS, SPECIES = load_iris(return_X_y=True)
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
DIABETES, PROGRESSION = load_diabetes(return_X_y=True)
DIABETES, PROGRESSION = scale(DIABETES), scale(PROGRESSION)
RANDOM = np.random.RandomState(0)
WEIGHTS = RANDOM.rand(len(IRIS)) + 0.1
LABELS = np.c_[SPECIES > 0, SPECIES > 1, RANDOM.rand(len(IRIS)) > 0.5].astype(int)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


CLASSIFICATION = {
    "classes": (IRIS, SPECIES, {}),
    "two classes": (CANCER, BENIGN, {"hidden_layer_sizes": (8, 5), "activation": "logistic"}),
    "labels": (IRIS, LABELS, {"activation": "tanh"}),
    "sgd": (IRIS, SPECIES, {"solver": "sgd", "batch_size": 40}),
    "plain momentum": (IRIS, SPECIES, {"solver": "sgd", "nesterovs_momentum": False}),
    "inverse scaling": (IRIS, SPECIES, {"solver": "sgd", "learning_rate": "invscaling"}),
    "adaptive": (
        IRIS,
        SPECIES,
        {
            "solver": "sgd",
            "learning_rate": "adaptive",
            "learning_rate_init": 0.1,
            "tol": 1e-2,
            "n_iter_no_change": 2,
            "max_iter": 200,
        },
    ),
    "in order": (IRIS, SPECIES, {"shuffle": False, "batch_size": 31}),
    "early stopping": (CANCER, BENIGN, {"early_stopping": True, "alpha": 1.0}),
    "early stopping, three classes": (IRIS, SPECIES, {"early_stopping": True}),
    "no hidden layer": (IRIS, SPECIES, {"hidden_layer_sizes": ()}),
    "float32": (IRIS.astype(np.float32), SPECIES, {}),
}
REGRESSION = {
    "squared error": (DIABETES, PROGRESSION, {}),
    "two targets": (DIABETES, np.c_[PROGRESSION, -PROGRESSION], {"batch_size": 100}),
    "early stopping": (DIABETES, PROGRESSION, {"early_stopping": True, "beta_1": 0.8}),
    "poisson": (DIABETES, np.rint(PROGRESSION**2), {"loss": "poisson", "solver": "sgd"}),
}


def assert_same_training(ours, theirs, tolerance):
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, atol=tolerance)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e3 * tolerance)
    if theirs.validation_scores_:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        value, expected = getattr(ours, name), getattr(theirs, name)
        assert value == (expected and pytest.approx(expected, rel=1e3 * tolerance)), name


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CLASSIFICATION)
def test_classifier_trains_as_scikit_learns_does(case, weighted):
    X, y, options = CLASSIFICATION[case]
    w = np.resize(WEIGHTS, len(X)).astype(X.dtype) if weighted else None
    options = {"max_iter": 12, "random_state": 3, **options}
    ours = MLPClassifier(**options).fit(X, y, w)
    theirs = TheirClassifier(**options).fit(X, y, w)
    assert_same_training(ours, theirs, 1e-5 if X.dtype == np.float32 else 1e-9)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", REGRESSION)
def test_regressor_trains_as_scikit_learns_does(case, weighted):
    X, y, options = REGRESSION[case]
    w = np.resize(WEIGHTS, len(X)) if weighted else None
    options = {"max_iter": 12, "random_state": 3, **options}
    ours, theirs = MLPRegressor(**options).fit(X, y, w), TheirRegressor(**options).fit(X, y, w)
    assert_same_training(ours, theirs, 1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-8)


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csc_array])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows_train_as_dense_ones(solver, convert):
    options = {"solver": solver, "hidden_layer_sizes": 6, "max_iter": 8, "random_state": 0}
    X = np.where(np.abs(CANCER) > 1, CANCER, 0)
    dense = MLPClassifier(**options, batch_size=64).fit(X, BENIGN)
    sparse = MLPClassifier(**options, batch_size=64).fit(convert(X), BENIGN)
    np.testing.assert_allclose(sparse.coefs_[0], dense.coefs_[0], atol=1e-6)
    np.testing.assert_allclose(sparse.predict_proba(convert(X)), dense.predict_proba(X), atol=1e-6)


# -- L-BFGS


def test_lbfgs_ends_where_the_gradient_vanishes():
    X = scale(IRIS)
    options = {"solver": "lbfgs", "alpha": 15.0, "tol": 1e-4, "max_iter": 2000}
    model = MLPClassifier((4,), "tanh", random_state=0, **options).fit(X, SPECIES)
    parts = [torch.from_numpy(p).requires_grad_(True) for p in model.coefs_ + model.intercepts_]
    V, W, a, b = parts
    F = torch.tanh(torch.from_numpy(X) @ V + a) @ W + b
    loss = torch.nn.functional.cross_entropy(F, torch.from_numpy(SPECIES))
    loss = loss + 7.5 * (V.square().sum() + W.square().sum()) / len(IRIS)
    loss.backward()
    assert max(p.grad.abs().max() for p in parts) <= 1e-4
    assert model.loss_ == pytest.approx(loss.item())


def test_lbfgs_keeps_within_its_calls():
    with pytest.warns(ConvergenceWarning, match="failed to converge"):
        model = MLPRegressor(solver="lbfgs", tol=0.0, max_fun=5).fit(DIABETES, PROGRESSION)
    assert model.n_iter_ <= 5
    assert not hasattr(model, "loss_curve_")
    assert not hasattr(model, "partial_fit")


def test_lbfgs_of_float32_rows_reaches_the_same_loss():
    options = {"solver": "lbfgs", "hidden_layer_sizes": 5, "alpha": 5.0, "max_iter": 500}
    single, double = (
        MLPRegressor(**options, random_state=0).fit(DIABETES.astype(dtype), PROGRESSION)
        for dtype in (np.float32, np.float64)
    )
    assert single.coefs_[0].dtype == np.float32
    assert single.loss_ == pytest.approx(double.loss_, rel=1e-2)


def test_squared_loss_of_several_targets_is_reported_as_their_mean():
    both = np.c_[PROGRESSION, PROGRESSION]
    options = {"solver": "lbfgs", "hidden_layer_sizes": 3, "alpha": 0.0, "random_state": 0}
    model = MLPRegressor(**options).fit(DIABETES, both)
    residual = model.predict(DIABETES) - both
    assert model.loss_ == pytest.approx(0.5 * np.square(residual).mean())


# -- weights


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_rows_of_weight_zero_are_absent(solver):
    w = (np.arange(len(IRIS)) % 3 > 0).astype(float)
    options = {"solver": solver, "max_iter": 10, "random_state": 0, "batch_size": 20}
    ours = MLPClassifier(**options).fit(IRIS, SPECIES, w)
    without = MLPClassifier(**options).fit(IRIS[w > 0], SPECIES[w > 0])
    np.testing.assert_allclose(ours.coefs_[0], without.coefs_[0], atol=1e-6)


@pytest.mark.parametrize("class_weight", [{0: 2.0, 1: 0.5, 2: 1.0}, "balanced"])
def test_class_weights_are_sample_weights(class_weight):
    X, y = IRIS[20:], SPECIES[20:]
    by_class = {0: 2.0, 1: 0.5, 2: 1.0}
    if class_weight == "balanced":
        by_class = dict(enumerate(len(y) / (3 * np.bincount(y))))
    w = np.array([by_class[c] for c in y])
    ours = MLPClassifier(max_iter=5, random_state=0, class_weight=class_weight).fit(X, y)
    weighted = MLPClassifier(max_iter=5, random_state=0).fit(X, y, w)
    np.testing.assert_allclose(ours.coefs_[0], weighted.coefs_[0], atol=1e-12)


def test_adamw_shrinks_the_weights_only():
    options = {"solver": "adamw", "learning_rate_init": 0.01, "max_iter": 1, "random_state": 0}
    plain, decayed = (MLPRegressor(alpha=a, **options).fit(DIABETES, PROGRESSION) for a in (0, 10))
    start = TheirRegressor(max_iter=1, random_state=0, learning_rate_init=1e-300)
    start.fit(DIABETES, PROGRESSION)
    shrink = (1 - 0.01 * 10) ** 3  # 442 rows are three mini-batches
    change = decayed.coefs_[0] - shrink * start.coefs_[0]
    assert np.abs(change).max() < 4 * 0.01
    assert np.abs(plain.coefs_[0] - start.coefs_[0]).max() < 4 * 0.01
    assert np.abs(decayed.intercepts_[0] - start.intercepts_[0]).max() < 4 * 0.01


# -- going on


def test_partial_fits_are_the_epochs_of_a_fit():
    options = {"shuffle": False, "batch_size": 40, "random_state": 0}
    once = MLPClassifier(max_iter=7, **options).fit(IRIS, SPECIES)
    stepwise = MLPClassifier(**options)
    for _ in range(7):
        stepwise.partial_fit(IRIS, SPECIES, classes=[0, 1, 2])
    np.testing.assert_allclose(stepwise.coefs_[1], once.coefs_[1], atol=1e-12)
    assert stepwise.loss_curve_ == pytest.approx(once.loss_curve_)
    assert (stepwise.t_, stepwise.n_iter_) == (7 * 150, 1)


def test_partial_fit_waits_for_classes_to_come():
    model = MLPClassifier(random_state=0).partial_fit(IRIS[:50], SPECIES[:50], classes=[0, 1, 2])
    assert model.predict_proba(IRIS).shape == (150, 3)
    model.partial_fit(IRIS[100:], SPECIES[100:])
    with pytest.raises(ValueError, match=r"has classes not in .* 'y' has \[7\]"):
        model.partial_fit(IRIS[:50], np.full(50, 7))
    with pytest.raises(ValueError, match="not supported for partial_fit"):
        model.set_params(class_weight="balanced").partial_fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="does not support early_stopping=True"):
        MLPRegressor(early_stopping=True).partial_fit(DIABETES, PROGRESSION)


def test_warm_start_goes_on_and_fit_begins_anew():
    model = MLPRegressor(max_iter=3, random_state=0, warm_start=True).fit(DIABETES, PROGRESSION)
    first = model.coefs_[0].copy()
    model.fit(DIABETES, PROGRESSION)
    assert len(model.loss_curve_) == 6
    assert model.loss_curve_[3] < model.loss_curve_[2]
    assert model.n_iter_ == 3
    anew = model.set_params(warm_start=False).fit(DIABETES, PROGRESSION)
    np.testing.assert_array_equal(anew.coefs_[0], first)
    with pytest.raises(ValueError, match=r"layers of \[10, 100, 1\] units.*\[10, 7, 1\]"):
        model.set_params(warm_start=True, hidden_layer_sizes=7).fit(DIABETES, PROGRESSION)


# -- the program


@pytest.mark.parametrize("container", ["numpy", "torch"])
def test_program_gives_what_the_estimator_gives(container):
    X = IRIS if container == "numpy" else torch.from_numpy(IRIS)
    many, two = (
        MLPClassifier(max_iter=3, random_state=0).fit(X, y) for y in (SPECIES, SPECIES > 0)
    )
    counts = MLPRegressor("poisson", max_iter=3, random_state=0).fit(X, SPECIES)
    several = MLPClassifier(max_iter=3, random_state=0).fit(X, LABELS)
    for model, run in (
        (many, many.predict_proba),
        (two, two.predict_proba),
        (several, several.predict_proba),
        (counts, counts.predict),
    ):
        program = model.program_
        scores = program(model.front(X))
        expected = scores if model is counts else program.link(scores)
        result = torch.as_tensor(run(X))
        torch.testing.assert_close(result, expected)
        assert isinstance(model.coefs_[0], torch.Tensor) == (container == "torch")
    assert two.program_(two.front(X)).shape == (150,)


def test_program_is_rebuilt_from_its_state_and_learns_by_autograd():
    model = MLPClassifier(max_iter=3, random_state=0).fit(IRIS, SPECIES)
    program = model.program_.replace()
    X, y = torch.from_numpy(IRIS), torch.from_numpy(SPECIES)
    assert torch.equal(program(X), model.program_(X))
    numbers = [t.requires_grad_(True) for t in program.tensors()]
    optimizer = torch.optim.Adam(numbers, lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        losses.append(torch.nn.functional.cross_entropy(program(X), y))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


def test_prediction_by_blocks_is_that_of_all_rows():
    model = MLPClassifier(max_iter=3, random_state=0).fit(IRIS, SPECIES)
    X = np.tile(IRIS, (20, 1))
    once = np.tile(model.predict_proba(IRIS), (20, 1))
    np.testing.assert_allclose(model.predict_proba(X), once)
    np.testing.assert_allclose(model.predict_proba(sp.csr_matrix(X)), once)


def test_coefficients_can_be_set():
    model = MLPRegressor(hidden_layer_sizes=3, max_iter=2).fit(DIABETES, PROGRESSION)
    model.coefs_ = [np.zeros_like(c) for c in model.coefs_]
    np.testing.assert_allclose(model.predict(DIABETES), model.intercepts_[1][0])


# -- labels and targets


@pytest.mark.parametrize("as_sparse", [False, True])
def test_several_labels_a_row(as_sparse):
    y = sp.csr_matrix(LABELS[:, :2]) if as_sparse else LABELS[:, :2]
    model = MLPClassifier(solver="lbfgs", random_state=0, max_iter=300).fit(IRIS, y)
    predicted = model.predict(IRIS)
    assert sp.issparse(predicted) == as_sparse
    predicted = predicted.toarray() if as_sparse else predicted
    assert (predicted == LABELS[:, :2]).mean() > 0.95
    assert model.score(IRIS, y) > 0.95
    with pytest.raises(ValueError, match="class_weight is for one class a row"):
        model.set_params(class_weight="balanced").fit(IRIS, y)


def test_labels_of_any_type_and_a_single_class():
    names = np.array(["low", "mid", "top"], dtype=object)[SPECIES]
    model = MLPClassifier(early_stopping=True, random_state=0, max_iter=50).fit(IRIS, names)
    assert set(model.predict(IRIS)) <= set(names)
    one = MLPClassifier(max_iter=2).fit(IRIS, np.full(len(IRIS), "all"))
    assert set(one.predict(IRIS)) == {"all"}
    assert one.predict_proba(IRIS).shape == (150, 2)


def test_poisson_means_are_positive_and_negative_counts_refused():
    model = MLPRegressor("poisson", max_iter=5, random_state=0).fit(IRIS, SPECIES)
    assert (model.predict(IRIS) > 0).all()
    with pytest.raises(ValueError, match="needs y >= 0"):
        model.fit(IRIS, SPECIES - 1)


# -- when things go wrong


def test_divergence_is_an_error_that_advises():
    with pytest.raises(ValueError, match=r"non-finite parameter weights.*StandardScaler"):
        MLPRegressor(solver="sgd", learning_rate_init=1e6).fit(DIABETES, PROGRESSION)


def test_divergence_with_early_stopping_keeps_the_best_weights():
    with pytest.warns(ConvergenceWarning, match="diverged after"):
        model = MLPRegressor(
            activation="identity",
            solver="sgd",
            learning_rate_init=2.0,
            early_stopping=True,
            random_state=0,
        ).fit(DIABETES, PROGRESSION)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.coefs_[0]).all()


def test_limit_clipping_and_sizes_are_spoken_of():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        MLPClassifier(max_iter=2).fit(IRIS, SPECIES)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        MLPClassifier(max_iter=2, batch_size=151).fit(IRIS, SPECIES)
    assert any("It is going to be clipped" in str(w.message) for w in found)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must be > 0, got \[3, 0\]"):
        MLPClassifier((3, 0)).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="The validation set is too small"):
        MLPRegressor(early_stopping=True).fit(DIABETES[:4], PROGRESSION[:4])


def test_verbose_says_a_line_an_epoch(capsys):
    MLPClassifier(max_iter=3, verbose=True, early_stopping=True).fit(IRIS, SPECIES)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("Iteration 1, loss = ")
    assert "validation_score" in lines[0]


def test_threads_change_nothing_but_rounding():
    options = {"hidden_layer_sizes": (300, 300), "batch_size": 300, "max_iter": 2}
    results = []
    for threads in (1, 2):
        with dv.config(threads=threads):
            model = MLPClassifier(**options, random_state=0).fit(CANCER, BENIGN)
            assert torch.get_num_threads() == threads
            results.append(model.predict_proba(CANCER))
    np.testing.assert_allclose(*results, atol=1e-10)
