"""One epoch of stochastic gradient descent for a linear model of one score."""

from dovetail.kernels.sgd.cpu import Number, Rate, Row, epoch, rescale, shuffle
from dovetail.kernels.sgd.reference import epoch as reference_epoch

__all__ = ["Number", "Rate", "Row", "epoch", "reference_epoch", "rescale", "shuffle"]
