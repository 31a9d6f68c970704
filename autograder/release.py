"""Checking in a student release, which holds neither reference nor hidden checks.

What runs there: the examples of the docstrings as released, and the checks that their author marked
visible. A part that passes them may still fail a hidden check at grading, and the result says so.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.checking.limits import guarded
from autograder.checking.proxy import Backend, InProcess
from autograder.checking.runner import CheckResult, CheckSession
from autograder.course import Course, Lab, Part
from autograder.definitions import Code
from autograder.diagnosis import Diagnosis, plain_diagnosis
from autograder.errors import CourseError
from autograder.grading import LabResult, PartResult, each_part, new_seed
from autograder.illustrate import illustrate
from autograder.notebook import Reading, grade_id, read_notebook, source_of
from autograder.pristine import released_notebook
from autograder.sandbox.client import CALL_SECONDS, PART_SECONDS, Submission

NOTE = "Hidden checks run at grading."
NOTEBOOK_SEED = 0
NOTEBOOK_SECONDS = 30.0

Examples = Callable[[str], list[list[Any]]]

_sessions: dict[Path, tuple[float, CheckSession]] = {}


def visible_file(course: Course, lab: Lab) -> Path:
    """Where a release keeps the visible checks of a lab."""
    return course.root / "phases" / lab.phase / f"{lab.name}.visible.py"


def check_released(course: Course, lab: Lab, name: str, namespace: dict[str, Any]) -> PartResult:
    """Check a part as it is in a notebook's live namespace.

    Raises:
        CourseError: if the name is not defined there.
    """
    if name not in namespace:
        raise CourseError(f"{name} is not defined yet: run its cell first")

    def examples(docstring: str) -> list[list[Any]]:
        from autograder import examples as runner

        with guarded(NOTEBOOK_SECONDS):
            return runner.run(docstring, name, namespace)

    return _check(
        course, lab, lab.part(name), InProcess(namespace), examples, NOTEBOOK_SEED, NOTEBOOK_SECONDS
    )


def grade_released(
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
    """Check a saved notebook: as `grading.grade`, with what a release has."""
    seed = new_seed() if seed is None else seed
    _settle_needs(course, lab)

    def start(part: Part, cells: list[Code]) -> Submission:
        # no reference stands in for the other parts: they are the learner's own, as in the notebook
        resolve = _part_of_needed_lab(lab)
        return Submission(cells, part.name, [], resolve, lab.libraries, call_seconds, part_seconds)

    def check(part: Part, backend: Submission) -> PartResult:
        return _check(course, lab, part, backend, backend.examples, seed, None, pictures)

    return each_part(lab, reading, seed, parts, start, check, on_part, on_start)


def _settle_needs(course: Course, lab: Lab) -> None:
    """Which parts of the needed labs are the learner's own is found out before any time limit runs."""
    from autograder.parts import provider

    for other in course.labs:
        if other.name in lab.needs:
            provider(other.name)


def _part_of_needed_lab(lab: Lab) -> Callable[[str], Any]:
    def resolve(name: str) -> Any:
        from labkit import parts

        other, _, function = name.rpartition(".")
        if other not in lab.needs:
            raise LookupError(f"{lab.name} does not list {other} among the labs it needs")
        return getattr(parts.load(other), function)

    return resolve


def _check(
    course: Course,
    lab: Lab,
    part: Part,
    backend: Backend,
    examples: Examples,
    seed: int,
    limit: float | None,
    pictures: bool = True,
) -> PartResult:
    started = time.perf_counter()
    kept, error = _run_examples(course, lab, part, examples)
    session = _session(course, lab)
    results: list[CheckResult] = []
    if error is None and session is not None:
        results = [session.run(item, backend, seed, limit) for item in session.of(part.name)]
    checks = [(f"example {source}", passed) for source, _, _, passed in kept]
    if error is not None:
        checks.append(("the docstring's example runs", False))
    checks += [(result.title, result.passed) for result in results]
    diagnosis = _diagnosis(course, lab, part, kept, error, results)
    if diagnosis and pictures:
        illustrate(lab, part.name, results, diagnosis)
    points = part.points if diagnosis is None else 0.0
    seconds = time.perf_counter() - started
    return PartResult(part.name, points, part.points, checks, diagnosis, seconds, NOTE)


def _run_examples(
    course: Course, lab: Lab, part: Part, examples: Examples
) -> tuple[list[list[Any]], Exception | None]:
    docstring = _docstring(course, lab, part)
    if ">>>" not in docstring:
        return [], None
    try:
        return examples(docstring), None
    except Exception as error:
        return [], error


def _docstring(course: Course, lab: Lab, part: Part) -> str:
    """Of the part as released: a docstring that the learner has edited does not count."""
    for cell in read_notebook(released_notebook(course, lab), follow_symlinks=True)["cells"]:
        if grade_id(cell) != part.name:
            continue
        for node in ast.parse(source_of(cell)).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part.name:
                return ast.get_docstring(node) or ""
    return ""


def _session(course: Course, lab: Lab) -> CheckSession | None:
    """The visible checks of a lab, collected once per version of their file."""
    path = visible_file(course, lab)
    if not path.exists():
        return None
    stamp = path.stat().st_mtime
    known = _sessions.get(path)
    if known and known[0] == stamp:
        return known[1]
    session = CheckSession(path, reference=None)
    _sessions[path] = (stamp, session)
    return session


def _diagnosis(
    course: Course,
    lab: Lab,
    part: Part,
    kept: list[list[Any]],
    error: Exception | None,
    results: list[CheckResult],
) -> Diagnosis | None:
    if error is not None:
        return plain_diagnosis(part.name, error, True, [], reveal=True)
    failed = [result for result in results if not result.passed]
    asked = list(dict.fromkeys(result.title for result in failed))
    wrong = [example for example in kept if not example[3]]
    if wrong:
        source, want, got, _ = wrong[0]
        said = f"gave {got}" if got else "gave nothing"
        return Diagnosis(
            "difference", f"The example {source} {said}; the docstring promises {want}.", asked=asked
        )
    if failed:
        plain = plain_diagnosis(part.name, failed[0].error, failed[0].by_learner, asked, reveal=True)
        where = visible_file(course, lab).name
        sentence = f"{part.name} answers, but not as asked. The check can be read in {where}."
        return plain or Diagnosis("difference", sentence, asked=asked)
    return None
