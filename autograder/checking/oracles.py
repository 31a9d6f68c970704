"""What oracles have answered before.

Checks ask the same questions again and again: of every submission of a batch, of every mistake that a
wrong answer is compared with, of each `check()` in a notebook. What a slow oracle (all paths listed one
by one, a library's training) says to the same arguments does not change.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autograder.checking.proxy import weight
from autograder.digest import digest
from autograder.values import BadValue, is_tensor

ROOM = 32 * 1024**2  # bytes of answers that are kept
LARGEST = 4 * 1024**2

Oracle = TypeVar("Oracle", bound=Callable[..., Any])

_known: dict[tuple[Callable[..., Any], bytes] | None, Any] = {}
_used = 0


def oracle(function: Oracle) -> Oracle:
    """Remember what a check's own way to the right answer says.

    For a function of data that gives data: no random numbers but those of a seed that it is given, no
    call of the learner's code (what that has answered may be among the arguments), and no change of its
    arguments. Where an argument or the answer is no data, nothing is remembered. Each answer is a copy.
    """

    @functools.wraps(function)
    def remembered(*args: Any, **kwargs: Any) -> Any:
        name = digest(args, kwargs)
        key = (function, name) if name else None
        if key in _known:
            return _copy(_known[key])
        answer = function(*args, **kwargs)
        if key:
            _keep(key, answer)
        return answer

    return remembered  # type: ignore[return-value]


def _keep(key: tuple[Callable[..., Any], bytes], answer: Any) -> None:
    global _used
    try:
        kept = _copy(answer)
    except BadValue:
        return  # it is worked out each time
    size = 300 + weight(kept, LARGEST)
    if size > LARGEST:
        return
    if _used + size > ROOM:
        _known.clear()
        _used = 0
    _known[key] = kept
    _used += size


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind is np.ndarray and value.dtype.kind != "O":
        return value.copy()
    if kind is list:
        return [_copy(item) for item in value]
    if kind is tuple:
        return tuple([_copy(item) for item in value])
    if kind is dict:
        return {key: _copy(item) for key, item in value.items()}
    if is_tensor(value):
        return value.detach().clone()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return value
    raise BadValue(f"an object of type {kind.__name__}, expected data")
