"""Gradients and Hessians as integers."""

from dovetail.kernels.words.cpu import largest, pack
from dovetail.kernels.words.reference import pack as reference_pack

__all__ = ["largest", "pack", "reference_pack"]
