"""The codec: anything that is data survives, damage is an error, nothing runs."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox.wire import References, WireError, dumps, loads
from autograder.values import BadValue, remake, same

PLAIN = References()

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary()
)
arrays = hnp.arrays(
    st.sampled_from(["<f8", "<f4", "<i8", ">i4", "u1", "?", "<c16"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
@settings(max_examples=200, deadline=None)
def test_data_survives(value):
    np.testing.assert_equal(loads(dumps(value, PLAIN), PLAIN), value)


@given(values, st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_bytes_are_an_error_or_data(value, data):
    raw = bytearray(dumps(value, PLAIN))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    with contextlib.suppress(WireError):
        loads(bytes(raw[:cut]), PLAIN)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise_is_an_error_or_data(raw):
    with contextlib.suppress(WireError):
        loads(raw, PLAIN)


def nested(depth: int):
    value: object = 0
    for _ in range(depth):
        value = (value,)
    return value


@pytest.mark.parametrize(
    "value",
    [object(), np.array([None]), np.zeros(2, dtype=[("a", "f8")]), {1, 2}, {(1,): 2}, lambda: 0, nested(60)],
    ids=["object", "object array", "records", "set", "tuple key", "function", "deep"],
)
def test_what_is_no_data_is_refused(value):
    with pytest.raises(BadValue):
        dumps(value, PLAIN)


class LyingFloat(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class LyingArray(np.ndarray):
    def __eq__(self, other):
        return np.True_

    __hash__ = None


def test_subclasses_are_remade_plain():
    value = remake([LyingFloat(2.5), np.zeros(2).view(LyingArray), True, {"a": (LyingFloat(1),)}])
    assert [type(v) for v in value] == [float, np.ndarray, bool, dict]
    assert type(value[3]["a"][0]) is float
    assert value[0] == 2.5 and value[0] != 3


@pytest.mark.parametrize(
    "left, right, equal",
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), True),
        (np.array([1.0]), np.array([1.0 + 1e-9]), True),
        (np.array([1.0]), np.array([1.001]), False),
        (np.zeros((2, 1)), np.zeros((1, 2)), False),
        (np.array([1]), np.array([1.0]), False),
        ((1, 2), [1, 2], False),
        ({"a": 1}, {"a": 1}, True),
        (None, 0, False),
        (True, 1, False),
        ("a", "a", True),
        (np.array([np.inf]), np.array([-np.inf]), False),
        (np.zeros(0), np.zeros(0), True),
    ],
)
def test_same_compares_values_shapes_and_kinds(left, right, equal):
    assert same(left, right) is equal
    assert same(right, left) is equal
