"""Encoders that others trained, from a folder of their files: config.json, model.safetensors and
tokenizer.json.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from dovetail.deep._tokens import Ids
from dovetail.errors import DataError

__all__ = ["Pieces", "sizes_of", "weights_of"]

_FILES = ("config.json", "model.safetensors", "tokenizer.json")
# What the module can be, by the name in config.json; the first of them where nothing is said.
_KNOWN: dict[str, tuple[Any, ...]] = {
    "model_type": ("bert",),
    "hidden_act": ("gelu",),
    "position_embedding_type": ("absolute", None),
    "pad_token_id": (0,),
}
_SIZES = {
    "n_tokens": "vocab_size",
    "width": "hidden_size",
    "depth": "num_hidden_layers",
    "heads": "num_attention_heads",
    "units": "intermediate_size",
    "length": "max_position_embeddings",
    "kinds": "type_vocab_size",
    "epsilon": "layer_norm_eps",
}


@dataclass(frozen=True)
class Pieces:
    """A published tokenizer.

    table : its JSON
    length : most tokens of a text, marks included; longer texts are cut
    """

    table: str
    length: int

    @classmethod
    def read(cls, folder: Path, sizes: dict[str, Any], max_tokens: int) -> Pieces:
        """From tokenizer.json.

        sizes : of the encoder
        max_tokens : of a text, where the encoder has as many places

        Raises
        ------
        DataError
            It is no tokenizer, or has more tokens than the encoder.
        """
        path = folder / "tokenizer.json"
        made = cls(path.read_text("utf-8"), min(max_tokens, sizes["length"]))
        try:
            n_tokens = made._made.get_vocab_size()
        except Exception as error:  # what `tokenizers` raises is of no class of its own
            raise DataError(f"{path} is no tokenizer that can be read: {error}.") from error
        if n_tokens > sizes["n_tokens"]:
            raise DataError(
                f"{path} has {n_tokens} tokens, but the encoder beside it {sizes['n_tokens']} "
                "(vocab_size in config.json): they do not belong together."
            )
        return made

    @functools.cached_property
    def _made(self) -> Any:
        made = tokenizers.Tokenizer.from_str(self.table)
        made.no_padding()
        made.enable_truncation(self.length)
        return made

    def ids(self, texts: list[str]) -> list[Ids]:
        """The ids of each text, between the marks that the encoder was trained with."""
        return self.cut(texts)[0]

    def cut(self, texts: list[str]) -> tuple[list[Ids], int]:
        """The ids of each text, and how many of the texts were longer."""
        whole = [text.encode("utf-8", "replace").decode() for text in texts]
        found = self._made.encode_batch(whole)
        ids = [np.asarray(each.ids, np.int64) for each in found]
        return ids, sum(bool(each.overflowing) for each in found)


def sizes_of(folder: Path) -> dict[str, Any]:
    """The sizes of the encoder in a folder.

    Raises
    ------
    DataError
        A file is missing, or the encoder is of another make than BERT's.
    """
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        pickled = ""
        if (folder / "pytorch_model.bin").is_file():
            pickled = " pytorch_model.bin is not read, since a pickle runs code."
        raise DataError(
            f"{folder} lacks {', '.join(missing)}. Give the folder of an encoder in Hugging "
            f"Face's layout: {', '.join(_FILES)}; nothing is downloaded.{pickled}"
        )
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{folder / 'config.json'} is no JSON: {error}.") from error
    for name, known in _KNOWN.items():
        if config.get(name, known[0]) not in known:
            raise DataError(
                f"{folder / 'config.json'} has {name}={config[name]!r}; only {known[0]!r} can be "
                "read."
            )
    lacks = [name for name in _SIZES.values() if name not in config]
    if lacks:
        raise DataError(f"{folder / 'config.json'} does not say {', '.join(lacks)}.")
    return {own: config[name] for own, name in _SIZES.items()}


def weights_of(folder: Path, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the module, by their names; others in the file, such as heads, are left out.

    Raises
    ------
    DataError
        One is missing or of another shape, or the file is damaged.
    """
    path = folder / "model.safetensors"
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    found = {name.removeprefix("bert."): t for name, t in stored.items()}
    for name, tensor in expected.items():
        if name not in found or found[name].shape != tensor.shape:
            got = tuple(found[name].shape) if name in found else "nothing"
            raise DataError(
                f"{path} should have {name} of shape {tuple(tensor.shape)}, as config.json says. "
                f"Got {got}."
            )
    return {name: found[name].to(tensor.dtype) for name, tensor in expected.items()}
