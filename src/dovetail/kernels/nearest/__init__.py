"""Which of several points is the nearest to each row, and sums of rows by that."""

from dovetail.kernels.nearest.cpu import distances, filter_rows, move, nearest_two, settle
from dovetail.kernels.nearest.reference import distances as reference_distances
from dovetail.kernels.nearest.reference import nearest_two as reference_nearest_two

__all__ = [
    "distances",
    "filter_rows",
    "move",
    "nearest_two",
    "reference_distances",
    "reference_nearest_two",
    "settle",
]
