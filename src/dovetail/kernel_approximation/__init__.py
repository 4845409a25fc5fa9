"""Feature maps whose products approximate a kernel."""

from dovetail.kernel_approximation.nystroem import Nystroem
from dovetail.kernel_approximation.rbf_sampler import RBFSampler

__all__ = ["Nystroem", "RBFSampler"]
