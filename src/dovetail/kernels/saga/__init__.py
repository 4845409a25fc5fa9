"""One epoch of stochastic average gradients for a linear model."""

from dovetail.kernels.saga.cpu import LOGISTIC, SOFTMAX, SQUARED, epoch
from dovetail.kernels.saga.reference import epoch as reference_epoch

__all__ = ["LOGISTIC", "SOFTMAX", "SQUARED", "epoch", "reference_epoch"]
