"""`speechlab grade`: files, folders, nbgrader's tree; bad files; Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.errors import NotebookError
from autograder.submissions import find_submissions

PHASE = "phase0_signal_processing"
FILE = "t00_decibels.ipynb"
UNSAFE = "--unsafe-no-isolation"  # where these tests run there may be none


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


# --- an assignment in nbgrader's folders ---------------------------------------------------------------


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """The miniature course, built: nbgrader's gradebook knows it."""
    from autograder.build import build
    from autograder.course import load_course

    root = tmp_path_factory.mktemp("released") / "course"
    miniature = Path(__file__).resolve().parent.parent / "data" / "course"
    shutil.copytree(miniature, root, ignore=shutil.ignore_patterns("__pycache__"))
    build(load_course(root), say=lambda text: None)
    return root


@pytest.fixture
def school(desk, released):
    """A desk whose course is built, with three submissions: school(student) is where one lies."""
    shutil.rmtree(desk.root)
    shutil.copytree(released, desk.root)

    def place(student: str) -> Path:
        return desk.root / "submitted" / student / PHASE / FILE

    desk.answer(place("ada"), rms="solved", power_to_db="solved")
    desk.answer(place("bob"), rms="solved")
    desk.answer(place("cyd"), rms="def rms(samples):\n    return 1 / 0")
    return place


def scores(root: Path) -> dict[str, float]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root}/gradebook.db", "speechlab") as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(PHASE)}


@pytest.mark.slow
def test_an_assignment_goes_into_the_gradebook_and_a_second_run_grades_what_changed(desk, school, tmp_path):
    done = desk.run("grade", "t00", "--workers", "2", "--students", "ada, bob", UNSAFE)
    assert done.exit_code == 0, done.output
    assert scores(desk.root) == {"ada": 5, "bob": 2}
    assert "cyd" not in done.output and "The marks are in nbgrader's gradebook." in done.output

    marks, results = tmp_path / "marks.json", tmp_path / "results"
    done = desk.run("grade", PHASE, "--workers", "1", "--json", marks, "--results", results, UNSAFE)
    assert done.exit_code == 0, done.output
    assert "2 results kept from the last run" in done.output
    assert scores(desk.root) == {"ada": 5, "bob": 2, "cyd": 0}
    seeds = {e["student"]: e["seed"] for e in json.loads(marks.read_text())["submissions"]}
    assert seeds["ada"] == seeds["bob"] != seeds["cyd"], "results keep the seed that they were made with"
    assert (results / "class.html").is_file() and (results / "nbgrader.csv").is_file()
    assert len(list((results / "feedback").glob("*.html"))) == 3

    school("bob").write_bytes(school("ada").read_bytes())
    school("cyd").write_text("{")
    done = desk.run("grade", "t00", UNSAFE)
    assert done.exit_code == 2 and "cannot be read" in done.output
    assert scores(desk.root) == {"ada": 5, "bob": 5, "cyd": 0}


def test_what_cannot_be_an_assignment_is_told(desk, released):
    for arguments, told in (
        (("t77",), "no such file or folder, nor a lab or phase"),
        (("t00",), "nothing is handed in as submitted/<student>/phase0_signal_processing/"),
        (("t00", "--lab", "t00"), "is an assignment"),
    ):
        done = desk.run("grade", *arguments)
        assert done.exit_code == 2 and told in done.stderr, done.output


@pytest.mark.slow
def test_a_gradebook_that_does_not_know_the_lab_is_told(desk, school):
    (desk.root / "gradebook.db").unlink()
    done = desk.run("grade", "t00", UNSAFE)
    assert done.exit_code == 2 and "run `speechlab build` first" in done.stderr, done.output
    assert not (desk.root / "autograded").exists()


@pytest.mark.slow
def test_a_second_run_at_the_same_time_is_refused(desk, school):
    from autograder.batch.lock import Lock

    with Lock(desk.root / ".speechlab" / "grading" / "gradebook.lock"):
        done = desk.run("grade", "t00", UNSAFE)
    assert done.exit_code == 1 and f"process {os.getpid()} is grading here" in done.stderr


def test_strangers_are_not_graded_without_isolation(desk, school, monkeypatch):
    from autograder.sandbox import forkserver, isolation

    monkeypatch.setenv("SPEECHLAB_ISOLATION", isolation.UNSAFE)
    monkeypatch.setattr(forkserver, "_backend", None)
    monkeypatch.setattr(forkserver, "_servers", {})
    for target in ("t00", str(school("ada"))):
        done = desk.run("grade", target)
        assert done.exit_code == 2, done.output
        assert "--unsafe-no-isolation" in done.stderr and "could read your files" in done.stderr
    assert not (desk.root / "autograded").exists()
    assert "5/5" in desk.run("grade", str(school("ada")), UNSAFE).output


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_in_an_assignment_writes_what_is_done(desk, school, wait_for_a_busy_worker):
    desk.answer(school("bob"), rms="def rms(samples):\n    while True: pass")
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "grade", "t00", UNSAFE]
    process = subprocess.Popen(
        [*command, "--workers", "2", "--time-limit", "120"],
        cwd=desk.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_a_busy_worker(process.pid)
    ends_at = time.monotonic() + 60
    log = desk.root / ".speechlab" / "grading" / "t00_decibels.jsonl"
    while log.read_text().count('"kind": "result"') < 2 and time.monotonic() < ends_at:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everyone
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "2 of 3 files were graded" in errors and "Traceback" not in errors
    assert scores(desk.root) == {"ada": 5, "cyd": 0}
