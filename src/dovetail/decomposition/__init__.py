"""Decompositions: few columns that say most of what many do."""

from dovetail.decomposition.incremental_pca import IncrementalPCA
from dovetail.decomposition.pca import PCA
from dovetail.decomposition.truncated_svd import TruncatedSVD

__all__ = ["PCA", "IncrementalPCA", "TruncatedSVD"]
