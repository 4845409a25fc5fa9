"""Images of every make, as one tensor of pixels: arrays, tensors, flat rows, and files, which are
decoded once.

Legend: n images, c channels, h × w pixels.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import psutil
import pyarrow as pa
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional

from dovetail.data.frames import is_frame, is_path
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import DataError

__all__ = [
    "Channels",
    "Layout",
    "Pixels",
    "beside",
    "common_size",
    "image_files",
    "read_images",
    "read_pixels",
]

Channels = Literal["auto", "first", "last"]

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_GRAY = ("1", "L", "LA")
_DEEP = ("I", "F")  # 16 or 32 bits a pixel
_USUAL = (1, 3, 4)
_ORIENTATION = 0x0112  # the tag that says how a camera was held


@dataclass(frozen=True)
class Layout:
    """How images came.

    shape : (c, h, w)
    order : of their axes: "flat", "hw", "hwc", "chw", or "files"
    axes : of one flat image, None where there are several axes
    whole : whether pixels are whole numbers from 0 to 255
    """

    shape: tuple[int, int, int]
    order: Literal["flat", "hw", "hwc", "chw", "files"]
    axes: tuple[int, ...] | None = None
    whole: bool = True

    def given_back(self, pixels: Tensor) -> Tensor:
        """Pixels (n, c, h, w) in the order they came in; those of files have channels last."""
        n, c = pixels.shape[:2]
        if self.order == "chw" or (self.order == "flat" and self._first):
            out = pixels
        elif c == 1 and self.order in ("hw", "files"):
            out = pixels[:, 0]
        else:
            out = pixels.permute(0, 2, 3, 1)
        return out.reshape(n, -1) if self.order == "flat" else out.contiguous()

    @property
    def _first(self) -> bool:
        """Whether a flat image has its channels first."""
        return self.axes is not None and len(self.axes) == 3 and self.axes == self.shape


@dataclass(frozen=True, eq=False)
class Pixels:
    """Images as one tensor (n, c, h, w): uint8 where they are whole numbers from 0 to 255, else
    floating numbers as they came; and how they came.
    """

    values: Tensor
    layout: Layout


def image_files(X: Any) -> tuple[list[Path], npt.NDArray[Any] | None] | None:
    """The files that X names, with the names of their class folders; None where X is no name.

    X : folder of class folders, folder of images, a list of paths, or a frame of one column of them

    Raises
    ------
    DataError
        A folder without images, or a path that does not exist.
    """
    if is_path(X):
        return _in_folder(Path(X))
    if is_frame(X):
        return _in_column(X)
    if isinstance(X, np.ndarray | list | tuple) or hasattr(X, "to_list"):
        names = X if isinstance(X, list | tuple) else list(X)
        if len(names) and all(is_path(name) for name in names):
            return [Path(str(name)) for name in names], None
    return None


def _in_column(X: Any) -> tuple[list[Path], None] | None:
    """The files that a frame of one column of strings names."""
    frame = nw.from_native(X, eager_only=True)
    if len(frame.columns) != 1 or frame[frame.columns[0]].dtype not in (nw.String, nw.Object):
        return None
    names = frame[frame.columns[0]].to_list()
    absent = next((i for i, name in enumerate(names) if not is_path(name)), None)
    if absent is not None:
        raise DataError(
            f"Row {absent} of {frame.columns[0]!r} names no image file: {names[absent]!r}. Leave "
            "such rows out."
        )
    return [Path(str(name)) for name in names], None


def beside(table: pa.Table, names: Sequence[str], folder: Path) -> pa.Table:
    """The table with relative names of files in these columns as names from here; they are relative
    to a folder.
    """
    for name in names:
        paths = [None if p is None else str(folder / p) for p in table.column(name).to_pylist()]
        at = table.column_names.index(name)
        table = table.set_column(at, name, pa.array(paths, pa.string()))
    return table


def _in_folder(folder: Path) -> tuple[list[Path], npt.NDArray[Any] | None]:
    if not folder.is_dir():
        what = "is one file: give a list of paths" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}, a folder of class folders, or a folder of images.")
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    found = [(path, each.name) for each in classes for path in _images_under(each)]
    if found:
        return [path for path, _ in found], np.array([name for _, name in found])
    files = _images_under(folder)
    if not files:
        raise DataError(
            f"There are no images in {folder}. Files that end in {', '.join(sorted(_SUFFIXES))} "
            "are read, in it or in its folders, one a class."
        )
    return files, None


def _images_under(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())


def read_images(
    paths: Sequence[Path], size: tuple[int, int] | None, like: Layout | None = None
) -> Pixels:
    """Files decoded by all threads, once, uint8; gray where all of them are. More than fits into
    memory lies in a temporary file.

    size : (h, w) to resize to, None where all have one
    like : how the images of the fit came, whose number of channels is taken

    Raises
    ------
    DataError
        A file that is no image, or images of unequal sizes.
    """
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        if like is None:
            channels = 1 if all(mode in _GRAY for mode in pool.map(_mode, paths)) else 3
        else:
            channels = like.shape[0]
            if channels not in (1, 3):
                raise DataError(f"Files have 1 or 3 channels, but fit saw {channels}.")
        first = _decoded(paths[0], channels, size)
        out = _room((len(paths), *first.shape))

        def fill(i: int) -> None:
            image = first if i == 0 else _decoded(paths[i], channels, size)
            if image.shape != first.shape:
                raise DataError(
                    f"Images have different sizes: {paths[0]} has {_sides(first.shape)} pixels, "
                    f"{paths[i]} has {_sides(image.shape)}. Set size=(height, width) to resize "
                    "them."
                )
            out[i] = image

        list(pool.map(fill, range(len(paths))))
    values = as_tensor(out).permute(0, 3, 1, 2)
    return Pixels(values, Layout(_shape(values), "files"))


def _room(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Room for bytes: where they take more than half of the memory that is free, in a file without
    a name, of which the system keeps in memory what it has room for.
    """
    if math.prod(shape) <= psutil.virtual_memory().available // 2:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def common_size(paths: Sequence[Path], most: int) -> tuple[int, int] | None:
    """Height and width to resize images of different sizes to: the medians of theirs, of at most
    `most` pixels a side; None where all have one. Only the heads of the files are read.
    """

    def sides(path: Path) -> tuple[int, int]:
        with _opened(path) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION, 1) >= 5
            return (width, height) if turned else (height, width)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        found = np.array(list(pool.map(sides, paths)))
    if (found == found[0]).all():
        return None
    height, width = np.median(found, axis=0)
    scale = min(1.0, most / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _mode(path: Path) -> str:
    with _opened(path) as image:
        return str(image.mode)


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except FileNotFoundError:
        raise DataError(f"The image {path} does not exist.") from None
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from error


def _decoded(path: Path, channels: int, size: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
    """One file, (h, w, c), as a camera held it."""
    with _opened(path) as image:
        if image.mode.startswith(_DEEP):
            raise DataError(
                f"{path} has more than 8 bits a pixel ({image.mode}). Read such files into an "
                "array and give that."
            )
        try:
            turned = ImageOps.exif_transpose(image).convert("L" if channels == 1 else "RGB")
        except OSError as error:
            raise DataError(f"{path} cannot be read as an image: {error}") from error
    if size is not None and turned.size != size[::-1]:
        turned = turned.resize(size[::-1], Image.Resampling.BILINEAR)
    array = np.asarray(turned)
    return array[:, :, None] if channels == 1 else array


def read_pixels(
    X: Any,
    *,
    channels: Channels = "auto",
    axes: tuple[int, ...] | None = None,
    size: tuple[int, int] | None = None,
    like: Layout | None = None,
) -> Pixels:
    """An array or tensor of images.

    X : (n, h, w), (n, h, w, c), (n, c, h, w), a list of arrays of one image each, or rows (n, d)
    channels : which axis of four is that of channels; "auto" takes the one of 1, 3 or 4, the last
        of an array and the first of a tensor where both are
    axes : of one image, where X is rows
    size : (h, w) to resize to
    like : how the images of the fit came

    Raises
    ------
    DataError
        No images, unequal sizes, no axis of channels, numbers that are not finite.
    """
    parts = _unequal(X)
    if parts is not None:
        return _resized_parts(parts, channels, size, like)
    values = X if isinstance(X, Tensor) else as_tensor(np.ascontiguousarray(_numbers(X)))
    if not len(values):
        raise DataError(f"Found array with 0 sample(s) (shape={tuple(values.shape)}): no images.")
    flat = values.ndim == 2
    if flat:
        values = _unflattened(values, axes)
    values, order = _channels_second(values, channels, isinstance(X, Tensor), like)
    values, whole = _plain(values)
    if size is not None and tuple(values.shape[2:]) != size:
        values = resized(values, size)
    layout = Layout(_shape(values), order, None, whole)
    return Pixels(values, replace(layout, order="flat", axes=axes) if flat else layout)


def _numbers(X: Any) -> npt.NDArray[Any]:
    array = np.asarray(X)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"Images are arrays of numbers, paths, or a folder. Got {array.dtype} of shape "
            f"{array.shape}."
        )
    return array


def _unequal(X: Any) -> list[Any] | None:
    """The images of a list where their sizes differ."""
    if not isinstance(X, list | tuple) or not len(X):
        return None
    shapes = {tuple(np.shape(x)) for x in X}
    return list(X) if len(shapes) > 1 else None


def _resized_parts(
    parts: list[Any], channels: Channels, size: tuple[int, int] | None, like: Layout | None
) -> Pixels:
    if size is None:
        a, b = (
            np.shape(parts[0]),
            next(np.shape(p) for p in parts if np.shape(p) != np.shape(parts[0])),
        )
        raise DataError(
            f"Images have different sizes: the first has the shape {a}, another {b}. Set "
            "size=(height, width) to resize them."
        )
    each = [read_pixels(p[None], channels=channels, size=size, like=like) for p in parts]
    shapes = {p.values.shape[1] for p in each}
    if len(shapes) > 1:
        raise DataError(f"Images have different numbers of channels: {sorted(shapes)}.")
    whole = all(p.layout.whole for p in each)
    dtype = torch.uint8 if whole else torch.float32
    values = torch.cat([p.values.to(dtype) for p in each])
    return Pixels(values, replace(each[0].layout, whole=whole))


def _unflattened(values: Tensor, axes: tuple[int, ...] | None) -> Tensor:
    d = values.shape[1]
    if axes is None:
        side = round(d**0.5)
        hint = f" Rows of {d} may be images of ({side}, {side})." if side * side == d else ""
        raise DataError(
            f"X has two axes, {tuple(values.shape)}, and images have three or four. Set "
            f"image_shape=(height, width) where each row is an image, or give X[None] for one "
            f"image.{hint}"
        )
    if int(np.prod(axes)) != d:
        raise DataError(
            f"Rows have {d} numbers, but an image of image_shape={axes} has {int(np.prod(axes))}."
        )
    return values.reshape(-1, *axes)


def _channels_second(
    values: Tensor, channels: Channels, tensor: bool, like: Layout | None
) -> tuple[Tensor, Literal["hw", "hwc", "chw"]]:
    """Images as (n, c, h, w), and the order they came in."""
    if values.ndim == 3:
        return values[:, None], "hw"
    if values.ndim != 4:
        raise DataError(
            f"Images have the shape (n, h, w), (n, h, w, c) or (n, c, h, w). Got "
            f"{tuple(values.shape)}."
        )
    first, last = values.shape[1] in _USUAL, values.shape[3] in _USUAL
    if like is not None and channels == "auto":
        first = first or tuple(values.shape[1:]) == like.shape
        last = last or values.shape[3] == like.shape[0]
        if first and last:
            first, last = like.order == "chw", like.order != "chw"
    if channels == "auto" and not (first or last):
        raise DataError(
            f"Images have 1, 3 or 4 channels, but no axis of {tuple(values.shape)} has so many. "
            'Set channels="first" or channels="last".'
        )
    take_first = channels == "first" or (channels == "auto" and first and (tensor or not last))
    return (values, "chw") if take_first else (values.permute(0, 3, 1, 2), "hwc")


def _plain(values: Tensor) -> tuple[Tensor, bool]:
    """uint8 where numbers are whole and from 0 to 255, else floating; and whether the former."""
    if values.dtype in (torch.uint8, torch.bool):
        return values.to(torch.uint8), True
    if values.is_floating_point():
        if not bool(values.isfinite().all()):
            raise DataError("Input X contains NaN or infinity.")
        return values, False
    if int(values.min()) >= 0 and int(values.max()) <= 255:
        return values.to(torch.uint8), True
    return values.to(torch.float32), False


def resized(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Images (n, c, h, w) of another size, of the same dtype."""
    out = functional.interpolate(
        values.float(), size, mode="bilinear", antialias=True, align_corners=False
    )
    if values.dtype == torch.uint8:
        return out.round_().clamp_(0, 255).to(torch.uint8)
    return out.to(values.dtype)


def _shape(values: Tensor) -> tuple[int, int, int]:
    c, h, w = values.shape[1:]
    return int(c), int(h), int(w)


def _sides(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} × {shape[1]}"


def to_array(images: Pixels) -> npt.NDArray[Any]:
    """The images as they came, as numpy."""
    return as_numpy(images.layout.given_back(images.values))
