"""Values as bytes: MessagePack with extensions for arrays. Nothing in it can execute anything."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from autograder.values import MAX_DEPTH, BadValue, is_tensor, plain_array

MAX_BYTES = 256 * 1024 * 1024

_ARRAY, _SCALAR, _TENSOR, _TUPLE, _COMPLEX, _BIGINT, _HANDLE, _CALLBACK = range(1, 9)
_PLAIN = (bool, int, float, str, bytes)
_INT64 = range(-(2**63), 2**63)

_encode = msgspec.msgpack.Encoder().encode


class WireError(Exception):
    """Bytes that are no message."""


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


def dumps(value: Any, references: References) -> bytes:
    """Bytes of a value.

    Raises:
        BadValue: if it is no data and `references` does not take it, or is too deep or too large.
    """
    data = _encode(_pack(value, references, 0))
    if len(data) > MAX_BYTES:
        raise BadValue(f"{len(data)} bytes in one value, expected at most {MAX_BYTES}")
    return data


def _pack(value: Any, references: References, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BadValue(f"a value nested more than {MAX_DEPTH} deep")
    kind = type(value)
    if value is None or kind in _PLAIN:
        if kind is int and value not in _INT64:
            return msgspec.msgpack.Ext(
                _BIGINT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            )
        return value
    if kind is np.ndarray:
        return msgspec.msgpack.Ext(_ARRAY, _array_bytes(value))
    if kind is list:
        return [_pack(item, references, depth + 1) for item in value]
    if kind is tuple:
        packed = [_pack(item, references, depth + 1) for item in value]
        return msgspec.msgpack.Ext(_TUPLE, _encode(packed))
    if kind is dict:
        return {_key(k): _pack(v, references, depth + 1) for k, v in value.items()}
    if kind is complex:
        return msgspec.msgpack.Ext(_COMPLEX, struct.pack("<dd", value.real, value.imag))
    if isinstance(value, np.generic):
        return msgspec.msgpack.Ext(_SCALAR, _array_bytes(np.asarray(value)))
    if is_tensor(value):
        number = references.outgoing_tensor(value)
        array = value.detach().cpu().resolve_conj().resolve_neg()
        if not _is_numpy_dtype(array):
            raise BadValue(f"a tensor of dtype {array.dtype}, expected one that numpy has too")
        return msgspec.msgpack.Ext(_TENSOR, struct.pack("<q", number) + _array_bytes(array.numpy()))
    name, number = references.outgoing(value)
    return msgspec.msgpack.Ext(_HANDLE if name == "handle" else _CALLBACK, struct.pack("<q", number))


def _key(key: Any) -> Any:
    if type(key) not in (str, int, bool):
        raise BadValue(f"a dict with a key of type {type(key).__name__}, expected str or int")
    return key


def _is_numpy_dtype(tensor: Any) -> bool:
    return str(tensor.dtype).removeprefix("torch.") in _TORCH_DTYPES


_TORCH_DTYPES = {
    *("float16 float32 float64 complex64 complex128 bool".split()),
    *("uint8 int8 int16 int32 int64".split()),
}


def _array_bytes(array: np.ndarray) -> bytes:
    if array.dtype.kind not in "biufcSUmM":
        raise BadValue(f"an array of dtype {array.dtype}, expected numbers")
    head = _encode([array.dtype.str, list(array.shape), bool(array.flags.f_contiguous and array.ndim > 1)])
    body = array.tobytes(order="F" if array.flags.f_contiguous and array.ndim > 1 else "C")
    return struct.pack("<I", len(head)) + head + body


def loads(data: bytes | memoryview, references: References) -> Any:
    """The value of bytes made by `dumps`.

    Raises:
        WireError: if they are damaged.
    """
    try:
        return msgspec.msgpack.decode(data, ext_hook=_hook(references))
    except (msgspec.DecodeError, struct.error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise WireError(f"damaged message: {error}") from error


def _hook(references: References, depth: int = 0) -> Callable[[int, memoryview], Any]:
    def hook(code: int, data: memoryview) -> Any:
        if code == _ARRAY:
            return _array(data)
        if code == _SCALAR:
            return _array(data)[()]
        if code == _TENSOR:
            import torch

            (number,) = struct.unpack_from("<q", data)
            return references.incoming_tensor(torch.from_numpy(_array(data[8:])), number)
        if code == _TUPLE:
            if depth >= MAX_DEPTH:
                raise ValueError(f"nested more than {MAX_DEPTH} deep")
            return tuple(msgspec.msgpack.decode(data, ext_hook=_hook(references, depth + 1)))
        if code == _COMPLEX:
            return complex(*struct.unpack("<dd", data))
        if code == _BIGINT:
            return int.from_bytes(data, "little", signed=True)
        if code in (_HANDLE, _CALLBACK):
            return references.incoming(
                "handle" if code == _HANDLE else "callback", struct.unpack("<q", data)[0]
            )
        raise ValueError(f"unknown extension {code}")

    return hook


def _array(data: memoryview) -> np.ndarray:
    (length,) = struct.unpack_from("<I", data)
    dtype_text, shape, fortran = msgspec.msgpack.decode(
        data[4 : 4 + length], type=tuple[str, list[int], bool]
    )
    dtype = np.dtype(dtype_text)
    if dtype.kind not in "biufcSUmM":
        raise ValueError(f"dtype {dtype}")
    flat = np.frombuffer(data[4 + length :], dtype=dtype)
    return plain_array(flat.reshape(shape, order="F" if fortran else "C"))
