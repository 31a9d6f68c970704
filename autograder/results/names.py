"""File names for students: safe on every system, and no two alike."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, count

LONGEST = 60  # characters; with a folder before it and a suffix behind it, far below every system's limit
# Windows opens a device instead of a file of such a name, whatever its suffix
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789"
}


def safe_name(student: str) -> str:
    """A file name without suffix: ASCII letters, digits, `-`, `_` and inner dots.

    A name that had to be changed ends in a mark of the original, so that two students whose names
    change into the same do not meet.
    """
    ascii_only = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", ascii_only).strip("._-")[:LONGEST].rstrip("._-")
    device = name.split(".")[0].lower() in _DEVICES
    if name and name == student and not device:
        return name
    kept = f"student-{name}" if device else name or "student"
    return f"{kept}-{_mark(student)}"


def unique_names(students: Iterable[str]) -> list[str]:
    """A file name for each student in order, distinct also where capitals do not count."""
    namer = Namer()
    return [namer.name(student) for student in students]


def _mark(student: str) -> str:
    # ids may hold lone surrogates: file names that are no UTF-8 arrive so
    return hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:8]


class Namer:
    """Gives file names one after the other, none twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, student: str) -> str:
        """The next one: the safe name, or if it is taken, the same with a mark and then a number."""
        own = safe_name(student)
        marked = f"{own}-{_mark(student)}"
        candidates = chain([own, marked], (f"{marked}-{number}" for number in count(2)))
        name = next(name for name in candidates if name.casefold() not in self._taken)
        self._taken.add(name.casefold())
        return name
