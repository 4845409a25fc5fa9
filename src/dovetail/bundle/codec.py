"""Models as plain data: a tree of JSON values and a table of named tensors.

JSON values stand for themselves, and everything else is an object whose key "~" names its kind.
Only kinds listed here exist; classes and functions are looked up by name among those allowed, never
imported at a file's word from outside this package.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn import compose, dummy, frozen, model_selection, pipeline, preprocessing
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from torch import Tensor

from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import BundleError
from dovetail.program import Program

__all__ = ["Decoder", "Encoder"]

# scikit-learn's compositions, baselines and splitters, which hold other estimators or plain data.
_FRIENDS: tuple[type, ...] = (
    pipeline.Pipeline,
    pipeline.FeatureUnion,
    compose.ColumnTransformer,
    compose.TransformedTargetRegressor,
    compose.make_column_selector,
    preprocessing.FunctionTransformer,  # its function is held to the rule for functions
    frozen.FrozenEstimator,
    dummy.DummyClassifier,
    dummy.DummyRegressor,
    model_selection.KFold,
    model_selection.StratifiedKFold,
    model_selection.GroupKFold,
    model_selection.TimeSeriesSplit,
)
# Modules whose functions of arrays may be named by a file (FunctionTransformer(numpy.log1p)).
_FUNCTION_HOMES = {"numpy": np, "torch": torch}
# What is not part of a model: callbacks are the caller's; requests are kept by value; what an
# optimizer remembers of a net's training would be twice the net.
_LEFT_OUT = {"_skl_callbacks", "_parent_callback_ctx", "_metadata_request", "_ongoing"}
_METHODS = (
    "fit",
    "partial_fit",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score",
    "transform",
    "inverse_transform",
    "split",
)


def name_of(thing: Any) -> str:
    """The name by which a class or function is written."""
    return f"{thing.__module__}:{thing.__qualname__}"


class Encoder:
    """Turns a model into a tree; `tensors` fills as it goes.

    trusted : foreign classes and functions to allow
    """

    def __init__(self, trusted: Iterable[Any] = ()) -> None:
        self.allowed = {name_of(t) for t in (*_FRIENDS, *trusted)}
        self.tensors: dict[str, Tensor] = {}
        self._open: list[int] = []

    def encode(self, value: Any, where: str) -> Any:
        """The tree of a value; `where` is its place in the model, for messages."""
        if value is None or (isinstance(value, bool | str) and type(value) in (bool, str)):
            return value
        if type(value) is int:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"~": "float", "v": str(value)}
        for kind, matches, write in _WRITERS:
            if matches(value):
                if id(value) in self._open:
                    raise BundleError(f"{where} contains itself; a model file cannot hold that.")
                self._open.append(id(value))
                tree = {"~": kind, **write(self, value, where)}
                self._open.pop()
                return tree
        raise BundleError(
            f"{where} is a {type(value).__module__}.{type(value).__qualname__}, which a model "
            "file cannot hold. "
            "Allowed are estimators, numbers, strings, arrays, tensors and containers of these; "
            "name further classes and "
            "functions in `trusted`."
        )

    def store(self, tensor: Tensor) -> str:
        """Put a tensor in the table; the key it is found by."""
        key = f"t{len(self.tensors)}"
        self.tensors[key] = tensor.detach().cpu().contiguous().clone()
        return key


def _items(encoder: Encoder, values: Iterable[Any], where: str) -> dict[str, Any]:
    return {"v": [encoder.encode(v, f"{where}[{i}]") for i, v in enumerate(values)]}


def _pairs(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    return {
        "v": [
            [encoder.encode(k, where), encoder.encode(v, f"{where}.{k}")] for k, v in value.items()
        ]
    }


def _array(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        return {
            "t": encoder.store(as_tensor(np.asarray(value, order="C"))),
            "dtype": value.dtype.str,
        }
    if value.dtype.kind in "mM":
        return {
            "t": encoder.store(as_tensor(np.asarray(value, order="C").view(np.int64))),
            "dtype": value.dtype.str,
        }
    if value.dtype.kind in "OU":
        items = [encoder.encode(v, f"{where}[{i}]") for i, v in enumerate(value.ravel().tolist())]
        return {"v": items, "dtype": value.dtype.str, "shape": list(value.shape)}
    raise BundleError(f"{where} is an array of {value.dtype}, which a model file cannot hold.")


def _sparse(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    X = value.tocsr()
    parts = [encoder.encode(a, where) for a in (X.data, X.indices, X.indptr)]
    return {
        "v": parts,
        "shape": list(X.shape),
        "array": isinstance(value, sp.sparray),
        "format": value.format,
    }


def _function(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    name: str = value.__name__
    for home, module in _FUNCTION_HOMES.items():
        if getattr(module, name, None) is value:
            return {"v": f"{home}:{name}"}
    if name_of(value) in encoder.allowed:
        return {"v": name_of(value)}
    raise BundleError(
        f"{where} is the function {value.__qualname__}, which is code. Name it in `trusted` when "
        "saving and when loading, or use "
        "a function of numpy or torch."
    )


def _class(encoder: Encoder, value: Any, where: str) -> str:
    name = name_of(type(value))
    if not name.startswith("dovetail.") and name not in encoder.allowed:
        raise BundleError(
            f"{where} is a {name.replace(':', '.')}, a class this package does not know. If you "
            "trust it, name it in "
            "`trusted` when saving and when loading."
        )
    return name


def _estimator(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    name = _class(encoder, value, where)
    state = {
        k: encoder.encode(v, f"{where}.{k}") for k, v in vars(value).items() if k not in _LEFT_OUT
    }
    tree = {"class": name, "state": state}
    requests = vars(value).get("_metadata_request")
    if requests is not None:
        asked = {
            m: dict(getattr(requests, m).requests)
            for m in _METHODS
            if getattr(requests, m).requests
        }
        tree["requests"] = encoder.encode(asked, where)
    return tree


def _program(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    name = _class(encoder, value, where)
    return {
        "class": name,
        "state": {k: encoder.encode(v, f"{where}.{k}") for k, v in value.state().items()},
    }


def _record(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(value)]
    state = {n: encoder.encode(getattr(value, n), f"{where}.{n}") for n in names}
    return {"class": name_of(type(value)), "state": state}


def _random(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    return {"v": encoder.encode(list(value.get_state(legacy=True)), where)}


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and type(value).__module__.startswith("dovetail.")


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types)


def _exactly(kind: type) -> Callable[[Any], bool]:
    return lambda value: type(value) is kind


def _named(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    return {"v": value.__name__}


def _made_by_torch(value: Any) -> bool:
    """Whether it is a class that makes modules or optimizers."""
    return isinstance(value, type) and issubclass(value, torch.nn.Module | torch.optim.Optimizer)


def _maker(encoder: Encoder, value: Any, where: str) -> dict[str, Any]:
    name = name_of(value)
    known = _torchs(name) is value or name.startswith("dovetail.")
    if not known and name not in encoder.allowed:
        raise BundleError(
            f"{where} is the class {value.__qualname__}, which is code. Name it in `trusted` when "
            "saving and when loading."
        )
    return {"v": name}


def _torchs(name: str) -> Any:
    """A module or optimizer of torch's own by the name it is written with; None for others."""
    home, _, cls = name.partition(":")
    places = {"torch.nn": torch.nn, "torch.optim": torch.optim}
    place = next((p for n, p in places.items() if home == n or home.startswith(f"{n}.")), None)
    found = getattr(place, cls, None) if place is not None and cls.isidentifier() else None
    return found if _made_by_torch(found) else None


