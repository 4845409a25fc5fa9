"""Gradients and Hessians as integers."""

from dovetail.kernels.words.cpu import pack
from dovetail.kernels.words.reference import pack as reference_pack

__all__ = ["pack", "reference_pack"]
