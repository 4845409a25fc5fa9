"""Support-vector machines."""

from dovetail.svm.linear_svc import LinearSVC
from dovetail.svm.linear_svr import LinearSVR
from dovetail.svm.nu_svc import NuSVC
from dovetail.svm.nu_svr import NuSVR
from dovetail.svm.one_class_svm import OneClassSVM
from dovetail.svm.svc import SVC
from dovetail.svm.svr import SVR

__all__ = ["SVC", "SVR", "LinearSVC", "LinearSVR", "NuSVC", "NuSVR", "OneClassSVM"]
