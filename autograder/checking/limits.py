"""How checks run: silent, on one thread, and within bounds of time and memory."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import warnings
from collections.abc import Iterator

from autograder.sandbox.bounds import alarm
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
    if seconds is None:
        yield
        return
    # again and again: an `except` may swallow the first, and hypothesis repeats a failing example
    with alarm(seconds, lambda: kind(f"no answer within {seconds:g} s"), repeat=min(seconds, 1.0)):
        yield


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
