"""Values that cross between a check and a learner's code.

Everything is re-made as a plain array, scalar or container, so that a subclass, a lying `__eq__` or
a later change in place cannot reach the check, and so that checking in a notebook sees what grading
through a pipe sees.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_DEPTH = 20
PLAIN_KINDS = "biufcSUmM"
OBJECT = "<object>"  # stands in a record for what is no data
# as large as a float can be: float(), str() and numpy take any such int without an error of their own
MAX_INT_BITS = 1024
_KEYS = (bool, int, float, str, bytes, type(None))
_UNCHANGED = frozenset((bool, float, complex, bytes))


class BadValue(TypeError):
    """A value that is no data: the message says what it is."""


def torch_module() -> Any:
    """PyTorch if something has imported it; data cannot hold tensors otherwise."""
    return sys.modules.get("torch")


def is_tensor(value: Any) -> bool:
    torch = torch_module()
    return torch is not None and issubclass(type(value), torch.Tensor)


def plain_array(value: np.ndarray) -> np.ndarray:
    """A copy as a base-class array.

    Raises:
        BadValue: for dtypes that hold objects or records.
    """
    plain = np.array(value, copy=True, subok=False)
    if plain.dtype.kind not in PLAIN_KINDS:  # of the copy: a subclass may lie about its own
        raise BadValue(f"an array of dtype {plain.dtype}, expected numbers")
    return plain


def plain_int(value: int) -> int:
    """The value as a base-class int.

    Raises:
        BadValue: if it is larger than a float can be.
    """
    plain = int.__add__(value, 0)
    if plain.bit_length() > MAX_INT_BITS:
        raise BadValue(f"an int of {plain.bit_length()} bits, expected at most {MAX_INT_BITS}")
    return plain


def plain_text(value: str) -> str:
    """The value as a base-class str.

    Raises:
        BadValue: if it holds halves of characters (lone surrogates), which no file or page can hold.
    """
    plain = str.__str__(value)
    if not plain.isascii():
        try:
            plain.encode()
        except UnicodeEncodeError:
            raise BadValue("a str with lone surrogates (such as '\\ud800'), expected text") from None
    return plain


def plain_key(key: Any) -> Any:
    """A key of a dict, remade.

    Raises:
        BadValue: if it is no scalar and no tuple of scalars.
    """
    if type(key) is str and key.isascii():  # nearly every key
        return key
    if issubclass(type(key), np.generic) and np.asarray(key).dtype.kind in "biufSUmM":
        return remake(key)
    if issubclass(type(key), tuple):
        items = list(tuple.__iter__(key))
        if any(issubclass(type(item), tuple) for item in items):
            raise BadValue("a dict with a key of nested tuples, expected data such as str or int")
        return tuple(plain_key(item) for item in items)
    if not issubclass(type(key), _KEYS):
        raise BadValue(f"a dict with a key of type {type(key).__name__}, expected data such as str or int")
    plain = remake(key)
    if type(plain) is int and plain.bit_length() > 64:  # of any size, they are easily made to collide
        raise BadValue(f"a dict with a key of {plain.bit_length()} bits, expected at most 64")
    return plain


def remake(value: Any, other: Callable[[Any], Any] | None = None, depth: int = 0) -> Any:
    """A plain copy of data.

    Types are asked of `type(value)`: `isinstance` believes what an object says of its `__class__`.

    Args:
        value: None, scalars, str, bytes, list, tuple, dict, arrays, tensors, nested.
        other: makes something of a value that is no data (a handle, a callback).
    Raises:
        BadValue: if the value is no data and `other` is not given, or nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise BadValue(f"a value nested more than {MAX_DEPTH} deep")
    kind = type(value)
    if value is None or kind in _UNCHANGED:
        return value
    # the usual types first: the rest asks many questions
    if kind is str:
        return value if value.isascii() else plain_text(value)
    if kind is list:
        return [remake(item, other, depth + 1) for item in value]
    if kind is tuple:
        return tuple([remake(item, other, depth + 1) for item in value])
    if kind is dict:
        return {plain_key(key): remake(item, other, depth + 1) for key, item in value.items()}
    if issubclass(kind, np.ndarray):
        return plain_array(value)
    if issubclass(kind, np.generic):
        return plain_array(np.asarray(value))[()]
    if is_tensor(value):
        # clone keeps the graph, so that gradients flow, and a change in place stays on its side
        return (
            value.clone()
            if kind is torch_module().Tensor
            else value.as_subclass(torch_module().Tensor).clone()
        )
    if issubclass(kind, list):
        return [remake(item, other, depth + 1) for item in list.__iter__(value)]
    if issubclass(kind, tuple):
        return tuple([remake(item, other, depth + 1) for item in tuple.__iter__(value)])
    if issubclass(kind, dict):
        return {plain_key(k): remake(v, other, depth + 1) for k, v in dict.items(value)}
    for base, plain in SCALARS:
        if issubclass(kind, base):
            return plain(value)
    if other is not None:
        return other(value)
    raise BadValue(f"an object of type {kind.__name__}, expected data")


