"""How an answer differs from the expected one, in words that do not give the expected one away.

Nor the input: an answer is made by a stranger's code, which may put what it was given into any text
that it returns. So of an answer's texts and keys nothing is told, and of its sizes only such as an
array that exists can have. `views` says what that leaves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checking.proxy import TOO_MUCH, Call
from autograder.values import OBJECT, same

RTOL = 1e-5
LARGEST = 10**7  # an array or list with more items is not described by its size


def describe(got: Call, expected: Call, reveal: bool = False) -> str:
    """One sentence on the first difference between two answers to the same question.

    Args:
        reveal: tell what the learner's code says of itself: an exception's text, a dict's keys.
    """
    what = got.what
    if expected.error and not got.error:
        return f"{what} was given bad input and should raise {expected.error[0]}, but it returned a value."
    if got.error:
        # the type is one of Python's: this process has made it from what the worker said
        said = f"{what} raised {got.error[0]}"
        wanted = f", expected {expected.error[0]}" if expected.error else ""
        return f"{said}: {got.error[1]}" if reveal else f"{said}{wanted}."
    if isinstance(got.output, str) and got.output == TOO_MUCH:
        return f"{what} returned far more than was asked for."
    said = f"{what} {_values(got.output, expected.output, reveal)}"
    return said if said.endswith("?") else f"{said}."


def _sized(shape: tuple[int, ...]) -> str:
    """A shape in words. An array without items can have any numbers as its shape."""
    filled = np.prod([float(size) for size in shape if size])
    return f"shape {shape}" if filled <= LARGEST and len(shape) <= 8 else "a shape far too large"


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of {_sized(value.shape)}"
    if isinstance(value, bool | np.bool_):
        return "a truth value"
    if isinstance(value, int | np.integer):
        return "an integer"
    if isinstance(value, float | np.floating):
        return "a float"
    if isinstance(value, list | tuple):
        many = f"{len(value)}" if len(value) <= LARGEST else "far too many"
        return f"a {type(value).__name__} of {many}"
    if isinstance(value, dict):
        return "a dict"
    if isinstance(value, str):
        return "text" if value != OBJECT else "an object"
    return f"a {type(value).__name__}"


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | int | float | complex) and not isinstance(value, bool)


def _values(got: Any, expected: Any, reveal: bool = False) -> str:
    if got is None and expected is not None:
        return "returned None: is there a `return` in every branch?"
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        if type(got) is not type(expected):
            return f"returned {_kind(got)}, expected {_kind(expected)}"
        if len(got) != len(expected):
            return f"returned {_kind(got)}, expected {len(expected)} values"
        for number, (g, e) in enumerate(zip(got, expected, strict=True), 1):
            if not same(g, e):
                return (
                    f"returned several values, of which number {number} is wrong: it {_values(g, e, reveal)}"
                )
    if isinstance(expected, dict) and isinstance(got, dict):
        if got.keys() != expected.keys():
            return _keys(got, expected, reveal)
        for key in expected:
            if not same(got[key], expected[key]):
                return (
                    f"returned a dict whose {key!r} is wrong: it {_values(got[key], expected[key], reveal)}"
                )
    if _is_number(expected) and _is_number(got):
        return _numbers(np.asarray(got), np.asarray(expected), isinstance(expected, np.ndarray))
    if type(got) is not type(expected):
        return f"returned {_kind(got)}, expected {_kind(expected)}"
    return "returned another value than expected"


def _keys(got: dict, expected: dict, reveal: bool) -> str:
    missing = sum(key not in got for key in expected)
    more = sum(key not in expected for key in got)
    if not reveal or more > 20:
        counts = [f"{missing} missing" if missing else "", f"{min(more, LARGEST)} too many" if more else ""]
        return f"returned a dict with other keys than asked for: {' and '.join(filter(None, counts))}"
    own, wanted = sorted(map(_key, got)), sorted(map(_key, expected))
    return f"returned a dict with the keys [{', '.join(own)}], expected [{', '.join(wanted)}]"


def _key(key: Any) -> str:
    """A key in a sentence. Python refuses to write out integers of thousands of digits."""
    text = "a huge number" if isinstance(key, int) and abs(key) > 10**30 else repr(key)
    return text if len(text) <= 60 else text[:60] + "…"


def _numbers(got: np.ndarray, expected: np.ndarray, is_array: bool) -> str:
    if got.shape != expected.shape:
        return _shapes(got, expected)
    for other, name in (
        ("SU", "text"),
        ("mM", "points in time"),
        ("O", "a number too large to compute with"),
    ):
        if got.dtype.kind in other and expected.dtype.kind != got.dtype.kind:
            return f"returned {name}, expected {'numbers' if is_array else 'a number'}"
    if got.dtype.kind not in "biufc" or expected.dtype.kind not in "biufc":
        return "returned other values than expected"
    if got.dtype.kind in "biu" and expected.dtype.kind == "f":
        return f"returned {got.dtype} values, expected floating-point numbers"
    if got.dtype.kind == "f" and expected.dtype.kind in "biu":
        return f"returned {got.dtype} values, expected integers"
    if got.dtype.kind == "c" and expected.dtype.kind != "c":
        return "returned complex values, expected real ones"
    g, e = (
        got.astype(complex if got.dtype.kind == "c" else float),
        expected.astype(complex if expected.dtype.kind == "c" else float),
    )
    bad = np.isnan(g) & ~np.isnan(e)
    if bad.any():
        places = f"{bad.sum()} of {g.size} places"
        return f"returned NaN in {places}: which division or logarithm has no answer there?"
    infinite = np.isinf(g) & ~np.isinf(e)
    if infinite.any():
        places = f"{infinite.sum()} of {g.size} places"
        return f"returned infinity in {places}: is there a division by zero or a log of zero?"
    missing = np.isinf(e) & ~np.isinf(g)
    if missing.any():
        return f"is finite in {missing.sum()} of {g.size} places where it should be infinite"
    return _pattern(g, e, is_array)


def _shapes(got: np.ndarray, expected: np.ndarray) -> str:
    said = f"returned {_sized(got.shape)}, expected {expected.shape}"
    if got.ndim == expected.ndim and got.shape == expected.shape[::-1] and got.ndim > 1:
        return said + ": the axes are the other way round"
    if got.ndim == expected.ndim:
        off = [(i, g - e) for i, (g, e) in enumerate(zip(got.shape, expected.shape, strict=True)) if g != e]
        if len(off) == 1 and abs(off[0][1]) == 1:
            return said + f": one too {'many' if off[0][1] > 0 else 'few'} along axis {off[0][0]}"
    return said


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    finite = np.abs(b[np.isfinite(b)])
    scale = finite.max() if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=RTOL, atol=RTOL * 1e-2 * scale, equal_nan=True))


def _pattern(g: np.ndarray, e: np.ndarray, is_array: bool) -> str:
    """Differences that have a name: a sign, a factor, an offset, an order, an edge."""
    finite = np.isfinite(g) & np.isfinite(e)
    if is_array and g.size > 1 and not g.any() and e.any():
        return "returned zeros only"
    if _close(g, -e):
        return "has the right size but the opposite sign"
    if finite.any() and g.size > 1:
        gf, ef = g[finite], e[finite]
        # where the answer is one number everywhere, its distance would tell the expected one
        varies = bool((gf != gf[0]).any())
        power = np.vdot(ef, ef)
        factor = np.vdot(ef, gf) / power if power else 0
        if np.isreal(factor) and abs(factor) > 1e-12 and _close(gf, factor * ef):
            size = "large" if abs(factor) > 1 else "small"
            by = f" ({np.real(factor):.4g})" if varies else ""
            return f"is too {size} by the same factor everywhere{by}"
        offset = np.mean(gf - ef)
        if np.isreal(offset) and _close(gf - offset, ef):
            by = f" ({np.real(offset):+.4g})" if varies else ""
            return f"is off by the same amount everywhere{by}"
    for axis in range(g.ndim):
        if g.shape[axis] > 1 and _close(np.flip(g, axis), e):
            return f"is in reverse order along axis {axis}"
    if g.ndim > 1 and g.shape[0] == g.shape[1] and _close(np.swapaxes(g, 0, 1), e):
        return "is transposed: rows and columns are swapped"
    for axis in range(g.ndim):
        if g.shape[axis] > 3:
            a, b = np.moveaxis(g, axis, 0), np.moveaxis(e, axis, 0)
            if _close(a[1:], b[:-1]) or _close(a[:-1], b[1:]):
                return f"is shifted by one along axis {axis}"
            wrong = [i for i in range(len(a)) if not _close(a[i], b[i])]
            if 0 < len(wrong) <= max(1, len(a) // 3):
                edges = {0: "first", len(a) - 1: "last"}
                if all(i in edges for i in wrong):
                    where = " and ".join(edges[i] for i in wrong)
                    return f"is right except at the {where} position of axis {axis}"
    if not is_array:
        return "returned another number than expected"
    tolerance = RTOL * (np.abs(e[np.isfinite(e)]).max() if np.isfinite(e).any() else 1)
    with np.errstate(invalid="ignore"):
        wrong_count = int((~(np.abs(g - e) <= tolerance) & ~(g == e)).sum())
    return f"has other values than expected in {max(wrong_count, 1)} of {g.size} places"
