"""The codec: anything that is data survives, damage is an error, nothing runs."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from msgspec import msgpack
from msgspec.msgpack import Ext

from autograder.sandbox.wire import MAX_BODY, MAX_BYTES, References, WireError, dumps, loads, pack, unpack
from autograder.values import MAX_DEPTH, BadValue, remake, same

PLAIN = References()

texts = st.text(st.characters(exclude_categories=["Cs"]))
big = st.integers(-(2**1024) + 1, 2**1024 - 1)
keys = texts | st.integers(-(2**63), 2**64 - 1) | st.booleans() | st.none() | st.binary() | st.floats()
numbers = hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes() | hnp.floating_dtypes()
dates = hnp.datetime64_dtypes() | hnp.timedelta64_dtypes()
dtypes = (
    numbers | dates | hnp.complex_number_dtypes() | hnp.byte_string_dtypes() | hnp.unicode_string_dtypes()
)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)


def clean(array: np.ndarray) -> bool:
    """Whether text in an array is text: hypothesis also draws halves of characters."""
    try:
        return array.dtype.kind != "U" or "".join(array.ravel().tolist()).encode() is not None
    except UnicodeEncodeError:
        return False


@st.composite
def arrays(draw):
    """Arrays of every dtype, in C order, in Fortran order, or with steps between their items."""
    array = draw(hnp.arrays(draw(dtypes), draw(shapes)).filter(clean))
    order = draw(st.sampled_from(["C", "F", "transposed", "steps", "backwards"]))
    if order == "F":
        return np.asfortranarray(array)
    if order == "transposed":
        return array.T
    if array.ndim and order != "C":
        return array[:: 2 if order == "steps" else -1]
    return array


scalars = (
    st.none() | st.booleans() | big | st.floats() | st.complex_numbers() | texts | st.binary()
    | arrays().filter(lambda array: array.size == 1).map(lambda array: array.reshape(-1)[0])
)  # fmt: skip
values = st.recursive(
    scalars | arrays(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys | st.tuples(keys, keys), inner, max_size=3)
    ),
    max_leaves=8,
)


def assert_as_before(back, value) -> None:
    """Equal to the bit, and of the same types all the way down."""
    assert type(back) is type(value)
    if isinstance(value, np.ndarray):
        assert (back.dtype, back.shape) == (value.dtype, value.shape)
        assert back.flags.owndata and back.flags.writeable and back.flags.aligned
        assert back.flags.f_contiguous if value.flags.f_contiguous else back.flags.c_contiguous
        assert back.tobytes() == value.tobytes()
        assert not np.shares_memory(back, value)
    elif isinstance(value, list | tuple):
        assert len(back) == len(value)
        for mine, theirs in zip(back, value, strict=True):
            assert_as_before(mine, theirs)
    elif isinstance(value, dict):
        assert_as_before(list(back.keys()), list(value.keys()))
        assert_as_before(list(back.values()), list(value.values()))
    elif isinstance(value, np.generic):
        assert_as_before(np.array(back), np.array(value))
    else:
        assert repr(back) == repr(value)  # NaN and -0.0 too


@given(values)
@settings(max_examples=300, deadline=None)
def test_data_survives(value):
    back = loads(dumps(value, PLAIN), PLAIN)
    assert_as_before(back, value)
    assert_as_before(remake(back), value)  # what crosses is what checking in a notebook hands over


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f8", ">f4", "|b1", "<c16", "<U7", "|S9", "<M8[us]"])
def test_large_arrays_survive(dtype, order):
    value = np.arange(3000).reshape(50, 60).astype(dtype, order=order)
    assert_as_before(loads(dumps([value, (value.T, {"a": value[::3, ::-2]})], PLAIN), PLAIN)[0], value)
    for view in (value.T, value[::3, ::-2], value[0], np.broadcast_to(value[0], (3, 60))):
        back = loads(dumps(view, PLAIN), PLAIN)
        assert back.tobytes() == view.tobytes() and (back.dtype, back.shape) == (view.dtype, view.shape)


def test_a_large_array_is_not_copied_to_be_sent():
    for value in (np.zeros((100, 100)), np.zeros((100, 100), order="F")):
        _, (apart,) = pack([value], PLAIN)
        assert np.shares_memory(apart, value)


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


def doubled(times: int):
    value: list = [0]
    for _ in range(times):
        value = [value, value]
    return value


def circular():
    value: list = []
    value.append(value)
    return value


NO_DATA = {
    "object": object(),
    "object array": np.array([None]),
    "records": np.zeros(2, dtype=[("a", "f8")]),
    "record": np.zeros(1, dtype=[("a", "f8")])[0],
    "set": {1, 2},
    "key of a nested tuple": {((1,),): 2},
    "key that is an object": {object(): 2},
    "key that is complex": {1j: 2},
    "function": lambda: 0,
    "class": int,
    "module": np,
    "deep": nested(60),
    "circular": circular(),
    "huge int": 2**1024,
    "huge key": {2**64: 1},
    "half a character": "\ud800",
    "half a character in an array": np.array(["a\ud800"]),
    "half a character as a key": {"\udfff": 1},
}
TOO_LARGE = {
    "doubling": doubled(19),
    "many items": [1] * 1_000_001,
    "long text": "x" * (MAX_BODY + 1),
    "broadcast": np.broadcast_to(np.zeros(1), 2**40),
    "empty, yet huge": np.zeros((0, 2**40)),
    "many tuples as keys": {(n, n): 0 for n in range(10_001)},
    "many arrays": [np.zeros(MAX_BYTES // 8)] * 2,
}


@pytest.mark.parametrize("value", NO_DATA.values(), ids=NO_DATA)
def test_what_is_no_data_is_refused(value):
    with pytest.raises(BadValue):
        dumps(value, PLAIN)
    if getattr(value, "dtype", None) != np.dtype("<U2"):  # text in arrays is only looked at on its way
        with pytest.raises(BadValue):
            remake(value)


@pytest.mark.parametrize("value", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_large_is_refused(value):
    with pytest.raises(BadValue):
        pack([value], PLAIN)


@pytest.mark.parametrize("depth", range(18, 24))
def test_depth_is_limited_as_in_a_notebook(depth):
    refused = []
    for take in (remake, lambda value: dumps(value, PLAIN)):
        try:
            take(nested(depth))
            refused.append(False)
        except BadValue:
            refused.append(True)
    assert refused == [depth > MAX_DEPTH] * 2


def body(*tokens) -> memoryview:
    return memoryview(msgpack.encode(list(tokens)))


def items(code: int, count: int) -> Ext:
    return Ext(code, count.to_bytes(4, "little"))


def head(dtype="<f8", shape=(2,), fortran=False, data=None) -> bytes:
    return msgpack.encode([dtype, shape, fortran, data])


LIST, TUPLE, DICT, BIGINT, ARRAY, SCALAR, TENSOR = 1, 2, 3, 6, 7, 8, 9


@pytest.mark.parametrize(
    "tokens",
    [
        [items(LIST, 2**32 - 1)],
        [items(DICT, 2**31), 1],
        [*[items(LIST, 1)] * 30, 0],
        [items(DICT, 2), "a", 1, "a", 2],
        [items(DICT, 2), 1, 1, True, 2],
        [items(DICT, 1), items(LIST, 0), 1],
        [items(DICT, 1), items(DICT, 0), 1],
        [items(DICT, 1), items(TUPLE, 1), items(TUPLE, 0), 1],
        [items(DICT, 1), Ext(BIGINT, bytes(20) + b"\1"), 1],
        [items(DICT, 1), Ext(SCALAR, head("<c16", (), data=bytes(16))), 1],
        [Ext(BIGINT, bytes(200))],
        [Ext(SCALAR, head(data=bytes(16)))],
        [Ext(SCALAR, head("<f8", (), data=None))],
        [Ext(ARRAY, head(data=b""))],
        [Ext(ARRAY, head(data=bytes(15)))],
        [Ext(ARRAY, head(data=bytes(17)))],
        [Ext(ARRAY, head(shape=(-1,), data=bytes(16)))],
        [Ext(ARRAY, head(shape=(-2, -1), data=bytes(16)))],
        [Ext(ARRAY, head(shape=(0, 2**40), data=b""))],
        [Ext(ARRAY, head(shape=(2**62, 2**62)))],
        [Ext(ARRAY, head(shape=(2**20, 2**20)))],
        [Ext(ARRAY, head(shape=[1] * 65, data=bytes(8)))],
        [Ext(ARRAY, head(shape=(3,)))],
        [Ext(ARRAY, head("|O", data=bytes(16)))],
        [Ext(ARRAY, head("|V8", data=bytes(16)))],
        [Ext(ARRAY, head("<U0", data=b""))],
        [Ext(ARRAY, head("|S0", data=b""))],
        [Ext(ARRAY, head("<U999999999", (0,), data=b""))],
        [Ext(ARRAY, head("(2,2)<f8", data=bytes(64)))],
        [Ext(ARRAY, head("<f8,<f8", (1,), data=bytes(16)))],
        [Ext(ARRAY, head("float64", data=bytes(16)))],
        [Ext(ARRAY, head("<U1", (1,), data=b"\0\0\x11\0"))],
        [Ext(ARRAY, head("<U1", (1,), data=b"\0\xd8\0\0"))],
        [Ext(TENSOR, bytes(8) + head("<U1", (1,), data=b"a\0\0\0"))],
        [Ext(TENSOR, b"\1" + bytes(7) + head("<i8", data=bytes(16)))],
        [Ext(TENSOR, b"\7" + bytes(7) + head(data=bytes(16)))],
        [Ext(TENSOR, bytes(8) + head(">f8", data=bytes(16)))],
        [Ext(10, bytes(8))],
        [Ext(11, bytes(8))],
        [Ext(0, b"")],
        [[1]],
        [{}],
        [b"bytes"],
    ],
)  # fmt: skip
def test_what_no_worker_writes_is_refused(tokens):
    with pytest.raises(WireError):
        unpack(body(*tokens), PLAIN)


def test_no_list_is_made_for_a_count_alone():
    for data in (b"\xdd\xff\xff\xff\xff\xc0", b"\xdc\xff", b"\xdd", b"\x9f", b"\xc0", b""):
        with pytest.raises(WireError):
            unpack(memoryview(data), PLAIN)


def test_arrays_of_truth_values_hold_no_others():
    (array,), _ = unpack(body(Ext(ARRAY, head("|b1", (3,), data=b"\0\1\xfe"))), PLAIN)
    assert array.tobytes() == b"\0\1\1"


class LyingFloat(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class LyingArray(np.ndarray):
    def __eq__(self, other):
        return np.True_

    __hash__ = None


class LyingInt(int):
    def __eq__(self, other):
        return True

    def bit_length(self):
        return 1

    __hash__ = int.__hash__


class LyingType(np.ndarray):
    dtype = np.dtype("f8")
    nbytes = 0

    def __array_finalize__(self, other):
        pass


class LyingClass:
    __class__ = np.ndarray
    dtype = np.dtype("f8")


class LyingList(list):
    def __iter__(self):
        return iter([1, 2, 3])

    def __len__(self):
        return 0


def test_lies_do_not_cross():
    lies = [LyingInt(5), LyingFloat(0.5), LyingList([7]), np.zeros(2).view(LyingType)]
    plain = [5, 0.5, [7], np.zeros(2)]
    for back in (loads(dumps(lies, PLAIN), PLAIN), remake(lies)):
        assert_as_before(back, plain)
    for lie in (LyingClass(), np.array([None]).view(LyingType), LyingInt(2**2000)):
        for take in (remake, lambda value: dumps(value, PLAIN)):
            with pytest.raises(BadValue):
                take(lie)


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
        (2**1000, 2**1000, True),
        (2**1000, 2**1000 + 1, False),
        (2**1000, 3, False),
        (2**1000, 1e300, False),
    ],
)
def test_same_compares_values_shapes_and_kinds(left, right, equal):
    assert same(left, right) is equal
    assert same(right, left) is equal
