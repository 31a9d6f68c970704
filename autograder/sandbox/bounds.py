"""Bounds on what the trusted side does for a learner's code: time and memory."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MEMORY = 2 * 1024**3  # beside what the process has: reference functions on a lab's inputs need a few MB


class TooLong(BaseException):
    """The deadline passed. No Exception: the code that is bounded must not be able to go on."""


def address_ceiling() -> int | None:
    """Size that the process may grow to from here; None where the system does not tell or limit it."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[0])
    except OSError:
        return None
    return pages * resource.getpagesize() + MEMORY


AGAIN_SECONDS = 0.001


def would_be_lost(frame: FrameType | None) -> bool:
    """Whether an exception raised in this frame is thrown away: the garbage collector has called it.

    Code that makes objects without an end spends most of its time in the collector. An alarm that comes
    meanwhile is handled in the first Python code that runs then: a callback of the collector's
    (Hypothesis has one), whose exceptions are ignored.
    """
    codes = {getattr(callback, "__code__", None) for callback in gc.callbacks} - {None}
    while codes and frame is not None:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def bounded(deadline: float | None, ceiling: int | None) -> Iterator[None]:
    """Run the body with a limit on the clock and one on new memory, both lifted afterwards.

    The clock interrupts Python code in the main thread; one long call into a library ends first. The
    limit on memory holds for all threads; where several are in such a body, the first one's counts.

    Args:
        deadline: on the clock `time.monotonic`; None for none.
        ceiling: what `address_ceiling` gave; None for none.
    Raises:
        TooLong: if the body runs past the deadline.
        MemoryError: if it needs more memory.
    """
    with _memory(ceiling), _clock(deadline):
        yield


_lock = threading.Lock()
_inside = 0
_before: tuple[int, int] | None = None


@contextlib.contextmanager
def _memory(ceiling: int | None) -> Iterator[None]:
    global _inside
    if resource is None or ceiling is None:
        yield
        return
    with _lock:
        _inside += 1
        if _inside == 1:
            _lower(ceiling)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _before is not None:
                resource.setrlimit(resource.RLIMIT_AS, _before)


def _lower(ceiling: int) -> None:
    global _before
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    _before = None
    if soft == resource.RLIM_INFINITY or ceiling < soft:
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, hard))
        _before = soft, hard


@contextlib.contextmanager
def _clock(deadline: float | None) -> Iterator[None]:
    if deadline is None:
        yield
        return
    with alarm(max(deadline - time.monotonic(), 0.001), TooLong):
        yield


@contextlib.contextmanager
def alarm(seconds: float, error: Callable[[], BaseException], repeat: float = 0.0) -> Iterator[None]:
    """Raise in the body once the time is over; in the main thread, where the system has timers.

    Args:
        error: makes what is raised.
        repeat: seconds after which it is raised again if the body goes on; 0 for once only.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    armed = True

    def stop(_signum: int, frame: FrameType | None) -> None:
        if not armed:
            return
        if would_be_lost(frame):
            gc.disable()  # then the next alarm finds the code itself
            signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS, repeat)
            return
        raise error()

    collects = gc.isenabled()
    handler: Any = signal.signal(signal.SIGALRM, stop) or signal.SIG_DFL
    started = time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, repeat)
    try:
        try:
            yield
        finally:
            armed = False  # an alarm that was already on its way does nothing from here on
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if collects:
            gc.enable()
        if left:  # whoever had set an alarm before still gets it
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - started), 0.001), interval)
