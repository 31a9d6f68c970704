"""The outer guard: what the tests' own safety rests on, whatever the sandbox under test does.

A grader runs in it with process, network, ipc and mount namespaces of its own: it sees no process of
the machine, has a loopback device only, and everything but a few small memory file systems is
read-only. Memory and file sizes are capped, and all of it is killed as a whole at the end.
Inside, programs must still be able to make namespaces of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
TMPFS_MB = {"/tmp": 320, "/dev/shm": 128, "/var/tmp": 64, "/run": 64}
ADDRESSES = 12 << 30  # above the sandbox's own limit, which is to be seen at work
MEMORY = 3 << 30  # of all together, where there are control groups
FILE_BYTES = 256 << 20
CONTROL_GROUPS = {"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"}
CASE_SECONDS = 120.0  # a part has 60 by itself
COURSE_MB = 256
GRADER = "tests.attacks.grader"
PLACES = (
    "/srv",
    "/media",
    "/opt",
    "/mnt",
)  # for the course: not below /tmp, which sandboxes hide


def place_of_the_course() -> str:
    """An existing folder that nothing here needs, for the course and the home."""
    for name in PLACES:
        path = Path(name)
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
                return name
    return "/tmp"


def command(program: list[str]) -> list[str] | None:
    """A command line that runs a program in the guard; None if the tools for it are missing.

    The program becomes process 1 of its own, or the first child of it; as root it has to be `inside`, which
    mounts what is left to mount.
    """
    if os.getuid() == 0:
        # bubblewrap, run as root, covers parts of /proc, after which nothing inside can mount its own
        if not shutil.which("unshare"):
            return None
        options = "--pid --net --ipc --uts --mount --fork --kill-child --mount-proc".split()
        return ["unshare", *options, "--", *program]
    if not shutil.which("bwrap"):
        return None
    options = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    options += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for place, size in {**TMPFS_MB, place_of_the_course(): COURSE_MB}.items():
        if Path(place).is_dir():
            options += ["--size", str(size << 20), "--tmpfs", place]
    options += ["--remount-ro", "/dev"]  # it is a memory file system without a size
    return ["bwrap", *options, "--die-with-parent", "--new-session", "--", *program]


@cache
def why_not() -> str:
    """Why the guard cannot be set up here; empty if it can."""
    if not sys.platform.startswith("linux"):
        return "namespaces are Linux's"
    hidden = [place for place in TMPFS_MB if REPOSITORY.is_relative_to(place)]
    if hidden:
        return f"this checkout lies below {hidden[0]}, which the guard covers with one of its own"
    line = command([sys.executable, "-m", "tests.attacks.inside", "--probe"])
    if line is None:
        return "neither unshare nor bwrap can be used here"
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    if done.returncode != 0 or done.stdout.strip() != "ready":
        last = (done.stderr.strip() or done.stdout.strip() or "no reason given").split("\n")[-1]
        return f"no namespaces here: {last}"
    return ""


@contextlib.contextmanager
def _memory_group() -> Iterator[Path | None]:
    """A control group with a cap on memory, if this machine lets us make one."""
    for folder, name in CONTROL_GROUPS.items():
        group = Path(folder) / f"speechlab-attacks-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / name).write_text(str(MEMORY))
            yield group
            return
        except OSError:
            continue
        finally:
            for _ in range(100):  # the kernel may take a moment to let go of the last process
                try:
                    group.rmdir()
                    break
                except OSError:
                    time.sleep(0.05)
    yield None


def limit() -> None:
    """Cap what this process and its children may take: called first thing inside."""
    for kind, most in ((resource.RLIMIT_AS, ADDRESSES), (resource.RLIMIT_FSIZE, FILE_BYTES)):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def running(program: list[str], environment: dict[str, str], guarded: bool) -> Iterator[subprocess.Popen]:
    """A program with pipes to it, in the guard; killed with everything in it at the end."""
    line = command(program) if guarded else program
    assert line is not None, "asked for a guard where there is none: see why_not"
    with _memory_group() if guarded else contextlib.nullcontext() as group:
        process = subprocess.Popen(
            line,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            if group is not None:
                (group / "cgroup.procs").write_text(str(process.pid))
            yield process
        finally:
            # process 1 of the namespace dies with its parent, and the kernel kills the rest with it
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError):
                    stream.close()


def environment(isolation: str | None, guarded: bool) -> dict[str, str]:
    """For a grader: nothing of the caller's settings of this project but the back end."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("SPEECHLAB_", "PYTEST_", "XDG_"))}
    kept["PYTHONPATH"] = str(REPOSITORY)
    if isolation:
        kept["SPEECHLAB_ISOLATION"] = isolation
    if guarded:
        kept["SPEECHLAB_ATTACK_GUARD"] = place_of_the_course()
    return kept


def _lines(process: subprocess.Popen, seconds: float) -> Iterator[dict[str, Any] | None]:
    """JSON lines of a process; None if nothing comes for so long, and an end when it ends."""
    rest = b""
    while True:
        readable, _, _ = select.select([process.stdout], [], [], seconds)
        if not readable:
            yield None
            return
        data = os.read(process.stdout.fileno(), 1 << 16)
        if not data:
            return
        rest += data
        while b"\n" in rest:
            line, _, rest = rest.partition(b"\n")
            yield json.loads(line)


def run(
    names: list[str],
    isolation: str | None,
    guarded: bool = True,
    module: str = GRADER,
    seconds: float = CASE_SECONDS,
) -> Iterator[dict[str, Any]]:
    """Grade cases by name in one grader, and yield what came of each.

    A case in which the grader itself dies or hangs is told so, and the rest is graded by a new one.

    Args:
        isolation: the back end to ask for; None for the one that is chosen by itself.
        module: what grades: it reads names and writes JSON lines as `grader` does.
        seconds: for one case, after which the grader counts as hung.
    """
    left = list(names)
    while left:
        before = len(left)
        with tempfile.TemporaryDirectory(prefix="speechlab-attacks-") as folder:
            place = place_of_the_course() if guarded else folder
            program = [sys.executable, "-m", "tests.attacks.inside", place, module]
            with running(program, environment(isolation, guarded), guarded) as process:
                process.stdin.write(json.dumps(left).encode() + b"\n")
                process.stdin.flush()
                current, ended = None, "died"
                for found in _lines(process, seconds):
                    if found is None:
                        ended = "hung"
                        break
                    if "begins" in found:
                        current = found["begins"]
                    elif "case" in found:
                        left.remove(found["case"])
                        current = None
                        yield found
                    elif "ends" in found:
                        assert not left, f"the grader ended without {left}"
                if left:
                    with contextlib.suppress(ProcessLookupError):
                        process.send_signal(signal.SIGKILL)
                    words = process.stderr.read().decode("utf8", "replace")[-2000:]
                    if current is None and len(left) == before:
                        raise RuntimeError(f"the grader {ended} before its first case: {words}")
                    if current is not None:
                        left.remove(current)
                        yield {"case": current, "grader": ended, "told": words}
