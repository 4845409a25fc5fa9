"""Models as files without code: a zip of JSON and safetensors.

`save` writes class names, parameters and learned numbers; `load` builds the model again from
classes of this package and of those the caller trusts. Nothing in a file is executed.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch

from dovetail.bundle.archive import FORMAT, read_archive, write_archive
from dovetail.bundle.codec import Decoder, Encoder

__all__ = ["describe", "load", "save"]


def save(
    model: Any, path: str | Path, *, card: dict[str, Any] | None = None, trusted: Iterable[Any] = ()
) -> Path:
    """Write a model, fitted or not, to one file.

    Parameters
    ----------
    model : estimator
        Any estimator of this package, any nesting of its or scikit-learn's Pipeline, FeatureUnion
        and ColumnTransformer, a scikit-learn dummy; other classes where `trusted` names them.
    path : str or Path
        File to write, usually `*.dove`. It appears whole or not at all.
    card : dict or None
        Plain data to keep beside the model (scores, origin); `describe` gives it back.
    trusted : iterable of classes and functions
        Foreign classes and functions the model holds, to be allowed.

    Returns
    -------
    Path

    Raises
    ------
    BundleError
        The model holds something that is neither data nor of a known or trusted class.

    Examples
    --------
    >>> import dovetail as dv
    >>> from dovetail.preprocessing import StandardScaler
    >>> path = dv.save(StandardScaler().fit([[0.0], [2.0]]), tmp_path / "scaler.dove")
    >>> dv.load(path).transform([[3.0]])
    array([[2.]])
    """
    encoder = Encoder(trusted)
    tree = encoder.encode(model, "model")
    manifest = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "class": type(model).__name__,
        "card": encoder.encode(card or {}, "card"),
        "model": tree,
    }
    return write_archive(Path(path), manifest, encoder.tensors)


def load(
    path: str | Path, *, device: str | torch.device | None = None, trusted: Iterable[Any] = ()
) -> Any:
    """Read a model that `save` wrote.

    Parameters
    ----------
    path : str or Path
    device : str, torch.device or None
        Where to put the learned numbers; None is the CPU, wherever they were when saved.
    trusted : iterable of classes and functions
        Foreign classes and functions the file may name.

    Returns
    -------
    estimator

    Raises
    ------
    BundleError
        Not such a file, truncated or changed, of a newer format, or naming what is not trusted.
    """
    manifest, tensors = read_archive(Path(path))
    model = Decoder(tensors, trusted).decode(manifest["model"])
    return model if device is None else model.to(device)


def describe(path: str | Path) -> dict[str, Any]:
    """What a model file says of itself: versions, card, size in bytes. The model is not built."""
    path = Path(path)
    manifest, tensors = read_archive(path)
    card = Decoder(tensors, ()).decode(manifest["card"])
    numbers = sum(t.numel() for t in tensors.values())
    about = {k: manifest[k] for k in ("format", "created", "versions", "class")}
    return about | {"card": card, "bytes": path.stat().st_size, "numbers": numbers}


def versions() -> dict[str, str]:
    """Versions that a model's numbers may depend on."""
    return {
        "dovetail": metadata.version("dovetail"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
