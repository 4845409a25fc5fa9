"""Every estimator is fitted on a scan as on rows in memory, or says that it needs all rows."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils import get_tags

import dovetail as dv
from dovetail.errors import DataError
from tests.contract.instances import data_for, instances, is_checked, is_text, name_of, output

# What the guide says can be streamed.
STREAMED = {
    "BernoulliNB",
    "CategoricalNB",
    "ComplementNB",
    "EmpiricalCovariance",
    "GaussianMixture",
    "GaussianNB",
    "LedoitWolf",
    "LinearDiscriminantAnalysis",
    "MultinomialNB",
    "QuadraticDiscriminantAnalysis",
    "IncrementalPCA",
    "KMeans",
    "PCA",
    "ElasticNet",
    "ElasticNetCV",
    "FunctionTransformer",
    "GammaRegressor",
    "KBinsDiscretizer",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "LinearSVC",
    "LinearSVR",
    "LogisticRegression",
    "MaxAbsScaler",
    "MinMaxScaler",
    "MissingIndicator",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "Normalizer",
    "OneHotEncoder",
    "OrdinalEncoder",
    "PoissonRegressor",
    "PolynomialFeatures",
    "PowerTransformer",
    "QuantileTransformer",
    "Ridge",
    "RidgeCV",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "RobustScaler",
    "SimpleImputer",
    "SplineTransformer",
    "StandardScaler",
    "TargetEncoder",
    "TruncatedSVD",
    "TweedieRegressor",
}
NOT_ALL = {
    "LinearSVC": ("l1", "hinge", "crammer_singer"),
    "LinearSVR": ("epsilon_insensitive",),
    "LogisticRegression": ("liblinear",),
    "Ridge": ("svd", "sag", "lsqr", "sparse_cg"),
    "TruncatedSVD": ("arpack",),
}


def of_rows():
    """Those that take a matrix."""
    return [
        e
        for e in instances()
        if not get_tags(e).target_tags.one_d_labels and not is_text(e) and is_checked(e)
    ]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", of_rows(), ids=name_of)
def test_a_scan_is_fitted_like_rows_in_memory(estimator, tmp_path):
    X, y = data_for(estimator)
    columns = {f"x{j}": X[:, j] for j in range(X.shape[1])}
    targets = {} if y is None else {"y": y}
    if y is not None and y.ndim == 2:
        targets = {f"y{j}": y[:, j] for j in range(y.shape[1])}
    pq.write_table(pa.table({**columns, **targets}), tmp_path / "rows.parquet", row_group_size=70)
    target = list(targets) if len(targets) > 1 else next(iter(targets), None)
    rows = dv.scan_parquet(tmp_path / "rows.parquet", target, columns=list(columns), block_rows=47)
    # Nets shuffle rows that are read in blocks within bounds.
    fixed = {"random_state": 0} | ({"shuffle": False} if hasattr(estimator, "max_epochs") else {})
    seeded = {name: v for name, v in fixed.items() if name in estimator.get_params()}
    whole, streamed = (clone(estimator).set_params(**seeded) for _ in range(2))
    try:
        streamed.fit(rows)
    except DataError as refusal:
        message = str(refusal)
    else:
        message = ""
    if message:
        assert "needs all rows in memory at once" in message
        name = type(estimator).__name__
        chosen = {value for value in estimator.get_params().values() if isinstance(value, str)}
        assert name not in STREAMED or chosen & set(NOT_ALL.get(name, ()))
        return
    table = pa.table(columns)
    expected = np.asarray(output(whole.fit(table, *([] if y is None else [y])), table))
    found = np.asarray(output(streamed, table))
    if expected.dtype.kind in "iufb":
        assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    else:
        assert_array_equal(found, expected)
