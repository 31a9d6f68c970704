"""What a command and every process that it starts take: time on the clock and of processors, memory."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.processes import full, start

_PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.1
WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of all processors together."""

    wall: float
    processor: float


def cost(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], codes: Sequence[int] = (0,)
) -> Cost:
    """Run a command, as `processes.start` does, and say what it took.

    On Linux what outlives its parent counts too; elsewhere only what the command has waited for.
    """
    with tempfile.TemporaryDirectory(prefix="speechlab-bench-") as name:
        report = Path(name) / "cost.json"
        start(
            ["python", "-m", "benchmarks.accounting", str(report), *full(command)], folder, environment, codes
        )
        return Cost(**json.loads(report.read_text(encoding="utf-8")))


def main(report: str, *command: str) -> int:
    """Run a command in this process's care, and write into a file what it took."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    began = time.perf_counter()
    code = subprocess.run(command).returncode
    wall = time.perf_counter() - began
    if sys.platform != "win32":
        _wait_for_all()
    Path(report).write_text(json.dumps({"wall": wall, "processor": used(children=True)}), encoding="utf-8")
    return code


def _wait_for_all() -> None:
    """What the command has left behind ends soon; its use counts once it has been waited for."""
    ends_at = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends_at:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)
        except ChildProcessError:
            return
    raise RuntimeError(f"a process is still there {WAIT_SECONDS:g} s after the command that started it")


def used(children: bool) -> float:
    """Processor seconds of this process, or of its children that have ended."""
    if sys.platform == "win32":
        return 0.0 if children else time.process_time()
    import resource

    found = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime


@dataclass(frozen=True)
class Memory:
    """Memory of the largest process of a kind, in bytes.

    Attributes:
        own: what is in no other process.
        share: that, and what is shared with other processes divided by their number.
        count: of processes of that kind.
    """

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
        For each kind the largest process at the moment when it took most, and how many there were.
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
                own, share = max(found, key=lambda used: used[1])
                if name not in seen or share > seen[name].share:
                    seen[name] = Memory(own, share, len(found))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        start(command, folder, environment, codes)
    finally:
        over.set()
        thread.join()
    return seen


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
