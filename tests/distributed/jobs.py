"""What the processes of the tests run: `python jobs.py JOB FOLDER`, started as torchrun starts
them.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import KFold

import dovetail as dv
from dovetail.cluster import KMeans
from dovetail.compose import make_column_selector as columns
from dovetail.compose import make_column_transformer
from dovetail.datasets import load_california
from dovetail.decomposition import PCA
from dovetail.feature_extraction.text import TfidfVectorizer
from dovetail.impute import SimpleImputer
from dovetail.linear_model import (
    GammaRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)


def mixed():
    folds = KFold(4, shuffle=True, random_state=0)
    words = columns(dtype_exclude="number")
    return make_pipeline(
        make_column_transformer(
            (
                make_pipeline(SimpleImputer(strategy="median", add_indicator=True), RobustScaler()),
                columns(dtype_include="number"),
            ),
            (
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"),
                    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5),
                ),
                words,
            ),
            (TargetEncoder(cv=folds), words),
        ),
        MaxAbsScaler(),
        LogisticRegression(solver="newton-cholesky", class_weight="balanced"),
    )


def prepared(Z, w):
    """What preparation steps learn."""
    sampled = QuantileTransformer(n_quantiles=50, subsample=400)
    return {
        "quantiles": QuantileTransformer(n_quantiles=200, subsample=None).fit(Z).quantiles_,
        "quantiles of a sample": sampled.set_params(random_state=0).fit(Z).quantiles_,
        "powers": PowerTransformer().fit(Z).lambdas_,
        "splines": SplineTransformer(knots="quantile")
        .fit(Z, sample_weight=w)
        .program_.knots.numpy(),
        **{
            f"bins by {strategy}": np.concatenate(
                KBinsDiscretizer(4, strategy=strategy).fit(Z, sample_weight=w).bin_edges_
            )
            for strategy in ("uniform", "quantile", "kmeans")
        },
    }


def fits(folder):
    """Models of scans and of arrays; what was learned goes to a file for each rank."""
    rows = dv.scan_parquet(str(folder / "*.parquet"), "income", block_rows=911)
    learned = {"mixed": mixed().fit(rows)[-1].coef_}
    X, y = load_california(return_X_y=True)
    X = X.select_dtypes("number").fillna(0.0).to_numpy()[::8]
    X, y = dv.distributed.share(X, y.to_numpy()[::8])
    Z = StandardScaler().fit(X).transform(X)
    names = np.where(y > 2e5, "dear", np.where(y > 1e5, "fair", "cheap")).astype(object)
    models = [
        (Ridge(), y),
        (LinearRegression(), y),
        (Lasso(alpha=100.0), y),
        (GammaRegressor(solver="newton-cholesky"), y),
        (LogisticRegression(max_iter=20), names),
        (RidgeClassifier(class_weight="balanced"), names),
    ]
    for model, target in models:
        learned[type(model).__name__] = model.fit(Z, target).coef_
    chosen = [
        ("RidgeCV", RidgeCV(), y),
        ("RidgeCV of folds", RidgeCV([0.1, 10.0], cv=KFold(3, shuffle=True, random_state=0)), y),
        ("LassoCV", LassoCV(cv=3, alphas=5), y),
        ("RidgeClassifierCV", RidgeClassifierCV(cv=3), names),
    ]
    path = {"Cs": 3, "cv": 3, "l1_ratios": (0,), "use_legacy_attributes": False, "tol": 1e-8}
    two = LogisticRegressionCV(scoring="neg_log_loss", **path)
    chosen.append(("LogisticRegressionCV", two, y > 1.7e5))
    for name, model, target in chosen:
        learned[name] = model.fit(Z, target).coef_
    learned |= prepared(Z, Z[:, 1] ** 2)
    documents = rows.take_columns([rows.names.index("occupation")])
    words = TfidfVectorizer(min_df=2, ngram_range=(1, 2)).fit(documents)
    learned["words"] = np.array(words.get_feature_names_out(), dtype=str)
    learned["idf"] = words.idf_
    clusters = KMeans(5, random_state=0).fit(Z)
    learned["KMeans"] = clusters.cluster_centers_
    learned["inertia"] = np.array(clusters.inertia_)
    learned["PCA"] = PCA(3, svd_solver="full").fit(Z).components_
    with dv.distributed.alone():
        learned["alone"] = np.array([len(X), LinearRegression().fit(X, y).coef_[0]])
    np.savez(folder / f"learned-{dv.distributed.rank()}.npz", **learned)


def empty(folder):
    """The last process has no rows, and with arrays only the first has some."""
    rows = dv.scan_parquet(folder / "part-0.parquet", "income", columns=["age", "education-num"])
    learned = {"scan": make_pipeline(StandardScaler(), LogisticRegression()).fit(rows)[-1].coef_}
    X, y = np.arange(12.0).reshape(6, 2) ** 1.5, np.arange(6.0)
    mine = slice(None) if dv.distributed.rank() == 0 else slice(0)
    learned["array"] = make_pipeline(MinMaxScaler(), Ridge()).fit(X[mine], y[mine])[-1].coef_
    labels = np.array(list("aabbcc"), dtype=object)
    model = LogisticRegression(solver="newton-cholesky").fit(X[mine], labels[mine])
    learned["classes"] = model.coef_
    w = np.array([0.0, 1.0, 2.0, 1.0, 1.0, 3.0])[mine]
    learned["weighted"] = Ridge().fit(X[mine], y[mine], sample_weight=w).coef_
    learned["chosen"] = LassoCV(cv=3, alphas=3).fit(X[mine], y[mine]).coef_
    np.savez(folder / f"empty-{dv.distributed.rank()}.npz", **learned)


def bad(folder):
    """One process is given what no model can be fitted to."""
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
    if dv.distributed.rank() == 1:
        X[3, 1] = np.nan
    Ridge().fit(X, y)


def widths(folder):
    """The processes give different columns."""
    X = np.arange(20.0).reshape(10, 2)[:, : 1 + dv.distributed.rank()]
    Ridge().fit(X, np.arange(10.0))


def killed(folder):
    """A process is killed in the middle of a fit."""
    X = np.random.default_rng(dv.distributed.rank()).normal(size=(2000, 10))
    y = X[:, 0] > 0
    (folder / f"started-{dv.distributed.rank()}").touch()
    for step in range(10_000):
        LogisticRegression(max_iter=5, tol=0.0).fit(X, y)
        if step == 20 and dv.distributed.rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)


def hung(folder):
    """A process stops taking part."""
    if dv.distributed.rank() == 1:
        time.sleep(60)
    Ridge().fit(np.arange(20.0).reshape(10, 2), np.arange(10.0))


if __name__ == "__main__":
    job, folder = sys.argv[1:3]
    dv.distributed.init(timeout=8.0 if job == "hung" else 30.0)
    with dv.config(verbosity=0):
        globals()[job](Path(folder))