# how a scalar, or what inherits from one, becomes one of the base class
SCALARS: list[tuple[type, Callable[[Any], Any]]] = [
    (int, plain_int),
    (float, lambda v: float.__mul__(v, 1.0)),
    (complex, complex.__pos__),
    (str, plain_text),
    (bytes, lambda v: bytes.__getitem__(v, slice(None))),
]


def snapshot(value: Any) -> Any:
    """Data for the record: tensors become arrays, what is no data becomes a mark."""
    kind = type(value)
    if value is None or kind is str or kind is int or kind in _UNCHANGED:
        return value
    if kind is np.ndarray:
        return value.copy()
    if is_tensor(value):
        return value.detach().cpu().resolve_conj().resolve_neg().numpy().copy()
    if isinstance(value, list):
        return [snapshot(item) for item in value]
    if isinstance(value, tuple):
        return tuple(snapshot(item) for item in value)
    if isinstance(value, dict):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.copy()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return value
    return OBJECT


def same(left: Any, right: Any, rtol: float = 1e-6) -> bool:
    """Whether two snapshots are the same answer.

    1e-6 is a thousand float64 roundings and ten of float32: room for another order of summation,
    none for another formula.
    """
    if isinstance(left, np.ndarray | np.generic) or isinstance(right, np.ndarray | np.generic):
        return _same_numbers(left, right, rtol)
    if isinstance(left, bool | str | bytes | None) or isinstance(right, bool | str | bytes | None):
        return type(left) is type(right) and left == right
    if isinstance(left, int | float | complex):
        return isinstance(right, int | float | complex) and _same_numbers(left, right, rtol)
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(left[k], right[k], rtol) for k in left)
        )
    if isinstance(left, list | tuple):
        return (
            type(left) is type(right)
            and len(left) == len(right)
            and all(same(a, b, rtol) for a, b in zip(left, right, strict=True))
        )
    return False


def _same_numbers(left: Any, right: Any, rtol: float) -> bool:
    if not all(isinstance(v, np.ndarray | np.generic | int | float | complex) for v in (left, right)):
        return False
    a, b = np.asarray(left), np.asarray(right)
    if a.shape != b.shape or (a.dtype.kind in "biu") != (b.dtype.kind in "biu"):
        return False
    if a.dtype.kind == "O" or b.dtype.kind == "O":  # an int too large for any dtype
        return bool(left == right)
    if a.dtype.kind in "SUmM" or b.dtype.kind in "SUmM":
        return a.dtype.kind == b.dtype.kind and bool(np.array_equal(a, b))
    if a.size == 0:
        return True
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=rtol, atol=rtol * 1e-3 * scale, equal_nan=True))
