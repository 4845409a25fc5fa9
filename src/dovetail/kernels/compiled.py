"""Compiling loops with numba: one place for threads, caching, and what must be said about it.

A kernel is a plain function of arrays and scalars. `compiled` turns it into machine code on first
use, twice over where it has parallel loops: a version that runs on torch's number of threads, and a
sequential one for a single thread. The sequential one is also what a forked child gets, because GNU
OpenMP, which numba's parallel loops use, does not survive a fork. Numbers divide as numpy's do: by
zero gives infinity or NaN, and a loop with a division can be vectorized.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import torch
from numba.core import event

from dovetail.settings import settings

__all__ = ["compiled", "thread_count"]

F = TypeVar("F", bound=Callable[..., Any])

_forked = False


def _after_fork() -> None:
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


def thread_count() -> int:
    """Threads a kernel may use: torch's number, 1 in a forked child."""
    return 1 if _forked else min(torch.get_num_threads(), int(numba.config.NUMBA_NUM_THREADS))


def compiled(
    function: F | None = None,
    *,
    parallel: bool = False,
    inner: bool = False,
    fastmath: Any = False,
    counted: bool = True,
    inline: bool = False,
) -> Any:
    """Decorate a kernel: compiled on first use, kept in a cache on disk, without the GIL.

    Parameters
    ----------
    parallel : whether it has `numba.prange` loops
    inner : whether only other kernels call it; without the way in from Python and a
        place of its own in the cache, a large kernel of many takes a sixth less to compile
    fastmath : numba's fastmath flags; a set such as {"contract", "reassoc"}, where the kernel's
        result allows it
    counted : False for a kernel that makes no arrays, and calls none that counts: references to
        those it is given are not counted then, which numba does at every view of an array and every
        call, atomically, and which keeps the loops around from being vectorized
    inline : whether it becomes a part of its callers: for one that is called for little work with
        tuples of arrays, each of which is pushed on the stack number by number
    """
    if function is None:
        return lambda f: compiled(
            f,
            parallel=parallel,
            inner=inner,
            fastmath=fastmath,
            counted=counted,
            inline=inline,
        )
    options = {"cache": True, "nogil": True, "fastmath": fastmath, "error_model": "numpy"}
    if not counted:
        options["_nrt"] = False
    if inline:
        options["forceinline"] = True
    if inner:
        options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "cache": False}
    if not parallel:
        return numba.njit(function, **options)
    many = numba.njit(function, parallel=True, **options)
    one = numba.njit(_renamed(function, "_sequential"), **options)

    def call(*args: Any) -> Any:
        wanted, threads = torch.get_num_threads(), thread_count()
        if threads == 1:
            return one(*args)
        if numba.get_num_threads() != threads:
            numba.set_num_threads(threads)
        if torch.get_num_threads() != wanted:  # starting numba's threads resets those of torch,
            torch.set_num_threads(wanted)  # with which it shares GNU OpenMP
        return many(*args)

    call.__doc__, call.__name__ = function.__doc__, function.__name__
    call.sequential = one  # type: ignore[attr-defined]  # for calls too small for threads to help
    return call


def _renamed(function: Any, suffix: str) -> Any:
    """The same function under another name: numba's cache goes by name, not by compiler flags."""
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__ + suffix, function.__defaults__
    )
    copy.__qualname__ = function.__qualname__ + suffix
    copy.__module__ = function.__module__
    return copy


class _Announce(event.Listener):
    """Says once per process that kernels are being compiled: it takes seconds, and happens once per
    machine.
    """

    said = False

    def on_start(self, event: Any) -> None:
        if not self.said and settings().verbosity:
            _Announce.said = True
            print(
                "dovetail: compiling kernels for this machine (once; kept in a cache) ...",
                file=sys.stderr,
            )

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Announce())
