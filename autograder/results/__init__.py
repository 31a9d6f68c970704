"""Results for people and programs: a page per student, a page for the instructor, tables, JSON.

    results/
      class.html             for the instructor
      feedback/<name>.html   one per student, to give away
      nbgrader.csv canvas.csv moodle.csv
      marks.json

With several labs, each has a folder of its own with its `class.html` and `feedback/`; tables and JSON
stand above them and hold all. Every file is written whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.batch.keys import engine_version, lab_stamp
from autograder.course import Course, Lab
from autograder.errors import GradingError, NotebookError
from autograder.files import write_atomic
from autograder.notebook import read_notebook, source_of
from autograder.results.classpage import class_page
from autograder.results.data import to_json
from autograder.results.hidden import assert_clean, expected_numbers
from autograder.results.names import Namer
from autograder.results.pages import student_page
from autograder.results.roster import Person, Roster, RosterError, read_roster
from autograder.results.tables import canvas_csv, marks_of, moodle_csv, nbgrader_csv
from autograder.submissions import Graded

__all__ = [
    "Person",
    "Roster",
    "RosterError",
    "Written",
    "assert_clean",
    "canvas_csv",
    "class_page",
    "moodle_csv",
    "nbgrader_csv",
    "read_roster",
    "student_page",
    "to_json",
    "write_all",
]

FEEDBACK = "feedback"


@dataclass
class Written:
    """What `write_all` did.

    Attributes:
        files: what was written, in that order.
        pages: position of a result → its student's page.
        refused: position of a result → why its student's page was not written.
        notes: what the instructor should know about the tables, one sentence each.
    """

    files: list[Path] = field(default_factory=list)
    pages: dict[int, Path] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def write_all(
    folder: Path,
    course: Course,
    lab: Lab | None,
    graded: Iterable[Graded],
    roster: Roster | None = None,
    assignment: str | None = None,
    canvas: Mapping[str, int] | None = None,
) -> Written:
    """Write every page and table for a class.

    Args:
        folder: is made if it is not there; files of the same name in it are replaced.
        lab: the one lab; None for all that the results are of.
        graded: gone through once, and pictures are let go of one by one: it may read them as it goes.
        roster: names and the ids of learning platforms.
        assignment: nbgrader's name; the lab's phase if not given.
        canvas: lab → Canvas' number of its assignment.
    Returns:
        The files, and in `refused` the students' pages that were *not* written because something hidden
        was found in them. The class page tells of these too.
    Raises:
        GradingError: if a result is of another lab.
    """
    engine = engine_version()
    pages = _Pages(folder, course, lab, roster, engine)
    results = [pages.take(place, item) for place, item in enumerate(graded)]
    labs = [lab] if lab else [own for own in course.labs if own.name in pages.labs]
    pages.finish(labs)
    written = pages.written
    marks = marks_of(labs, results, roster)
    moodle, moodle_notes = moodle_csv(marks)
    written.notes = [*marks.notes, *moodle_notes]
    versions = {own.name: lab_stamp(course, own) for own in labs}
    for own in labs:
        # a file that tells no lab is shown with the only one, or with the first
        here = {own.name, ""} if own is labs[0] else {own.name}
        places = [place for place, item in enumerate(results) if item.lab in here]
        home = pages.home(own)
        page = class_page(
            own,
            [results[place] for place in places],
            roster,
            {n: _link(written.pages[p], home) for n, p in enumerate(places) if p in written.pages},
            {n: written.refused[p] for n, p in enumerate(places) if p in written.refused},
            written.notes,
            engine,
            versions[own.name],
        )
        write_atomic(home / "class.html", page)
        written.files.append(home / "class.html")
    name = assignment or " ".join(dict.fromkeys(own.phase for own in labs))
    links = {place: _link(path, folder) for place, path in written.pages.items()}
    for file, text in {
        "nbgrader.csv": nbgrader_csv(marks, name, _timestamps(results)),
        "canvas.csv": canvas_csv(marks, canvas),
        "moodle.csv": moodle,
        "marks.json": to_json(labs, results, roster, links, engine, versions),
    }.items():
        write_atomic(folder / file, text)
        written.files.append(folder / file)
    return written


def write_student_page(path: Path, course: Course, lab: Lab, graded: Graded, page: str) -> None:
    """Write a student's page unless it holds something hidden.

    Raises:
        GradingError: if it does; then nothing is written, and an older page is taken away.
    """
    seed = graded.result.seed if graded.result else None
    try:
        assert_clean(
            page, course, lab, _own_code(graded), None if seed is None else expected_numbers(lab, seed)
        )
    except GradingError:
        path.unlink(missing_ok=True)
        raise
    write_atomic(path, page)


def _link(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _light(graded: Graded) -> Graded:
    """The same without pictures and sounds: those of a large class do not fit into memory."""
    if graded.result is None:
        return graded
    parts = [
        replace(part, diagnosis=part.diagnosis and replace(part.diagnosis, picture=None, sounds={}))
        for part in graded.result.parts
    ]
    return replace(graded, result=replace(graded.result, parts=parts))


def _own_code(graded: Graded) -> str:
    """All code of the submission, "" if the file is gone or no notebook: then nothing is taken for theirs."""
    try:
        cells = read_notebook(graded.submission.path)["cells"]
    except NotebookError:
        return ""
    return "\n".join(source_of(cell) for cell in cells)


def _timestamps(results: list[Graded]) -> dict[str, str]:
    """When work was handed in, from nbgrader's `timestamp.txt` beside it, in UTC as nbgrader prints it."""
    from nbgrader.utils import parse_utc

    found = {}
    for item in results:
        path = item.submission.path.parent / "timestamp.txt"
        try:
            text = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        except (OSError, UnicodeDecodeError):
            continue
        if text and re.search(r"\d", text):
            try:
                found[item.submission.student] = str(parse_utc(text))
            except (ValueError, OverflowError):
                continue  # nbgrader refuses such a file too, when it grades
    return found


