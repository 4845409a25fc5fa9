"""Programs: what a fit leaves behind, as torch modules.

A Program maps tensors to tensors and owns every learned number as a buffer. It is the only thing
that is saved, exported, served and differentiated. A subclass declares its fields like a dataclass
and writes `forward`:

    class Scale(Program):
        shift: Tensor | None
        factor: Tensor

        def forward(self, X: Tensor) -> Tensor: ...

Tensor fields become buffers (a list of tensors becomes numbered ones), modules submodules,
everything else constants; so a Program can be taken apart into plain data and built again from it,
without any code of its own. Buffers are row-major, as files hold them: products round by the layout
of what they multiply, and a loaded model gives the very bits of the one that was saved.

Shapes: n rows, d input features, k outputs.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Self, TypeGuard, dataclass_transform

import torch
from torch import Tensor, nn

from dovetail.data.sparse import SparseMatrix

__all__ = ["Chain", "NoProgram", "Passthrough", "Program", "Rows", "SideBySide", "TensorList"]


@dataclass_transform(eq_default=False)
class Program(nn.Module):
    """A frozen module from tensors to tensors, all learned numbers in its buffers."""

    fields: ClassVar[tuple[str, ...]] = ()
    _tensors: ClassVar[frozenset[str]] = frozenset()
    _optional: ClassVar[frozenset[str]] = frozenset()  # tensors that are None where not given

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {n: t for n, t in inspect.get_annotations(cls).items() if "ClassVar" not in str(t)}
        cls.fields = (*cls.fields, *(n for n in own if n not in cls.fields))
        cls._tensors = cls._tensors | {n for n, t in own.items() if _is_tensor(t)}
        for name in [n for n in own if n in cls._tensors and n in vars(cls)]:
            cls._optional = cls._optional | {name}
            delattr(cls, name)  # it would hide the buffer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        values = dict(zip(self.fields, args, strict=False)) | kwargs
        optional = {f for f in self.fields if f in self._optional or hasattr(type(self), f)}
        missing = [f for f in self.fields if f not in values and f not in optional]
        if missing or len(values) > len(self.fields) or set(values) - set(self.fields):
            raise TypeError(
                f"{type(self).__name__} takes the fields {', '.join(self.fields)}. "
                f"Got {', '.join(values)}."
            )
        for name in self.fields:
            value = values.get(name, getattr(type(self), name, None))
            if name in self._tensors:
                self.register_buffer(name, None if value is None else value.contiguous())
            elif _is_list_of(value, nn.Module):
                setattr(self, name, nn.ModuleList(value))
            elif _is_list_of(value, Tensor):
                setattr(self, name, TensorList(value))
            else:
                setattr(self, name, value)

    def state(self) -> dict[str, Any]:
        """The fields as they were given: tensors, programs and plain constants."""
        found = {name: getattr(self, name) for name in self.fields}
        lists = nn.ModuleList | TensorList
        return {n: list(v) if isinstance(v, lists) else v for n, v in found.items()}

    def replace(self, **changes: Any) -> Self:
        """The same program with some fields changed."""
        return type(self)(**{**self.state(), **changes})

    def extra_repr(self) -> str:
        """The fields that are no modules: shapes of tensors, values of constants."""
        shown = []
        for name in self.fields:
            value = getattr(self, name)
            if isinstance(value, Tensor):
                shown.append(f"{name}: {tuple(value.shape)}")
            elif isinstance(value, bool | int | float | str):
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)

    def forward(self, X: Any) -> Any:
        raise TypeError(f"{type(self).__name__} does not say what it computes.")

    @property
    def device(self) -> torch.device:
        """Where the learned numbers are."""
        return next(self.tensors(), torch.empty(0)).device

    def tensors(self) -> Iterator[Tensor]:
        """Every learned number, buffers and parameters alike."""
        yield from self.buffers()
        yield from self.parameters()


class TensorList(nn.Module):
    """A list of tensors, each a buffer: what a field that holds several tensors becomes."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        super().__init__()
        for i, tensor in enumerate(tensors):
            self.register_buffer(str(i), tensor.contiguous())

    def __len__(self) -> int:
        return len(self._buffers)

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self[i] for i in range(len(self))])

    def __getitem__(self, i: int) -> Tensor:
        tensor: Tensor = getattr(self, str(range(len(self))[i]))
        return tensor


def _is_list_of(value: Any, kind: type) -> TypeGuard[list[Any]]:
    return (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(v, kind) for v in value)
    )


def _is_tensor(annotation: Any) -> bool:
    return (
        annotation is Tensor
        or (isinstance(annotation, types.UnionType) and Tensor in typing.get_args(annotation))
        or str(annotation).split(" ")[0].endswith("Tensor")
    )


class Chain(Program):
    """Programs one after the other."""

    steps: list[Program]

    def forward(self, X: Any) -> Any:
        for step in self.steps:
            X = step(X)
        return X

    @property
    def link(self) -> Callable[[Tensor], Tensor]:
        """The last program's map of scores to probabilities, where it has one."""
        last: Any = self.steps[-1]
        link: Callable[[Tensor], Tensor] = last.link
        return link


class SideBySide(Program):
    """Programs on parts of the input, their outputs joined along the columns.

    The input is a list, one entry (what that program takes) a program. The output is dense.
    """

    parts: list[Program]
    weights: list[float | None]

    def forward(self, X: list[Any]) -> Tensor:
        outputs = []
        for part, weight, x in zip(self.parts, self.weights, X, strict=True):
            out = part(x)
            out = out.to_dense() if isinstance(out, SparseMatrix) else out
            outputs.append(out if weight is None else out * weight)
        return torch.cat(outputs, dim=1)


class Passthrough(Program):
    """The input itself."""

    def forward(self, X: Tensor) -> Tensor:
        return X


class NoProgram(Program):
    """In the place of the Program of an estimator that works on values no tensor can hold, such as
    strings that stay strings.

    reason : what is said to who asks for the Program
    """

    reason: str


class Rows(Program):
    """Rows of a matrix, dense (`values` of shape (s, d)) or compressed (with `indices`, `starts`).

    width : d
    """

    values: Tensor
    width: int
    indices: Tensor | None = None
    starts: Tensor | None = None

    @classmethod
    def of(cls, X: Tensor | SparseMatrix) -> Rows:
        """The rows of X."""
        if isinstance(X, Tensor):
            return cls(X, X.shape[1])
        X = X.tocsr()
        return cls(X.values, X.shape[1], X.indices, X.starts)

    @property
    def matrix(self) -> Tensor | SparseMatrix:
        """The rows as they came."""
        if self.indices is None or self.starts is None:
            return self.values
        shape = (len(self.starts) - 1, self.width)
        return SparseMatrix(self.starts, self.indices, self.values, shape)
