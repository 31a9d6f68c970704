"""Submitted files on their way into `nbgrader autograde`: which there are, and what is in them.

nbgrader stops, skips or fails where a file is missing, damaged, misnamed or a link. Its exporter is the one
part of it that is ours before the first file is read.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import shutil
import stat
from functools import cache
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import NbGraderException
from nbgrader.utils import find_all_files
from traitlets import Bool

from autograder.autograded import as_data, is_ungraded, one_line, page_of
from autograder.course import Course, Lab, load_course
from autograder.errors import CourseError, GradingError, NotebookError, SpeechlabError
from autograder.notebook import belongs_to, read_notebook
from autograder.sandbox.isolation import require

MAX_LOOKED_AT = 100 * 1024**2  # bytes of a submission that are searched for a lab under another name
MAX_LINKS = 1000


class GradingStopped(SystemExit):
    """This machine cannot grade: the whole run ends, and nobody gets marks from it.

    nbgrader goes on with the next student after any other error; that would be the same error for all.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = 1


def course_of(courses: Any) -> Course:
    """The course that nbgrader works in; else, as everywhere, the one that is found from here."""
    root = Path(courses.root) if courses is not None else None
    return load_course(root if root and (root / "solutions").is_dir() else None)


def directory_of(plugin: Any) -> Any:
    """nbgrader's course folder as a plug-in's parents know it; None outside of nbgrader."""
    while plugin is not None:
        found = getattr(plugin, "coursedir", None)
        if found is not None:
            return found
        plugin = plugin.parent
    return None


def source_file(courses: Any, assignment: str, name: str) -> Path | None:
    if courses is None:
        return None
    return Path(courses.format_path(courses.source_directory, ".", assignment)) / f"{name}.ipynb"


def lab_named(course: Course, name: str) -> Lab | None:
    """The lab of exactly that name; None for a notebook that an instructor has added."""
    return next((lab for lab in course.labs if lab.name == name), None)


@cache
def _stamps(root: Path) -> dict[Path, int]:
    """When the files that grade were changed, as this process found them when it first looked."""
    return _stamps_now(root)


def _stamps_now(root: Path) -> dict[Path, int]:
    files = (root / "solutions").glob("*/*/*.py")
    return {path: path.stat().st_mtime_ns for path in files}


