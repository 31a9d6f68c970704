"""Marks as CSV, in the forms that nbgrader, Canvas and Moodle read.

A cell of text that a spreadsheet would run as a formula gets an apostrophe before it, as OWASP advises
(CSV injection); a separator of another country's spreadsheet in it becomes a comma. Numbers are written
as numbers, negative ones too.

nbgrader: the columns of `nbgrader export`, a row per student and assignment. Late penalties are 0 here:
they live in the gradebook, from which `nbgrader export` writes the same table with them.

Canvas (Gradebook → Import): `Student, ID, SIS User ID, SIS Login ID, Section`, a column per lab named
`<lab> (<number of the assignment>)`, a row `Points Possible`. Canvas looks a student up by `ID`, then by
SIS id, then by login, then by name; a column without a number makes it ask which assignment is meant.

Moodle (Grades → Import → CSV file): UTF-8, commas; choose "Map from" Email address (or Username, or ID
number) and map both columns of a lab, marks and feedback: Moodle deletes the marks of an item for which
only feedback is mapped. Two of its habits shape the file. One unknown student stops the whole import, so
with a roster only those on it are written. A row without the cell that students are looked up by would
give its marks to the student of the row before, so a column is written only if every row fills it.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.course import Lab
from autograder.feedback import clean
from autograder.results.roster import FORMULA, Person, Roster
from autograder.submissions import Graded

NBGRADER = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
LONGEST_COMMENT = 2000


@dataclass
class Marks:
    """What counts for each student.

    Attributes:
        points: (student, lab) → points; None if this program failed, so that nobody knows.
        first: (student, lab) → the file that counts.
        strangers: students who are not on the roster; empty without one.
        notes: what a person should know about the tables, one sentence each.
    """

    labs: Sequence[Lab]
    people: Sequence[Person]
    points: dict[tuple[str, str], float | None]
    first: dict[tuple[str, str], Graded]
    strangers: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)


def marks_of(labs: Sequence[Lab], graded: Sequence[Graded], roster: Roster | None) -> Marks:
    """One mark per student and lab.

    Of several files of a student for one lab the first counts. A file that cannot be read has 0 points;
    one that this program failed on has none.
    """
    first: dict[tuple[str, str], Graded] = {}
    notes = []
    for item in graded:
        # a file that does not even tell its lab counts where there is only one
        lab = item.lab or (labs[0].name if len(labs) == 1 else "")
        key = item.submission.student, lab
        if not lab:
            notes.append(f"{item.submission.path} tells no lab: it is in no table.")
        elif key in first:
            notes.append(
                f"{key[0]} handed in several files for {lab}: {first[key].submission.path} counts, "
                f"{item.submission.path} does not."
            )
        else:
            first[key] = item
    points = {key: _points(item) for key, item in first.items()}
    for (student, lab), value in points.items():
        if value is None:
            notes.append(f"{student} has no mark for {lab} in any table: grading itself failed.")
    people = dict(roster or {})
    strangers = dict.fromkeys(student for student, _ in first if student not in people)
    people.update((student, Person(student)) for student in strangers)
    if roster is None:
        strangers = {}
    notes += [f"{student} is not on the roster." for student in strangers]
    return Marks(labs, list(people.values()), points, first, frozenset(strangers), notes)


def _points(item: Graded) -> float | None:
    if item.result is None:
        return None if item.ours else 0.0
    return item.result.points


def safe_cell(value: str) -> str:
    """Text that no spreadsheet runs, on one line."""
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in value).strip()
    text = text.replace(";", ",")  # in half of Europe a spreadsheet would cut the line there
    return f"'{text}" if text.startswith(FORMULA) else text


def number(points: float) -> str:
    """A number as a platform reads it: a point, no exponent, no needless digits."""
    return f"{points:.6f}".rstrip("0").rstrip(".")


def _csv(rows: Sequence[Sequence[str | float | None]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return buffer.getvalue()


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return safe_cell(value) if isinstance(value, str) else number(value)


def nbgrader_csv(marks: Marks, assignment: str, timestamps: Mapping[str, str] | None = None) -> str:
    """The table of `nbgrader export`; who handed in nothing has 0 points, as there.

    Args:
        assignment: nbgrader's name of it; the points of all labs are summed up.
        timestamps: student → when the work was handed in, as nbgrader prints it.
    """
    total = sum(lab.points for lab in marks.labs)
    rows: list[list[str]] = []
    for person in sorted(marks.people, key=lambda p: (p.last_name, p.first_name)):
        own = [marks.points.get((person.student_id, lab.name), 0.0) for lab in marks.labs]
        known = [points for points in own if points is not None]
        if len(known) < len(own):
            continue  # no mark is not 0 points
        score = str(float(sum(known)))
        who = [person.student_id, person.last_name, person.first_name, person.email]
        when = (timestamps or {}).get(person.student_id, "")
        cells = [safe_cell(text) for text in (assignment, "", when, *who)]
        rows.append([*cells, score, "0.0", score, str(float(total))])
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(NBGRADER)
    writer.writerows(rows)
    return buffer.getvalue()


def canvas_csv(marks: Marks, assignments: Mapping[str, int] | None = None) -> str:
    """The table that Canvas' gradebook imports.

    Args:
        assignments: lab → Canvas' number of the assignment; a lab without one is named alone.
    """
    numbers = assignments or {}
    titles = [f"{lab.name} ({numbers[lab.name]})" if lab.name in numbers else lab.name for lab in marks.labs]
    rows: list[list[str | float | None]] = [[*CANVAS, *titles]]
    rows.append(["Points Possible", "", "", "", "", *(float(lab.points) for lab in marks.labs)])
    for person in marks.people:
        own = [marks.points.get((person.student_id, lab.name)) for lab in marks.labs]
        login = person.sis_login or ("" if person.canvas_id or person.sis_id else person.student_id)
        rows.append([person.sortable, person.canvas_id, person.sis_id, login, person.section, *own])
    return _csv(rows)


def moodle_csv(marks: Marks) -> tuple[str, list[str]]:
    """The table that Moodle imports, and what is to be known about it.

    A student without a mark has "-", which Moodle reads as "no grade".
    """
    notes = []
    if marks.strangers:
        names = ", ".join(sorted(marks.strangers))
        notes.append(f"Not in Moodle's table, as one unknown student stops its import: {names}.")
    if any(person.student_id == "0" for person in marks.people):
        notes.append("Not in Moodle's table: the student '0', whom Moodle takes for nobody.")
    # PHP takes "0" for an empty cell, and the row for one of the student above
    people = [p for p in marks.people if p.student_id not in (*marks.strangers, "0")]
    columns = {
        "Username": [p.sis_login or p.student_id for p in people],
        "ID number": [p.sis_id for p in people],
        "Email address": [p.email for p in people],
        "First name": [p.first_name for p in people],
        "Last name": [p.last_name for p in people],
    }
    for title, cells in columns.items():
        empty = sum(not cell for cell in cells)
        if title in ("ID number", "Email address") and 0 < empty < len(cells):
            notes.append(f"Moodle's table has no column {title!r}: {empty} of {len(cells)} students lack it.")
    columns = {title: cells for title, cells in columns.items() if cells and all(cells)}
    header: list[str | float | None] = [*columns]
    for lab in marks.labs:
        header += [lab.name, f"{lab.name} feedback"]
    rows = [header]
    for line, person in enumerate(people):
        row: list[str] = [safe_cell(cells[line]) for cells in columns.values()]
        for lab in marks.labs:
            key = person.student_id, lab.name
            points = marks.points.get(key)
            row += ["-" if points is None else number(points), safe_cell(_comment(marks.first.get(key)))]
        rows.append(list(row))
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue(), notes


def _comment(item: Graded | None) -> str:
    """What is wrong, part by part; without angle brackets, for Moodle shows comments as HTML."""
    if item is None:
        return ""
    if item.result is None:
        return "The file could not be graded."
    failed = [part for part in item.result.parts if part.diagnosis is not None]
    said = " | ".join(
        f"{part.part} {part.points:g}/{part.max_points:g}: {clean(part.diagnosis.sentence)}"
        for part in failed
        if part.diagnosis
    )
    text = said or "All parts passed."
    text = text if len(text) <= LONGEST_COMMENT else text[:LONGEST_COMMENT] + " …"
    return text.replace("<", "‹").replace(">", "›")
