"""Graders: trusted processes, forked from a warmed one, that grade one submission after the other.

Each grader is a pebble pool of its own with one process, so that a grader that is killed at any moment, even
in the middle of a message, costs nothing but its own submission. Results come as files; what goes through
pebble's pipes is short.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
from pebble import ProcessExpired, ProcessPool

from autograder.batch.warm import THREAD_VARIABLES, VARIABLE, threads_at_fork, warm
from autograder.batch.work import Job, Outcome, Spec, grade_job
from autograder.course import load_course
from autograder.errors import GradingError
from autograder.loading import page_imports
from autograder.sandbox.forkserver import ForkServer, attach, shared_server

ATTEMPTS = 2
RESTARTS = 5  # of the sandbox's fork servers, if something kills them
TICK_SECONDS = 0.2
JOBS_PER_GRADER = 500  # then a fresh one takes over: whatever a library leaks ends with its process

Tick = Callable[[list[str]], Any]


@dataclass(frozen=True)
class Lost:
    """A submission that ended its grader every time it was tried."""

    number: int
    reason: str


# --- in a grader --------------------------------------------------------------------------------------

_spec: Spec | None = None
_status = -1


def _start(
    spec: Spec, lifeline: Connection, status: str, servers: Servers, alone: bool, core: int | None
) -> None:
    """Become a grader.

    Args:
        alone: there is no other grader.
        core: the only processor core to use.
    """
    global _spec, _status
    _end_with_the_batch(lifeline)
    if core is not None:
        os.sched_setaffinity(0, {core})
    os.environ["SPEECHLAB_COURSE"] = spec.root
    use_servers(servers, branch=not alone, core=core)
    _spec = spec
    _status = os.open(status, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _end_with_the_batch(lifeline: Connection) -> None:
    """Whatever becomes of the process that started the batch, no grader outlives it.

    Nobody writes to the lifeline; its other end is held by that process alone, so that it closes with it.
    """
    if sys.platform == "linux":
        # the server that forked this grader may be killed by itself
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    def watch() -> None:
        lifeline.poll(None)
        os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="lifeline").start()


def _ready(seed: int) -> tuple[int, int]:
    """Warm up, if the fork server could not: says what is wrong with a lab before any submission is tried.

    Returns the process and how many threads there were when it was forked.
    """
    assert _spec is not None
    warm(_spec.root, _spec.labs, _spec.masters is not None, seed)
    return os.getpid(), threads_at_fork


def _say(text: str) -> None:
    """Let the one who watches know what this process is doing: its number, a space, the words."""
    words = " ".join(text.split())
    os.pwrite(_status, f"{os.getpid()} {words}".encode("utf-8", "replace")[:300].ljust(300), 0)


def _grade(job: Job, target: str) -> None:
    """Grade a submission and leave the outcome in a file."""
    assert _spec is not None
    outcome = grade_job(_spec, job, lambda part, _backend: _say(f"{job.student}: {part}"))
    Path(target).write_bytes(_encode(outcome))


def _encode(outcome: Outcome) -> bytes:
    # JSON text for the record: it may hold half surrogate pairs, which msgpack's UTF-8 does not take
    fields = (
        outcome.number,
        json.dumps(outcome.record),
        outcome.blobs,
        json.dumps(outcome.page),
        outcome.key,
    )
    return msgspec.msgpack.encode(fields)


def _decode(data: bytes) -> Outcome:
    number, record, blobs, page, key = msgspec.msgpack.decode(data)
    return Outcome(number, json.loads(record), blobs, json.loads(page), key)


# --- the sandbox's fork servers ------------------------------------------------------------------------

Servers = list[tuple[tuple[str, ...], str, str]]  # libraries, address, back end


def share_servers(spec: Spec) -> tuple[list[ForkServer], Servers]:
    """One sandbox fork server for each lab's libraries, for all graders: libraries are in memory once.

    Raises:
        GradingError: if no back end works.
    """
    course = load_course(Path(spec.root))
    wanted = dict.fromkeys(page_imports(course.lab(name)) for name in spec.labs)
    servers = [shared_server(libraries) for libraries in wanted]
    return servers, [(server.libraries, server.address, server.backend.name) for server in servers]


def use_servers(servers: Servers, branch: bool = False, core: int | None = None) -> None:
    """In a grader: take workers from there.

    Args:
        branch: from servers of one's own that are forked from those.
        core: the only processor core of these.
    """
    for libraries, address, backend in servers:
        attach(libraries, address, backend, branch, core)


def core_for(number: int, count: int) -> int | None:
    """The core that a grader and its workers keep to; None if they may use any.

    A grader and its worker take turns, many thousand times a second: together they fill one core. Where
    there are as many graders as cores the system does not see that and often puts two pairs on one core.
    """
    cores = usable_cores()
    return cores[number] if count == len(cores) and hasattr(os, "sched_setaffinity") else None


def usable_cores() -> list[int]:
    """The processor cores that this process may use: a container or a batch system may leave it a few."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


