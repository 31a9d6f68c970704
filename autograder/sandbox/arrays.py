"""Arrays as a head of a few bytes, and their own memory."""

from __future__ import annotations

import math
import re
from functools import lru_cache

import msgspec
import numpy as np

from autograder.values import PLAIN_KINDS, BadValue

MAX_BYTES = 256 * 1024 * 1024  # of all arrays of one message
MAX_LENGTH = 2**28  # of an axis, and of all axes that are not empty together
INLINE = 2048  # arrays from this size on travel outside the body

_DTYPE = re.compile(
    r"[<>|][biufcSU][0-9]{1,9}|[<>][mM]8(\[[0-9]{0,9}(generic|Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?"
)
_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(tuple[str, list[int], bool, bytes | None]).decode


class WireError(Exception):
    """Bytes that are no message."""


def write_array(array: np.ndarray, bytes_left: int, inline: bool = False) -> tuple[bytes, np.ndarray | None]:
    """The head of an array, and its flat bytes if they are to travel apart from it.

    Args:
        bytes_left: how many bytes the message may still hold.
        inline: keep the bytes in the head, however many they are.
    Raises:
        BadValue: if it is no array of data, or too large.
    """
    if array.dtype.kind not in PLAIN_KINDS:
        raise BadValue(f"an array of dtype {array.dtype}, expected numbers")
    if not array.dtype.itemsize or not _is_reasonable(array.shape):
        raise BadValue(f"an array of shape {array.shape} and dtype {array.dtype}, expected one of data")
    if array.nbytes > bytes_left:  # before any copy: a broadcast array has no memory of its own
        raise BadValue(f"arrays of more than {MAX_BYTES} bytes in one message")
    fortran = bool(array.flags.f_contiguous and not array.flags.c_contiguous)
    flat = np.ascontiguousarray(array.T if fortran else array).reshape(-1)
    if not _is_clean(flat):
        raise BadValue("an array of text with lone surrogates, expected text")
    apart = array.nbytes >= INLINE and not inline
    head = _encode([array.dtype.str, array.shape, fortran, None if apart else flat.tobytes()])
    return head, flat.view(np.uint8) if apart else None


def read_array(head: bytes, bytes_left: int) -> tuple[np.ndarray, bool]:
    """The array of a head, and whether its bytes are still to come.

    Memory for those is new and nothing has touched it, so the system gives it only as bytes arrive.

    Raises:
        WireError: if the head promises what is no array, or more than `bytes_left`.
        ValueError: if it is damaged.
    """
    text, shape, fortran, data = _decode_head(head)
    dtype = _dtype(text)
    if not _is_reasonable(shape):
        raise WireError(f"an array of shape {shape[:64]}")
    size = math.prod(shape) * dtype.itemsize
    if size > bytes_left:
        raise WireError(f"arrays of more than {MAX_BYTES} bytes in one message")
    if data is None and size < INLINE:
        raise WireError(f"an array of {size} bytes apart, expected at least {INLINE}")
    if data is not None and len(data) != size:
        raise WireError(f"{len(data)} bytes for an array of {size}")
    array = np.empty(shape, dtype, order="F" if fortran else "C")
    if data:
        bytes_of(array)[:] = data
        settle([array])
    return array, data is None


def bytes_of(array: np.ndarray) -> memoryview:
    """The memory of a contiguous array."""
    return _flat(array).view(np.uint8).data


def settle(arrays: list[np.ndarray]) -> None:
    """Look at arrays whose bytes have come.

    Raises:
        WireError: if text in them is none.
    """
    for array in arrays:
        if array.dtype.kind == "b":
            # any byte but 0 means true to numpy, yet two such arrays would not be equal
            raw = _flat(array).view(np.uint8)
            np.not_equal(raw, 0, out=raw, casting="unsafe")
        elif not _is_clean(_flat(array)):
            raise WireError("an array of text with characters that there are not")


def _flat(array: np.ndarray) -> np.ndarray:
    return (array if array.flags.c_contiguous else array.T).reshape(-1)


def _is_reasonable(shape: tuple[int, ...] | list[int]) -> bool:
    """Whether a shape is one of data: that of an empty array with an axis of 2**40 is not."""
    return (
        len(shape) <= 64
        and all(0 <= axis <= MAX_LENGTH for axis in shape)
        and math.prod(filter(None, shape)) <= MAX_LENGTH
    )


def _is_clean(flat: np.ndarray) -> bool:
    """Whether text in an array is text; numbers are."""
    if flat.dtype.kind != "U":
        return True
    codes = flat.view(flat.dtype.byteorder + "u4")
    return not np.any((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000)))


@lru_cache(maxsize=256)
def _dtype(text: str) -> np.dtype:
    if not _DTYPE.fullmatch(text):
        raise WireError(f"an array of dtype {text[:40]!r}")
    dtype = np.dtype(text)
    if not 0 < dtype.itemsize <= MAX_BYTES:
        raise WireError(f"an array of dtype {text}")
    return dtype
