"""Who the students are: a CSV file of the instructor's, read strictly.

Columns, in any order; only the first is needed:

| column | is |
|---|---|
| `student_id` | the name of the student's folder or file |
| `first_name`, `last_name`, `email` | as in the learning platform |
| `canvas_id` | Canvas' own number of the student, column `ID` of its gradebook export |
| `sis_id`, `sis_login`, `section` | columns `SIS User ID`, `SIS Login ID`, `Section` of the same export |

The file is UTF-8 (a byte-order mark is fine) with commas. In Moodle's file `sis_id` is the ID number.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, fields
from pathlib import Path

from autograder.errors import SpeechlabError

MAX_BYTES = 20 * 1024 * 1024
FORMULA = tuple("=+-@＝＋－＠")  # a spreadsheet takes a cell that begins so for a formula
# what a learning platform looks students up by: it cannot be changed without breaking the import
_KEYS = ("student_id", "email", "canvas_id", "sis_id", "sis_login")


class RosterError(SpeechlabError):
    """The roster file is not as it should be."""


@dataclass(frozen=True)
class Person:
    """One student as the instructor knows them."""

    student_id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    canvas_id: str = ""
    sis_id: str = ""
    sis_login: str = ""
    section: str = ""

    @property
    def name(self) -> str:
        """For a person to read: first and last name, else the id."""
        return f"{self.first_name} {self.last_name}".strip() or self.student_id

    @property
    def sortable(self) -> str:
        """Last name first, as learning platforms sort."""
        return ", ".join(filter(None, (self.last_name, self.first_name))) or self.student_id


COLUMNS = tuple(field.name for field in fields(Person))
Roster = dict[str, Person]


def read_roster(path: Path) -> Roster:
    """Students by id, in the order of the file.

    Raises:
        RosterError: with file and line, if anything in it is missing, doubled or malformed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RosterError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise RosterError(f"{path}: {len(data)} bytes, expected at most {MAX_BYTES}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RosterError(f"{path}: is not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: Roster = {}
    seen: dict[tuple[str, str], int] = {}
    header: list[str] = []
    try:
        for row in reader:
            where = f"{path}:{reader.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = _header(where, row)
                continue
            person = _person(where, header, row)
            for key in _KEYS:
                value = getattr(person, key)
                first = seen.setdefault((key, value.casefold()), reader.line_num)
                if value and first != reader.line_num:
                    raise RosterError(f"{where}: {key} is {value!r}, which line {first} has already")
            found[person.student_id] = person
    except csv.Error as error:
        raise RosterError(f"{path}:{reader.line_num}: is no CSV: {error}") from error
    if not header:
        raise RosterError(f"{path}: is empty, expected a first line with {', '.join(COLUMNS)}")
    return found


def _header(where: str, row: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in row]
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise RosterError(f"{where}: the columns are parted by {names[0]!r}, expected commas")
    for name in names:
        if name not in COLUMNS:
            raise RosterError(f"{where}: unknown column {name!r}, expected some of {', '.join(COLUMNS)}")
        if names.count(name) > 1:
            raise RosterError(f"{where}: the column {name!r} is there {names.count(name)} times")
    if "student_id" not in names:
        raise RosterError(f"{where}: the column 'student_id' is missing; there are {', '.join(names)}")
    return names


def _person(where: str, header: list[str], row: list[str]) -> Person:
    if len(row) != len(header):
        raise RosterError(f"{where}: {len(row)} cells, expected {len(header)} as in the first line")
    values = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
    for name, value in values.items():
        if not value.isprintable():
            raise RosterError(f"{where}: {name} is {value!r}, expected text without control characters")
        if name in _KEYS and value.startswith(FORMULA):
            raise RosterError(
                f"{where}: {name} is {value!r}, which a spreadsheet would run as a formula; "
                "expected a letter or a digit first"
            )
    if not values["student_id"]:
        raise RosterError(f"{where}: student_id is empty")
    number = values.get("canvas_id", "")
    if number and not (number.isascii() and number.isdigit()):
        raise RosterError(f"{where}: canvas_id is {number!r}, expected Canvas' number of the student")
    email = values.get("email", "")
    if email and (email.count("@") != 1 or " " in email or email.startswith("@") or email.endswith("@")):
        raise RosterError(f"{where}: email is {email!r}, expected an address")
    return Person(**values)
