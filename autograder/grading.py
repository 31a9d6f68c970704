"""One submission → marks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.checking.proxy import Backend
from autograder.checking.runner import CheckResult, CheckSession, TimeLimit, session_of
from autograder.course import Course, Lab, Part
from autograder.diagnosis import Diagnosis, diagnose
from autograder.illustrate import illustrate
from autograder.loading import load_reference, page_imports, reference_of
from autograder.notebook import Reading
from autograder.sandbox.client import CALL_SECONDS, PART_SECONDS, Submission
from autograder.sandbox.isolation import in_force
from autograder.sandbox.peer import Gone


@dataclass
class PartResult:
    """Marks of one part and why.

    Attributes:
        points: all of the part's points, or none.
        checks: (what was asked, whether it was met).
        diagnosis: what is wrong; None if nothing is.
        note: what these checks leave open; empty if they are all there are.
        fault: what ended the worker ("gave no answer within 20 s"); empty if nothing did.
        detail: for the instructor only: an exception's own text, the lines, the fault in full.
        flags: what a person should look at, one sentence each (a forbidden function is used).
    """

    part: str
    points: float
    max_points: float
    checks: list[tuple[str, bool]] = field(default_factory=list)
    diagnosis: Diagnosis | None = None
    seconds: float = 0.0
    note: str = ""
    fault: str = ""
    detail: str = ""
    flags: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.diagnosis is None


@dataclass
class LabResult:
    """Marks of one notebook."""

    lab: str
    parts: list[PartResult]
    remarks: list[str]
    seed: int
    isolation: str
    seconds: float = 0.0

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @property
    def max_points(self) -> float:
        return sum(part.max_points for part in self.parts)


def new_seed() -> int:
    """A seed that nobody can guess, for one grading run."""
    return secrets.randbits(63)


def check_part(
    lab: Lab,
    session: CheckSession,
    part: Part,
    backend: Backend,
    seed: int,
    limit: float | None = None,
    pictures: bool = True,
) -> PartResult:
    """Run the checks of one part against a backend and say what is wrong.

    Args:
        limit: seconds per check for code in this process.
        pictures: draw the learner's output where a check failed.
    """
    started = time.perf_counter()
    results: list[CheckResult] = []
    for item in session.of(part.name):
        result = session.run(item, backend, seed, limit)
        results.append(result)
        is_stub = result.by_learner and isinstance(result.error, NotImplementedError)
        if is_stub or isinstance(result.error, Gone | TimeLimit):
            break  # the other checks would fail in the same way, each after the same wait
    diagnosis = None
    if not all(result.passed for result in results):
        diagnosis = diagnose(lab, session, part.name, results, seed)
        if pictures:
            illustrate(lab, part.name, results, diagnosis)
    return PartResult(
        part.name,
        points=part.points if diagnosis is None else 0.0,
        max_points=part.points,
        checks=[(result.title, result.passed) for result in results],
        diagnosis=diagnosis,
        seconds=time.perf_counter() - started,
    )


def grade(
    course: Course,
    lab: Lab,
    reading: Reading,
    seed: int | None = None,
    parts: list[str] | None = None,
    call_seconds: float = CALL_SECONDS,
    part_seconds: float = PART_SECONDS,
    on_part: Callable[[PartResult], Any] | None = None,
    pictures: bool = True,
    on_start: Callable[[str, Submission | None], Any] | None = None,
) -> LabResult:
    """Grade a notebook: every part in a worker of its own.

    Args:
        seed: of the inputs; drawn afresh if not given.
        parts: names of the parts to grade; all if not given.
        on_part: called with each part's result as it comes.
        on_start: called before each part with its name and the worker that will run it, if one will.
    Raises:
        GradingError: if a check cannot run here. Never turned into marks.
    """
    seed = new_seed() if seed is None else seed
    session = session_of(lab)
    return each_part(
        lab,
        reading,
        seed,
        parts,
        start=lambda part: submission(course, lab, part, reading, call_seconds, part_seconds),
        check=lambda part, backend: check_part(lab, session, part, backend, seed, pictures=pictures),
        on_part=on_part,
        on_start=on_start,
    )


def each_part(
    lab: Lab,
    reading: Reading,
    seed: int,
    parts: list[str] | None,
    start: Callable[[Part], Submission],
    check: Callable[[Part, Submission], PartResult],
    on_part: Callable[[PartResult], Any] | None,
    on_start: Callable[[str, Submission | None], Any] | None,
) -> LabResult:
    """The parts of a notebook one after the other, each in a worker that ends with it.

    Args:
        parts: names of the parts to grade; all if not given.
        start: a worker for a part.
        check: the result of a part in its worker.
    """
    started = time.perf_counter()
    results = []
    for part in lab.parts:
        if parts is not None and part.name not in parts:
            continue
        if part.name in reading.missing:
            sentence = f"The cell of {part.name} is missing. `speechlab reset {lab.name}` brings it back."
            result = PartResult(part.name, 0.0, part.points, diagnosis=Diagnosis("missing", sentence))
        else:
            backend = start(part)
            if on_start:
                on_start(part.name, backend)
            try:
                result = check(part, backend)
            finally:
                backend.close()
        results.append(result)
        if on_part:
            on_part(result)
    return LabResult(lab.name, results, reading.remarks, seed, in_force(), time.perf_counter() - started)


def submission(
    course: Course,
    lab: Lab,
    part: Part,
    reading: Reading,
    call_seconds: float = CALL_SECONDS,
    part_seconds: float = PART_SECONDS,
) -> Submission:
    """A learner's part in a worker, with the other function parts answered by the reference."""
    assert lab.folder is not None
    own = load_reference(lab.folder)

    def resolve(name: str) -> Any:
        other, _, function = name.rpartition(".")
        if other and other not in lab.needs:
            raise LookupError(f"{lab.name} does not list {other} among the labs it needs")
        found = getattr(reference_of(course, other) if other else own, function)
        if isinstance(found, type):
            raise LookupError(f"{name} is a class; only functions are provided")
        return found

    provided = [p.name for p in lab.parts if p.name != part.name and not p.is_class]
    return Submission(
        reading.cells, part.name, provided, resolve, page_imports(lab), call_seconds, part_seconds
    )
