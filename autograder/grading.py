"""One submission → marks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder import forbidden, views
from autograder.checking import kinds
from autograder.checking.limits import CHECK_BYTES, guarded
from autograder.checking.proxy import Backend
from autograder.checking.runner import CheckResult, CheckSession, session_of
from autograder.course import Course, Lab, Part
from autograder.definitions import Code, needed
from autograder.diagnosis import DIAGNOSIS_SECONDS, Diagnosis, diagnose
from autograder.illustrate import illustrate
from autograder.loading import load_reference, page_imports, reference_of
from autograder.notebook import Reading
from autograder.sandbox.client import CALL_SECONDS, PART_SECONDS, Submission
from autograder.sandbox.forkserver import shared_server
from autograder.sandbox.isolation import in_force
from autograder.sandbox.recall import Answers, Recall

LOOKING_SECONDS = 30.0  # for what it costs here to look at the answers of one check
PICTURE_SECONDS = 20.0
LOADING = "loading your notebook"  # how the fault of a worker begins that was asked nothing yet


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
    reveal: bool = False,
    cells: Sequence[Code] = (),
    apart: bool = False,
) -> PartResult:
    """Run the checks of one part against a backend and say what is wrong.

    Args:
        limit: seconds per check: for code in this process, or for looking at the answers of code that
            runs apart.
        pictures: draw the learner's output where a check failed.
        reveal: tell what the learner's code says of itself. Only on their own machine: on hidden checks
            it can say what it was asked.
        cells: the submitted notebook, in which the line of an exception is looked up.
        apart: the learner's code runs in a process of its own.
    """
    started = time.perf_counter()
    results: list[CheckResult] = []
    fault = ""
    for item in session.of(part.name):
        result = session.run(item, backend, seed, limit, apart)
        results.append(result)
        if result.error is not None and views.is_fault(result.error, result.by_learner):
            fault = views.fault_words(result.error)
        is_stub = result.by_learner and isinstance(result.error, NotImplementedError)
        if is_stub or fault:
            break  # the other checks would fail in the same way, each after the same wait
    if all(result.passed for result in results):
        assert lab.folder is not None
        results = kinds.settled(
            session, session.of(part.name), results, vars(load_reference(lab.folder)), seed
        )
    failed = any(not result.passed for result in results)
    diagnosis, ended, trouble = None, list[str](), list[str]()
    if failed:
        death = getattr(backend, "death", "")
        ended = [f"the process that ran the code: {death}"] if fault and death else []
        diagnosis, trouble = _diagnosed(lab, session, part, results, seed, pictures, reveal, cells, apart)
    return PartResult(
        part.name,
        points=0.0 if failed else part.points,
        max_points=part.points,
        checks=[(result.title, result.passed) for result in results],
        diagnosis=diagnosis,
        seconds=time.perf_counter() - started,
        fault=fault,
        detail="\n".join([views.detail(results), *ended, *trouble]) if failed else "",
    )


def _diagnosed(
    lab: Lab,
    session: CheckSession,
    part: Part,
    results: list[CheckResult],
    seed: int,
    pictures: bool,
    reveal: bool,
    cells: Sequence[Code],
    apart: bool,
) -> tuple[Diagnosis, list[str]]:
    """Why a part failed, and what went wrong in finding out.

    The answers are a stranger's: whatever they do to a comparison or a drawing costs only that.
    """
    trouble: list[str] = []
    memory = CHECK_BYTES if apart else None
    try:
        with guarded(2 * DIAGNOSIS_SECONDS, memory=memory):
            diagnosis = diagnose(lab, session, part.name, results, seed, reveal=reveal, cells=cells)
    except Exception as error:
        trouble.append(f"the diagnosis failed: {views.in_full(error)}")
        asked = list(dict.fromkeys(result.title for result in results if not result.passed))
        diagnosis = Diagnosis("difference", f"{part.name} answers, but not as asked.", asked=asked)
    if pictures:
        try:
            with guarded(PICTURE_SECONDS, memory=memory):
                trouble += illustrate(lab, part.name, results, diagnosis)
        except Exception as error:
            trouble.append(f"there is no picture: {views.in_full(error)}")
    return diagnosis, trouble


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
    reveal: bool = False,
) -> LabResult:
    """Grade a notebook: every part in a worker of its own.

    Args:
        seed: of the inputs; drawn afresh if not given.
        parts: names of the parts to grade; all if not given.
        on_part: called with each part's result as it comes.
        on_start: called before each part with its name and the worker that will run it, if one will.
        reveal: tell what the learner's code says of itself: see `views`. Not for grading others.
    Raises:
        GradingError: if a check cannot run here. Never turned into marks.
    """
    seed = new_seed() if seed is None else seed
    session = session_of(lab)
    limit = part_seconds + LOOKING_SECONDS  # the worker's own limits come first

    def start(part: Part, cells: list[Code]) -> Submission:
        return submission(course, lab, part, Reading(cells), call_seconds, part_seconds)

    def check(part: Part, backend: Submission) -> PartResult:
        result = check_part(
            lab, session, part, backend, seed, limit, pictures, reveal, reading.cells, apart=True
        )
        names = [other.name for other in provided_parts(lab, part)]
        result.flags = forbidden.uses(reading.cells, part.name, part.forbids, names)
        return result

    return each_part(
        lab,
        reading,
        seed,
        parts,
        start=start,
        check=check,
        on_part=on_part,
        on_start=on_start,
    )


def each_part(
    lab: Lab,
    reading: Reading,
    seed: int,
    parts: list[str] | None,
    start: Callable[[Part, list[Code]], Submission],
    check: Callable[[Part, Submission], PartResult],
    on_part: Callable[[PartResult], Any] | None,
    on_start: Callable[[str, Submission | None], Any] | None,
) -> LabResult:
    """The parts of a notebook one after the other, each in a worker that ends with it.

    Args:
        parts: names of the parts to grade; all if not given.
        start: a worker for a part, with these cells of the notebook.
        check: the result of a part in its worker.
    """
    started = time.perf_counter()
    results = []
    all_load = True  # as long as no cell has ended the worker before a part was asked anything

    def run(part: Part, cells: list[Code]) -> tuple[PartResult, bool]:
        backend = start(part, cells)
        if on_start:
            on_start(part.name, backend)
        try:
            result = check(part, backend)
        finally:
            backend.close()
        return result, (backend.fault or "").startswith(LOADING)

    for part in lab.parts:
        if parts is not None and part.name not in parts:
            continue
        if part.name in reading.missing:
            sentence = f"The cell of {part.name} is missing. `speechlab reset {lab.name}` brings it back."
            result = PartResult(part.name, 0.0, part.points, diagnosis=Diagnosis("missing", sentence))
        else:
            cells = reading.cells if all_load else needed(reading.cells, part.name)
            result, while_loading = run(part, cells)
            own = needed(reading.cells, part.name) if while_loading and all_load else cells
            if len(own) < len(cells):
                # it may be another part's cell, or one of the learner's own, that hangs or crashes
                again, while_loading = run(part, own)
                if not while_loading:
                    all_load, result = False, again
        results.append(result)
        if on_part:
            on_part(result)
    return LabResult(lab.name, results, reading.remarks, seed, in_force(), time.perf_counter() - started)


def provided_parts(lab: Lab, part: Part) -> list[Part]:
    """The parts that the reference answers while a part is under test: the functions above it.

    Not those below: a later part may give away what this one is to find (log-mel energies of single
    frequencies are the filters).
    """
    above = lab.parts[: lab.parts.index(part)]
    return [other for other in above if not other.is_class]


def submission(
    course: Course,
    lab: Lab,
    part: Part,
    reading: Reading,
    call_seconds: float = CALL_SECONDS,
    part_seconds: float = PART_SECONDS,
) -> Submission:
    """A learner's part in a worker, with the function parts above it answered by the reference."""
    assert lab.folder is not None
    own = load_reference(lab.folder)
    provided = [other.name for other in provided_parts(lab, part)]

    def resolve(name: str) -> Any:
        other, _, function = name.rpartition(".")
        if not other:
            if function not in provided:
                raise LookupError(f"{function} is not provided to {part.name}")
            return getattr(own, function)
        if other not in lab.needs or other == lab.name:
            raise LookupError(f"{lab.name} does not list {other} among the labs it needs")
        # parts and nothing else: whatever else a lab imports must not be called from a worker
        if not any(p.name == function and not p.is_class for p in course.lab(other).parts):
            raise LookupError(f"{name} is no function part; only those are provided")
        return getattr(reference_of(course, other), function)

    libraries = page_imports(lab)
    shared_server(libraries)  # here, where the limits of no check hold, which it would inherit
    backend = Submission(reading.cells, part.name, provided, resolve, libraries, call_seconds, part_seconds)
    backend.forbids = part.forbids
    backend.recall = Recall(_answers(course, lab), part.name)
    return backend


_known_answers: dict[Path, tuple[list[ModuleType], Answers]] = {}


def _answers(course: Course, lab: Lab) -> Answers:
    """What the references of a lab, and of those that it builds on, have answered as they are now."""
    assert lab.folder is not None
    there = {other.name for other in course.labs}
    modules = [load_reference(lab.folder), *(reference_of(course, n) for n in lab.needs if n in there)]
    known = _known_answers.get(lab.folder)
    if known is None or known[0] != modules:
        known = _known_answers[lab.folder] = modules, Answers()
    return known[1]
