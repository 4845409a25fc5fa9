"""Kernel ridge regression."""

from dovetail.kernel_ridge.kernel_ridge import KernelRidge

__all__ = ["KernelRidge"]
