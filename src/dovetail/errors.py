"""The errors of this package. Each message names the culprit, what is allowed, and what to do.

Where scikit-learn has a word (`NotFittedError`, `ConvergenceWarning`, `DataConversionWarning`),
that word is used.
"""

import os
import sys
import warnings

import sklearn


class DovetailError(Exception):
    """Root of every error raised on purpose by this package."""


class DataError(DovetailError, ValueError):
    """The data given cannot be used: its shape, its values or its file."""


class SchemaError(DataError):
    """The columns given are not those the model was fitted on."""


class TargetError(DataError):
    """The target column is missing, constant, or of the wrong kind for the task."""


class BundleError(DovetailError, ValueError):
    """A model file is foreign, damaged, newer than this package, or holds what it must not."""


class ProgramError(DovetailError, TypeError, AttributeError):
    """An estimator cannot be written as a tensor program: it has no `program_`."""


class DeviceError(DovetailError, RuntimeError):
    """The device asked for does not exist or cannot do what was asked."""


class MissingDependencyError(DovetailError, ImportError):
    """An optional package is needed; the message holds the command that installs it."""


class BudgetExceededError(DovetailError, RuntimeError):
    """A fit was stopped because its time or memory budget was used up."""


class DistributedError(DovetailError, RuntimeError):
    """Processes that fit together have lost one another, or one of them failed."""


def needs_all_rows(where: str) -> DataError:
    """The error of what cannot be learned from sums over rows.

    where : where the rows are instead of in this process's memory
    """
    return DataError(
        f"This needs all rows in memory at once, but they {where}. Load them, choose another "
        "solver or option, or an estimator that learns from sums over rows, as linear models, "
        "scalers and encoders do."
    )


def optional_dependency(package: str, purpose: str, *, install: str | None = None) -> Exception:
    """The error for an absent optional package, with the command that cures it."""
    return MissingDependencyError(
        f"{purpose} needs the package {package!r}, which is not installed. "
        f"Install it with: pip install {install or package}"
    )


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called this package, through however many of its own functions.

    (`skip_file_prefixes` of `warnings.warn` does this from Python 3.12 on.)
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


_INSIDE = tuple(os.path.dirname(str(file)) + os.sep for file in (__file__, sklearn.__file__))
