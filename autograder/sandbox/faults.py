"""Exceptions across the pipe: type name, message, and the lines of the learner's own code."""

from __future__ import annotations

import builtins
import traceback
from typing import Any

from autograder.sandbox.arrays import WireError

MAX_TEXT = 2000
MAX_NAMES = 32
MAX_LINES = 8
_MAX_NAME = 100

# Not made again: those that need other arguments than a text; and those that Python itself catches, with
# which a learner's code could end a loop in a check early.
_NEVER = {
    *("Exception UnicodeDecodeError UnicodeEncodeError UnicodeTranslateError ExceptionGroup".split()),
    *("StopIteration StopAsyncIteration".split()),
}
_KNOWN = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and name not in _NEVER
}


class RemoteError(Exception):
    """An exception of a type that this side does not know, raised on the other side."""


def describe(error: BaseException, own_files: str | None) -> list:
    """An exception as data: [type name, names of its bases, text, [[line, function, source], …]].

    Args:
        own_files: frames of files whose names begin so are told; None for no frames.
    """
    lines: list[tuple[int, str, str]] = []
    if isinstance(error, SyntaxError):
        lines = [(error.lineno or 0, "", (error.text or "").strip())]
    elif own_files:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [(f.lineno or 0, f.name, f.line or "") for f in frames if f.filename.startswith(own_files)]
    names = [_name(kind) for kind in type.__dict__["__mro__"].__get__(type(error))]
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:
        text = "(its text cannot be made)"
    told = [[min(max(int(n), 0), 2**31), _text(f, _MAX_NAME), _text(s, MAX_TEXT)] for n, f, s in lines]
    return [_name(type(error)), names[:MAX_NAMES], _text(text, MAX_TEXT), told[-MAX_LINES:]]


def plain_fault(name: str, base: str, text: str) -> list:
    """The same for an error that has no exception: its name, the builtin type it is like, its text."""
    return [name, [name, base], _text(text, MAX_TEXT), []]


def rebuild(value: Any) -> Exception:
    """The exception that `describe` told, as the nearest type that this side trusts.

    It has `remote_type`, the name of its type there, and `remote_lines`, [line, function, source] each.

    Raises:
        WireError: if the value is nothing that `describe` makes.
    """
    if type(value) is not list or len(value) != 4:
        raise WireError("an exception that is none")
    name, names, text, lines = value
    if type(names) is not list or len(names) > MAX_NAMES or type(lines) is not list or len(lines) > MAX_LINES:
        raise WireError("an exception that is none")
    for each in [name, *names]:
        if type(each) is not str or len(each) > _MAX_NAME or not each.isidentifier():
            raise WireError("an exception whose type has no name")
    for line in lines:
        if type(line) is not list or [type(item) for item in line] != [int, str, str]:
            raise WireError("an exception without lines")
    if type(text) is not str:
        raise WireError("an exception without a text")
    kind = next((_KNOWN[each] for each in names if each in _KNOWN), RemoteError)
    error = kind(text[:MAX_TEXT])
    error.remote_type = name  # type: ignore[attr-defined]
    error.remote_lines = [  # type: ignore[attr-defined]
        [min(max(number, 0), 2**31), function[:_MAX_NAME], source[:MAX_TEXT]]
        for number, function, source in lines
    ]
    return error


def _name(kind: type) -> str:
    name = type.__dict__["__name__"].__get__(kind)  # not what a metaclass says
    return name[:_MAX_NAME] if name[:_MAX_NAME].isidentifier() else "Exception"


def _text(text: Any, size: int) -> str:
    """As much of a text as crosses, with halves of characters written out."""
    plain = str.__str__(text) if isinstance(text, str) else ""
    return plain[:size].encode("utf-8", "backslashreplace").decode()[:size]
