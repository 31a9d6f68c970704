"""How checks run: silent, on one thread, and within bounds of time and memory."""

from __future__ import annotations

import contextlib
import gc
import io
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from types import FrameType

from autograder.sandbox.bounds import AGAIN_SECONDS, would_be_lost
from autograder.values import torch_module

# What a check may take in addition to what is in use. For comparing a worker's answers that is sixteen times
# the largest that it can send; code in this process could fill the machine before its time is over.
CHECK_BYTES = 4 * 1024**3


class TimeLimit(Exception):
    """The learner's code did not answer in time."""


class AnswerLimit(TimeLimit):
    """The learner's code answered, from a process of its own, but looking at the answer took too long."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Prints and warnings of the learner's code change nothing and are not shown while checking."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        import numpy as np

        with np.errstate(all="ignore"):
            yield


@contextlib.contextmanager
def _time_limit(seconds: float | None, kind: type[TimeLimit]) -> Iterator[None]:
    if seconds is None or not _in_main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    # again and again: an `except` may swallow the first, and hypothesis repeats a failing example
    repeat = min(seconds, 1.0)
    armed = True

    def stop(_signum: int, frame: FrameType | None) -> None:
        if not armed:
            return
        if would_be_lost(frame):
            gc.disable()  # then the next alarm finds the code itself
            signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS, repeat)
            return
        raise kind(f"no answer within {seconds:g} s")

    collects = gc.isenabled()
    before = signal.signal(signal.SIGALRM, stop)
    started = time.monotonic()
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds, repeat)
    try:
        yield
    finally:
        armed = False  # an alarm that was already on its way does nothing from here on
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if collects:
            gc.enable()
        if remaining:  # whoever had set an alarm before still gets it
            left = max(remaining - (time.monotonic() - started), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


@contextlib.contextmanager
def _memory_limit(extra: int | None) -> Iterator[None]:
    """At most so many bytes more than now, where the system can say how many that are (Linux).

    An answer of a megabyte can, broadcast against another, become one of a terabyte.
    """
    if extra is None or sys.platform != "linux" or not _in_main_thread():
        yield
        return
    import resource

    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = used + extra
    if soft == resource.RLIM_INFINITY or wanted < soft:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _in_main_thread() -> bool:
    """Limits belong to a process, and alarms to its main thread."""
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def guarded(
    limit: float | None, kind: type[TimeLimit] = TimeLimit, memory: int | None = None
) -> Iterator[None]:
    """As checks run: silent, and stopped with `kind` after `limit` seconds.

    Args:
        memory: bytes that may be asked for in addition to what is in use; then MemoryError.
    """
    with _quiet(), _one_thread(), _memory_limit(memory), _time_limit(limit, kind):
        yield


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: on tensors as small as a check's, waking others takes longer than the work."""
    torch = torch_module()
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