# --- in the process that runs the batch ----------------------------------------------------------------


@dataclass
class _Grader:
    """A place for a grader, and what it is doing."""

    number: int
    pool: ProcessPool
    status: Path
    target: Path
    generation: int
    job: Job | None = None
    future: Future[Any] | None = None


class Graders:
    """A number of graders, for one batch.

    Args:
        count: how many.
        folder: for what they leave; emptied by the caller.
        seconds: what one submission may take before its grader is ended.
        seed: of the submissions: with it, inputs are drawn once for all graders.
    Raises:
        GradingError: if a lab's checks cannot run here.
    """

    def __init__(self, spec: Spec, count: int, folder: Path, seconds: float, seed: int = 0) -> None:
        self._spec, self._folder, self._seconds, self._seed = spec, folder, seconds, seed
        self._context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        self._lifeline, self._held = self._context.Pipe(duplex=False)
        self._environment = _set_environment(spec, seed)
        self._count = count
        self._attempts: dict[int, int] = {}
        self._generation = 0  # of the sandbox's fork servers
        self._graders: list[_Grader] = []
        folder.mkdir(parents=True, exist_ok=True)
        try:
            if os.name == "posix":
                self._context.set_forkserver_preload(["autograder.batch.warm"])  # type: ignore[attr-defined]
                forkserver.ensure_running()  # it warms up while the sandbox's servers start
            self._servers, self._addresses = share_servers(spec)
            self._graders = [self._new(number) for number in range(count)]
            self.pid, self.threads_at_fork = self._first_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Graders:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _new(self, number: int) -> _Grader:
        status, target = self._folder / f"{number}.status", self._folder / f"{number}.result"
        return _Grader(number, self._pool(number, status), status, target, self._generation)

    def _pool(self, number: int, status: Path) -> ProcessPool:
        core = core_for(number, self._count)
        return ProcessPool(
            max_workers=1,
            max_tasks=JOBS_PER_GRADER,
            initializer=_start,
            initargs=(self._spec, self._lifeline, str(status), self._addresses, self._count == 1, core),
            context=self._context,  # type: ignore[arg-type]
        )

    def _first_ready(self) -> tuple[int, int]:
        for _ in range(ATTEMPTS):
            try:
                return self._graders[0].pool.schedule(_ready, (self._seed,)).result()
            except (ProcessExpired, BrokenProcessPool, RuntimeError) as error:
                reason = error
                self._renew(self._graders[0])
        raise GradingError(f"graders cannot be started: {reason}")

    def run(self, jobs: Iterator[Job], tick: Tick | None = None) -> Iterator[tuple[Job, Outcome | Lost]]:
        """Grade all; outcomes come in the order in which they are done.

        Args:
            tick: called several times a second with what each grader is doing.
        """
        again: deque[Job] = deque()
        self._give_all(again, jobs)
        while busy := {g.future: g for g in self._graders if g.future is not None}:
            done, _ = wait(busy, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            if tick is not None:
                tick([words for words in map(_doing, busy.values()) if words])
            outcomes = []
            for future in done:
                job, outcome = self._outcome(busy[future])
                if outcome is None:
                    again.append(job)
                else:
                    outcomes.append((job, outcome))
            # first, so that no grader waits while what it found is written down
            self._give_all(again, jobs)
            yield from outcomes

    def _give_all(self, again: deque[Job], jobs: Iterator[Job]) -> None:
        """Give a job to every grader that has none, while there are any."""
        for grader in self._graders:
            if grader.future is None:
                job = again.popleft() if again else next(jobs, None)
                if job is not None:
                    self._give(grader, job)

    def _give(self, grader: _Grader, job: Job) -> None:
        grader.job = job
        grader.target.unlink(missing_ok=True)
        try:
            grader.future = grader.pool.schedule(_grade, (job, str(grader.target)), timeout=self._seconds)
        except RuntimeError:  # it died while it had nothing to do
            self._renew(grader)
            grader.future = grader.pool.schedule(_grade, (job, str(grader.target)), timeout=self._seconds)

    def _outcome(self, grader: _Grader) -> tuple[Job, Outcome | Lost | None]:
        """What came of a grader's job; None if it is to be tried again."""
        job, future = grader.job, grader.future
        assert job is not None and future is not None
        grader.job = grader.future = None
        try:
            future.result()
        except TimeoutError:
            reason = f"took more than {self._seconds:g} s"
        except (ProcessExpired, BrokenProcessPool, CancelledError) as error:
            reason = f"the process ended ({_ending(error)})"
        else:
            outcome = _decode(grader.target.read_bytes())
            deserted = _has_fault(outcome) and self._was_deserted(grader)
            return job, None if deserted else outcome
        self._renew(grader)
        self._attempts[job.number] = self._attempts.get(job.number, 0) + 1
        if self._attempts[job.number] < ATTEMPTS:
            return job, None
        return job, Lost(job.number, reason)

    def _was_deserted(self, grader: _Grader) -> bool:
        """Whether a grader failed because the sandbox's fork server had died; it has a new one then."""
        if not all(server.alive() for server in self._servers) and self._generation < RESTARTS:
            self._servers, self._addresses = share_servers(self._spec)
            self._generation += 1
        if grader.generation == self._generation:
            return False
        self._renew(grader)
        return True

    def _renew(self, grader: _Grader) -> None:
        # a process killed with a lock in its hands would hold up the next one of the same pool
        _stop([grader.pool])
        grader.pool = self._pool(grader.number, grader.status)
        grader.generation = self._generation

    def close(self) -> None:
        """End all graders, whatever they are doing."""
        _stop([grader.pool for grader in self._graders])
        self._graders = []
        self._held.close()
        self._lifeline.close()
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _stop(pools: list[ProcessPool]) -> None:
    for pool in pools:
        pool.stop()
    for pool in pools:
        pool.join()


def _ending(error: BaseException) -> str:
    code = getattr(error, "exitcode", None)
    if isinstance(code, int) and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}" if isinstance(code, int) else str(error) or type(error).__name__


def _has_fault(outcome: Outcome) -> bool:
    """Grading failed, or a worker ended: which may be the work of whoever ended the fork server."""
    result = outcome.record["result"]
    return result is None or any(part["fault"] for part in result["parts"])


def _doing(grader: _Grader) -> str:
    try:
        text = grader.status.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.partition(" ")[2].rstrip(" \0")


def _set_environment(spec: Spec, seed: int) -> dict[str, str | None]:
    """For the fork server: one thread for each library, and what to warm up. Returns what was there."""
    wanted = {"root": spec.root, "labs": spec.labs, "pages": spec.masters is not None, "seed": seed}
    new = {**dict.fromkeys(THREAD_VARIABLES, "1"), VARIABLE: json.dumps(wanted)}
    before = {name: os.environ.get(name) for name in new}
    os.environ.update(new)
    return before
