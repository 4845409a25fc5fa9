"""Steps one after the other, and side by side.

`dovetail.compose` builds on this package, never the other way round.
"""

from dovetail.pipeline.feature_union import FeatureUnion, make_union
from dovetail.pipeline.pipeline import Pipeline, make_pipeline

__all__ = ["FeatureUnion", "Pipeline", "make_pipeline", "make_union"]
