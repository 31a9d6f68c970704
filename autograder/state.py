"""What a learner has done: which parts pass, remembered between runs.

Results are kept in `.speechlab/results.json` under the learner's own code: a part whose code, helper
cells or checks have changed since counts as changed, never as passed.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograder.build import is_stub
from autograder.course import Course, Lab
from autograder.definitions import Code, part_source
from autograder.errors import NotebookError
from autograder.files import write_atomic
from autograder.notebook import Reading, read_notebook, read_parts

if TYPE_CHECKING:  # grading brings numpy and pytest, which remembering does not need
    from autograder.grading import LabResult, PartResult

RESULTS = "results.json"
PASSED, FAILED, CHANGED, UNTOUCHED, MISSING = "passed", "failed", "changed", "untouched", "missing"


@dataclass(frozen=True)
class PartState:
    """A part as last checked.

    Attributes:
        status: passed, failed, changed (since the last check), untouched or missing.
        points: the part's points if passed, else 0.
        sentence: what was wrong at the last check.
        complete: the saved notebook itself was checked, helper cells included.
    """

    part: str
    status: str
    points: float
    max_points: float
    sentence: str = ""
    complete: bool = False


@dataclass(frozen=True)
class LabState:
    """A lab as it stands.

    Attributes:
        problem: why the notebook cannot be read; empty if it can.
    """

    lab: Lab
    parts: list[PartState]
    problem: str = ""

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @property
    def started(self) -> bool:
        return any(part.status in (PASSED, FAILED, CHANGED) for part in self.parts)

    @property
    def finished(self) -> bool:
        return all(part.status == PASSED for part in self.parts)


def _digest(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:24]


def lab_version(lab: Lab) -> str:
    """Changes when the lab's parts or checks change."""
    if lab.folder is None:
        return "release"
    return _digest(*(path.read_text(encoding="utf-8") for path in (lab.source, lab.checks)))


def part_key(lab: Lab, part: str, source: str) -> str:
    """Identifies an answer: comments and layout do not count. Source may be the whole cell or the def."""
    return _digest(lab_version(lab), part, part_source(source, part) or source)


def helpers_key(reading: Reading, part: str) -> str:
    """Identifies everything else that a part's answer may use."""
    return _digest(*(code.source for code in reading.cells if code.part != part))


def _load(course: Course) -> dict[str, Any]:
    path = course.state_folder / RESULTS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        return {}  # a damaged memory is only forgotten: the next check fills it again
    return found if isinstance(found, dict) else {}


def _record(course: Course, lab: Lab, entries: dict[str, dict[str, Any]]) -> None:
    results = _load(course)
    results.setdefault(lab.name, {}).update(entries)
    write_atomic(course.state_folder / RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def _entry(result: PartResult, key: str, helpers: str | None) -> dict[str, Any]:
    return {
        "key": key,
        "helpers": helpers,
        "passed": result.passed,
        "sentence": result.diagnosis.sentence if result.diagnosis else "",
        "checked_at": int(time.time()),
    }


def remember_live(course: Course, lab: Lab, result: PartResult, source: str | None) -> None:
    """Keep the result of a `check()` in a notebook; `source` is the function's text if it can be had."""
    if source is not None:
        _record(course, lab, {result.part: _entry(result, part_key(lab, result.part, source), None)})


def remember(course: Course, lab: Lab, reading: Reading, result: LabResult) -> None:
    """Keep the results of checking a saved notebook."""
    sources = _answers(reading)
    entries = {
        part.part: _entry(part, part_key(lab, part.part, sources[part.part]), helpers_key(reading, part.part))
        for part in result.parts
        if part.part in sources
    }
    _record(course, lab, entries)


def _answers(reading: Reading) -> dict[str, str]:
    return {code.part: code.source for code in reading.cells if code.part}


def learner_reading(course: Course, lab: Lab) -> Reading:
    """The learner's notebook of a lab.

    Raises:
        NotebookError: if there is none, or it cannot be read.
    """
    path = course.notebook(lab)
    return read_parts(read_notebook(path, follow_symlinks=True), lab, str(path))


def lab_state(course: Course, lab: Lab) -> LabState:
    """The state of a lab from memory: nothing is run."""
    try:
        reading = learner_reading(course, lab)
    except NotebookError as error:
        absent = [PartState(part.name, MISSING, 0.0, part.points) for part in lab.parts]
        return LabState(lab, absent, str(error))
    known = _load(course).get(lab.name, {})
    sources = _answers(reading)
    states = []
    for part in lab.parts:
        source = sources.get(part.name)
        if source is None:
            states.append(PartState(part.name, MISSING, 0.0, part.points))
            continue
        if is_stub(source, part.name):
            states.append(PartState(part.name, UNTOUCHED, 0.0, part.points))
            continue
        entry = known.get(part.name)
        if not entry or entry.get("key") != part_key(lab, part.name, source):
            states.append(PartState(part.name, CHANGED, 0.0, part.points))
            continue
        complete = entry.get("helpers") == helpers_key(reading, part.name)
        status = PASSED if entry["passed"] else FAILED
        points = part.points if entry["passed"] else 0.0
        states.append(PartState(part.name, status, points, part.points, entry.get("sentence", ""), complete))
    return LabState(lab, states)


def check_notebook(
    course: Course, lab: Lab, parts: list[str] | None = None, on_part: Any = None, **options: Any
) -> LabResult:
    """Check the learner's saved notebook in a worker and remember the results.

    In a student release the docstrings' examples and the visible checks are run.

    Raises:
        NotebookError: if it cannot be read.
    """
    if lab.folder is None:
        from autograder.release import grade_released as grade
    else:
        from autograder.grading import grade

        options["reveal"] = True  # the learner's own machine: what their code says is theirs to read

    reading = learner_reading(course, lab)
    result = grade(course, lab, reading, parts=parts, on_part=on_part, **options)
    remember(course, lab, reading, result)
    return result


def own_parts(course: Course, lab: Lab) -> tuple[set[str], list[Code]]:
    """Names of the parts that the learner has passed, and the code cells of their notebook.

    Answers that have not been checked as they are saved now are checked, and remembered.
    """
    try:
        reading = learner_reading(course, lab)
    except NotebookError:
        return set(), []
    state = lab_state(course, lab)
    unknown = [
        p.part
        for p in state.parts
        if p.status == CHANGED or (p.status in (PASSED, FAILED) and not p.complete)
    ]
    if unknown:
        check_notebook(course, lab, unknown, pictures=False)
        state = lab_state(course, lab)
    return {part.part for part in state.parts if part.status == PASSED}, reading.cells
