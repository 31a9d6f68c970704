"""The class's code in the layouts that tools for similar code read."""

from __future__ import annotations

import ast
import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from autograder.errors import GradingError
from autograder.leaks import secrets_of
from autograder.results import Person
from autograder.results.similarity import export_similarity, released_cells
from autograder.submissions import Submission


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def handed_in(lab, folder: Path, student: str, rms: str, *extra: str) -> Submission:
    """A submission on the released page with an answer to one part and cells of the student's own."""

    cells = [(c.part, rms if c.part == "rms" else c.source) for c in released_cells(lab)] + [
        (None, text) for text in extra
    ]
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "source": source,
                "metadata": {"nbgrader": {"grade_id": part}} if part else {},
            }
            for part, source in cells
        ],
        "metadata": {"speechlab": {"lab": lab.name}},
    }
    path = folder / f"{len(list(folder.iterdir()))}.ipynb"
    path.write_text(json.dumps(notebook))
    return Submission(path, student)


RMS = "def rms(samples):\n    return norm(samples)"


@pytest.fixture
def inbox(lab, tmp_path) -> list[Submission]:
    folder = tmp_path / "in"
    folder.mkdir()
    return [
        handed_in(lab, folder, "ada", RMS, "%matplotlib inline\ndef norm(x):\n    return 1.0", "  "),
        handed_in(lab, folder, "Zoë <b>", RMS),
        handed_in(lab, folder, "bob", "def rms(:"),
        Submission(folder / "gone.ipynb", "carol"),
    ]


def test_code_in_the_layouts_that_tools_read(course, lab, inbox, tmp_path):
    folder = tmp_path / "similarity"
    roster = {"ada": Person("ada", "Ada", "=L", section="One")}
    exported = export_similarity(folder, lab, inbox, roster=roster)
    students = {path.name: path for path in (folder / "submissions").iterdir()}
    assert {exported.names[name] for name in students} == {"ada", "Zoë <b>", "bob"}
    assert (students["ada"] / "rms.py").read_text() == RMS + "\n"
    # magics are no Python; what the page gives everybody is not the student's
    assert (
        students["ada"] / "helpers.py"
    ).read_text() == "# %matplotlib inline\ndef norm(x):\n    return 1.0\n"
    assert sorted(p.name for p in students["bob"].iterdir()) == ["power_to_db.py"]
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text())
    assert len(exported.left_out) == 2
    assert "bob: rms is no valid Python" in exported.left_out[0] and "carol" in exported.left_out[1]
    readme = (folder / "README.txt").read_text()
    assert all(line in readme for line in exported.left_out)
    for command in (
        "--language",
        "-bc base submissions",
        "dolos run -l python",
        "copydetect -t submissions -b base",
    ):
        assert command in readme or command == "--language"
    with zipfile.ZipFile(folder / "dolos.zip") as archive:
        table = rows(archive.read("info.csv").decode())
        assert {row["filename"] for row in table} | {"info.csv"} == set(archive.namelist())
        assert [row["filename"] for row in table if row["ignored"] == "true"] == ["base.py"]
        assert ("One", "Ada =L") in {(row["label"], row["full_name"]) for row in table}
        assert RMS in archive.read("ada.py").decode()


def test_the_base_code_is_the_released_page(course, lab, inbox, tmp_path):
    export_similarity(tmp_path / "out", lab, inbox[:1])
    base = {path.stem: path.read_text() for path in (tmp_path / "out" / "base").iterdir()}
    assert set(base) == {"rms", "power_to_db", "helpers"} and "NotImplementedError" in base["rms"]
    text = "\n".join(base.values())
    assert not [secret for secret in secrets_of(course) if secret.text in text]


def test_students_can_be_numbers(lab, inbox, tmp_path):
    folder, key = tmp_path / "similarity", tmp_path / "key.csv"
    exported = export_similarity(
        folder, lab, inbox, key=key, roster={"ada": Person("ada", "Ada", "Lovelace")}
    )
    told = {row["number"]: row["student_id"] for row in rows(key.read_text())}
    assert told == exported.names and set(told.values()) == {"ada", "Zoë <b>", "bob", "carol"}
    assert key.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(folder / "dolos.zip") as archive:
        packed = "".join(name + archive.read(name).decode() for name in archive.namelist())
    there = packed + "".join(str(p.relative_to(folder)) for p in folder.rglob("*"))
    there += (folder / "README.txt").read_text()
    for name in ("ada", "Lovelace", "Zoë", "Zoe", "bob", "carol", inbox[3].path.name):
        assert name not in there, name


def test_the_numbers_do_not_tell_the_order(lab, inbox, tmp_path):
    many = inbox[:2] * 10
    export_similarity(tmp_path / "out", lab, many, key=tmp_path / "key.csv")
    order = [row["student_id"] for row in rows((tmp_path / "key.csv").read_text())]
    assert sorted(order) == sorted(item.student for item in many)
    assert order != [item.student for item in many]  # by chance: once in 184 756 times


def test_code_is_exported_only_into_a_folder_of_its_own(lab, inbox, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(GradingError, match="expected an empty folder"):
        export_similarity(tmp_path / "full", lab, inbox)
    with pytest.raises(GradingError, match="expected a place outside"):
        export_similarity(tmp_path / "new", lab, inbox, key=tmp_path / "new" / "key.csv")
    assert not (tmp_path / "new").exists()
