"""The one writer of nbgrader's gradebook: finished results → rows and pages, many in one transaction.

The steps are nbgrader's own; only their many small commits become one. So what stands in the gradebook after
a batch is what `nbgrader autograde` would have written, and a process killed at any moment leaves the rows
of whole submissions.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import nbformat
from nbgrader.api import Comment, Grade, Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.converters import NbGraderException

from autograder.batch.page import Master, converter, given, master_of, savers
from autograder.course import Course, Lab
from autograder.errors import CourseError, GradingError
from autograder.files import clear_parts, write_atomic


@dataclass(frozen=True)
class Marked:
    """A graded submission on its way into the gradebook.

    Attributes:
        page: text of the graded notebook.
    """

    student: str
    lab: Lab
    file: Path
    page: str

    @property
    def page_hash(self) -> str:
        return page_hash(self.page)


def page_hash(page: str) -> str:
    """What the log remembers of a page."""
    return hashlib.sha256(page.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _quiet_log() -> logging.Logger:
    found = logging.Logger("nbgrader")
    found.addHandler(logging.NullHandler())
    return found


class _Session:
    """A database session whose commits wait: nbgrader's code commits after every cell."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def commit(self) -> None:
        self._session.flush()

    def remove(self) -> None:
        self._session.close()


class BatchGradebook(Gradebook):
    """nbgrader's gradebook, which keeps what it is told until `save`."""

    def __init__(self, db_url: str, course_id: str) -> None:
        super().__init__(db_url, course_id)
        self._open: Any = self.db
        self.db: Any = _Session(self._open)
        self._found: dict[tuple[str, str, str], tuple[dict[str, Grade], dict[str, Comment]]] = {}

    def __exit__(self, *_: Any) -> None:
        """nbgrader's steps close what they think they have opened."""

    def save(self) -> None:
        self._open.commit()
        self._found.clear()

    def undo(self) -> None:
        self._open.rollback()
        self._found.clear()

    def end(self) -> None:
        self._open.rollback()
        self._open.remove()
        self.engine.dispose()

    def add_submission(self, assignment: str, student: str, **kwargs: Any) -> SubmittedAssignment:
        with self._open.no_autoflush:  # else the half-made submission is looked at, with a warning
            return super().add_submission(assignment, student, **kwargs)

    def find_grade(self, grade_cell: str, notebook: str, assignment: str, student: str) -> Grade:
        found = self._cells(notebook, assignment, student)[0].get(grade_cell)
        return found or super().find_grade(grade_cell, notebook, assignment, student)

    def find_comment(self, solution_cell: str, notebook: str, assignment: str, student: str) -> Comment:
        found = self._cells(notebook, assignment, student)[1].get(solution_cell)
        return found or super().find_comment(solution_cell, notebook, assignment, student)

    def _cells(self, notebook: str, assignment: str, student: str) -> tuple[dict, dict]:
        # one question for all cells of a notebook: nbgrader asks six tables for each cell
        key = notebook, assignment, student
        if key not in self._found:
            submitted = self.find_submission_notebook(notebook, assignment, student)
            self._found[key] = (
                {grade.name: grade for grade in submitted.grades},
                {comment.name: comment for comment in submitted.comments},
            )
        return self._found[key]


