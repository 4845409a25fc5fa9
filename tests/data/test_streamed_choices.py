"""Preparation steps, vocabularies and penalties that are chosen from a scan are those of memory."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold

import dovetail as dv
from dovetail.compose import make_column_transformer
from dovetail.data.batches import Batch, Batches
from dovetail.data.order_statistics import order_statistics
from dovetail.errors import DataError
from dovetail.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from dovetail.linear_model import (
    ElasticNetCV,
    LassoCV,
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifierCV,
    RidgeCV,
)
from dovetail.pipeline import Pipeline, make_pipeline
from dovetail.preprocessing import (
    KBinsDiscretizer,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
)

N = 600
random = np.random.default_rng(0)
X = random.normal(size=(N, 4))
NAMES = [f"x{j}" for j in range(4)]
Y = X @ [2.0, 0.0, -1.0, 0.0] + 0.5 * random.normal(size=N)
W = random.integers(0, 4, N) + 0.0
TABLE = pa.table(dict(zip(NAMES, X.T, strict=True)))
LABELS = np.array(["a", "b", "c"])[np.digitize(Y, [-1, 1])]
WORDS = [" ".join(random.choice(list("abcdefghij"), 1 + i % 7)) + f" w{i % 40}" for i in range(N)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    columns = dict(zip(NAMES, X.T, strict=True))
    columns |= {"y": Y, "w": W, "label": LABELS, "text": WORDS}
    columns["either"] = np.where(LABELS == "a", "a", "b")
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=130)
    return path


def scan(path, target=None, weighted=False, columns=NAMES):
    weight = "w" if weighted else None
    return dv.scan_parquet(path, target, columns=columns, sample_weight=weight, block_rows=53)


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        (QuantileTransformer(n_quantiles=300, subsample=None), "quantiles_"),
        (QuantileTransformer(n_quantiles=50, subsample=100, random_state=0), "quantiles_"),
        (PowerTransformer(), "lambdas_"),
        (KBinsDiscretizer(subsample=None), "bin_edges_"),
        (KBinsDiscretizer(3, subsample=90, random_state=0), "bin_edges_"),
        (KBinsDiscretizer([2, 3, 4, 5], quantile_method="linear"), "bin_edges_"),
        (KBinsDiscretizer(strategy="kmeans"), "bin_edges_"),
        (SplineTransformer(knots="quantile"), "n_features_out_"),
    ],
)
def test_steps(path, step, shown):
    expected = step.fit(X)
    attribute, out = getattr(expected, shown), expected.transform(X)
    found = step.fit(scan(path))
    both = (np.hstack([*np.atleast_1d(v)]) for v in (getattr(found, shown), attribute))
    assert_allclose(*both, rtol=1e-12, atol=1e-14)
    dense = [z.toarray() if hasattr(z, "toarray") else z for z in (found.transform(TABLE), out)]
    assert_allclose(*dense, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "step",
    [
        KBinsDiscretizer(),
        KBinsDiscretizer(strategy="kmeans"),
        KBinsDiscretizer(strategy="uniform"),
        KBinsDiscretizer(subsample=100, random_state=0),
        SplineTransformer(knots="quantile"),
        SplineTransformer(),
    ],
)
def test_steps_that_weigh_rows(path, step):
    expected = step.fit(X, sample_weight=W).transform(X)
    found = step.fit(scan(path, weighted=True)).transform(TABLE)
    dense = [z.toarray() if hasattr(z, "toarray") else z for z in (found, expected)]
    assert_allclose(*dense, rtol=1e-9, atol=1e-9)


def test_box_cox_names_what_it_cannot_take(path):
    with pytest.raises(ValueError, match="strictly positive"):
        PowerTransformer(method="box-cox").fit(scan(path))


def test_more_ranks_than_counts_of_long_digits_have_room_for(monkeypatch):
    """Digits get shorter; the values do not change."""
    monkeypatch.setattr("dovetail.data.order_statistics._NUMBERS", 1 << 10)
    Z = torch.from_numpy(X.copy())
    ranks = torch.arange(0, N, 5).expand(4, -1)
    for dtype in (torch.float32, torch.float64):
        found = order_statistics(Batches(Batch(Z.to(dtype)), rows_per_block=70), ranks)
        assert_array_equal(found, Z.to(dtype).double().sort(dim=0).values[::5].T)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        RidgeCV(),
        RidgeCV(store_cv_results=True),
        RidgeCV(scoring="neg_mean_absolute_error"),
        RidgeCV([0.1, 1e3], cv=KFold(4, shuffle=True, random_state=0)),
        RidgeCV([0.1, 1e3], cv=ShuffleSplit(3, random_state=0), fit_intercept=False),
        LassoCV(alphas=7),
        LassoCV(alphas=7, cv=ShuffleSplit(3, random_state=0)),
        ElasticNetCV(alphas=5, l1_ratio=[0.3, 0.9], cv=[(np.arange(400), np.arange(400, N))]),
    ],
)
def test_penalties_of_numbers(path, model, weighted):
    weights = {"sample_weight": W} if weighted and not getattr(model, "scoring", None) else {}
    model.fit(X, Y, **weights)
    expected = {name: getattr(model, name) for name in ("alpha_", "coef_", "intercept_")}
    if hasattr(model, "cv_results_"):
        expected["cv_results_"] = model.cv_results_
    if hasattr(model, "mse_path_"):
        expected |= {"mse_path_": model.mse_path_, "dual_gap_": model.dual_gap_}
    model.fit(scan(path, "y", bool(weights)))
    for name, value in expected.items():
        atol = 1e-6 if name == "dual_gap_" else 1e-10
        assert_allclose(getattr(model, name), value, rtol=1e-6, atol=atol, err_msg=name)


@pytest.mark.parametrize("cv", [None, 3, StratifiedKFold(3, shuffle=True, random_state=0)])
def test_penalties_of_classes(path, cv):
    model = RidgeClassifierCV([0.1, 1e4], cv=cv, class_weight="balanced").fit(X, LABELS)
    coef, alpha, score = model.coef_, model.alpha_, model.best_score_
    model.fit(scan(path, "label"))
    assert model.alpha_ == alpha
    assert model.best_score_ == pytest.approx(score)
    assert_allclose(model.coef_, coef, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"scoring": "neg_log_loss"},
        {"scoring": "roc_auc_ovr", "cv": KFold(3, shuffle=True, random_state=0)},
        {"refit": False, "cv": 4, "fit_intercept": False, "scoring": "accuracy"},
        {"scoring": "neg_log_loss", "class_weight": "balanced", "solver": "newton-cg"},
        {"scoring": "neg_log_loss", "cv": [(np.arange(400), np.arange(350, N))] * 2},
    ],
)
def test_penalties_of_logistic_regressions(path, two, weighted, options):
    legacy = {"l1_ratios": (0,), "use_legacy_attributes": False}
    model = LogisticRegressionCV(Cs=[0.01, 1.0], tol=1e-8, max_iter=300, **legacy, **options)
    labels = LABELS
    if two:
        labels = np.where(LABELS == "a", "a", "b")
    model.fit(X, labels, **({"sample_weight": W} if weighted else {}))
    names = ("C_", "coef_", "intercept_", "scores_", "coefs_paths_")
    expected = {name: getattr(model, name) for name in names}
    model.fit(scan(path, "either" if two else "label", weighted))
    for name, value in expected.items():
        assert_allclose(getattr(model, name), value, rtol=1e-6, atol=1e-6, err_msg=name)


def test_fewer_rows_than_columns(tmp_path):
    wide = random.normal(size=(20, 50))
    columns = {f"x{j}": wide[:, j] for j in range(50)}
    pq.write_table(pa.table(columns | {"y": Y[:20]}), tmp_path / "wide.parquet")
    rows = dv.scan_parquet(tmp_path / "wide.parquet", "y", block_rows=6)
    for model in (RidgeCV(), RidgeCV([0.1, 1.0], cv=3), LassoCV(alphas=4, cv=3)):
        coef = model.fit(wide, Y[:20]).coef_
        assert_allclose(model.fit(rows).coef_, coef, rtol=1e-3, atol=1e-4)


def test_what_a_scan_cannot_give(path):
    with pytest.raises(DataError, match="needs all rows"):
        RidgeCV(gcv_mode="svd").fit(scan(path, "y"))
    with pytest.raises(ValueError, match="groups"):
        LassoCV(cv=GroupKFold(3)).fit(scan(path, "y"))


@pytest.mark.parametrize(
    "vectorizer",
    [
        CountVectorizer(min_df=5, max_features=20),
        CountVectorizer(binary=True, max_df=0.4, ngram_range=(1, 2)),
        CountVectorizer(vocabulary=["a", "w3"]),
        CountVectorizer(tokenizer=str.split, token_pattern=None),
        TfidfVectorizer(),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), smooth_idf=False),
    ],
)
def test_vocabularies(path, vectorizer):
    expected = vectorizer.fit_transform(WORDS).toarray()
    names = vectorizer.get_feature_names_out()
    streamed = vectorizer.fit_transform(scan(path, columns=["text"]))
    assert_array_equal(vectorizer.get_feature_names_out(), names)
    found = np.vstack([block.X.toarray() for block in streamed.blocks()])
    assert_allclose(found, expected, rtol=1e-12)


def test_text_in_pipelines(path):
    table = pa.table({"text": WORDS, "x0": X[:, 0]})
    branches = [
        (make_pipeline(CountVectorizer(min_df=3), TfidfTransformer()), "text"),
        (KBinsDiscretizer(4), ["x0"]),
    ]
    models = (
        make_pipeline(make_column_transformer(*branches), LogisticRegression()),
        Pipeline([*dv.preparation("linear").steps, ("model", LogisticRegression())]),
    )
    for model in models:
        coef = model.fit(table, LABELS)[-1].coef_
        model.fit(scan(path, "label", columns=["text", "x0"]))
        assert_allclose(model[-1].coef_, coef, rtol=1e-4, atol=1e-5)


def test_no_words_at_all(path):
    with pytest.raises(ValueError, match="empty vocabulary"):
        CountVectorizer(stop_words=["w1"], token_pattern="zzz").fit(scan(path, columns=["text"]))


def test_blocks_of_text_are_bounded_by_its_bytes(tmp_path):
    long = ["words " * 2000 + str(i) for i in range(300)]
    pq.write_table(pa.table({"text": long}), tmp_path / "long.parquet", use_dictionary=False)
    assert dv.scan_parquet(tmp_path / "long.parquet").block_rows < 3000
