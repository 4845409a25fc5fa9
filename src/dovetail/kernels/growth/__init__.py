"""Growth of one tree on binned rows."""

from dovetail.kernels.growth.cpu import best_splits, divide, grow, histogram, send, unpacked
from dovetail.kernels.growth.layout import (
    BINS,
    GROUP,
    MISSING,
    At,
    Feature,
    Growth,
    Limits,
    Node,
    Rows,
    Rules,
    Slot,
    Stage,
    Units,
    Value,
)
from dovetail.kernels.growth.reference import best_split as reference_best_split
from dovetail.kernels.growth.reference import divide as reference_divide
from dovetail.kernels.growth.reference import histogram as reference_histogram

__all__ = [
    "BINS",
    "GROUP",
    "MISSING",
    "At",
    "Feature",
    "Growth",
    "Limits",
    "Node",
    "Rows",
    "Rules",
    "Slot",
    "Stage",
    "Units",
    "Value",
    "best_splits",
    "divide",
    "grow",
    "histogram",
    "reference_best_split",
    "reference_divide",
    "reference_histogram",
    "send",
    "unpacked",
]
