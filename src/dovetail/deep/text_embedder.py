"""Texts as vectors, by an encoder that others trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils import Tags

from dovetail.base import Transformer
from dovetail.data.batches import Batches
from dovetail.data.ragged import Ragged
from dovetail.data.tensors import target_device
from dovetail.deep._by_length import by_length
from dovetail.deep._pretrained import Pieces, weights_of
from dovetail.deep._program import NetOutputs
from dovetail.deep._readers import PretrainedReader
from dovetail.deep._texts import open_texts
from dovetail.nn.bert import Bert
from dovetail.params import AtLeast

__all__ = ["TextEmbedder"]


class TextEmbedder(ClassNamePrefixFeaturesOutMixin, Transformer):
    """Texts as vectors whose products tell how near their meanings are, by a pretrained encoder.

    `fit` reads the encoder's files and learns nothing from the texts. The fitted estimator, and its
    model file, hold all that is needed. Put it before any classifier in a Pipeline.

    Parameters
    ----------
    folder : path
        Of an encoder in Hugging Face's layout, config.json, model.safetensors and tokenizer.json,
        of BERT's make (`model_type` "bert"): MiniLM, BGE, E5, GTE and many more are.
    pooling : {"mean", "first"}, default="mean"
        Whether the vector is the mean over tokens, or that of the first.
    normalize : bool, default=True
        Whether vectors have length 1.
    max_tokens : int >= 3, default=256
        Longer texts are cut.

    Attributes
    ----------
    program_ : ids, int64 of shape (n, t) with zeros at padding, to vectors (n, width)

    Raises
    ------
    DataError
        A file is missing, or the encoder is of another make.

    Cost O(tokens · depth · width (width + max_tokens)).

    Reimers & Gurevych (2019), https://arxiv.org/abs/1908.10084.

    Examples
    --------
    >>> from dovetail.deep import TextEmbedder
    >>> model = TextEmbedder("models/all-MiniLM-L6-v2")
    >>> model.max_tokens
    256
    """

    folder: str | Path
    _: KW_ONLY
    pooling: Literal["mean", "first"] = "mean"
    normalize: bool = True
    max_tokens: Annotated[int, AtLeast(3)] = 256

    @classmethod
    def _examples(cls) -> list[Self]:
        return []  # an encoder is too large to come with the package

    @property
    def tokenizer_(self) -> Pieces:
        """That of the encoder."""
        if "_reader" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} has no tokenizer_ before fit.")
        return self._reader.tokenizer

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Ragged:
        whom = type(self).__name__
        texts = open_texts(X, whom)
        if reset:
            self._reader = PretrainedReader.of(self.folder, self.max_tokens)
        opened = Ragged(self._reader.read(texts, whom if reset else ""))
        return opened.to(device or target_device())

    def _fit(self, batches: Batches) -> NetOutputs:
        sizes = self._reader.sizes
        arguments = {**sizes, "pooling": self.pooling, "normalize": self.normalize}
        module = Bert(**arguments)
        module.load_state_dict(weights_of(Path(self.folder), module.state_dict()))
        self._n_features_out = sizes["width"]
        module = module.to(batches.device)
        return NetOutputs(module=module, make=Bert, arguments=arguments, flat=False, method="")

    def _run(self, compute: Callable[[Any], Any], X: Any) -> Any:
        return super()._run(lambda opened: by_length(compute, opened), X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = tags.input_tags.categorical = False
        tags.input_tags.string = True
        return tags