class SubmissionExporter(NotebookExporter):
    """Reads submitted files, as data; what cannot be read becomes a page that says why.

    nbgrader would give up such a submission; so the student gets the reason, and 0 points. Before it
    begins, it makes sure that this machine and this gradebook can give marks at all.
    """

    unsafe_no_isolation = Bool(
        False, help="Grade submissions of others where nothing keeps their code from your files."
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._expected: set[str] = set()
        if getattr(self.parent, "assignments", None):  # nbgrader's converter has listed the submissions
            self._prepare(self.parent)

    def _prepare(self, converter: Any) -> None:
        courses = converter.coursedir
        try:
            course = course_of(courses)
            if not course.has_solutions:
                raise CourseError("this is a student release: it has no hidden checks to grade with")
            if _stamps(course.root) != _stamps_now(course.root):
                raise CourseError("the labs have changed since this process read them: restart it")
            with Gradebook(courses.db_url, courses.course_id) as gradebook:
                try:
                    notebooks = gradebook.find_assignment(courses.assignment_id).notebooks
                except MissingEntry:
                    return  # nbgrader says so
                for notebook in notebooks:
                    lab = lab_named(course, notebook.name)
                    _same_version(lab, notebook)
                    page_of(notebook.name, lab, source_file(courses, courses.assignment_id, notebook.name))
                self._expected = {notebook.name for notebook in notebooks}
            self._require_isolation()
        except SpeechlabError as error:
            self.log.error("Nothing was graded: %s", error)
            raise NbGraderException(str(error)) from error
        self._add_missing(converter)
        self._look_over(converter)
        courses.ignore = [*(name for name in courses.ignore if not os.path.isabs(name)), *_links(converter)]

    def _require_isolation(self) -> None:
        try:
            words = require(self.unsafe_no_isolation)
        except CourseError as error:
            option = "--SubmissionExporter.unsafe_no_isolation=True"
            raise CourseError(f"{error}, which is {option} for nbgrader") from error
        self.log.info("Learners' code runs in: %s", words)

    def _add_missing(self, converter: Any) -> None:
        """Every submission is processed with every notebook of the assignment, handed in or not."""
        courses = converter.coursedir
        wanted = [name for name in sorted(self._expected) if fnmatch.fnmatch(name, courses.notebook_id)]
        submissions = courses.format_path(
            courses.submitted_directory, courses.student_id, courses.assignment_id
        )
        for folder in glob.glob(submissions):
            if not os.path.isdir(folder):
                continue
            found = list(converter.assignments.get(folder, []))
            missing = [os.path.join(folder, f"{name}.ipynb") for name in wanted]
            converter.assignments[folder] = found + [path for path in missing if path not in found]

    def _look_over(self, converter: Any) -> None:
        """What a killed run has left half done must not be skipped as graded; a date must be one."""
        courses = converter.coursedir
        names = courses.format_path(
            courses.submitted_directory, "(?P<student>.*)", re.escape(courses.assignment_id), escape=True
        )
        for folder, files in converter.assignments.items():
            match = re.match(names, folder)
            if match is None:
                continue
            student = match["student"]
            try:
                courses.get_existing_timestamp(folder)
            except Exception as error:  # nbgrader fails here in ways of its own, then goes on with the next
                self.log.error("%s: not graded, mend its timestamp.txt: %s", student, one_line(str(error)))
            done = Path(courses.format_path(courses.autograded_directory, student, courses.assignment_id))
            open_ones = [done / os.path.basename(file) for file in files if os.path.exists(file)]
            open_ones = [path for path in open_ones if not path.exists() or is_ungraded(path)]
            if done.is_dir() and open_ones and not converter.force:
                self.log.warning("%s: an earlier run was broken off here; it is graded anew", student)
                _remove(courses, done, open_ones)

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[Any, Any]:
        """A submitted file, or one that was read before and is graded now.

        Raises:
            GradingStopped: if this machine cannot grade.
        """
        try:
            if self._is_ours(filename, resources):
                return super().from_filename(filename, resources, **options)
            return self.from_notebook_node(self._read(Path(filename)), resources, **options)
        except GradingError as error:
            self._stop(error, resources)
            raise GradingStopped(f"Grading was stopped: {error}") from error

    def _folder(self, resources: Any) -> Path | None:
        courses = directory_of(self)
        if courses is None:
            return None
        about = resources["nbgrader"]
        folder = courses.format_path(courses.autograded_directory, about["student"], about["assignment"])
        return Path(folder)

    def _is_ours(self, filename: str, resources: Any) -> bool:
        return Path(filename).parent == self._folder(resources)

    def _stop(self, error: GradingError, resources: Any) -> None:
        self.log.error("Grading was stopped at %s: %s", resources["nbgrader"]["student"], error)
        self.log.error("This is no fault of the submission; no marks were given for it.")
        folder = self._folder(resources)
        if folder is not None:
            _remove(directory_of(self), folder, [folder / f"{resources['nbgrader']['notebook']}.ipynb"])

    def _read(self, path: Path) -> Any:
        others = self._others(path)
        names = ", ".join(name for name, _ in others)
        if path.exists() or path.is_symlink():
            remarks = [f"{path.name} was graded, not {names}"] if others else []
            try:
                return as_data(read_notebook(path), remarks)
            except NotebookError as error:
                reason = one_line(str(error).strip().split("\n")[0].removeprefix(f"{path}: "))
                return as_data({}, remarks, f"The submitted file cannot be read: {reason}")
        if len(others) == 1:
            return as_data(others[0][1], [f"{names} was graded; the file's name should be {path.name}"])
        problem = f"No file {path.name} was submitted."
        if others:  # a person must choose
            problem += f" Several files of this lab have other names, so none was graded: {names}."
        return as_data({}, [], problem, absent=True)

    def _others(self, path: Path) -> list[tuple[str, dict[str, Any]]]:
        """Further files of the submission that hold this lab, with their names."""
        courses = directory_of(self)
        course = course_of(courses)
        lab = lab_named(course, path.stem)
        if lab is None:
            return []
        expected = self._expected | {other.name for other in course.labs if other.phase == lab.phase}
        known = {str(path), *(str(path.parent / f"{name}.ipynb") for name in expected)}
        found, size = [], 0
        for file in sorted(find_all_files(str(path.parent), courses.ignore if courses is not None else [])):
            if file in known or not file.lower().endswith(".ipynb"):
                continue
            try:
                size += os.lstat(file).st_size
                if size > MAX_LOOKED_AT:
                    break
                notebook = read_notebook(Path(file))
            except (OSError, NotebookError):
                continue  # not the one that is looked for; nbgrader names it as unknown
            if belongs_to(notebook) == lab.name:
                found.append((one_line(os.path.relpath(file, path.parent)), notebook))
        return found


def _remove(courses: Any, folder: Path, notebooks: list[Path]) -> None:
    """As nbgrader does where a submission fails: what is half graded must not count as graded."""
    if courses.notebook_id == "*":
        shutil.rmtree(folder, ignore_errors=True)
    else:
        for path in notebooks:
            path.unlink(missing_ok=True)


def _links(converter: Any) -> list[str]:
    """What nbgrader must not copy from submissions: links (they may lead to a solution) and devices.

    A folder that is called like a notebook would stand where the graded one is written.
    """
    found = []
    for folder in converter.assignments:
        here = []
        for place, folders, files in os.walk(folder):
            here += [os.path.join(place, name) for name in folders if name.endswith(".ipynb")]
            paths = (os.path.join(place, name) for name in files)
            here += [path for path in paths if not stat.S_ISREG(os.lstat(path).st_mode)]
        # nbgrader looks through the list for every file
        found += [glob.escape(path) for path in here] if len(here) <= MAX_LINKS else [glob.escape(folder)]
    return found


def _same_version(lab: Lab | None, notebook: Any) -> None:
    """The gradebook's cells are the lab's.

    Raises:
        CourseError: if they are of another version, whose points would be lost or refused.
    """
    if lab is None:
        return
    known = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
    for part in lab.parts:
        points = known.get(f"check_{part.name}")
        if points != part.points:
            was = "no such part" if points is None else f"{points:g} points for it"
            raise CourseError(
                f"{lab.name}: part {part.name} has {part.points:g} points, but the gradebook has {was}; "
                "run `speechlab build`, then grade again with --force"
            )
