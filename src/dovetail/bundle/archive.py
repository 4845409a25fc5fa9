"""The container: a zip of two uncompressed members, sealed by a digest of every byte.

Members are stored, not compressed, so that a file cannot grow when it is read; their names are
fixed, so that none can point elsewhere. The zip's comment, the last bytes of the file, holds the
SHA-256 of all bytes before it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from dovetail.data.read import atomic_path
from dovetail.errors import BundleError

__all__ = ["FORMAT", "read_archive", "write_archive"]

FORMAT = 1
_MANIFEST, _TENSORS = "manifest.json", "tensors.safetensors"
_SEAL = b"dovetail-sha256:"
_SEAL_LENGTH = len(_SEAL) + 64


def write_archive(path: Path, manifest: dict[str, Any], tensors: dict[str, Tensor]) -> Path:
    """Write both members and the seal; the file appears under its name when it is whole."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(manifest, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        for name, content in (
            (_MANIFEST, text.encode()),
            (_TENSORS, safetensors.torch.save(tensors)),
        ):
            archive.writestr(zipfile.ZipInfo(name), content)  # a fixed date: same model, same bytes
        archive.comment = _SEAL + b"0" * 64
    content = buffer.getvalue()[:-_SEAL_LENGTH]
    with atomic_path(path) as temporary:
        temporary.write_bytes(content + _SEAL + hashlib.sha256(content).hexdigest().encode())
    return path


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Manifest and tensors of a file, after checking seal, members and format."""
    if not path.is_file():
        raise BundleError(f"No such model file: {path}")
    content = path.read_bytes()
    if not content.startswith(b"PK"):
        raise BundleError(f"{path.name} is not a Dovetail model: it is not a zip file.")
    body, seal = content[:-_SEAL_LENGTH], content[-_SEAL_LENGTH:]
    if not seal.startswith(_SEAL):
        raise BundleError(
            f"{path.name} is not a Dovetail model, or it was truncated: its seal is missing."
        )
    if hashlib.sha256(body).hexdigest().encode() != seal[len(_SEAL) :]:
        raise BundleError(
            f"{path.name} was changed or damaged after it was saved: its seal does not fit."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {m.filename: m for m in archive.infolist()}
            if set(members) != {_MANIFEST, _TENSORS} or len(archive.infolist()) != 2:
                raise BundleError(
                    f"{path.name} holds other members than a Dovetail model: {sorted(members)}"
                )
            if any(m.compress_type != zipfile.ZIP_STORED for m in members.values()):
                raise BundleError(
                    f"{path.name} has compressed members, which a Dovetail model never has."
                )
            manifest = json.loads(archive.read(_MANIFEST))
            if manifest.get("format") != FORMAT:
                raise BundleError(
                    f"{path.name} has format {manifest.get('format')!r}; this version reads "
                    f"{FORMAT}. It was written by "
                    f"dovetail {manifest.get('versions', {}).get('dovetail', '?')}: upgrade with "
                    "pip install -U dovetail"
                )
            return manifest, safetensors.torch.load(archive.read(_TENSORS))
    except (
        zipfile.BadZipFile,
        ValueError,
        RecursionError,
        safetensors.SafetensorError,
        AttributeError,
    ) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{path.name} is not a readable Dovetail model: {error}") from error
