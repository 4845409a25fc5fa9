"""Different preparation for different columns, and for the target.

Builds on `dovetail.pipeline`, never the other way round.
"""

from dovetail.compose.column_selector import make_column_selector
from dovetail.compose.column_transformer import ColumnTransformer, make_column_transformer
from dovetail.compose.for_each import ForEach
from dovetail.compose.transformed_target_regressor import TransformedTargetRegressor

__all__ = [
    "ColumnTransformer",
    "ForEach",
    "TransformedTargetRegressor",
    "make_column_selector",
    "make_column_transformer",
]
