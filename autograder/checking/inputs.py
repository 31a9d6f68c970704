"""The inputs of a property check, drawn before it runs.

Hypothesis draws an example, runs it, draws the next, and runs a failing one again. Its drawing takes
longer than most learners' code. Here it only draws, once per check and seed: a repeated `check()`
pays for the learner's code alone, and a mistake that is tried on a failed check gets exactly the
inputs that the learner's code got, each of them once.

Hypothesis mixes numbers into its examples that it finds in the source of whatever modules are loaded. What
is loaded differs from process to process, so the same seed would give other inputs; here it takes none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType
from typing import Any
from unittest import mock

import numpy as np

from autograder.values import BadValue, remake

Inputs = list[dict[str, Any]]
_SHARED = (type, np.dtype, np.ufunc, FunctionType, BuiltinFunctionType, range, slice)


def is_property(function: Callable[..., Any]) -> bool:
    """Whether a check is decorated with `@given`."""
    return hasattr(function, "hypothesis")


def set_seed(function: Callable[..., Any], seed: int) -> None:
    """Make what Hypothesis itself draws for a check repeatable."""
    plain: Any = getattr(function, "__func__", function)
    plain._hypothesis_internal_use_seed = seed


@contextmanager
def repeatable() -> Iterator[None]:
    """While this lasts, Hypothesis draws from the seed alone, whatever modules are loaded."""
    from hypothesis.internal.cache import LRUCache
    from hypothesis.internal.conjecture import providers

    if not hasattr(providers, "_get_local_constants"):  # a version that takes no such numbers
        yield
        return
    none = providers.Constants()
    with (
        mock.patch.object(providers, "_get_local_constants", lambda: none),
        mock.patch.object(providers, "CONSTANTS_CACHE", LRUCache(1024)),
    ):
        yield


def _copy(example: dict[str, Any]) -> dict[str, Any]:
    return remake(example, _unchanging)


def _unchanging(value: Any) -> Any:
    if isinstance(value, _SHARED):
        return value
    raise BadValue(f"an object of type {type(value).__name__}, expected data")


def draw(function: Callable[..., Any], fixtures: Sequence[str]) -> Inputs | None:
    """The inputs that Hypothesis draws for a check with the seed that was set, in order.

    Args:
        function: the check, decorated with `@given`.
        fixtures: names of its arguments that are not drawn.
    Returns:
        Drawn arguments by name, one dict per example; None if they can only be drawn while the check
        runs (`st.data()`, a method) or are no data.
    """
    if hasattr(function, "__self__"):
        return None
    drawn: Inputs = []
    handle = function.hypothesis  # type: ignore[attr-defined]

    def record(**arguments: Any) -> None:
        drawn.append({name: value for name, value in arguments.items() if name not in fixtures})

    check = handle.inner_test
    handle.inner_test = record  # Hypothesis lets others replace what it calls
    try:
        with repeatable():
            function(**dict.fromkeys(fixtures))
        return [_copy(example) for example in drawn]
    except BadValue:
        return None
    finally:
        handle.inner_test = check


def run(function: Callable[..., Any], fixtures: dict[str, Any], inputs: Inputs) -> None:
    """Run a check on each of the drawn inputs, until one fails it."""
    from hypothesis.errors import UnsatisfiedAssumption

    check = function.hypothesis.inner_test  # type: ignore[attr-defined]
    for example in inputs:
        try:
            check(**fixtures, **_copy(example))  # a copy: the check may write into it
        except UnsatisfiedAssumption:
            continue
