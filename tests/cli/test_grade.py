"""`speechlab grade`: files, folders, nbgrader's tree; bad files; Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.submissions import find_submissions
from autograder.errors import NotebookError

PHASE = "phase0_signal_processing"
FILE = "t00_decibels.ipynb"


def test_nbgraders_tree_names_the_students(tmp_path):
    for student in ("alice", "bob"):
        for place in (
            f"submitted/{student}/{PHASE}/{FILE}",
            f"submitted/{student}/.ipynb_checkpoints/{FILE}",
        ):
            path = tmp_path / place
            path.parent.mkdir(parents=True)
            path.write_text("{}")
    for start in ("submitted", "submitted/alice", f"submitted/alice/{PHASE}/{FILE}", "."):
        found = find_submissions(tmp_path / start)
        assert [s.student for s in found] == (["alice", "bob"] if start in ("submitted", ".") else ["alice"])


def test_other_folders_name_them_by_folder_or_file(tmp_path):
    (tmp_path / "carol").mkdir()
    (tmp_path / "carol" / FILE).write_text("{}")
    (tmp_path / "dave.ipynb").write_text("{}")
    assert [s.student for s in find_submissions(tmp_path)] == ["carol", "dave"]
    with pytest.raises(NotebookError, match="no notebook"):
        find_submissions(tmp_path / "carol" / "..")[0] and find_submissions(_empty(tmp_path))


def _empty(tmp_path: Path) -> Path:
    folder = tmp_path / "none"
    folder.mkdir()
    return folder


def test_a_file_is_graded_and_written(desk, tmp_path):
    file = desk.answer(tmp_path / "alice.ipynb", rms="solved")
    marks, page = tmp_path / "marks.json", tmp_path / "marks.html"
    result = desk.run("grade", file, "--json", marks, "--html", page, "--seed", "7")
    assert result.exit_code == 0, result.output
    assert "2/5" in result.output and "power_to_db" in result.output
    content = json.loads(marks.read_text())
    (entry,) = content["submissions"]
    assert content["complete"] and content["seed"] == 7
    assert (entry["student"], entry["lab"], entry["points"], entry["max_points"]) == (
        "alice",
        "t00_decibels",
        2,
        5,
    )
    assert [part["passed"] for part in entry["parts"]] == [True, False]
    assert "still the stub" in page.read_text()


def test_bad_files_get_a_sentence_and_the_others_go_on(desk, tmp_path):
    inbox = tmp_path / "inbox"
    desk.answer(inbox / "good.ipynb", rms="solved", power_to_db="solved")
    (inbox / "empty.ipynb").write_bytes(b"")
    (inbox / "torn.ipynb").write_bytes(b'{"cells": [')
    (inbox / "folder.ipynb").mkdir()
    desk.write({"cells": [], "metadata": {}}, inbox / "blank.ipynb")
    desk.write({"cells": [], "metadata": {"speechlab": {"lab": "t77"}}}, inbox / "other.ipynb")
    desk.answer(inbox / "loop.ipynb", rms="def rms(samples):\n    return rms(samples)")
    before = {path.name: path.read_bytes() for path in inbox.iterdir() if path.is_file()}
    result = desk.run("grade", inbox)
    assert result.exit_code == 2
    for told in (
        "the file is empty",
        "damaged",
        "name the lab with --lab",
        "is no lab of this course",
        "5/5",
        "0/5",
    ):
        assert told in result.output, told
    assert before == {path.name: path.read_bytes() for path in inbox.iterdir() if path.is_file()}


def test_the_lab_can_be_named_for_files_that_do_not_tell(desk, tmp_path):
    desk.answer(tmp_path / "a" / "x.ipynb", rms="solved", power_to_db="solved")
    notebook = json.loads((tmp_path / "a" / "x.ipynb").read_text())
    del notebook["metadata"]["speechlab"]
    desk.write(notebook, tmp_path / "a" / "x.ipynb")
    assert "5/5" in desk.run("grade", tmp_path / "a", "--lab", "t00").output


def test_a_place_without_notebooks_is_refused(desk, tmp_path):
    for place, told in ((tmp_path / "nowhere", "no such file"), (_empty(tmp_path), "no notebook")):
        result = desk.run("grade", place)
        assert result.exit_code == 2
        assert told in result.stderr


def test_a_failure_of_ours_is_no_mark(desk, tmp_path, monkeypatch):
    import autograder.grading

    file = desk.answer(tmp_path / "alice.ipynb", rms="solved")

    def fail(*_: object, **__: object) -> None:
        raise OSError("the fork server ended")

    monkeypatch.setattr(autograder.grading, "grade", fail)
    result = desk.run("grade", file)
    assert result.exit_code == 1
    assert "grading failed: OSError: the fork server ended" in result.output
    assert "0/5" not in result.output


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_keeps_what_is_done(desk, tmp_path, wait_for_a_busy_worker):
    inbox = tmp_path / "inbox"
    desk.answer(inbox / "a.ipynb", rms="solved", power_to_db="solved")
    desk.answer(inbox / "b.ipynb", rms="def rms(samples):\n    while True: pass")
    marks = tmp_path / "marks.json"
    command = [sys.executable, "-c", "from autograder.cli import main; main()"]
    command += ["grade", str(inbox), "--json", str(marks), "--time-limit", "120"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_a_busy_worker(process.pid)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "1 of 2 files were graded" in errors and "5/5" in output
    content = json.loads(marks.read_text())
    assert content["complete"] is False
    assert [entry["student"] for entry in content["submissions"]] == ["a"]