class _Pages:
    """Writes students' pages as results come, and keeps none of their pictures."""

    def __init__(
        self, folder: Path, course: Course, lab: Lab | None, roster: Roster | None, engine: str
    ) -> None:
        self.written = Written()
        self.labs: set[str] = set()
        self._folder, self._course, self._only = folder, course, lab
        self._roster, self._engine = roster or {}, engine
        self._namers: dict[str, Namer] = {}
        self._homeless: list[tuple[int, Graded]] = []

    def home(self, lab: Lab) -> Path:
        """The folder of a lab's pages."""
        return self._folder if self._only else self._folder / lab.name

    def take(self, place: int, item: Graded) -> Graded:
        """Write the page of one result; returns it without its pictures."""
        if self._only and item.lab not in ("", self._only.name):
            raise GradingError(f"there are results of {item.lab}, expected {self._only.name}")
        if item.lab:
            self._write(place, item, self._only or self._course.lab(item.lab))
        else:
            self._homeless.append((place, item))
        return _light(item)

    def finish(self, labs: Sequence[Lab]) -> None:
        """Write the pages of files that tell no lab: with the first there is."""
        for place, item in self._homeless if labs else ():
            self._write(place, item, labs[0])

    def _write(self, place: int, item: Graded, lab: Lab) -> None:
        self.labs.add(lab.name)
        person = self._roster.get(item.submission.student)
        version = lab_stamp(self._course, lab)
        page = student_page(lab, item, person.name if person else None, self._engine, version)
        name = self._namers.setdefault(lab.name, Namer()).name(item.submission.student)
        path = self.home(lab) / FEEDBACK / f"{name}.html"
        try:
            write_student_page(path, self._course, lab, item, page)
        except GradingError as error:
            # one student's page must not keep the class waiting, and must not be kept quiet about
            self.written.refused[place] = str(error)
        else:
            self.written.pages[place] = path
            self.written.files.append(path)
