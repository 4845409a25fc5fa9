"""Linear models."""

from dovetail.linear_model.elastic_net import ElasticNet
from dovetail.linear_model.elastic_net_cv import ElasticNetCV
from dovetail.linear_model.gamma_regressor import GammaRegressor
from dovetail.linear_model.lasso import Lasso
from dovetail.linear_model.lasso_cv import LassoCV
from dovetail.linear_model.linear_regression import LinearRegression
from dovetail.linear_model.logistic_regression import LogisticRegression
from dovetail.linear_model.logistic_regression_cv import LogisticRegressionCV
from dovetail.linear_model.multi_task_elastic_net import MultiTaskElasticNet
from dovetail.linear_model.multi_task_elastic_net_cv import MultiTaskElasticNetCV
from dovetail.linear_model.multi_task_lasso import MultiTaskLasso
from dovetail.linear_model.multi_task_lasso_cv import MultiTaskLassoCV
from dovetail.linear_model.poisson_regressor import PoissonRegressor
from dovetail.linear_model.ridge import Ridge
from dovetail.linear_model.ridge_classifier import RidgeClassifier
from dovetail.linear_model.ridge_classifier_cv import RidgeClassifierCV
from dovetail.linear_model.ridge_cv import RidgeCV
from dovetail.linear_model.sgd_classifier import SGDClassifier
from dovetail.linear_model.sgd_regressor import SGDRegressor
from dovetail.linear_model.tweedie_regressor import TweedieRegressor

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "LogisticRegression",
    "LogisticRegressionCV",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "PoissonRegressor",
    "Ridge",
    "RidgeCV",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
    "SGDRegressor",
    "TweedieRegressor",
]
