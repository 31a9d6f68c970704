"""What there is to grade: an assignment's submissions in nbgrader's folders, or files somewhere."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.batch.keys import digest
from autograder.course import Course, Lab
from autograder.errors import CourseError, NotebookError
from autograder.submissions import Submission, find_submissions

FOLDER = "grading"


@dataclass(frozen=True)
class Task:
    """A submission to be graded.

    Attributes:
        name: of the file within what is graded, for the log.
        lab: None if the file itself has to tell.
    """

    submission: Submission
    name: str
    lab: Lab | None


@dataclass(frozen=True)
class Plan:
    """What a batch is about.

    Attributes:
        assignment: its submissions lie in nbgrader's folders and their marks go into nbgrader's gradebook.
        folder: of logs and pictures.
        log: name of the log for files; an assignment has one for each lab.
    """

    course: Course
    tasks: list[Task]
    assignment: bool
    folder: Path
    log: str = ""

    @property
    def labs(self) -> list[Lab]:
        return list({task.lab.name: task.lab for task in self.tasks if task.lab}.values())

    @property
    def lock(self) -> Path:
        # one gradebook has one writer, whatever the lab
        return self.folder / ("gradebook.lock" if self.assignment else f"{self.log}.lock")

    def log_path(self, lab: str) -> Path:
        return self.folder / f"{lab if self.assignment else self.log}.jsonl"


def labs_named(course: Course, name: str) -> list[Lab]:
    """The labs that an assignment's name means: a lab by its name or a short form, or all of a phase.

    Raises:
        CourseError: if it is neither.
    """
    if name in course.phases:
        return [lab for lab in course.labs if lab.phase == name]
    return [course.lab(name)]


def plan_assignment(course: Course, labs: Sequence[Lab], students: Sequence[str] | None) -> Plan:
    """The submissions of some labs in nbgrader's folders.

    A student who has handed in the phase, but not the lab, has a task too: nbgrader gives 0 points there.
    Raises:
        CourseError: if there is none, or one of the `students` has none.
    """
    tasks = []
    for lab in labs:
        for student, folder in _submitted(course, lab.phase):
            if students is None or student in students:
                path = folder / f"{lab.name}.ipynb"
                tasks.append(Task(Submission(path, student), path.name, lab))
    if not tasks and not students:
        raise CourseError(f"{course.root}: nothing is handed in as submitted/<student>/{labs[0].phase}/")
    _all_there(students, tasks)
    return Plan(course, tasks, True, course.state_folder / FOLDER)


def _submitted(course: Course, assignment: str) -> list[tuple[str, Path]]:
    """Students and their folders, in nbgrader's structure of folders."""
    from nbgrader.coursedir import CourseDirectory

    from autograder.build import nbgrader_settings

    names = CourseDirectory(config=nbgrader_settings(course.root))
    root, step = names.root, names.submitted_directory
    pattern = names.format_path(step, "*", assignment)
    pattern = glob.escape(root) + pattern.removeprefix(root)
    form = re.compile(names.format_path(step, "(?P<student>.*)", assignment, escape=True))
    found = []
    for folder in sorted(glob.glob(pattern)):
        match = form.fullmatch(os.path.normpath(folder))
        if match and os.path.isdir(folder):
            found.append((match["student"], Path(folder)))
    return found


def plan_files(course: Course, place: Path, lab: Lab | None, students: Sequence[str] | None) -> Plan:
    """A file, or the files of a folder.

    Raises:
        NotebookError: if there is none.
        CourseError: if one of the `students` has none.
    """
    base = place if place.is_dir() else place.parent
    tasks = [
        Task(submission, submission.path.relative_to(base).as_posix(), lab)
        for submission in find_submissions(place)
        if students is None or submission.student in students
    ]
    _all_there(students, tasks)
    if not tasks:
        raise NotebookError(f"{place}: no notebook to grade")
    whole = f"{place.resolve()}" if place.is_dir() else f"{place.resolve()} alone"
    return Plan(course, tasks, False, course.state_folder / FOLDER, f"files-{digest(whole)[:16]}")


def _all_there(students: Sequence[str] | None, tasks: list[Task]) -> None:
    absent = sorted(set(students or ()) - {task.submission.student for task in tasks})
    if absent:
        raise CourseError(f"--students: nothing is there of {', '.join(absent)}")
