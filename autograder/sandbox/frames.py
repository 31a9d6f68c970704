"""Messages on a stream socket: a head, a body, and the bytes of arrays, from memory to memory."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass

import numpy as np

from autograder.sandbox.arrays import MAX_BYTES, WireError, bytes_of, settle
from autograder.sandbox.wire import MAX_BODY

# id of the question that is answered (0: a question), own id (0: an answer), bytes of the body and behind it
HEAD = struct.Struct("<QQIQ")
# a message of a megabyte goes out in one call, and both sides need not wake each other for every piece
_KERNEL_BUFFER = 4 * 1024 * 1024
_PIECES = 64  # buffers per system call; every system allows that many


class Closed(Exception):
    """The other side has hung up."""


@dataclass(frozen=True)
class Head:
    """What stands before a message.

    Attributes:
        answers: id of the question that it answers; 0 for a question.
        own: id to answer to; 0 for an answer.
        body, apart: bytes of the body and of the arrays behind it.
    """

    answers: int
    own: int
    body: int
    apart: int


class Frames:
    """A stream socket that carries messages.

    All methods take `deadline`, on the clock `time.monotonic`, None for none, and raise TimeoutError when
    it passes, Closed when the other side hangs up, OSError when the socket fails.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            with contextlib.suppress(OSError):  # only slower
                connection.setsockopt(socket.SOL_SOCKET, option, _KERNEL_BUFFER)

    def send(
        self, answers: int, own: int, body: bytes, apart: list[np.ndarray], deadline: float | None
    ) -> None:
        """Send one message; `apart` are flat arrays of bytes."""
        head = HEAD.pack(answers, own, len(body), sum(array.nbytes for array in apart))
        pieces = [memoryview(head), memoryview(body), *(bytes_of(array) for array in apart)]
        first = 0
        while first < len(pieces):
            self._wait_at_most(deadline)
            sent = self._send_some(pieces[first : first + _PIECES])
            while sent:
                rest = len(pieces[first])
                if sent < rest:
                    pieces[first] = pieces[first][sent:]
                    break
                sent -= rest
                first += 1

    def _send_some(self, pieces: list[memoryview]) -> int:
        if hasattr(self._socket, "sendmsg"):
            return self._socket.sendmsg(pieces)
        return self._socket.send(pieces[0])  # Windows

    def receive_head(self, deadline: float | None) -> Head:
        """The head of the next message.

        Raises:
            WireError: if it promises more than a message may hold.
        """
        buffer = bytearray(HEAD.size)
        self._fill(memoryview(buffer), deadline)
        head = Head(*HEAD.unpack(buffer))
        if head.body > MAX_BODY or head.apart > MAX_BYTES:
            raise WireError(f"sent {head.body + head.apart} bytes at once, expected at most {MAX_BYTES}")
        if (head.answers == 0) == (head.own == 0):
            raise WireError("sent what is neither question nor answer")
        return head

    def receive_body(self, head: Head, deadline: float | None) -> np.ndarray:
        """The body of a message. Its memory comes from the system as the bytes do."""
        body = np.empty(head.body, np.uint8)
        self._fill(body.data, deadline)
        return body

    def receive_arrays(self, head: Head, apart: list[np.ndarray], deadline: float | None) -> None:
        """Fill the arrays of a message.

        Raises:
            WireError: if they are not what the head promised, or hold text that is none.
        """
        expected = sum(array.nbytes for array in apart)
        if head.apart != expected:
            raise WireError(f"promised {head.apart} bytes of arrays and described {expected}")
        for array in apart:
            self._fill(bytes_of(array), deadline)
        settle(apart)

    def close(self) -> None:
        self._socket.close()

    def _fill(self, view: memoryview, deadline: float | None) -> None:
        while view:
            self._wait_at_most(deadline)
            count = self._socket.recv_into(view)
            if count == 0:
                raise Closed
            view = view[count:]

    def _wait_at_most(self, deadline: float | None) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