def _is_number_type(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, np.generic)


def _is_python_type(value: Any) -> bool:
    return isinstance(value, type) and value in _PYTHON_TYPES.values()


def _is_estimator(value: Any) -> bool:
    return isinstance(value, BaseEstimator) or type(value) in _FRIENDS


def _is_function(value: Any) -> bool:
    return callable(value) and hasattr(value, "__name__") and not isinstance(value, type)


_PYTHON_TYPES = {t.__name__: t for t in (int, float, bool, str, object)}
Writer = Callable[[Encoder, Any, str], dict[str, Any]]

# Kind, which values are of it, and what is written; the first that matches is taken.
_WRITERS: list[tuple[str, Callable[[Any], bool], Writer]] = [
    ("list", _exactly(list), _items),
    ("tuple", _exactly(tuple), _items),
    ("set", _is(set, frozenset), lambda e, v, w: _items(e, sorted(v, key=repr), w)),
    ("bunch", _is(Bunch), _pairs),
    ("dict", _exactly(dict), _pairs),
    ("slice", _is(slice), lambda e, v, w: _items(e, (v.start, v.stop, v.step), w)),
    ("tensor", _is(Tensor), lambda e, v, w: {"t": e.store(v.to_dense())}),
    ("array", _is(np.ndarray), _array),
    ("scalar", _is(np.generic), lambda e, v, w: _array(e, np.asarray(v), w)),
    ("dtype", _is(np.dtype), lambda e, v, w: {"v": v.str}),
    ("scalar type", _is_number_type, _named),
    ("python type", _is_python_type, _named),
    ("maker", _made_by_torch, _maker),
    ("sparse", sp.issparse, _sparse),
    ("random state", _is(np.random.RandomState), _random),
    ("path", _is(PurePath), lambda e, v, w: {"v": str(v)}),
    ("enum", _is(StrEnum), lambda e, v, w: {"class": name_of(type(v)), "v": str(v)}),
    ("program", _is(Program), _program),
    ("estimator", _is_estimator, _estimator),
    ("record", _is_record, _record),
    ("function", _is_function, _function),
]


