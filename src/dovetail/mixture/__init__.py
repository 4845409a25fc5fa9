"""Mixtures of distributions."""

from dovetail.mixture.gaussian_mixture import GaussianMixture

__all__ = ["GaussianMixture"]
