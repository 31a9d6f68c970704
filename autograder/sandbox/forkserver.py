"""A process that has imported the libraries once and forks a fresh worker for every part.

Importing numpy, scipy and torch takes seconds, a fork milliseconds. The server never sees a
learner's code or an answer: it only receives sockets.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from typing import Any

MEMORY_BYTES = 8 * 1024**3  # address space: torch alone maps about 3 GiB
CPU_SECONDS = 300
FILE_BYTES = 64 * 1024**2
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class ForkServer:
    """The trusted side's hold on such a process."""

    def __init__(self, libraries: tuple[str, ...]) -> None:
        ours, theirs = socket.socketpair()
        self._folder = tempfile.TemporaryDirectory(prefix="speechlab-worker-")
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        environment = {
            **kept,
            "HOME": self._folder.name,
            "TMPDIR": self._folder.name,
            "MPLCONFIGDIR": self._folder.name,
            "MPLBACKEND": "Agg",
            "PYTHONDONTWRITEBYTECODE": "1",
            **dict.fromkeys(THREAD_VARIABLES, "1"),
        }
        command = [
            sys.executable,
            "-I",
            "-m",
            "autograder.sandbox.forkserver",
            str(theirs.fileno()),
            *libraries,
        ]
        self._process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            env=environment,
            cwd=self._folder.name,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._control = ours

    def worker(self) -> tuple[socket.socket, int]:
        """A connection to a fresh worker, and its process id.

        Raises:
            OSError: if the server is no longer there.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"w"], [theirs.fileno()])
        answer = self._control.recv(8)
        if len(answer) != 8:
            ours.close()
            raise OSError("the fork server ended")
        return ours, int.from_bytes(answer, "little")

    def close(self) -> None:
        self._control.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        self._process.wait()
        self._folder.cleanup()


def kill(pid: int) -> None:
    """End a worker and whatever it has started in its own process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


@cache
def shared_server(libraries: tuple[str, ...]) -> ForkServer:
    """One server per set of libraries, for the life of this process."""
    import atexit

    server = ForkServer(libraries)
    atexit.register(server.close)
    return server


def _limit(kind: str, value: int) -> None:
    import resource

    with contextlib.suppress(ValueError, OSError):  # a lower limit is already in force
        resource.setrlimit(getattr(resource, kind), (value, value))


def _serve(control: socket.socket, libraries: list[str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the system
    for name in ["autograder.sandbox.worker", "numpy", *libraries]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(ImportError):
        from labkit import parts as _parts  # noqa: F401
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # type: ignore[attr-defined]
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            _become_worker(control, descriptors[0])
        os.close(descriptors[0])
        control.sendall(pid.to_bytes(8, "little"))


def _become_worker(control: socket.socket, descriptor: int) -> Any:
    from autograder.sandbox import worker

    try:
        os.setsid()
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _limit("RLIMIT_AS", MEMORY_BYTES)
        _limit("RLIMIT_CPU", CPU_SECONDS)
        _limit("RLIMIT_FSIZE", FILE_BYTES)
        _limit("RLIMIT_CORE", 0)
        worker.run(descriptor)
    finally:
        os._exit(1)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
