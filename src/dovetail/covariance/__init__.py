"""Covariance matrices, by maximum likelihood and with a share of the identity."""

from dovetail.covariance._empirical import EmpiricalCovariance
from dovetail.covariance._functions import (
    empirical_covariance,
    ledoit_wolf,
    ledoit_wolf_shrinkage,
    log_likelihood,
    oas,
    shrunk_covariance,
)
from dovetail.covariance._ledoit_wolf import LedoitWolf
from dovetail.covariance._oas import OAS
from dovetail.covariance._shrunk import ShrunkCovariance

__all__ = [
    "OAS",
    "EmpiricalCovariance",
    "LedoitWolf",
    "ShrunkCovariance",
    "empirical_covariance",
    "ledoit_wolf",
    "ledoit_wolf_shrinkage",
    "log_likelihood",
    "oas",
    "shrunk_covariance",
]
