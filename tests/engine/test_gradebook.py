"""What `speechlab grade` writes for nbgrader is what `nbgrader autograde` writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gradebooks import pages, tables

from autograder.batch.plan import labs_named, plan_assignment
from autograder.batch.run import Batch, Settings
from autograder.build import build, source_notebook
from autograder.course import load_course
from autograder.notebook import grade_id

pytestmark = pytest.mark.slow
PHASE, LAB, SEED = "phase0_signal_processing", "t00_decibels", 7
WRONG = "def rms(samples):\n    return float(np.sqrt(np.sum(samples.astype(float) ** 2)))"
STOCK = """
import sys
import autograder.grading
from nbgrader.apps.nbgraderapp import NbGraderApp
autograder.grading.new_seed = lambda: 7
NbGraderApp.launch_instance(sys.argv[1:])
"""


def write(course, student: str, name: str = f"{LAB}.ipynb", late: str = "", **answers: str) -> Path:
    notebook = source_notebook(course.labs[0])
    for cell in notebook["cells"]:
        cell["source"] = answers.get(grade_id(cell) or "", cell["source"])
    path = course.root / "submitted" / student / PHASE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))
    if late:
        (path.parent / "timestamp.txt").write_text(late)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The miniature course with a due date, built, and submissions of many kinds."""
    from nbgrader.api import Gradebook

    root = tmp_path_factory.mktemp("built") / "course"
    miniature = Path(__file__).resolve().parent.parent / "data" / "course"
    shutil.copytree(miniature, root, ignore=shutil.ignore_patterns("__pycache__"))
    with open(root / "nbgrader_config.py", "a") as file:
        file.write('\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    course = load_course(root)
    build(course, say=lambda text: None)
    with Gradebook(f"sqlite:///{root}/gradebook.db", "speechlab") as gradebook:
        gradebook.update_or_create_assignment(PHASE, duedate="2026-10-01 12:00:00 UTC")
    write(course, "right", late="2026-09-30 12:00:00 UTC")
    write(course, "late", late="2026-10-02 12:00:00 UTC")
    write(course, "wrong", rms=WRONG)
    write(course, "stub", rms="def rms(samples):\n    raise NotImplementedError()")
    write(course, "torn").write_text('{"cells": [')
    write(course, "renamed", "my t00.ipynb", rms=WRONG)
    write(course, "O'Brien; drop table {x} é")
    write(course, "absent").rename(root / "submitted" / "absent" / PHASE / "notes.txt")
    (root / "submitted" / "right" / PHASE / "data").mkdir()
    (root / "submitted" / "right" / PHASE / "data" / "own.csv").write_text("1,2")
    (root / "submitted" / "wrong" / PHASE / "leak.txt").symlink_to(course.labs[0].source)
    return root


def copy(built: Path, tmp_path: Path, monkeypatch) -> Path:
    root = tmp_path / "course"
    shutil.copytree(built, root, symlinks=True)
    monkeypatch.delenv("SPEECHLAB_STATE")
    monkeypatch.setenv("SPEECHLAB_COURSE", str(root))
    return root


def stock(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-c", STOCK, "autograde", PHASE, f"--notebook={LAB}", *arguments]
    done = subprocess.run(command, cwd=root, env={**os.environ}, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


def ours(root: Path, **settings) -> Batch:
    course = load_course(root)
    plan = plan_assignment(course, labs_named(course, "t00"), None)
    with Batch(plan, Settings({"pictures": True}, SEED, workers=2, **settings)) as batch:
        batch.run()
        batch.results = list(batch.results)
    return batch


def by_hand(root: Path) -> None:
    """What an instructor does in formgrader."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root}/gradebook.db", "speechlab") as gradebook:
        grade = gradebook.find_grade("check_rms", LAB, PHASE, "wrong")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.5, 0.25, False
        gradebook.find_comment("rms", LAB, PHASE, "wrong").manual_comment = "nearly"
        gradebook.db.commit()


def test_rows_and_pages_equal_those_of_nbgraders_own_command(built, tmp_path, monkeypatch):
    theirs = copy(built, tmp_path / "theirs", monkeypatch)
    stock(theirs)
    root = copy(built, tmp_path / "ours", _again(monkeypatch))
    batch = ours(root)
    assert tables(root) == tables(theirs)
    found, expected = pages(root), pages(theirs)
    assert list(found) == list(expected)
    for name in expected:
        assert found[name] == expected[name], name
    scores = {g.submission.student: g.result.points for g in batch.results}
    assert scores["right"] == 5 and scores["wrong"] == scores["renamed"] == 3 and scores["torn"] == 0
    assert "autograded/wrong/phase0_signal_processing/leak.txt" not in found

    by_hand(theirs)
    by_hand(root)
    stock(theirs, "--force")
    ours(root, regrade=True)
    assert tables(root) == tables(theirs), "manual scores, extra credit and comments stay"
    assert any(row[0] == "wrong" and row[4] == 1.5 and row[6] for row in tables(root)["grades"])


def _again(monkeypatch):
    """The second copy of one test: what the first has unset may be gone already."""

    class Patient:
        setenv = staticmethod(monkeypatch.setenv)

        @staticmethod
        def delenv(name: str) -> None:
            monkeypatch.delenv(name, raising=False)

    return Patient


def test_a_second_run_writes_only_what_is_missing_or_has_changed(built, tmp_path, monkeypatch):
    root = copy(built, tmp_path, monkeypatch)
    ours(root)
    rows, graded = tables(root), pages(root)
    page = root / "autograded" / "right" / PHASE / f"{LAB}.ipynb"
    before = page.stat().st_mtime_ns
    assert ours(root).kept == 8
    assert page.stat().st_mtime_ns == before, "nothing has changed, so nothing is written"

    page.unlink()
    page.parent.with_name(PHASE).chmod(0o755)
    # what a run leaves that was killed while it wrote the page
    (page.parent / f".{page.name}.k1ll3d_0").write_bytes(b"{")
    import sqlite3

    with sqlite3.connect(root / "gradebook.db") as database:
        database.execute("delete from comment")
        database.execute("delete from grade")
        database.execute("delete from submitted_notebook")
        database.execute("delete from submitted_assignment")
    assert ours(root).kept == 8, "results come from the log"
    assert tables(root) == rows and pages(root) == graded

    with sqlite3.connect(root / "gradebook.db") as database:
        database.execute("update grade set auto_score = 99 where auto_score = 0")
        database.execute("update assignment set duedate = '2026-09-01 12:00:00.000000'")
    (root / "submitted" / "wrong" / PHASE / "timestamp.txt").write_text("2026-08-01 12:00:00 UTC")
    ours(root)
    now = tables(root)
    assert now["grades"] == rows["grades"]
    penalties = {row[1]: row[4] for row in now["notebooks"]}
    assert (penalties["right"], penalties["late"], penalties["wrong"]) == (5, 5, None)
    assert {row[1]: row[2] for row in now["submissions"]}["wrong"].startswith("2026-08-01")


def test_a_submission_that_the_gradebook_refuses_costs_itself(built, tmp_path, monkeypatch):
    from autograder.batch.gradebook import GradebookWriter

    root = copy(built, tmp_path, monkeypatch)
    write_one = GradebookWriter._write

    def refuse(self, one):
        write_one(self, one)
        if one.student == "wrong":
            raise ValueError("not this one")

    monkeypatch.setattr(GradebookWriter, "_write", refuse)
    batch = ours(root)
    problems = {g.submission.student: g.problem for g in batch.results if g.ours}
    assert list(problems) == ["wrong"] and "not written into the gradebook" in problems["wrong"]
    written = {row[0]: row[3] for row in tables(root)["grades"]}
    assert "wrong" not in written and written["right"] is not None and len(written) == 7
    monkeypatch.undo()
    monkeypatch.setenv("SPEECHLAB_COURSE", str(root))
    monkeypatch.delenv("SPEECHLAB_STATE")
    assert ours(root).kept == 8
    assert len({row[0] for row in tables(root)["grades"]}) == 8
