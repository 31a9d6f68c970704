"""The trusted side's hold on a fork server: a process that has imported the libraries once.

Importing numpy, scipy and torch takes seconds, a fork milliseconds. Several processes of the trusted
side can share one server: it is reached through a socket in a folder that only this user can enter.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.errors import GradingError
from autograder.sandbox import isolation
from autograder.sandbox.isolation import Backend, Unavailable
from autograder.sandbox.zygote import ANY_CORE, BRANCH, CORE, DEATH, HELLO, NUMBER, PROBE, WORKER

START_SECONDS = 120.0
HELLO_SECONDS = 30.0
_BOOT = "import sys; sys.path[:0] = {paths!r}; from autograder.sandbox.zygote import main; main(sys.argv[1])"


class ForkServer:
    """A running fork server.

    Args:
        libraries: imported before the first fork.
    Raises:
        Unavailable: if the back end does not work here, or a canary got through.
    """

    def __init__(self, libraries: tuple[str, ...], backend: Backend) -> None:
        self.backend, self.libraries = backend, libraries
        self._folder = tempfile.TemporaryDirectory(prefix="speechlab-worker-", ignore_cleanup_errors=True)
        place = Path(self._folder.name)
        self.address = str(place / "control")
        self._secret = place / "secret"
        self._secret.write_text(secrets.token_hex(16))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the server)
        self._process = self._start(place)
        try:
            self._test()
        except BaseException:
            self.close()
            raise

    def _start(self, place: Path) -> subprocess.Popen:
        # a plain process has no folder for temporary files but the one that is thrown away at the end
        home = self.backend.policy.scratch if self.backend.isolates else str(place)
        packages = [str(folder.parent) for folder in isolation.packages()]
        listener = None
        settings: dict[str, Any] = {
            "policy": asdict(self.backend.policy),
            "libraries": list(self.libraries),
            "listener": None,
            "address": isolation.ADDRESS_IN_CONTAINER,
        }
        if self.backend.makes_socket:
            packages = [isolation.PACKAGES_IN_CONTAINER]
            place.chmod(0o711)
            shared = place / "shared"
            shared.mkdir()
            shared.chmod(0o777)
            self.address = str(shared / os.path.basename(isolation.ADDRESS_IN_CONTAINER))
            place = shared
        else:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.address)
            listener.listen(64)
            settings["listener"] = listener.fileno()
        boot = _BOOT.format(paths=list(dict.fromkeys(packages)))
        python = [sys.executable, "-I", "-B", "-c", boot, json.dumps(settings)]
        # the other end of its input is held here: when this process ends, however, the input ends
        lifeline, self._lifeline = socket.socketpair()
        try:
            return subprocess.Popen(
                self.backend.command(python, place),
                stdin=lifeline.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[listener.fileno()] if listener else [],
                env=self._environment(home),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"{self.backend.name} cannot be started: {error}") from error
        finally:
            lifeline.close()
            if listener:
                listener.close()

    def _environment(self, home: str) -> dict[str, str]:
        found = isolation.environment(home)
        if self.backend.makes_socket:  # the engine's command line, outside, needs its own
            found.update({name: os.environ[name] for name in os.environ if name.startswith("DOCKER_")})
            found["PATH"] = os.environ.get("PATH", found["PATH"])
        return found

    # -- connections ------------------------------------------------------------------------------

    def worker(self) -> tuple[socket.socket, int]:
        """A connection to a fresh worker, confined and ready, and the number that `death` asks for.

        Raises:
            OSError: if there is none to be had. Never a learner's fault: nothing of theirs has run.
        """
        connection = self._connect(WORKER)
        try:
            connection.settimeout(HELLO_SECONDS)
            answer = _read(connection, len(HELLO) + NUMBER.size)
        except OSError:
            connection.close()
            raise
        connection.settimeout(None)
        return connection, NUMBER.unpack(answer[len(HELLO) :])[0]

    def branch(self, core: int | None = None) -> Branch:
        """A fork server of one's own that has been forked from this one: its libraries are there at once.

        Args:
            core: the only processor core that it and its workers may use.
        Raises:
            OSError: if the server is gone.
        """
        control = self._connect(BRANCH)
        try:
            control.sendall(CORE.pack(ANY_CORE if core is None else core))
        except BaseException:
            control.close()
            raise
        return Branch(self.libraries, control, self.backend)

    def death(self, number: int) -> str | None:
        """How a worker ended, in words; empty if that is not known (yet), None if the server is gone."""
        try:
            with self._connect(DEATH) as connection:
                connection.settimeout(HELLO_SECONDS)
                connection.sendall(NUMBER.pack(number))
                return connection.makefile("r", encoding="utf-8", errors="replace").read(200)
        except TimeoutError:
            return ""
        except OSError:
            return None

    def _connect(self, kind: bytes) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self.address)
            connection.sendall(kind)
        except BaseException:
            connection.close()
            raise
        return connection

    # -- start and end ----------------------------------------------------------------------------

    def _test(self) -> None:
        """Let the canaries out.

        Raises:
            Unavailable: if one got through or did not answer.
        """
        policy = self.backend.policy
        from autograder.sandbox import canaries

        expected = canaries.names(policy)
        try:
            with self._first_connection() as connection:
                connection.settimeout(START_SECONDS)
                _read(connection, len(HELLO) + NUMBER.size)
                connection.sendall(json.dumps(self._question()).encode() + b"\n")
                report = json.loads(connection.makefile("rb").readline() or b"null")
        except (OSError, ValueError) as error:
            raise Unavailable(f"it did not start: {self._last_words() or error}") from error
        if not isinstance(report, dict):
            raise Unavailable(f"its canaries did not answer: {self._last_words()}")
        for name in expected:
            finding = report.get(name, "was not tried")
            if finding:
                raise Unavailable(f"the wall {name!r} does not hold: {finding}")

    def _first_connection(self) -> socket.socket:
        """The server imports for seconds before it accepts; in a container the socket comes late too."""
        ends_at = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._connect(PROBE)
            except (FileNotFoundError, ConnectionRefusedError):
                if self._process.poll() is not None or time.monotonic() > ends_at:
                    raise
                time.sleep(0.01)

    def _question(self) -> dict[str, object]:
        hidden = [str(self._secret), str(Path.home()), "/etc/shadow", "/root"]
        readable = [*isolation.python_folders(), *map(str, isolation.packages())]
        hidden += [str(folder) for folder in _course_folders()]
        return {
            "policy": vars(self.backend.policy),
            "environment": [*isolation.environment(""), "LC_CTYPE", "PWD"],
            "read_only": readable if not self.backend.makes_socket else ["/opt"],
            # a folder inside which Python lies may be entered; what it holds is looked at one by one
            "hidden": [path for path in dict.fromkeys(hidden) if not _is_shown(path, readable)],
        }

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().split("\n")
        return lines[-1][:300]

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the server and every worker of it."""
        self._lifeline.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        self._folder.cleanup()


