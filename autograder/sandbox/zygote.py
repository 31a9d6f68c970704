"""Inside the sandbox: a process that has imported the libraries once and forks a fresh worker for each part.

It never sees a learner's code or an answer. A connection to its socket is a worker: the trusted side
connects, the fork confines itself, says hello and serves on that connection. Hanging up ends the
worker and all that it started; the end of standard input ends everything.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Iterable
from typing import Any

from autograder.sandbox.confine import Policy, become_nobody, confine, fork, furnish, measure
from autograder.sandbox.confine import system as calls

HELLO = b"\x01"
# the first byte of a connection: what is wanted
WORKER, PROBE, DEATH, BRANCH = b"w", b"p", b"d", b"b"
NUMBER = struct.Struct("<Q")
CORE = struct.Struct("<i")  # the only core that a branch may use; ANY_CORE for no such rule
ANY_CORE = -1
_LIFELINE = 0  # standard input
_CONNECTION = 3
_REMEMBERED = 1000
_ALWAYS = (
    "numpy",
    "numpy.random",
    "autograder.sandbox.worker",
    "autograder.sandbox.canaries",
    "labkit.parts",
)
# PyTorch imports sympy, with hundreds of modules, for the first backward pass
_WITH_TORCH = ("autograder.sandbox.gradients", "torch.fx.experimental.symbolic_shapes")


class Zygote:
    """The loop that forks, reaps and kills.

    Args:
        source: where connections come from: a socket that listens or, in a branch, one that carries them.
        lifeline: descriptor that is at its end when everything must end; a branch's is its source.
    """

    def __init__(self, source: socket.socket, policy: Policy, lifeline: int = _LIFELINE) -> None:
        self._source, self._policy, self._lifeline = source, policy, lifeline
        self._is_branch = lifeline == source.fileno()
        self._branches: set[int] = set()
        self._poll = select.poll()
        self._workers: dict[int, tuple[int, socket.socket, int]] = {}  # descriptor → pid, socket, number
        self._ending: dict[int, tuple[socket.socket, int]] = {}  # pid of a killed worker → socket, number
        self._deaths: dict[int, str] = {}
        self._count = 0

    def serve(self) -> None:
        """Until the trusted side goes away."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for descriptor in {self._lifeline, woken, self._source.fileno()}:
            self._poll.register(descriptor, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in self._poll.poll()]
            # a connection that is closed meanwhile gives its number to the next one
            meant = {descriptor: self._workers.get(descriptor) for descriptor in ready}
            for descriptor in ready:
                if descriptor == woken:
                    os.read(woken, 4096)
                    self._reap()
                elif descriptor == self._source.fileno():
                    connection = self._next()
                    if connection is None:
                        return
                    self._accept(connection)
                elif descriptor == self._lifeline:
                    if not os.read(self._lifeline, 64):
                        return
                elif meant[descriptor] and self._workers.get(descriptor) is meant[descriptor]:
                    self._kill(descriptor)

    def close(self) -> None:
        for descriptor in list(self._workers):
            self._kill(descriptor)
        for pid in list(self._ending):
            with contextlib.suppress(ChildProcessError):
                self._ended(pid, os.waitpid(pid, 0)[1])

    def _next(self) -> socket.socket | None:
        """The next connection; None if there will be no more."""
        if not self._is_branch:
            return self._source.accept()[0]
        data, descriptors, _, _ = socket.recv_fds(self._source, 1, 1)
        return socket.socket(fileno=descriptors[0]) if data and descriptors else None

    def _accept(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        try:
            kind = connection.recv(1)
            if kind == DEATH:
                (number,) = NUMBER.unpack(connection.recv(NUMBER.size))
                self._reap()
                connection.sendall(self._deaths.get(number, "").encode())
                connection.close()
            elif kind in (WORKER, PROBE):
                connection.settimeout(None)
                self._fork(connection, probe=kind == PROBE)
            elif kind == BRANCH:
                (core,) = CORE.unpack(connection.recv(CORE.size))
                connection.settimeout(None)
                self._branch(connection, core)
            else:
                connection.close()
        except (OSError, struct.error):
            connection.close()  # who asked is gone, or asks nonsense

    def _fork(self, connection: socket.socket, probe: bool) -> None:
        self._count += 1
        number, user, group = self._count, os.getuid(), os.getgid()
        pid = fork(self._policy)  # an error leaves no worker: the trusted side takes it for this machine's
        if pid == 0:
            self._become(connection, number, probe, user, group)
        self._workers[connection.fileno()] = (pid, connection, number)
        self._poll.register(connection.fileno(), 0)  # hanging up is always reported

    def _branch(self, connection: socket.socket, core: int) -> None:
        """Fork a server like this one, for whoever holds the other end of `connection`.

        It has all libraries at once, in the same memory. Graders that work side by side have one each:
        two that want a worker at the same moment need not wait for each other.
        """
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                kept = connection.detach()
                # among the rest are ends of other workers' connections: whoever waits for them to close
                # must not have to wait for this process
                os.closerange(3, kept)
                os.closerange(kept + 1, 65536)
                if core != ANY_CORE:
                    os.sched_setaffinity(0, {core})
                if sys.platform == "linux":
                    calls.prctl(calls.PR_SET_CHILD_SUBREAPER, 1)
                _run(Zygote(socket.socket(fileno=kept), self._policy, lifeline=kept))
            except BaseException as error:
                # into the trusted side's report; whoever asked finds the connection closed
                with contextlib.suppress(Exception):
                    print(f"no branch: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(1)
        self._branches.add(pid)
        connection.close()

    def _become(self, connection: socket.socket, number: int, probe: bool, user: int, group: int) -> Any:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            if self._policy.namespaces:
                furnish(self._policy, user, group)
            # the libraries' own module, not imported at the top: it brings numpy
            from autograder.sandbox import canaries, worker

            # always the same number, so that what a learner's code does to descriptors has one outcome
            os.dup2(connection.detach(), _CONNECTION)
            connection = socket.socket(fileno=_CONNECTION)
            confine(self._policy, _CONNECTION)
            connection.sendall(HELLO + NUMBER.pack(number))
            if probe:
                canaries.answer(connection)
            else:
                worker.run(connection)
        except BaseException as error:
            # before the streams were closed this reaches the trusted side's report
            with contextlib.suppress(Exception):
                print(f"no worker: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        by_pid = {pid: descriptor for descriptor, (pid, _, _) in self._workers.items()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._branches.discard(pid)
            if pid in by_pid:
                self._ending[pid] = self._leave(by_pid[pid])
            if pid in self._ending:
                self._ended(pid, status)

    def _kill(self, descriptor: int) -> None:
        """Kill a worker; what the kernel has to clear away after it is not waited for."""
        pid, _, _ = self._workers[descriptor]
        for end in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(pid, signal.SIGKILL)
        self._ending[pid] = self._leave(descriptor)

    def _leave(self, descriptor: int) -> tuple[socket.socket, int]:
        """A worker is watched no longer: its socket and number."""
        _, connection, number = self._workers.pop(descriptor)
        self._poll.unregister(descriptor)
        return connection, number

    def _ended(self, pid: int, status: int) -> None:
        connection, number = self._ending.pop(pid)
        self._deaths[number] = _how(status)
        while len(self._deaths) > _REMEMBERED:
            del self._deaths[next(iter(self._deaths))]
        connection.close()
        self._end_orphans()

    def _end_orphans(self) -> None:
        """Kill what a dead worker has left behind, in a session of its own perhaps: it is our child now."""
        if self._policy.namespaces or self._policy.seccomp:
            return  # the namespace ended with its worker, or nothing could be started
        known = {pid for pid, _, _ in self._workers.values()} | set(self._ending) | self._branches
        for _ in range(100):
            left = [pid for pid in _children() if pid not in known]
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []  # macOS: the process group is all that can be ended


def _how(status: int) -> str:
    """How a process ended, in words."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return {
        "SIGSEGV": "SIGSEGV (memory that is not its own, or a stack that is full)",
        "SIGSYS": "SIGSYS (a system call that ends a worker: it sent a signal)",
        "SIGXCPU": "SIGXCPU (its processor time was used up)",
        "SIGXFSZ": "SIGXFSZ (a file grew too large)",
    }.get(name, name)


def _import(names: Iterable[str]) -> None:
    """Import modules, and what their packages import only when it is asked for."""
    for name in names:
        # a name may be of something that is not installed here, or no module at all: whoever needs
        # it gets the ImportError in a sentence of its own
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
        package, _, attribute = name.rpartition(".")
        # a package that loads its parts on demand may raise anything; it will again where a learner asks
        with contextlib.suppress(Exception):
            getattr(sys.modules.get(package), attribute, None)


def _import_libraries(names: Iterable[str]) -> None:
    """Everything that workers will use, so that each of them has it by being forked."""
    given = dict(os.environ)
    _import([*_ALWAYS, *names])
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # type: ignore[attr-defined]
        _import(_WITH_TORCH)
    # libraries leave each other notes there; what a worker finds is what the trusted side gave
    os.environ.clear()
    os.environ.update(given)
    sys.modules["autograder.forbidden"].note_modules()  # type: ignore[attr-defined]
    # all of this stays: collecting garbage in a worker must not touch, and so copy, its memory
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        calls.use_huge_pages()


def _run(zygote: Zygote) -> None:
    """Serve, end every worker, and leave."""
    try:
        zygote.serve()
    finally:
        zygote.close()
        os._exit(0)


def main(setup: str) -> None:
    """Run as the fork server. `setup` is JSON: see `forkserver._Started`."""
    settings = json.loads(setup)
    policy = Policy(**settings["policy"])
    if settings["listener"] is None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(settings["address"])
        listener.listen(64)
    else:
        listener = socket.socket(fileno=settings["listener"])
        os.closerange(3, listener.fileno())
        os.closerange(listener.fileno() + 1, 65536)
    if sys.platform == "linux":
        calls.prctl(calls.PR_SET_CHILD_SUBREAPER, 1)
    become_nobody(policy)
    os.umask(0o077)
    _import_libraries(settings["libraries"])
    measure()
    _run(Zygote(listener, policy))
