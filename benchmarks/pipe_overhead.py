"""What one question to a learner's code costs in the sandbox, beside pickle between two plain processes."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measure import Row, Spread, by_turns, ratio, spread

ABOUT = """\
One call of a part that does nothing, from question to answer, warm. In the sandbox: the way that grading
takes, `autograder.sandbox.client.Submission`, with the isolation that works on the machine; every value is
checked and re-made as plain data. Beside it: pickle over the same kind of socket, with buffers of the same
size, to a forked process without any isolation. Pickle is no choice for grading, since reading it runs what
the other side wants; it is the yardstick."""

NAME = "pipe"
SCALAR_MS = 0.2
ARRAY_MS = 2.0
BYTES = 1_000_000

# question → source of the part, and the same for the plain process
SOURCES = {
    "a scalar": "def part(x):\n    return x",
    "1 MB of float64 as an argument": "def part(x):\n    return 1.0",
    "1 MB of float64 as the result": f"ANSWER = np.zeros({BYTES // 8})\ndef part():\n    return ANSWER",
}
_LENGTH = struct.Struct("<Q")
_KERNEL_BUFFER = 4 * 1024 * 1024  # as in autograder/sandbox/frames.py


def _send(connection: socket.socket, value: Any) -> None:
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    connection.sendall(_LENGTH.pack(len(data)))
    connection.sendall(data)


def _receive(connection: socket.socket) -> Any:
    (length,) = _LENGTH.unpack(_read(connection, _LENGTH.size))
    return pickle.loads(_read(connection, length))


def _read(connection: socket.socket, size: int) -> bytearray:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError
        view = view[count:]
    return buffer


@contextlib.contextmanager
def pickled(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """The function in a forked process, called by pickle over a socket; the process ends with the block."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            with contextlib.suppress(EOFError):
                while True:
                    _send(theirs, function(*_receive(theirs)))
        finally:
            os._exit(0)
    theirs.close()

    def call(*args: Any) -> Any:
        _send(ours, args)
        return _receive(ours)

    try:
        yield call
    finally:
        ours.close()
        os.waitpid(child, 0)


@contextlib.contextmanager
def sandboxed(source: str) -> Iterator[Callable[..., Any]]:
    """The part of a source in a worker, called as grading calls it."""
    from autograder.definitions import Code
    from autograder.sandbox.client import Submission

    cells = [Code("import numpy as np"), Code(source, "part")]
    worker = Submission(cells, "part", [], _nothing, ("numpy",), part_seconds=600.0)
    try:
        yield lambda *args: worker.call("part", args, {})
    finally:
        worker.close()


def _nothing(name: str) -> Any:
    raise LookupError(name)


def milliseconds(values: list[float]) -> Spread:
    return spread([1000 * value for value in values])


def measured(what: str, repeat: int, warm_up: int) -> dict[str, list[float]]:
    """Seconds per call of both sides, by turns."""
    import numpy as np

    namespace: dict[str, Any] = {"np": np}
    exec(SOURCES[what], namespace)
    args = {"a scalar": (0.5,), "1 MB of float64 as an argument": (np.zeros(BYTES // 8),)}.get(what, ())
    with pickled(namespace["part"]) as plain, sandboxed(SOURCES[what]) as ours:
        np.testing.assert_array_equal(ours(*args), plain(*args))
        return by_turns({"sandbox": lambda: ours(*args), "pickle": lambda: plain(*args)}, repeat, warm_up)


def run(quick: bool) -> list[Row]:
    """Two rows for each kind of question: milliseconds in the sandbox, and their share of pickle's."""
    from autograder.sandbox.forkserver import chosen

    rows = []
    for what in SOURCES:
        times = measured(what, *((3, 1) if quick else (1000, 50)))
        goal = SCALAR_MS if what == "a scalar" else ARRAY_MS
        seconds = {name: spread(values) for name, values in times.items()}
        figure, note = milliseconds(times["sandbox"]), chosen().name
        rows.append(Row(NAME, what, figure, "ms", goal, seconds, note))
        share = ratio(times, "sandbox", "pickle")
        rows.append(Row(NAME, f"{what}, beside pickle", share, "of pickle's time", None, seconds))
    return rows