class Decoder:
    """Builds a model from a tree and a table of tensors.

    trusted : foreign classes and functions that may be named
    """

    def __init__(self, tensors: dict[str, Tensor], trusted: Iterable[Any] = ()) -> None:
        self.tensors = tensors
        self.allowed = {name_of(t): t for t in (*_FRIENDS, *trusted)}

    def decode(self, tree: Any) -> Any:
        """The value that a tree stands for."""
        if not isinstance(tree, dict):
            if isinstance(tree, list):
                raise BundleError("The model file is malformed: a bare list.")
            return tree
        reader = _READERS.get(tree.get("~", ""))
        if reader is None:
            raise BundleError(
                f"The model file holds a {tree.get('~')!r}, a kind this version does not know."
            )
        try:
            return reader(self, tree)
        except BundleError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise BundleError(f"The model file is malformed in a {tree['~']}: {error}") from error

    def items(self, tree: Any) -> list[Any]:
        """The decoded items of a container."""
        return [self.decode(v) for v in tree["v"]]

    def state(self, tree: Any) -> dict[str, Any]:
        """The decoded attributes of an object."""
        return {str(k): self.decode(v) for k, v in tree["state"].items()}

    def find(self, name: str, base: type | tuple[type, ...]) -> Any:
        """The class of a name: one of this package that derives from `base`, or a trusted one."""
        if name in self.allowed:
            return self.allowed[name]
        module, _, qualname = name.partition(":")
        if not re.fullmatch(r"dovetail(\.[A-Za-z_0-9]+)+", module) or not re.fullmatch(
            r"[A-Za-z_0-9]+", qualname
        ):
            raise BundleError(
                f"The model file names {name.replace(':', '.')}, which is not of this package. "
                "If you trust it, name it in "
                "`trusted`."
            )
        try:
            found = getattr(importlib.import_module(module), qualname, None)
        except ImportError as error:
            raise BundleError(
                f"The model file names {name.replace(':', '.')}, which this version lacks."
            ) from error
        if not (isinstance(found, type) and issubclass(found, base)) or found.__module__ != module:
            raise BundleError(
                f"The model file names {name.replace(':', '.')}, which is no {base!r} of this "
                "package."
            )
        return found


