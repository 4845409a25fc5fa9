"""What estimators that draw rows share: tables or images at the door, classes, and the draw."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from dovetail.base import Accepts
from dovetail.data.batches import Batch, Batches
from dovetail.data.door import open_classes, open_matrix, source
from dovetail.data.frames import is_frame
from dovetail.data.named import NamedTensors
from dovetail.data.scan import in_one_memory
from dovetail.data.tensors import as_numpy, as_tensor, target_device
from dovetail.deep._image_door import are_images, named_images
from dovetail.deep._image_net import ImageNet
from dovetail.deep._making import Recipe
from dovetail.deep._program import NetOutputs
from dovetail.deep._table_codes import CodedTable
from dovetail.params import AboveZero, AtLeast

__all__ = ["Generative"]

_BLOCK_ROWS = 2048


class _Learned:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    _table: CodedTable | None
    _codes: Tensor | None
    classes_: Any
    class_prior_: Any


class Generative(_Learned, ImageNet):
    """A net that draws rows like those it was fitted on; its module has `decode(Z, y)`."""

    accepts = Accepts()
    _modules: ClassVar[tuple[Any, Any]]  # of images, and of tables

    n_components: Annotated[int, AtLeast(1)] = 32
    _: KW_ONLY
    lr: Annotated[float, AboveZero] = 2e-3
    weight_decay: Annotated[float, AtLeast(0)] = 0.0
    hidden: Annotated[int, AtLeast(1)] = 256
    width: Annotated[int, AtLeast(1)] = 32

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what rows of X look like.

        Parameters
        ----------
        X : a table of any columns (frame, dict of columns), an array of numbers (n, d), or images,
            as arrays or as files
        y : array-like of shape (n_samples,) or None
            Classes, so that rows of a class can be drawn; of a folder of class folders their names.

        Returns
        -------
        self
        """
        in_one_memory(X)
        for name in ("validation_data", "warm_start"):  # rows would be coded anew
            if getattr(self, name):
                raise ValueError(f"{type(self).__name__} takes no {name}. Leave it out.")
        self._table, self._codes, self.classes_ = None, None, None
        if self.image_shape is not None or are_images(X):
            return self._learn(*named_images(X, y))
        self._table, self._codes = self._coded(X)
        return self._learn(X, y)

    def _coded(self, X: Any) -> tuple[CodedTable, Tensor]:
        """How a table is coded, and its codes."""
        X = source(X)
        if is_frame(X):
            validate_data(self, X, reset=True, skip_check_array=True)
            return CodedTable.of_frame(X)
        matrix: Any = open_matrix(self, X, Accepts(missing=True), reset=True)
        make = "torch" if isinstance(X, Tensor) else "numpy"
        return CodedTable.of_matrix(as_numpy(matrix), make)

    def sample(self, n_samples: int = 1, y: Any = None, random_state: Any = None) -> Any:
        """Draw rows.

        Parameters
        ----------
        n_samples : int >= 1
        y : label, array-like of n_samples labels, or None
            Classes to draw rows of; None draws classes as often as the fit saw them.
        random_state : int, RandomState or None

        Returns
        -------
        X : like that of fit: a frame of the same library, with the same columns and types; an array
            (n_samples, d); or images, in the order of axes and the range of the fit's
        y : array of shape (n_samples,), the classes; only after a fit with y
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples must be 1 or more. Got {n_samples}.")
        random = check_random_state(random_state)
        codes = self._wanted(n_samples, y, random)
        generator = torch.Generator().manual_seed(int(random.randint(2**31 - 1)))
        with torch.no_grad():
            X = self._drawn(n_samples, codes, generator, random)
        return X if codes is None else (X, self.classes_[as_numpy(codes)])

    # -- drawing

    def _wanted(self, n: int, y: Any, random: np.random.RandomState) -> Tensor | None:
        """Codes of the classes to draw."""
        if self.classes_ is None:
            if y is not None:
                raise ValueError("y was not given to fit, so that no class can be asked for.")
            return None
        if y is None:
            return as_tensor(random.choice(len(self.classes_), n, p=self.class_prior_))
        labels = np.full(n, y) if np.ndim(y) == 0 else np.asarray(y)
        if len(labels) != n:
            raise ValueError(f"y must have one label or {n}. Got {len(labels)}.")
        place = {label: i for i, label in enumerate(self.classes_.tolist())}
        strange = sorted({str(v) for v in labels.tolist() if v not in place})
        if strange:
            raise ValueError(f"y has labels that fit did not see: {', '.join(strange)}.")
        return torch.tensor([place[v] for v in labels.tolist()])

    def _drawn(
        self,
        n: int,
        y: Tensor | None,
        generator: torch.Generator,
        random: np.random.RandomState,
    ) -> Any:
        program, parts = self._program, []
        Z, _ = self._latent(n, generator)
        for start in range(0, n, _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            classes = None if y is None else y[rows].to(program.device)
            decoded = program.module.decode(Z[rows].to(program.device), classes).cpu()
            parts.append(decoded if self._table is None else self._chosen(decoded, generator))
        made = torch.cat(parts)
        if self._table is not None:
            return self._table.drawn(made, random)
        layout = self._layout
        made = made.round().clamp(0, 255).to(torch.uint8) if layout.whole else made
        pixels = layout.given_back(made)
        return pixels if self._container == "torch" else as_numpy(pixels)

    def _latent(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Normal numbers, and classes as often as the fit saw them."""
        Z = torch.randn(n, self.n_components, generator=generator, dtype=self._dtype)
        if self.classes_ is None:
            return Z, None
        shares = torch.from_numpy(self.class_prior_)
        return Z, torch.multinomial(shares, n, replacement=True, generator=generator)

    def _chosen(self, scores: Tensor, generator: torch.Generator) -> Tensor:
        """A code of each column, as likely as its score says, (n, d)."""
        assert self._table is not None
        parts = torch.split(scores.float(), self._table.n_codes, 1)
        drawn = [torch.multinomial(F.softmax(1), 1, generator=generator) for F in parts]
        return torch.cat(drawn, 1)

    # -- learning

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        if self._codes is None:
            return super()._open(X, reset=reset, device=device)
        return self._codes.to(target_device(X))

    def _open_y(self, y: Any, X: Any) -> Tensor | None:
        if y is None:
            return None
        codes, self.classes_ = open_classes(y, X, self)
        shares = np.bincount(as_numpy(codes), minlength=len(self.classes_))
        self.class_prior_ = shares / shares.sum()
        return codes

    def _targets(self, rows: Batch) -> Batch:
        """The classes beside the rows: the module takes both."""
        parts = {"X": rows.X} | ({} if rows.y is None else {"y": rows.y})
        return Batch(NamedTensors(parts), None, rows.w, rows.start)

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        try:
            return super()._train(batches, before, incremental=incremental)
        finally:
            self._codes = None

    def _half(self, device: torch.device) -> Literal["bf16", "fp16"] | None:
        return None if self._table is not None else super()._half(device)

    def _recipe(self, rows: Batch) -> Recipe:
        of_images, of_rows = self._modules
        n_classes = 0 if self.classes_ is None else len(self.classes_)
        known: dict[str, Any] = {"n_components": self.n_components, "n_classes": n_classes}
        if self._table is not None:
            known |= {"n_codes": self._table.n_codes, "hidden": self.hidden}
            return Recipe(of_rows, known)
        mean, scale = self._scales()
        shape = self._layout.shape
        known |= {"image_shape": shape, "mean": mean, "scale": scale, "width": self.width}
        return Recipe(of_images, known)

    def _scales(self) -> tuple[Tensor, Tensor]:
        return self._moments

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return {"flat": False, "method": "decode"}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags
