"""What a command and every process that it starts take: time on the clock and of processors, memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.processes import start

_PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.3


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of all processors together."""

    wall: float
    processor: float


@contextlib.contextmanager
def counting() -> Iterator[Callable[[], Cost]]:
    """What is spent from here on, by this process and by all those started meanwhile that have ended.

    On Linux also by those that outlived their parents; elsewhere these are not counted.
    """
    _adopt_orphans()
    began, used = time.perf_counter(), _used()
    ended: list[Cost] = []

    def spent() -> Cost:
        return ended[0] if ended else Cost(time.perf_counter() - began, _used() - used)

    try:
        yield spent
    finally:
        wall = time.perf_counter() - began
        _reap()
        ended.append(Cost(wall, _used() - used))


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _reap() -> None:
    """Wait for what the command has left behind and is about to end: its use counts once it has."""
    if not hasattr(os, "waitpid"):
        return
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)
        except ChildProcessError:
            return


def _used() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return time.process_time()
    found = [resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


@dataclass(frozen=True)
class Memory:
    """Largest shares of memory seen, in bytes: `own` is in no other process, `share` divides what is shared."""

    own: int
    share: int
    count: int


def watched(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    kind: Callable[[psutil.Process], str],
    codes: Sequence[int] = (0,),
) -> dict[str, Memory]:
    """Run a command and look at the memory of its processes until it ends.

    Args:
        kind: names the kind of a process; "" for one that does not count.
    Returns:
        For each kind the mean over its processes at the moment when they took most, and how many there were.
    """
    seen: dict[str, Memory] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_SECONDS):
            groups: dict[str, list[tuple[int, int]]] = defaultdict(list)
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError):
                    name = kind(process)
                    if name:
                        used = process.memory_full_info()
                        groups[name].append((used.uss, getattr(used, "pss", used.uss)))
            for name, found in groups.items():
                count = len(found)
                share = sum(pss for _, pss in found) // count
                if name not in seen or share > seen[name].share:
                    seen[name] = Memory(sum(uss for uss, _ in found) // count, share, count)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        start(command, folder, environment, codes)
    finally:
        over.set()
        thread.join()
    return seen
