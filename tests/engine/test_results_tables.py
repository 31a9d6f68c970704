"""Tables for nbgrader, Canvas and Moodle; the roster; JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.diagnosis import Diagnosis
from autograder.grading import LabResult, PartResult
from autograder.results import Person, RosterError, canvas_csv, moodle_csv, nbgrader_csv, read_roster, to_json
from autograder.results.tables import marks_of, number, safe_cell
from autograder.submissions import Graded, Submission

FORMULA = tuple("=+-@\t\r＝＋－＠")


def graded(lab, student, points=5.0, path=None, **more) -> Graded:
    parts = [PartResult("rms", min(points, 2.0), 2), PartResult("power_to_db", max(points - 2.0, 0.0), 3)]
    if points < 5:
        parts[1].diagnosis = Diagnosis("error", more.pop("sentence", "wrong"))
    result = LabResult(lab.name, parts, [], 7, "none", 1.0)
    return Graded(Submission(Path(path or f"/nowhere/{student}.ipynb"), student), lab.name, result)


def broken(lab, student, ours=False) -> Graded:
    return Graded(Submission(Path(f"/nowhere/{student}.ipynb"), student), lab.name, None, "why", ours)


def rows(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


@given(st.text(max_size=40))
@example("=1+1")
@example("\t=1")
@example(" \u2003@SUM(A1)")
@example("a;=cmd|' /C calc'!A0")
@example("\r\n+1")
@example("＝1")
def test_no_text_is_a_formula_in_any_spreadsheet(lab, text):
    """Neither where commas part the cells nor where semicolons or tabs do."""
    marks = marks_of([lab], [graded(lab, text or "x"), graded(lab, "b", sentence=text, points=2)], None)
    for table in (nbgrader_csv(marks, "a"), canvas_csv(marks), moodle_csv(marks)[0]):
        cells = [cell for row in csv.reader(io.StringIO(table, newline="")) for cell in row]
        assert not [cell for cell in cells if cell.startswith(FORMULA) and cell != "-"]
        # so no spreadsheet that parts cells elsewhere finds another one
        assert ";" not in table and "\t" not in table and "\r" not in table


def test_numbers_stay_numbers(lab):
    assert [number(x) for x in (-0.5, 0.0, 12.0, 1 / 3, 1e-9, 1e15)] == [
        "-0.5",
        "0",
        "12",
        "0.333333",
        "0",
        "1000000000000000",
    ]
    marks = marks_of([lab], [graded(lab, "ada", -1.5)], None)
    assert rows(nbgrader_csv(marks, "a"))[0]["score"] == "-1.5"
    assert rows(canvas_csv(marks))[1][lab.name] == "-1.5"
    assert rows(moodle_csv(marks)[0])[0][lab.name] == "-1.5"


def test_ordinary_text_stays_as_it_is():
    for text in ("Ada Lovelace", "O'Brien, Conan", "ada@example.org", "s-1", '"quoted"', "山田"):
        assert safe_cell(text) == text
    assert safe_cell("=1") == "'=1" and safe_cell("-x") == "'-x"


@pytest.mark.slow
def test_nbgraders_form_is_what_nbgrader_itself_exports(lab, tmp_path, monkeypatch):
    # nbgrader starts `alembic` by name
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    from nbgrader.api import Gradebook
    from nbgrader.plugins import CsvExportPlugin

    path = tmp_path / "roster.csv"
    path.write_text(
        "student_id,first_name,last_name,email\nada,Ada,Lovelace,a@x.org\nbob,,,\ncarol,C,K,c@x.org\n"
    )
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        book.add_assignment("ps1")
        book.add_notebook(lab.name, "ps1")
        for part in lab.parts:
            book.add_grade_cell(
                f"check_{part.name}", lab.name, "ps1", max_score=part.points, cell_type="code"
            )
        for person in read_roster(path).values():
            book.add_student(
                person.student_id,
                first_name=person.first_name or None,
                last_name=person.last_name or None,
                email=person.email or None,
            )
        for student, points in (("ada", 2.0), ("bob", 5.0)):
            stamp = datetime(2026, 9, 30, 12) if student == "ada" else None
            book.add_submission("ps1", student, timestamp=stamp)
            book.find_grade("check_rms", lab.name, "ps1", student).auto_score = 2.0
            book.find_grade("check_power_to_db", lab.name, "ps1", student).auto_score = points - 2.0
        book.db.commit()
        CsvExportPlugin(to=str(tmp_path / "grades.csv")).export(book)
    marks = marks_of([lab], [graded(lab, "ada", 2.0), graded(lab, "bob", 5.0)], read_roster(path))
    own = nbgrader_csv(marks, "ps1", {"ada": "2026-09-30 12:00:00"})
    assert rows(own) == rows((tmp_path / "grades.csv").read_text())
    assert own.split("\n")[0] == (tmp_path / "grades.csv").read_text().split("\n")[0]


def test_what_counts(lab):
    items = [
        graded(lab, "ada", 2, "/a/1.ipynb"),
        graded(lab, "ada", 5, "/a/2.ipynb"),
        broken(lab, "bob"),
        broken(lab, "carol", ours=True),
        Graded(Submission(Path("/x.ipynb"), "dan"), "", None, "no lab"),
    ]
    marks = marks_of([lab], items, None)
    assert marks.points == {
        ("ada", lab.name): 2,
        ("bob", lab.name): 0,
        ("carol", lab.name): None,
        ("dan", lab.name): 0,
    }
    assert any("/a/1.ipynb counts, /a/2.ipynb does not" in note for note in marks.notes)
    assert any(note.startswith("carol has no mark") for note in marks.notes)
    assert [row["student_id"] for row in rows(nbgrader_csv(marks, "a"))] == ["ada", "bob", "dan"]
    assert {row["Student"]: row[lab.name] for row in rows(canvas_csv(marks))[1:]} == {
        "ada": "2",
        "bob": "0",
        "carol": "",
        "dan": "0",
    }
    assert [row[lab.name] for row in rows(moodle_csv(marks)[0])] == ["2", "0", "-", "0"]


def canvas_reads(text: str) -> dict[str, dict[str, str]]:
    """What Canvas' importer makes of a table, by its rules for header, points and students."""
    first = text.split("\n")[:3]
    assert len({line.count(";") for line in first}) == 1  # it counts both separators to choose one
    header, possible, *students = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(header) > 3 and "Student" in header[0] and "ID" in header[1]
    assert header[2:4] == ["SIS User ID", "SIS Login ID"] and "Section" in header[4]
    assert "Points Possible" in possible[0]
    found = {}
    for row in students:
        assert len(row) == len(header)
        key = next(cell for cell in (row[1], row[2], row[3], row[0]) if cell)
        found[key] = dict(zip(header[5:], row[5:], strict=True))
    return {"": dict(zip(header[5:], possible[5:], strict=True)), **found}