class Attached(ForkServer):
    """A server that another process of the trusted side has started and tested."""

    def __init__(self, libraries: tuple[str, ...], address: str, backend: Backend) -> None:
        self.libraries, self.address, self.backend = libraries, address, backend

    def alive(self) -> bool:
        return os.path.exists(self.address)

    def close(self) -> None:
        """Nothing: it is the other process's."""


class Branch(ForkServer):
    """A server that was forked from another: see `ForkServer.branch`. It ends with this process.

    No path leads to it: connections are handed to it through the socket that it holds the other end of.
    """

    def __init__(self, libraries: tuple[str, ...], control: socket.socket, backend: Backend) -> None:
        self.libraries, self.backend, self._control = libraries, backend, control

    def _connect(self, kind: bytes) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            ours.sendall(kind)
            socket.send_fds(self._control, [b"c"], [theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def branch(self, core: int | None = None) -> Branch:
        raise OSError("a branch of a branch is not made")

    def alive(self) -> bool:
        poll = select.poll()
        poll.register(self._control, 0)  # hanging up is always reported
        return not poll.poll(0)

    def close(self) -> None:
        self._control.close()


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionResetError("the fork server gave no worker")
        data += more
    return data


def _course_folders() -> list[Path]:
    """Where answers, marks and other students' work may lie."""
    from autograder.course import find_root
    from autograder.errors import SpeechlabError

    try:
        root = find_root().resolve()
    except SpeechlabError:
        return []
    names = ("solutions", "submitted", "autograded", "source", ".speechlab", "gradebook.db")
    return [root / name for name in names if (root / name).exists()]


def _is_shown(path: str, readable: list[str]) -> bool:
    """Whether a path leads to something that workers must see (a venv in the home folder)."""
    return any(Path(shown).is_relative_to(path) for shown in readable)


# -- one server per set of libraries ---------------------------------------------------------------

_servers: dict[tuple[str, ...], ForkServer] = {}
_refused: dict[str, str] = {}
_backend: Backend | None = None
_lock = threading.RLock()
_owner = os.getpid()


def shared_server(libraries: tuple[str, ...]) -> ForkServer:
    """The server with these libraries, for the life of this process; started if need be.

    Raises:
        GradingError: if no back end works.
    """
    with _lock:
        _forget_parents()
        server = _servers.get(libraries)
        if server is None or not server.alive():
            server = _servers[libraries] = _open(libraries)
        return server


def attach(
    libraries: tuple[str, ...],
    address: str,
    backend_name: str,
    branch: bool = False,
    core: int | None = None,
) -> None:
    """Use a server that another process has started, and tested, for these libraries.

    Args:
        branch: fork a server of one's own from it. Not from one in a container: open sockets cannot be
            handed to every container.
        core: the only processor core of the branch.
    """
    global _backend
    with _lock:
        _forget_parents()
        backend = isolation.BACKENDS[backend_name]()
        server: ForkServer = Attached(libraries, address, backend)
        if branch and not backend.makes_socket:
            # if it has just been killed, whoever started it will find out and start another
            with contextlib.suppress(OSError):
                server = server.branch(core)
        _servers[libraries] = server
        _backend = backend


def _forget_parents() -> None:
    """After a fork the servers are the parent's to close, but can be used here as well."""
    global _owner
    if _owner != os.getpid():
        _owner = os.getpid()
        for libraries, server in list(_servers.items()):
            if not isinstance(server, Branch):
                _servers[libraries] = Attached(libraries, server.address, server.backend)


def _open(libraries: tuple[str, ...]) -> ForkServer:
    global _backend
    for name, make in candidates_left():
        try:
            server = ForkServer(libraries, make())
        except Unavailable as reason:
            _refused[name] = str(reason)
            continue
        _backend = server.backend
        atexit.register(_close_own, server)
        return server
    reasons = "; ".join(f"{name}: {reason}" for name, reason in _refused.items())
    raise GradingError(f"no process for learners' code can be started: {reasons}")


def candidates_left() -> list:
    """Back ends to try: what was refused once is not tried again, and what was chosen stays."""
    if _backend is not None:
        return [(_backend.name, lambda: _backend)]
    return [(name, make) for name, make in isolation.candidates() if name not in _refused]


def _close_own(server: ForkServer) -> None:
    if _owner == os.getpid():
        server.close()


def chosen() -> Backend:
    """The back end of this process; a server without libraries finds it out if none has run yet.

    Raises:
        GradingError: if none works.
    """
    with _lock:
        if _backend is None:
            shared_server(())
        assert _backend is not None
        return _backend


def refusals() -> dict[str, str]:
    """Why better back ends were passed over, by name."""
    return dict(_refused)
