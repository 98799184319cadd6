"""Kernels: plain Python loops that numba compiles where thousands of files wait for them.

A kernel is a function over flat columns and whole numbers. Read by Python it takes lists or arrays and is
fast enough for one file; :func:`compiled` gives the machine code of the same function, so that there is
one implementation of everything and a batch of files costs microseconds a file instead of milliseconds.
Without numba :func:`compiled` gives the function back as it is.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

Columns = Any
"""Columns of whole numbers: lists where Python reads a kernel, arrays of int64 where it is compiled."""

_KERNELS: set[Callable[..., Any]] = set()
_INLINED: set[Callable[..., Any]] = set()


def kernel(function: Function) -> Function:
    """Mark a function as one that can be compiled. It may call other kernels of its own module only.

    A compiled function is kept on disk under the date of its own file. Constants from other files are part of
    its name there, so that a change of them is noticed; a change in a kernel of another file would not be.
    """
    _KERNELS.add(function)
    return function


def inlined(function: Function) -> Function:
    """Mark a kernel that is copied into the kernels that call it: a call with tables costs more than what it does."""
    _INLINED.add(function)
    return kernel(function)


def is_available() -> bool:
    """Return whether kernels can be compiled here."""
    from importlib.util import find_spec

    return find_spec("numba") is not None


def constants_digest(function: Callable[..., Any]) -> str:
    """Return eight digits that change with any constant that a kernel, or a kernel that it calls, reads."""
    plain = cast(FunctionType, function)
    read = {name: plain.__globals__[name] for name in plain.__code__.co_names if name in plain.__globals__}
    facts = []
    for name, value in sorted(read.items()):
        if isinstance(value, FunctionType) and value in _KERNELS:
            facts.append((name, constants_digest(value)))
        elif isinstance(value, (bool, int, float, str, bytes, tuple)):
            facts.append((name, repr(value)))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:8]


@functools.cache
def compiled(function: Function) -> Function:
    """Return the compiled form of a kernel: the same results for arrays, without Python's global lock.

    Compiling takes some seconds the first time and is kept on disk where that is possible.

    Parameters
    ----------
    function : callable
        A function marked with :func:`kernel`.
    """
    if not is_available():
        return function
    import numba

    plain = cast(FunctionType, function)
    names = {
        name: compiled(value) if isinstance(value, FunctionType) and value in _KERNELS else value
        for name, value in plain.__globals__.items()
        if name in plain.__code__.co_names
    }
    copy = FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__)
    copy.__qualname__, copy.__module__ = f"{plain.__qualname__}_{constants_digest(function)}", plain.__module__
    options: Any = {"nogil": True, "inline": "always" if function in _INLINED else "never"}
    try:
        return cast(Function, numba.njit(cache=True, **options)(copy))
    except RuntimeError:  # no folder that can be written to for what was compiled
        return cast(Function, numba.njit(**options)(copy))
