"""A hundred thousand damaged messages: the trusted side gets data or an error that it knows, and no more.

Messages are made from valid ones by flipping, cutting, splicing and inserting bytes and by changing
MessagePack's type bytes. They are the same in every run.
"""

from __future__ import annotations

import random
import re
import socket
import struct
from pathlib import Path

import numpy as np
import pytest
from msgspec import msgpack
from msgspec.msgpack import Ext

from autograder.sandbox import peer as peer_module
from autograder.sandbox.faults import describe
from autograder.sandbox.frames import HEAD
from autograder.sandbox.peer import Gone, Peer
from autograder.sandbox.wire import References, WireError, bytes_of, dumps, loads, pack
from autograder.values import BadValue, remake

pytest.importorskip("torch")  # a message may hold tensors; its import is no memory of theirs

PLAIN = References()
STATUS = Path("/proc/self/status")
# Damaged messages are of a few kB. What they promise and do not bring must not become memory of ours.
MEMORY = 64 * 1024**2
ANSWER_ID = 4711

VALUES = [
    None,
    True,
    -1,
    2**63,
    -(2**200),
    0.5,
    1 - 2j,
    "naïve 𝄞",
    b"\x00\xff" * 9,
    [1.0, 2.0, None],
    [1, ["a", ("b", ())], {}],
    {"a": 1, 2: [3], None: (), ("x", 1): b"", np.int64(3): 4.0},
    np.float32(0.1),
    np.str_("word"),
    np.datetime64("2020-01-01"),
    np.array(3.5),
    np.zeros((0, 3)),
    np.arange(12.0).reshape(3, 4),
    np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
    np.array([True, False]),
    np.array(["ab", "c"]),
    np.array([b"ab", b"c"]),
    np.array([1, 2], dtype="m8[ms]"),
    np.arange(400.0),  # apart
    [np.arange(300.0), {"x": np.zeros((20, 30), order="F")}],
    np.array(["é" * 200, "x"] * 3),
]
# first bytes of MessagePack's kinds, and codes of our extensions
TYPES = bytes([*range(0x80, 0x94), 0xA0, 0xBF, *range(0xC0, 0xE0), 0xFF, *range(1, 13)])


def damage(draw: random.Random, raw: bytes, other: bytes) -> bytes:
    """One to four changes at random places."""
    data = bytearray(raw)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(data) + 1)
        kind = draw.randrange(8)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = draw.choice(TYPES)
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + draw.randrange(1, 9)]
        elif kind == 4:
            data[at:at] = draw.randbytes(draw.randrange(1, 9))
        elif kind == 5:
            start = draw.randrange(len(other))
            data[at:] = other[start:]
        elif kind == 6:
            start = draw.randrange(len(other))
            data[at:at] = other[start : start + draw.randrange(64)]
        else:  # lengths and counts
            data[at : at + 4] = struct.pack("<I", draw.choice((0, 1, 255, 2**16, 2**28, 2**31, 2**32 - 1)))
    return bytes(data)


def odd(draw: random.Random) -> object:
    """A token that may stand anywhere, and should seldom stand there."""
    head = [
        draw.choice(
            ("<f8", "|O", "|V8", "<U9", "<U0", "|b1", ">i4", "<M8[s]", "<M8", "(9,9)f8", "<f8,<f8", "")
        ),
        [draw.choice((0, 1, 2, 3, 300, 2**28, 2**40, 2**62)) for _ in range(draw.randrange(4))],
        draw.random() < 0.5,
        draw.choice((None, b"", bytes(8), bytes(48), b"\xff" * 36)),
    ]
    return draw.choice(
        (
            None, True, 0, -1, 2**63, 0.5, float("nan"), "x", "__call__",
            Ext(draw.randrange(-2, 15), draw.randbytes(draw.randrange(9))),
            Ext(draw.randrange(1, 12), struct.pack("<I", draw.choice((0, 1, 2, 3, 9, 2**20, 2**32 - 1)))),
            Ext(draw.randrange(1, 12), struct.pack("<q", draw.choice((0, 1, -1, 7, 2**62)))),
            Ext(draw.choice((7, 8)), msgpack.encode(head)),
            Ext(9, struct.pack("<q", draw.randrange(3)) + msgpack.encode(head)),
            Ext(6, draw.randbytes(draw.choice((0, 1, 129, 200)))),
        )
    )  # fmt: skip


def damage_tokens(draw: random.Random, body: bytes) -> bytes:
    """A body that is good MessagePack and still wrong: values and counts that do not belong there."""
    tokens = msgpack.decode(body)
    for _ in range(draw.choice((1, 1, 2, 5))):
        at = draw.randrange(len(tokens) + 1)
        kind = draw.randrange(4)
        if kind == 0:
            tokens[at : at + 1] = [odd(draw)]
        elif kind == 1:
            tokens[at:at] = [odd(draw)]
        elif kind == 2:
            del tokens[at : at + draw.randrange(1, 3)]
        else:
            tokens[at:at] = draw.choices(tokens, k=draw.randrange(1, 4)) if tokens else []
    return msgpack.encode(tokens)


