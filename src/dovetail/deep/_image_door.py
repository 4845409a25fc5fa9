"""The door of estimators of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dovetail.data.door import Accepts, open_matrix
from dovetail.data.frames import is_frame, is_path
from dovetail.data.images import Pixels, common_size, image_files, read_images, read_pixels
from dovetail.data.tensors import as_numpy, target_device
from dovetail.errors import SchemaError

__all__ = ["are_images", "named_images", "open_images"]

_MOST_SIDE = 96  # of images whose size is chosen automatically


def are_images(X: Any) -> bool:
    """Whether X has more than two axes, or names a folder or image files."""
    if is_path(X):
        return Path(X).is_dir()
    if is_frame(X) or getattr(X, "ndim", 0) == 2:
        return False
    if getattr(X, "ndim", 0) > 2:
        return True
    if isinstance(X, list | tuple):
        return bool(len(X)) and (is_path(X[0]) or np.ndim(X[0]) > 1)
    return getattr(X, "ndim", 0) == 1 and image_files(X) is not None


def named_images(X: Any, y: Any) -> tuple[Any, Any]:
    """A folder as its files, and the names of its class folders where y is not given; anything else
    as it is.
    """
    found = image_files(X)
    if found is None:
        return X, y
    files, labels = found
    return files, labels if y is None else y


def open_images(
    estimator: Any, X: Any, *, reset: bool, device: torch.device | None, dtype: torch.dtype
) -> Tensor:
    """X as pixels (n, c, h, w): uint8 where they are whole, else `dtype`.

    `estimator` has `size`, `image_shape` and `channels`; `_layout` says how the images of fit came.

    Raises
    ------
    DataError
        No images, unequal sizes, wrong channels, NaN or infinity.
    SchemaError
        Another shape than in fit.
    """
    like: Any = None if reset else estimator._layout
    files = image_files(X)
    size = _size(estimator.size, files, like)
    if files is not None:
        images = read_images(files[0], size, like)
        _book(estimator, images, reset=reset)
    else:
        X, flat = _rows(estimator, X, reset=reset)
        axes = estimator.image_shape
        images = read_pixels(X, channels=estimator.channels, axes=axes, size=size, like=like)
        if not flat:
            _book(estimator, images, reset=reset)
    if reset:
        estimator._layout = images.layout
    elif images.layout.shape != like.shape:
        raise SchemaError(
            f"Images have the shape {images.layout.shape} (channels, height, width), but fit saw "
            f"{like.shape}." + ("" if size else " Set size=(height, width) before fit to resize.")
        )
    values = images.values
    values = values if values.dtype == torch.uint8 else values.to(dtype)
    return values.to(device or target_device(X))


def _size(size: Any, files: Any, like: Any) -> tuple[int, int] | None:
    """Height and width to resize to, None for images as they are."""
    if size == "auto":
        if like is not None:
            return (like.shape[1], like.shape[2])
        return None if files is None else common_size(files[0], _MOST_SIDE)
    return (size, size) if isinstance(size, int) else size


def _rows(estimator: Any, X: Any, *, reset: bool) -> tuple[Any, bool]:
    """A table of pixels as a matrix, checked; whether it was one. Anything else as it is."""
    if estimator.image_shape is None or getattr(X, "ndim", 0) > 2:
        return X, False
    matrix = open_matrix(estimator, X, Accepts(), reset=reset)
    assert isinstance(matrix, Tensor)
    whole = getattr(X, "dtype", None) in ("uint8", torch.uint8)
    matrix = matrix.to(torch.uint8) if whole else matrix
    return (matrix if isinstance(X, Tensor) else as_numpy(matrix)), True


def _book(estimator: Any, images: Pixels, *, reset: bool) -> None:
    """What scikit-learn wants to know of the columns."""
    if reset:
        c, h, w = images.layout.shape
        estimator.n_features_in_ = c * h * w
        estimator.__dict__.pop("feature_names_in_", None)
