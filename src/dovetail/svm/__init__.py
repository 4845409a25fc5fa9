"""Support-vector machines."""

from dovetail.svm.svc import SVC

__all__ = ["SVC"]
