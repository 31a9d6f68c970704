"""`speechlab similarity`: which files it takes, what it says."""

from __future__ import annotations

import json

from click.testing import CliRunner

from autograder.cli.similarity import similarity

PLACE = "submitted/{}/phase0_signal_processing/t00_decibels.ipynb"


def test_the_code_of_a_class(desk):
    for student in ("ada", "bob"):
        desk.answer(desk.root / PLACE.format(student), rms="solved")
    other = desk.root / "submitted" / "ada" / "phase0_signal_processing" / "t99_other.ipynb"
    other.write_text(json.dumps({"cells": [], "metadata": {"speechlab": {"lab": "t99_other"}}}))
    broken = desk.root / PLACE.format("car\x1b[31mol")
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    result = CliRunner().invoke(similarity, ["t00", "--to", str(desk.root / "out")], catch_exceptions=False)
    assert sorted(p.name for p in (desk.root / "out" / "submissions").iterdir()) == ["ada", "bob"]
    assert "wrote 2 submissions" in result.output and "\x1b[31m" not in result.output
    assert "damaged, it is no JSON" in result.output and "t99" not in result.output


def test_students_as_numbers(desk):
    desk.answer(desk.root / PLACE.format("ada"), rms="solved")
    key = desk.root / "who.csv"
    arguments = ["t00", "--to", str(desk.root / "out"), "--key", str(key)]
    result = CliRunner().invoke(similarity, arguments, catch_exceptions=False)
    assert [p.name for p in (desk.root / "out" / "submissions").iterdir()] == ["student-1"]
    assert key.read_text() == "number,student_id\nstudent-1,ada\n" and "keep it apart" in result.output