def _read_array(decoder: Decoder, tree: Any) -> Any:
    dtype = np.dtype(tree["dtype"])
    if dtype.kind == "O" or dtype.kind == "U":
        flat = np.empty(len(tree["v"]), dtype=dtype)
        flat[:] = decoder.items(tree)
        return flat.reshape(tree["shape"])
    array = as_numpy(decoder.tensors[tree["t"]])
    return array.view(dtype) if dtype.kind in "mM" else array.astype(dtype, copy=False)


def _read_sparse(decoder: Decoder, tree: Any) -> Any:
    make = sp.csr_array if tree["array"] else sp.csr_matrix
    return make(tuple(decoder.items(tree)), shape=tuple(tree["shape"])).asformat(tree["format"])


def _read_estimator(decoder: Decoder, tree: Any) -> Any:
    cls = decoder.find(tree["class"], BaseEstimator)
    estimator = cls.__new__(cls)
    estimator.__dict__.update(decoder.state(tree))
    for method, asked in decoder.decode(tree["requests"]).items() if "requests" in tree else ():
        if method in _METHODS and hasattr(estimator, f"set_{method}_request"):
            getattr(estimator, f"set_{method}_request")(**asked)
    return estimator


def _read_program(decoder: Decoder, tree: Any) -> Any:
    cls = decoder.find(tree["class"], Program)
    return cls(**decoder.state(tree)).requires_grad_(False).eval()


def _read_record(decoder: Decoder, tree: Any) -> Any:
    cls = decoder.find(tree["class"], object)
    if not hasattr(cls, "__dataclass_fields__"):
        raise BundleError(f"The model file names {tree['class']} as a record, which it is not.")
    return cls(**decoder.state(tree))


def _read_function(decoder: Decoder, tree: Any) -> Any:
    name = tree["v"]
    if name in decoder.allowed:
        return decoder.allowed[name]
    home, _, function = name.partition(":")
    found = (
        getattr(_FUNCTION_HOMES.get(home), function, None)
        if re.fullmatch(r"[a-z0-9_]+", function)
        else None
    )
    # ufuncs and torch's elementwise functions compute; numpy.load, torch.load and their like do
    # more
    if isinstance(found, np.ufunc) or (home == "torch" and hasattr(Tensor, function)):
        return found
    raise BundleError(
        f"The model file names the function {name.replace(':', '.')}. If you trust it, name it "
        "in `trusted`."
    )


def _read_maker(decoder: Decoder, tree: Any) -> Any:
    name = tree["v"]
    if name in decoder.allowed:
        return decoder.allowed[name]
    return _torchs(name) or decoder.find(name, torch.nn.Module)


def _read_random(decoder: Decoder, tree: Any) -> Any:
    state = np.random.RandomState()
    state.set_state(tuple(decoder.decode(tree["v"])))
    return state


_READERS: dict[str, Callable[[Decoder, Any], Any]] = {
    "float": lambda d, t: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[t["v"]],
    "list": lambda d, t: d.items(t),
    "tuple": lambda d, t: tuple(d.items(t)),
    "set": lambda d, t: set(d.items(t)),
    "bunch": lambda d, t: Bunch(**{d.decode(k): d.decode(v) for k, v in t["v"]}),
    "dict": lambda d, t: {d.decode(k): d.decode(v) for k, v in t["v"]},
    "slice": lambda d, t: slice(*d.items(t)),
    "tensor": lambda d, t: d.tensors[t["t"]],
    "array": _read_array,
    "scalar": lambda d, t: _read_array(d, t)[()],
    "dtype": lambda d, t: np.dtype(t["v"]),
    "scalar type": lambda d, t: np.dtype(t["v"]).type,
    "python type": lambda d, t: _PYTHON_TYPES[t["v"]],
    "maker": _read_maker,
    "sparse": _read_sparse,
    "random state": _read_random,
    "path": lambda d, t: Path(t["v"]),
    "enum": lambda d, t: d.find(t["class"], StrEnum)(t["v"]),
    "program": _read_program,
    "estimator": _read_estimator,
    "record": _read_record,
    "function": _read_function,
}
