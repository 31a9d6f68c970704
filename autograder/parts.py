"""Who answers a part for `labkit.parts`: the learner if it passes its checks, else the reference."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from autograder.course import Course, Lab, load_course
from autograder.definitions import execute
from autograder.loading import load_reference
from autograder.state import own_parts
from labkit.parts import PartsError

YOURS, REFERENCE, NOBODY = "yours", "reference", "nobody"


class LabParts:
    """The parts of one lab in this process."""

    def __init__(self, course: Course, lab: Lab) -> None:
        self._lab = lab
        with _without_alarm():
            passed, cells = own_parts(course, lab)
        reference = vars(load_reference(lab.folder)) if lab.folder is not None else {}
        self._by = {
            part.name: YOURS if part.name in passed else (REFERENCE if part.name in reference else NOBODY)
            for part in lab.parts
        }
        self._names = dict(reference)
        if passed:
            # the learner's parts live in a namespace of their own, in which the parts that are not
            # theirs yet are the reference's
            module = ModuleType(f"your_{lab.name}")
            execute(cells, module.__dict__, f"your notebook: {lab.name}")
            for part in lab.parts:
                if part.name not in passed and part.name in reference:
                    module.__dict__[part.name] = reference[part.name]
            self._names.update({name: module.__dict__[name] for name in passed})

    @property
    def by(self) -> dict[str, str]:
        """Part → who answers it."""
        return self._by

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        by = self._by.get(name)
        if by is None:
            raise PartsError(f"{self._lab.name} has no part {name!r}; it has {', '.join(self._by)}")
        if by == NOBODY:
            raise PartsError(
                f"{self._lab.name}.{name} is needed here and you have not passed it yet: "
                f"this release holds no reference to stand in. Open {self._lab.name} first."
            )
        return self._names[name]


@contextlib.contextmanager
def _without_alarm() -> Iterator[None]:
    """A check's time limit is for the learner's code: checking another lab does not count."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        if left:
            signal.setitimer(signal.ITIMER_REAL, left, interval)


@cache
def provider(lab_name: str) -> LabParts:
    """The parts of a lab by its name. Looked up once per process: restart it to use new answers.

    Raises:
        PartsError: if there is no such lab.
    """
    course = load_course()
    for lab in course.labs:
        if lab.name == lab_name:
            return LabParts(course, lab)
    raise PartsError(f"no lab named {lab_name!r} in {course.root}")
