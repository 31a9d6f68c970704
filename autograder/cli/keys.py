"""Single key presses from a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

ReadKey = Callable[[float], str | None]


@contextlib.contextmanager
def pressed_keys() -> Iterator[ReadKey]:
    """Keys without Enter and without echo; Ctrl-C still stops.

    Gives a function that waits up to so many seconds and returns a key, or None. The terminal is put
    back as it was, whatever happens.
    """
    if sys.platform == "win32":
        yield _windows_key
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield _posix_key
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _posix_key(seconds: float) -> str | None:
    import select

    terminal = sys.stdin.fileno()
    if not select.select([terminal], [], [], seconds)[0]:
        return None
    data = os.read(terminal, 64)  # an arrow key sends several bytes at once: they are one key
    if not data:
        raise EOFError("the terminal was closed")
    return data.decode("utf-8", "replace")


def _windows_key(seconds: float) -> str | None:
    import msvcrt

    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if msvcrt.kbhit():  # type: ignore[attr-defined]
            key = msvcrt.getwch()  # type: ignore[attr-defined]
            if key == "\x03":
                raise KeyboardInterrupt
            return key
        time.sleep(0.02)
    return None