def damage_body(draw: random.Random, raw: bytes, other: bytes, head: int, place: int) -> bytes:
    """The same inside a body of which the message tells the right length, so that it is read.

    Args:
        head: bytes before the body.
        place: where among them its length stands, 4 bytes.
    """
    (length,) = struct.unpack_from("<I", raw, place)
    body = raw[head : head + length]
    body = damage(draw, body, other) if draw.random() < 0.3 else damage_tokens(draw, body)
    start = raw[:place] + struct.pack("<I", len(body)) + raw[place + 4 : head]
    return start + body + raw[head + length :]


def peak() -> int:
    """Most memory that was resident since `forget_peak`, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    assert found
    return 1024 * int(found[1])


def forget_peak() -> int:
    """Start to measure; 0 where the system does not tell."""
    if not STATUS.exists():
        return 0
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def assert_memory_stays(before: int) -> None:
    if before:
        assert peak() - before < MEMORY


@pytest.mark.slow
def test_seventy_thousand_damaged_values():
    draw = random.Random(1)
    valid = [dumps(value, PLAIN) for value in VALUES]
    before = forget_peak()
    survived = 0
    for number in range(70_000):
        raw, other = draw.choice(valid), draw.choice(valid)
        if number % 50 == 0:
            data = draw.randbytes(draw.randrange(200))
        elif number % 2:
            data = damage(draw, raw, other)
        else:
            data = damage_body(draw, raw, other[4:], head=4, place=0)
        try:
            value = loads(data, PLAIN)
        except WireError:
            continue
        remake(value)  # what comes out is data
        survived += 1
    assert_memory_stays(before)
    assert survived > 3000  # the damage is not so coarse that only the outermost check is tried


def frame(answers: int, own: int, values: list, references: References = PLAIN) -> bytes:
    body, apart = pack(values, references)
    head = HEAD.pack(answers, own, len(body), sum(array.nbytes for array in apart))
    return b"".join([head, body, *map(bytes_of, apart)])


class Numbered(References):
    """Writes any function as a handle, which the trusted end may get, and uses."""

    def outgoing(self, value):
        return "handle", 7


def valid_frames() -> list[bytes]:
    answers = [frame(ANSWER_ID, 0, [True, value, 0]) for value in VALUES]
    fault = describe(ValueError("too short"), None)
    fault[3] = [[3, "part", "raise ValueError"]]
    answers += [frame(ANSWER_ID, 0, [False, fault])] * 9
    handle = frame(ANSWER_ID, 0, [True, [abs], 0], Numbered())
    call = (([1.5, np.arange(300.0)],), {"key": "x"})
    questions = [
        frame(0, 9, ["part", "__call__", call, []]),
        frame(0, 9, [1, "__call__", call, [5, 6]]),
        frame(0, 9, [1, "__attribute__", (("shape",), {}), []]),
        frame(0, 9, [1 << 61 | 1, "__backward__", (([],), {}), []]),
    ]
    return [*answers, handle, *(question + answer for question in questions for answer in answers[:6])]


@pytest.mark.slow
def test_thirty_thousand_damaged_conversations(monkeypatch):
    """The whole way: bytes on a socket, the trusted end waiting for its answer."""
    monkeypatch.setattr(peer_module.secrets, "randbits", lambda bits: ANSWER_ID)
    draw = random.Random(2)
    valid = valid_frames()
    before = forget_peak()
    outcomes = {"value": 0, "error": 0, "gone": 0}
    for number in range(30_000):
        raw, other = draw.choice(valid), draw.choice(valid)
        if number % 3 == 0:
            data = damage(draw, raw, other)
        elif number % 100 == 1:
            data = raw
        else:
            data = damage_body(draw, raw, other[HEAD.size :], head=HEAD.size, place=16)
        ours, theirs = socket.socketpair()
        end = Peer(ours, lambda target, method, args, kwargs: [target, *args], gives_objects=False)
        end.limit = 30.0
        with theirs:
            theirs.sendall(data)
            theirs.shutdown(socket.SHUT_WR)
            try:
                value = end.ask("part", "__call__", (abs,), {})
                remake(value, lambda handle: None)
                outcomes["value"] += 1
            except Gone as gone:
                assert "no answer within" not in str(gone), "it waited for bytes that could not come"
                assert end.gone
                outcomes["gone"] += 1
            except Exception as error:
                assert hasattr(error, "remote_type"), f"{error!r} is no exception of the other side"
                outcomes["error"] += 1
        end.close()
    assert_memory_stays(before)
    assert min(outcomes.values()) > 100, outcomes  # every way is tried


def test_the_damage_is_the_same_in_every_run():
    first, second = (
        [damage(random.Random(3), dumps(VALUES[10], PLAIN), b"abc") for _ in range(3)] for _ in range(2)
    )
    assert first == second


def test_values_to_damage_are_valid():
    for value in VALUES:
        np.testing.assert_equal(loads(dumps(value, PLAIN), PLAIN), value)
    with pytest.raises(BadValue):
        dumps(abs, PLAIN)