class GradebookWriter:
    """Writes marks and pages for nbgrader. One process at a time may have one.

    Args:
        labs: of one assignment.
        folders: of the submissions.
        unsafe: grade also where nothing isolates.
    Raises:
        CourseError: if the gradebook does not know the labs as they are, or nothing isolates here.
    """

    def __init__(self, course: Course, labs: Sequence[Lab], folders: Sequence[Path], unsafe: bool) -> None:
        made = self._converter = converter(course.root)
        # what nbgrader says about every file that it copies is for its own command
        made.log = _quiet_log()
        made.config.SubmissionExporter.unsafe_no_isolation = unsafe
        self._directory = made.coursedir
        self._directory.assignment_id = labs[0].phase
        made.assignments = {str(folder): [] for folder in folders}
        made.force = True  # what is done, and what a killed run has left, the log says
        try:
            # it looks whether gradebook and labs fit, and which files must not be copied
            made.exporter_class(parent=made, config=made.config)
        except NbGraderException as error:
            raise CourseError(str(error)) from error
        self._savers = savers(made)
        self._gradebook = BatchGradebook(self._directory.db_url, self._directory.course_id)
        try:
            self.masters: dict[str, Master] = {
                lab.name: master_of(self._gradebook, lab.name, lab.phase) for lab in labs
            }
        except CourseError:
            self.close()
            raise

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """What was not saved is not written."""
        self._gradebook.end()

    def page_path(self, lab: Lab, student: str) -> Path:
        """Where nbgrader keeps the graded notebook."""
        folder = self._directory.format_path(self._directory.autograded_directory, student, lab.phase)
        return Path(folder) / f"{lab.name}.ipynb"

    def write(self, marked: list[Marked]) -> dict[int, str]:
        """Write several submissions in one transaction.

        One that cannot be written costs itself only: returns the reasons by place in the list.
        Raises:
            GradingError: if the gradebook takes nothing at all.
        """
        if not marked:
            return {}
        try:
            self._write_all(marked)
            return {}
        except Exception as error:
            self._gradebook.undo()
            if len(marked) == 1:
                return {0: f"{type(error).__name__}: {error}"}
        problems = {}
        for number, one in enumerate(marked):  # which of them is it?
            alone = self.write([one])
            if alone:
                problems[number] = alone[0]
        if len(problems) == len(marked):
            raise GradingError(f"the gradebook takes no marks: {problems[0]}; results are kept, run again")
        return problems

    def _write_all(self, marked: list[Marked]) -> None:
        self._gradebook.undo()  # see what others (formgrader) have written since
        here = os.getcwd()
        os.chdir(self._directory.root)  # as nbgrader does: its settings may name files from there
        try:
            with given(self._gradebook):
                for one in marked:
                    self._write(one)
            self._gradebook.save()
        finally:
            os.chdir(here)

    def _write(self, one: Marked) -> None:
        assignment, names = one.lab.phase, self._directory
        names.notebook_id, names.student_id, names.assignment_id = one.lab.name, one.student, assignment
        self._converter.notebooks = [str(one.file)]
        self._converter.init_assignment(assignment, one.student)
        path = self.page_path(one.lab, one.student)
        clear_parts(path)  # of a run that was killed; a batch holds the course's lock
        write_atomic(path, one.page)
        self._converter.set_permissions(assignment, one.student)
        page = nbformat.reads(one.page, as_version=4)
        resources = {
            "nbgrader": {
                "student": one.student,
                "assignment": assignment,
                "notebook": one.lab.name,
                "db_url": names.db_url,
            }
        }
        for step in self._savers:
            step.preprocess(page, resources)

    def has(self, lab: Lab, student: str, file: Path, points: dict[str, float], page: str) -> bool:
        """Whether gradebook and folders hold this result already, and nothing else has changed since.

        Args:
            points: of each part.
            page: hash of the graded notebook.
        """
        try:
            notebook = self._gradebook.find_submission_notebook(lab.name, lab.phase, student)
        except MissingEntry:
            return False
        path = self.page_path(lab, student)
        try:
            on_disk = page_hash(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        if on_disk != page:
            return False
        submitted = notebook.assignment
        handed_in = self._directory.get_existing_timestamp(str(file.parent))
        if handed_in is not None and handed_in != submitted.timestamp:
            return False
        if submitted.total_seconds_late > 0 or notebook.late_submission_penalty is not None:
            return False  # due dates and penalties may have changed: writing again is cheap
        held = {g.name.removeprefix("check_"): g.auto_score for g in notebook.grades}
        return all(held.get(name) == score for name, score in points.items())
