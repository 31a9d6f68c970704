"""The trusted side: one learner's notebook behind the pipe, as a backend for checks."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

from autograder.definitions import Code
from autograder.errors import GradingError
from autograder.sandbox.forkserver import ForkServer, shared_server
from autograder.sandbox.peer import Gone, Peer
from autograder.sandbox.recall import Recall

CALL_SECONDS = 20.0
PART_SECONDS = 60.0


class Submission:
    """One part of a learner's notebook in a worker of its own.

    Args:
        cells: code cells of the notebook, with the parts they answer.
        part: the part under test.
        provided: names of the other function parts, answered by `reference`.
        reference: resolves a name ("frame", "t03_mel_features.mfcc") to a function of ours.
        libraries: imported before the fork.
    """

    forbids: tuple[str, ...] = ()  # library functions that are taken away from the learner's code there
    recall: Recall | None = None  # what the reference has answered before

    def __init__(
        self,
        cells: list[Code],
        part: str,
        provided: list[str],
        reference: Callable[[str], Any],
        libraries: tuple[str, ...],
        call_seconds: float = CALL_SECONDS,
        part_seconds: float = PART_SECONDS,
    ) -> None:
        self._cells, self._part, self._provided = cells, part, provided
        self._reference, self._libraries = reference, libraries
        self._call_seconds = call_seconds
        self._ends_at = time.monotonic() + part_seconds
        self._part_seconds = part_seconds
        self._peer: Peer | None = None
        self._server: ForkServer | None = None
        self._number = 0
        self._interrupt: Callable[[], Any] | None = None
        self._seed: int | None = None
        self._load_error: Exception | None = None
        self.fault: str | None = None
        self.death = ""  # how the process ended, in the system's words, once there is a fault

    def _serve(self, target: str, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        allowed = target in self._provided or "." in target
        if method != "__call__" or not allowed:
            raise LookupError(f"no {target}.{method} here")
        return self._reference(target)(*args, **kwargs)

    def _start(self) -> Peer:
        connection = self._worker()
        peer = Peer(connection, self._serve, gives_objects=False, recall=self.recall)
        self._interrupt = lambda: _hang_up(connection)
        peer.limit = self._call_seconds
        cells = [[code.source, code.part] for code in self._cells]
        self._peer = peer
        try:
            peer.ask("__room__", "load", (cells, self._part, self._provided, list(self.forbids)), {})
        except Gone as gone:
            self._end(f"loading your notebook {gone}")
        except Exception as error:
            self._load_error = error
        return peer

    def _worker(self) -> socket.socket:
        for _ in range(2):  # a server that was killed is started again
            self._server = shared_server(self._libraries)
            try:
                connection, self._number = self._server.worker()
                return connection
            except OSError as error:
                problem = error
        raise GradingError(f"no worker for the part {self._part}: {problem}")

    def _end(self, fault: str) -> None:
        self.fault = fault
        self.close()
        if self._server is not None:
            death = self._server.death(self._number)
            if death is None:
                raise GradingError(f"the process that starts workers ended during the part {self._part}")
            self.death = death
        raise Gone(fault)

    def _ask(self, target: str, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        if self.fault:
            raise Gone(self.fault)
        if self._peer is None:
            self._start()
        assert self._peer is not None
        if self._load_error is not None:
            raise self._load_error.with_traceback(None)
        left = self._ends_at - time.monotonic()
        self._peer.limit = max(min(self._call_seconds, left), 0.001)
        try:
            return self._peer.ask(target, method, args, kwargs)
        except Gone as gone:
            if time.monotonic() >= self._ends_at:
                self._end(f"took more than {self._part_seconds:g} s for all its checks")
            self._end(str(gone))

    def examples(self, docstring: str) -> list:
        """What the examples of a docstring give there: see `autograder.examples.run`."""
        return self._ask("__room__", "examples", (docstring,), {})

    def call(self, part: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        if self._seed is not None:
            seed, self._seed = self._seed, None
            self._ask("__room__", "seed", (seed,), {})
        return self._ask(part, "__call__", args, kwargs)

    def seed(self, seed: int) -> None:
        self._seed = seed  # sent with the first call: many checks fail before they ask anything

    def interrupt(self) -> None:
        """Break off, from another thread: a question that waits for its answer fails at once."""
        self.fault = self.fault or "was interrupted"
        if self._interrupt:
            self._interrupt()

    def close(self) -> None:
        """Hang up: the fork server ends the worker and whatever it has started."""
        if self._peer is not None:
            self._peer.close()


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)
