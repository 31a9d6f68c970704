"""Grading one submission, the same wherever it is done: here, by a grader of the pool, by a Dask worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.batch.keys import submission_key
from autograder.batch.record import Blobs, to_record
from autograder.course import Course, Lab, load_course
from autograder.notebook import Reading
from autograder.submissions import Graded, Submission, grade_one, settle

OnStart = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Spec:
    """What all submissions of a batch share.

    Attributes:
        root: of the course.
        labs: that may come.
        options: of `grading.grade`.
        masters: for marks that go into nbgrader's gradebook: lab → the gradebook's view of its notebook.
        blobs: folder that takes pictures and sounds; None: they travel with the result.
        unsafe: grade also where nothing isolates.
    """

    root: str
    labs: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    masters: dict[str, dict[str, Any]] | None = None
    blobs: str | None = None
    unsafe: bool = False

    def key_options(self) -> dict[str, Any]:
        """Options that a result depends on."""
        return {**self.options, "page": self.masters is not None}


@dataclass(frozen=True)
class Job:
    """A submission to grade; its place in the batch is its number."""

    number: int
    student: str
    path: str
    lab: str
    seed: int

    @property
    def submission(self) -> Submission:
        return Submission(Path(self.path), self.student)


@dataclass
class Outcome:
    """What came of a job.

    Attributes:
        record: of the result, see `record`.
        page: for nbgrader's folders; empty if there is none.
        key: of the file as it was graded.
    """

    number: int
    record: dict[str, Any]
    blobs: Blobs
    page: str = ""
    key: str = ""


def grade_job(spec: Spec, job: Job, on_start: OnStart | None = None) -> Outcome:
    """Grade one submission. A file that cannot be graded costs itself only: see `grade_one`."""
    course = load_course(Path(spec.root))
    lab = course.lab(job.lab)
    page = ""
    if spec.masters is None:
        graded = grade_one(course, job.submission, lab.name, job.seed, on_start=on_start, **spec.options)
    else:
        graded, page = grade_for_gradebook(course, lab, spec, job, on_start)
    record, blobs = to_record(graded)
    if spec.blobs is not None:
        from autograder.batch.log import keep_blobs

        keep_blobs(Path(spec.blobs), blobs)
        blobs = {}
    return Outcome(job.number, record, blobs, page, file_key(job.submission.path, lab, spec))


def file_key(path: Path, lab: Lab, spec: Spec) -> str:
    """The key of a submitted file's result; a file that cannot be read has one too."""
    others = other_notebooks(path) if spec.masters is not None else []
    return submission_key(path, lab, spec.key_options(), others, whole=spec.masters is not None)


def other_notebooks(path: Path) -> list[Path]:
    """Further notebooks beside a submitted one: one of them may be it, under another name."""
    return [other for other in sorted(path.parent.rglob("*.ipynb")) if other != path]


def grade_for_gradebook(
    course: Course,
    lab: Lab,
    spec: Spec,
    job: Job,
    on_start: OnStart | None = None,
    known: Graded | None = None,
) -> tuple[Graded, str]:
    """Grade a submission as `nbgrader autograde` does: what its restored page answers. Also that page.

    A file that cannot be read gets 0 points and a page that says why, as there.

    Args:
        known: the result, if only the page is wanted.
    """
    from autograder.batch.page import make_page
    from autograder.grading import LabResult, grade

    assert spec.masters is not None
    master = spec.masters[lab.name]
    found: list[LabResult] = []
    page = problem = ""

    def marks(_course: Course, _lab: Lab, reading: Reading) -> LabResult:
        if known is not None and known.result is not None:
            found.append(known.result)
        else:
            found.append(grade(course, lab, reading, job.seed, on_start=on_start, **spec.options))
        return found[-1]

    def work() -> LabResult:
        nonlocal page, problem
        path = Path(job.path)
        page, problem = make_page(course.root, path, job.student, lab.phase, lab.name, master, marks)
        if not found:  # nothing was submitted
            marks(course, lab, Reading([], [part.name for part in lab.parts], [problem]))
        return found[-1]

    graded = settle(job.submission, lab.name, work)
    if problem:
        graded = replace(graded, problem=f"{job.path}: {problem}")
    return graded, page if graded.result else ""
