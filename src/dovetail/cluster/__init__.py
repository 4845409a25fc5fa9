"""Clusters of rows that lie close together."""

from dovetail.cluster.bisecting_k_means import BisectingKMeans
from dovetail.cluster.k_means import KMeans, k_means, kmeans_plusplus
from dovetail.cluster.mini_batch_k_means import MiniBatchKMeans

__all__ = ["BisectingKMeans", "KMeans", "MiniBatchKMeans", "k_means", "kmeans_plusplus"]
