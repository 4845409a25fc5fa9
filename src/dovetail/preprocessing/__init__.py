"""Preparation of columns: scale, bin, expand, encode."""

from dovetail.preprocessing.column_typer import ColumnTyper
from dovetail.preprocessing.date_encoder import DateEncoder
from dovetail.preprocessing.function_transformer import FunctionTransformer
from dovetail.preprocessing.k_bins_discretizer import KBinsDiscretizer
from dovetail.preprocessing.label_binarizer import LabelBinarizer, label_binarize
from dovetail.preprocessing.label_encoder import LabelEncoder
from dovetail.preprocessing.max_abs_scaler import MaxAbsScaler
from dovetail.preprocessing.min_max_scaler import MinMaxScaler
from dovetail.preprocessing.normalizer import Normalizer
from dovetail.preprocessing.one_hot_encoder import OneHotEncoder
from dovetail.preprocessing.ordinal_encoder import OrdinalEncoder
from dovetail.preprocessing.polynomial_features import PolynomialFeatures
from dovetail.preprocessing.power_transformer import PowerTransformer
from dovetail.preprocessing.quantile_transformer import QuantileTransformer
from dovetail.preprocessing.robust_scaler import RobustScaler
from dovetail.preprocessing.spline_transformer import SplineTransformer
from dovetail.preprocessing.standard_scaler import StandardScaler
from dovetail.preprocessing.target_encoder import TargetEncoder

__all__ = [
    "ColumnTyper",
    "DateEncoder",
    "FunctionTransformer",
    "KBinsDiscretizer",
    "LabelBinarizer",
    "LabelEncoder",
    "MaxAbsScaler",
    "MinMaxScaler",
    "Normalizer",
    "OneHotEncoder",
    "OrdinalEncoder",
    "PolynomialFeatures",
    "PowerTransformer",
    "QuantileTransformer",
    "RobustScaler",
    "SplineTransformer",
    "StandardScaler",
    "TargetEncoder",
    "label_binarize",
]
