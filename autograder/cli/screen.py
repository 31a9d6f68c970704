"""One look for everything that is printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from autograder.state import CHANGED, FAILED, MISSING, PASSED, UNTOUCHED

if TYPE_CHECKING:
    from rich.console import Console

MARKS = {
    PASSED: ("✓", "green"),
    FAILED: ("✗", "red"),
    CHANGED: ("~", "yellow"),
    UNTOUCHED: ("·", "dim"),
    MISSING: ("?", "yellow"),
}
WORDS = {
    PASSED: "passed",
    FAILED: "not passed",
    CHANGED: "changed since it was checked",
    UNTOUCHED: "not started",
    MISSING: "its cell is missing",
}


def console(stderr: bool = False) -> Console:
    """A console on the stream as it is now: checking redirects sys.stdout for a while."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # a pipe or a file has no width: long lines must not be broken for it
    width = None if stream.isatty() else 200
    return Console(file=stream, width=width, highlight=False, emoji=False, soft_wrap=not stream.isatty())


def bar(done: float, whole: float, width: int = 10) -> str:
    filled = round(width * done / whole) if whole else 0
    return "█" * filled + "░" * (width - filled)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def minutes(number: int) -> str:
    hours, rest = divmod(number, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
