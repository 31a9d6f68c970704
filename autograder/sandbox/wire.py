"""Values as bytes: flat MessagePack and raw buffers. Nothing in it can execute anything.

A body is one MessagePack array of scalars and extensions and no other container: lists, tuples and dicts
are an extension that counts the items behind it. So a decoder that has read the body holds a flat list,
and depth, counts and keys are checked here, in the open. The bytes of an array of some size stand outside
the body: they travel from memory to memory without a copy between.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
from msgspec.msgpack import Ext

from autograder.sandbox.arrays import MAX_BYTES, WireError, bytes_of, read_array, settle, write_array
from autograder.values import (
    MAX_DEPTH,
    MAX_INT_BITS,
    SCALARS,
    BadValue,
    is_tensor,
    plain_key,
    plain_text,
)

__all__ = [
    "MAX_BODY",
    "MAX_BYTES",
    "MAX_ITEMS",
    "References",
    "WireError",
    "bytes_of",
    "dumps",
    "loads",
    "pack",
    "settle",
    "unpack",
]

# Limits of one message. The most that a hostile body can be blown up to is 1 million small containers,
# 250 MB; arrays are as large as their bytes.
MAX_BODY = 32 * 1024 * 1024
MAX_ITEMS = 1_000_000
MAX_TUPLE_KEYS = 10_000  # tuples of one hash are easily made, and to look up a million takes hours

_LIST, _TUPLE, _DICT, _BYTES, _COMPLEX, _BIGINT, _ARRAY, _SCALAR, _TENSOR, _HANDLE, _CALLBACK = range(1, 12)
_INT64 = range(-(2**63), 2**63)
_BIG_BYTES = MAX_INT_BITS // 8 + 1
_HASHED = (bool, int, float, str, bytes, type(None), np.generic)
# dtypes that torch has too; there are no big-endian tensors
_TORCH_DTYPES = frozenset("<f2 <f4 <f8 <c8 <c16 |b1 |u1 |i1 <i2 <i4 <i8".split())
_TORCH_NAMES = frozenset(
    "float16 float32 float64 complex64 complex128 bool uint8 int8 int16 int32 int64".split()
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bool | int | float | str | Ext | None]).decode
_NUMBER, _COMPLEX_PARTS, _COUNT = struct.Struct("<q"), struct.Struct("<dd"), struct.Struct("<I")


class References:
    """How values that are no data cross: by a number that only their owner can look up.

    A side that must not hand out objects uses this base class as it is.
    """

    def outgoing(self, value: Any) -> tuple[str, int]:
        """("handle" or "callback", number) of a value that is no data."""
        raise BadValue(f"an object of type {type(value).__name__}, expected data")

    def outgoing_tensor(self, tensor: Any) -> int:
        """Number of a tensor through which gradients flow; 0 if none do."""
        return 0

    def incoming(self, kind: str, number: int) -> Any:
        """The stand-in for such a value from the other side."""
        raise WireError(f"a {kind} where only data is expected")

    def incoming_tensor(self, tensor: Any, number: int) -> Any:
        return tensor


# -- writing ----------------------------------------------------------------------------------------


def pack(values: list[Any], references: References) -> tuple[bytes, list[np.ndarray]]:
    """A message of several values: its body, and the arrays whose bytes follow the body.

    The arrays are flat, contiguous and of bytes; they are views wherever the values allow it.

    Raises:
        BadValue: if a value is no data and `references` does not take it, or is too deep or too large.
    """
    packer = _Packer(references)
    for value in values:
        packer.add(value, 0)
    body = _encode(packer.tokens)
    if len(body) > MAX_BODY or len(packer.tokens) > MAX_ITEMS:
        raise BadValue(f"{len(body)} bytes of text and numbers in lists, expected at most {MAX_BODY}")
    return body, packer.apart


class _Packer:
    def __init__(self, references: References) -> None:
        self.references = references
        self.tokens: list[Any] = []
        self.apart: list[np.ndarray] = []
        self.bytes_left = MAX_BYTES
        self.tuple_keys = 0

    def add(self, value: Any, depth: int) -> None:
        kind = type(value)
        if value is None or kind is bool or kind is float or (kind is int and value in _INT64):
            self.tokens.append(value)
        elif kind is str:
            self.tokens.append(plain_text(value))
        elif issubclass(kind, np.ndarray):
            self.tokens.append(Ext(_ARRAY, self.array(np.asarray(value))))
        elif issubclass(kind, list):
            self.items(_LIST, list(list.__iter__(value)), depth)
        elif issubclass(kind, tuple):
            self.items(_TUPLE, list(tuple.__iter__(value)), depth)
        elif issubclass(kind, dict):
            self.pairs(value, depth)
        elif issubclass(kind, np.generic):
            self.tokens.append(Ext(_SCALAR, self.array(np.asarray(value), inline=True)))
        elif is_tensor(value):
            self.tensor(value)
        else:
            self.other(value)

    def other(self, value: Any) -> None:
        """Scalars that MessagePack has not, what inherits from one, and what is no data."""
        for base, plain in SCALARS:
            if issubclass(type(value), base):
                self.scalar(plain(value))
                return
        name, number = self.references.outgoing(value)
        self.tokens.append(Ext(_HANDLE if name == "handle" else _CALLBACK, _NUMBER.pack(number)))

    def scalar(self, value: Any) -> None:
        if type(value) is complex:
            value = Ext(_COMPLEX, _COMPLEX_PARTS.pack(value.real, value.imag))
        elif type(value) is bytes:
            value = Ext(_BYTES, value)
        elif type(value) is int and value not in _INT64:
            value = Ext(_BIGINT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
        self.tokens.append(value)

    def pairs(self, value: Any, depth: int) -> None:
        items = []
        for key, item in dict.items(value):
            items += [plain_key(key), item]
            self.tuple_keys += type(items[-2]) is tuple
        if self.tuple_keys > MAX_TUPLE_KEYS:
            raise BadValue(f"more than {MAX_TUPLE_KEYS} keys that are tuples, expected fewer")
        self.items(_DICT, items, depth)

    def items(self, code: int, items: list[Any], depth: int) -> None:
        if items and depth >= MAX_DEPTH:
            raise BadValue(f"a value nested more than {MAX_DEPTH} deep")
        if len(self.tokens) + len(items) >= MAX_ITEMS:  # also what doubles itself at every depth
            raise BadValue(f"more than {MAX_ITEMS} values in lists and dicts, expected an array")
        self.tokens.append(Ext(code, _COUNT.pack(len(items) // 2 if code == _DICT else len(items))))
        if set(map(type, items)) <= {float, bool, type(None)}:
            self.tokens += items
            return
        for item in items:
            self.add(item, depth + 1)

    def array(self, array: np.ndarray, inline: bool = False) -> bytes:
        head, apart = write_array(array, self.bytes_left, inline)
        self.bytes_left -= array.nbytes
        if apart is not None:
            self.apart.append(apart)
        return head

    def tensor(self, tensor: Any) -> None:
        if str(tensor.dtype).removeprefix("torch.") not in _TORCH_NAMES:
            raise BadValue(f"a tensor of dtype {tensor.dtype}, expected one that numpy has too")
        if tensor.nelement() * tensor.element_size() > self.bytes_left:
            raise BadValue(f"tensors of more than {MAX_BYTES} bytes in one message")
        number = self.references.outgoing_tensor(tensor)
        array = tensor.detach().cpu().resolve_conj().resolve_neg().numpy()
        self.tokens.append(Ext(_TENSOR, _NUMBER.pack(number) + self.array(array)))


# -- reading ----------------------------------------------------------------------------------------


def unpack(body: memoryview, references: References) -> tuple[list[Any], list[np.ndarray]]:
    """The values of a message, and the arrays among them whose bytes are still to come.

    Fill their `bytes_of`, in order, then `settle` them.

    Raises:
        WireError: if the body is damaged.
    """
    if len(body) > MAX_BODY:
        raise WireError(f"a body of {len(body)} bytes, expected at most {MAX_BODY}")
    if _item_count(body) > MAX_ITEMS:
        raise WireError(f"more than {MAX_ITEMS} values in one message")
    try:
        reader = _Reader(_decode(body), references)
        values = []
        while reader.at < len(reader.tokens):
            values.append(reader.value(0))
    except (msgspec.DecodeError, struct.error, ValueError, TypeError, OverflowError) as error:
        raise WireError(f"damaged message: {error}") from error
    return values, reader.apart


def _item_count(body: memoryview) -> int:
    """How many values the body says it has, before anything is made of them."""
    first = body[0] if len(body) else 0
    if first & 0xF0 == 0x90:
        return first & 0x0F
    size = {0xDC: 2, 0xDD: 4}.get(first)
    if size is None or len(body) <= size:
        raise WireError("damaged message: no array")
    return int.from_bytes(body[1 : 1 + size], "big")


class _Reader:
    def __init__(self, tokens: list[Any], references: References) -> None:
        self.tokens, self.references = tokens, references
        self.at = 0
        self.apart: list[np.ndarray] = []
        self.bytes_left = MAX_BYTES
        self.tuple_keys = 0

    def value(self, depth: int) -> Any:
        if self.at >= len(self.tokens):
            raise WireError("a container that lacks items")
        token = self.tokens[self.at]
        self.at += 1
        if type(token) is not Ext:
            return token
        code, data = token.code, bytes(token.data)
        if code in (_LIST, _TUPLE, _DICT):
            (count,) = _COUNT.unpack(data)
            return self.container(code, count, depth)
        if code == _ARRAY:
            return self.array(data)
        if code == _SCALAR:
            return self.scalar(data)
        if code == _TENSOR:
            return self.tensor(data)
        if code == _BYTES:
            return data
        if code == _COMPLEX:
            return complex(*_COMPLEX_PARTS.unpack(data))
        if code == _BIGINT:
            number = int.from_bytes(data[: _BIG_BYTES + 1], "little", signed=True)
            if len(data) > _BIG_BYTES or number.bit_length() > MAX_INT_BITS:
                raise WireError(f"an int of {len(data)} bytes")
            return number
        if code in (_HANDLE, _CALLBACK):
            return self.references.incoming(
                "handle" if code == _HANDLE else "callback", _NUMBER.unpack(data)[0]
            )
        raise WireError(f"unknown extension {code}")

    def container(self, code: int, count: int, depth: int) -> Any:
        items = self.items(count * 2 if code == _DICT else count, depth)
        if code == _LIST:
            return items
        if code == _TUPLE:
            return tuple(items)
        keys = items[::2]
        for key in keys:
            self.check_key(key)
        made = dict(zip(keys, items[1::2], strict=True))
        if len(made) != count:
            raise WireError("a dict with a key twice")
        return made

    def items(self, count: int, depth: int) -> list[Any]:
        end = self.at + count
        if end > len(self.tokens):
            raise WireError("a container that lacks items")
        if count and depth >= MAX_DEPTH:
            raise WireError(f"nested more than {MAX_DEPTH} deep")
        items = self.tokens[self.at : end]
        if Ext not in set(map(type, items)):
            self.at = end
            return items
        return [self.value(depth + 1) for _ in range(count)]

    def check_key(self, key: Any) -> None:
        """Refuse keys that cannot be hashed, and those whose hashes the other side can make collide."""
        parts = key if type(key) is tuple else (key,)
        self.tuple_keys += type(key) is tuple
        if self.tuple_keys > MAX_TUPLE_KEYS:
            raise WireError(f"more than {MAX_TUPLE_KEYS} keys that are tuples")
        for part in parts:
            small = not isinstance(part, int) or part.bit_length() <= 64
            plain = not isinstance(part, np.generic) or part.dtype.kind != "c"
            if not (isinstance(part, _HASHED) and small and plain):
                raise WireError(f"a key of type {type(part).__name__}")

    def array(self, head: bytes) -> np.ndarray:
        array, to_come = read_array(head, self.bytes_left)
        self.bytes_left -= array.nbytes
        if to_come:
            self.apart.append(array)
        return array

    def scalar(self, head: bytes) -> Any:
        array, to_come = read_array(head, self.bytes_left)
        if array.ndim or to_come:
            raise WireError("a scalar that is an array")
        return array[()]

    def tensor(self, data: bytes) -> Any:
        (number,) = _NUMBER.unpack_from(data)
        if number not in (0, 1):
            raise WireError("a tensor that is marked neither with nor without gradient")
        array = self.array(data[_NUMBER.size :])
        if array.dtype.str not in _TORCH_DTYPES or (number and array.dtype.kind not in "fc"):
            raise WireError(f"a tensor of dtype {array.dtype}")
        try:
            import torch
        except ImportError:
            raise WireError("a tensor, but PyTorch is not installed here") from None
        return self.references.incoming_tensor(torch.from_numpy(array), number)


# -- in one piece -------------------------------------------------------------------------------------


def dumps(value: Any, references: References) -> bytes:
    """A value as bytes in one piece: the body behind its length, and the arrays.

    Raises:
        BadValue: as `pack`.
    """
    body, apart = pack([value], references)
    return b"".join([_COUNT.pack(len(body)), body, *(bytes_of(array) for array in apart)])


def loads(data: bytes | memoryview, references: References) -> Any:
    """The value of bytes made by `dumps`.

    Raises:
        WireError: if they are damaged.
    """
    view = memoryview(data)
    if len(view) < _COUNT.size:
        raise WireError("damaged message: too short")
    (length,) = _COUNT.unpack_from(view)
    at = _COUNT.size + length
    if at > len(view):
        raise WireError("damaged message: too short")
    values, apart = unpack(view[_COUNT.size : at], references)
    if len(values) != 1 or len(view) - at != sum(array.nbytes for array in apart):
        raise WireError("damaged message: wrong length")
    for array in apart:
        bytes_of(array)[:] = view[at : at + array.nbytes]
        at += array.nbytes
    settle(apart)
    return values[0]
