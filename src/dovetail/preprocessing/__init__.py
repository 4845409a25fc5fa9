"""Preparation of columns: scale, bin, expand, encode."""

from dovetail.preprocessing.max_abs_scaler import MaxAbsScaler
from dovetail.preprocessing.min_max_scaler import MinMaxScaler
from dovetail.preprocessing.normalizer import Normalizer
from dovetail.preprocessing.robust_scaler import RobustScaler
from dovetail.preprocessing.standard_scaler import StandardScaler

__all__ = [
    "MaxAbsScaler",
    "MinMaxScaler",
    "Normalizer",
    "RobustScaler",
    "StandardScaler",
]