def test_canvas_form(lab, tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(
        "student_id,first_name,last_name,canvas_id,sis_id,sis_login,section\n"
        "ada,Ada,Lovelace,4711,S1,al,One\nbob,Bob,B,,S2,,One\ncarol,Carol,C,,,,\n"
    )
    items = [graded(lab, "ada", 3.5), graded(lab, "bob"), graded(lab, "eve", 2)]
    read = canvas_reads(canvas_csv(marks_of([lab], items, read_roster(path)), {lab.name: 99}))
    column = f"{lab.name} (99)"
    assert read == {
        "": {column: "5"},
        "4711": {column: "3.5"},
        "S2": {column: "5"},
        "carol": {column: ""},
        "eve": {column: "2"},
    }
    assert rows(canvas_csv(marks_of([lab], items, read_roster(path))))[1]["Student"] == "Lovelace, Ada"


def test_moodle_form(lab, tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("student_id,email,sis_id\nada,a@x.org,1\nbob,b@x.org,\n0,z@x.org,3\n")
    items = [graded(lab, "ada", 2, sentence="<script>x</script>; = 1"), graded(lab, "eve"), graded(lab, "0")]
    text, notes = moodle_csv(marks_of([lab], items, read_roster(path)))
    table = rows(text)
    assert list(table[0]) == ["Username", "Email address", lab.name, f"{lab.name} feedback"]
    # an unknown student would stop the import; one without a key would get the marks of the one before
    assert [row["Username"] for row in table] == ["ada", "bob"]
    assert all(row[column] for row in table for column in ("Username", "Email address"))
    assert [row[lab.name] for row in table] == ["2", "-"]
    assert "power_to_db 0/3" in table[0][f"{lab.name} feedback"] and "<" not in text and ">" not in text
    assert any("eve" in note for note in notes) and any("'0'" in note for note in notes)
    assert any("'ID number'" in note for note in notes)


def test_roster(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_bytes(
        b'\xef\xbb\xbfEmail, student_id ,last_name,first_name\r\na@x.org,ada,Love;lace,"A,"\r\n\r\n,bob,,\r\n'
    )
    roster = read_roster(path)
    assert list(roster.values()) == [Person("ada", "A,", "Love;lace", "a@x.org"), Person("bob")]
    assert (roster["ada"].name, roster["ada"].sortable, roster["bob"].name) == (
        "A, Love;lace",
        "Love;lace, A,",
        "bob",
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty, expected a first line with student_id"),
        ("student_id;email\nada;a@x.org\n", "expected commas"),
        ("student_id,phone\nada,1\n", "1: unknown column 'phone'"),
        ("email\na@x.org\n", "the column 'student_id' is missing"),
        ("student_id,email,email\n", "'email' is there 2 times"),
        ("student_id,email\nada\n", "2: 1 cells, expected 2"),
        ("student_id,email\n,a@x.org\n", "2: student_id is empty"),
        ("student_id\nada\nbob\nADA\n", "4: student_id is 'ADA', which line 2 has already"),
        ("student_id,email\nada,a@x.org\nbob,a@x.org\n", "3: email is 'a@x.org', which line 2"),
        ("student_id,canvas_id\nada,x1\n", "canvas_id is 'x1', expected Canvas' number"),
        ("student_id,email\nada,ada at x.org\n", "email is 'ada at x.org', expected an address"),
        ("student_id,sis_login\nada,=1+1\n", "sis_login is '=1+1', which a spreadsheet would run"),
        ("student_id,first_name\nada,a\u202eb\n", "without control characters"),
        ('student_id,first_name\nada,"a\n', "is no CSV"),
        (b"student_id,first_name\nada,Zo\xeb\n", "is not UTF-8"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_roster_that_is_wrong_says_where(tmp_path, content, told):
    path = tmp_path / "roster.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RosterError) as error:
        read_roster(path)
    assert told in str(error.value) and str(error.value).startswith(str(path))


def test_json_holds_everything(lab):
    diagnosis = Diagnosis(
        "error", "raised", None, ["Asked"], [(3, "rms", "x = 1")], b"png", {"yours": ([], 8000)}
    )
    part = PartResult(
        "rms", 0, 2, [("Asked", False)], diagnosis, 0.1234567, "note", "fault", "detail", ["flag"]
    )
    result = LabResult(lab.name, [part], ["remark"], 11, "bubblewrap", math.inf)
    item = Graded(Submission(Path("/a/ada.ipynb"), "ada"), lab.name, result)
    now = datetime(2026, 9, 30, 12, tzinfo=UTC)
    roster = {"ada": Person("ada", "Ada", "L")}
    text = to_json(
        [lab],
        [item, broken(lab, "b\ud800", ours=True)],
        roster,
        {0: "f/ada.html"},
        "1.0",
        {lab.name: "v"},
        now,
    )
    text.encode()
    told = json.loads(text)
    assert told["schema"] == "speechlab-results/1" and told["written"] == "2026-09-30T12:00:00+00:00"
    assert (
        told["engine"] == "1.0" and told["labs"][0]["version"] == "v" and told["labs"][0]["max_points"] == 5
    )
    first, second = told["submissions"]
    assert first == {
        "student": "ada",
        "name": "Ada L",
        "file": "/a/ada.ipynb",
        "lab": lab.name,
        "graded": True,
        "problem": "",
        "ours": False,
        "points": 0,
        "max_points": 2,
        "seed": 11,
        "isolation": "bubblewrap",
        "seconds": None,
        "remarks": ["remark"],
        "feedback": "f/ada.html",
        "parts": [
            {
                "part": "rms",
                "points": 0,
                "max_points": 2,
                "passed": False,
                "seconds": 0.123,
                "note": "note",
                "fault": "fault",
                "detail": "detail",
                "flags": ["flag"],
                "checks": [{"asked": "Asked", "met": False}],
                "diagnosis": {
                    "kind": "error",
                    "sentence": "raised",
                    "mistake": None,
                    "asked": ["Asked"],
                    "trace": [{"line": 3, "function": "rms", "text": "x = 1"}],
                    "picture": True,
                    "sounds": ["yours"],
                },
            }
        ],
    }
    assert (second["graded"], second["problem"], second["ours"], second["points"]) == (
        False,
        "why",
        True,
        None,
    )
