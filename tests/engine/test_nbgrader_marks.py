"""Rows in the gradebook, marks by hand, lateness, and what happens when this machine is at fault."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path

import pytest
from nbgrader_course import (
    ASSIGNMENT,
    LAB,
    WRONG,
    api,
    cell_of,
    feedback_page,
    folder_of,
    gradebook,
    graded_page,
    nbgrader,
    new_course,
    notebook,
    row,
    submit,
    wrong_rms,
)

from autograder.build import source_notebook
from autograder.notebook import source_of

pytestmark = pytest.mark.slow

ESSAY = {"grade": True, "solution": True, "locked": False, "task": False, "schema_version": 3, "points": 4}


def essay(name: str, text: str) -> dict:
    """A written answer that a person marks."""
    metadata = {"nbgrader": {**ESSAY, "grade_id": name, "cell_type": "markdown"}}
    return {"cell_type": "markdown", "id": name, "metadata": metadata, "source": text}


@pytest.fixture
def course(tmp_path, monkeypatch):
    made = new_course(tmp_path / "course")
    monkeypatch.setenv("SPEECHLAB_COURSE", str(made.root))
    monkeypatch.delenv("SPEECHLAB_STATE")
    return made


def release(root: Path, page: dict, name: str = LAB) -> None:
    """Make a page of the instructor's own the assignment's, with the stock step."""
    (root / "source" / ASSIGNMENT / f"{name}.ipynb").write_text(json.dumps(page))
    outcome = api(root).generate_assignment(ASSIGNMENT, force=True)
    assert outcome["success"], outcome


def grade_all(root: Path, force: bool = True) -> str:
    outcome = api(root).autograde(ASSIGNMENT, "*", force=force)
    assert outcome["success"], outcome
    return outcome.get("log", "")


def test_rows_of_the_gradebook(course):
    submit(course, "right")
    submit(course, "wrong", wrong_rms)
    grade_all(course.root)
    assert row(course.root, "right", "check_rms") == {
        "auto_score": 2,
        "manual_score": None,
        "extra_credit": None,
        "needs_manual_grade": False,
        "failed_tests": False,
        "score": 2,
    }
    wrong = row(course.root, "wrong", "check_rms")
    assert (wrong["auto_score"], wrong["failed_tests"], wrong["needs_manual_grade"]) == (0, True, False)
    with gradebook(course.root) as book:
        submission = book.find_submission_notebook(LAB, ASSIGNMENT, "wrong")
        assert (submission.code_score, submission.max_score, submission.failed_tests) == (3, 5, True)
        assert book.find_comment("rms", LAB, ASSIGNMENT, "right").auto_comment is None


def test_a_page_as_released_is_no_response(course):
    stub = (course.root / "phases" / ASSIGNMENT / f"{LAB}.ipynb").read_text()
    submit(course, "stub").write_text(stub)
    grade_all(course.root)
    with gradebook(course.root) as book:
        assert book.find_submission(ASSIGNMENT, "stub").score == 0
        assert book.find_comment("rms", LAB, ASSIGNMENT, "stub").auto_comment == "No response."


STOCK = """\
c = get_config()
import os, sys
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "speechlab"
c.CourseDirectory.release_directory = "phases"
"""


def two_phases_of_marking(root: Path, students: list[str]) -> dict:
    """Grade, mark by hand, grade again: what the gradebook then says."""
    outcome = api(root).autograde(ASSIGNMENT, "*")
    assert outcome["success"], outcome
    before = {(s, c): row(root, s, c) for s in students for c in ("check_rms", "why")}
    with gradebook(root) as book:
        for student in students:
            by_hand = book.find_grade("check_rms", LAB, ASSIGNMENT, student)
            by_hand.manual_score, by_hand.extra_credit, by_hand.needs_manual_grade = 1.5, 0.25, False
            written = book.find_grade("why", LAB, ASSIGNMENT, student)
            written.manual_score, written.needs_manual_grade = 3, False
            book.find_comment("why", LAB, ASSIGNMENT, student).manual_comment = "Well said."
        book.db.commit()
    outcome = api(root).autograde(ASSIGNMENT, "*")
    assert outcome["success"], outcome
    with gradebook(root) as book:
        comments = {}
        for student in students:
            comment = book.find_comment("why", LAB, ASSIGNMENT, student)
            comments[student] = (comment.auto_comment, comment.manual_comment, comment.comment)
    after = {(s, c): row(root, s, c) for s in students for c in ("check_rms", "why")}
    return {"before": before, "after": after, "comments": comments}


def test_marks_by_hand_are_treated_as_stock_nbgrader_treats_them(course, tmp_path):
    page = source_notebook(course.labs[0])
    page["cells"].append(essay("why", "Say why.\n\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"))
    release(course.root, page)
    released = json.loads((course.root / "phases" / ASSIGNMENT / f"{LAB}.ipynb").read_text())

    stock = tmp_path / "stock"
    (stock / "source" / ASSIGNMENT).mkdir(parents=True)
    (stock / "nbgrader_config.py").write_text(STOCK)
    # the same page with asserts where ours has checks; the kernel has neither recordings nor plots to make
    plain = json.loads(json.dumps(page))
    plain["cells"] = [
        cell for cell in plain["cells"] if cell["cell_type"] == "markdown" or cell["metadata"].get("nbgrader")
    ]
    for cell in plain["cells"]:
        source = cell["source"].replace('Float[np.ndarray, "time"]', "object")
        cell["source"] = source.replace('Float[np.ndarray, "*shape"]', "object")
    cell_of(plain, "rms")["source"] = "import numpy as np\n" + cell_of(plain, "rms")["source"]
    cell_of(plain, "check_rms")["source"] = "assert rms(np.full(7, -2.5)) == 2.5"
    cell_of(plain, "check_power_to_db")["source"] = "assert power_to_db(np.ones(1))[0] == 0"
    release(stock, plain)
    unanswered = json.loads((stock / "phases" / ASSIGNMENT / f"{LAB}.ipynb").read_text())

    students = {"ada": "Because of the *root*.", "bob": None}
    for root, whole, blank in ((course.root, page, released), (stock, plain, unanswered)):
        for student, answer in students.items():
            work = json.loads(json.dumps(whole))
            cell_of(work, "why")["source"] = answer or source_of(cell_of(blank, "why"))
            if student == "bob":
                imports = "import numpy as np\n" if root == stock else ""
                cell_of(work, "rms")["source"] = imports + WRONG
            folder = folder_of(root, student)
            folder.mkdir(parents=True)
            (folder / f"{LAB}.ipynb").write_text(json.dumps(work))
    theirs = two_phases_of_marking(stock, list(students))
    ours = two_phases_of_marking(course.root, list(students))
    assert ours == theirs
    # and this is what they are
    assert ours["before"]["ada", "why"]["auto_score"] is None
    assert ours["before"]["ada", "why"]["needs_manual_grade"] is True
    assert ours["before"]["bob", "why"]["auto_score"] == 0
    assert ours["after"]["ada", "check_rms"]["score"] == 1.75
    assert ours["after"]["ada", "check_rms"]["needs_manual_grade"] is True
    assert ours["comments"] == {
        "ada": (None, "Well said.", "Well said."),
        "bob": ("No response.", "Well said.", "Well said."),
    }


HOSTILE = (
    "My answer: $a<b$ and `x<y`.\n\n<script>alert(1)</script><img src=x onerror=alert(2)>\n\n"
    "[click](javascript:alert(3)) [data](data:text/html,x) ![drawn](attachment:drawn.png)"
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_written_answers_are_kept_shown_without_danger_and_left_to_a_person(course):
    page = source_notebook(course.labs[0])
    page["cells"].insert(3, essay("why", "Say why.\n\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"))
    release(course.root, page)
    work = json.loads(json.dumps(page))
    cell_of(work, "why").update(
        source=HOSTILE, attachments={"drawn.png": {"image/png": PIXEL, "text/html": "<b>"}}
    )
    missing_picture = json.loads(json.dumps(work))
    del cell_of(missing_picture, "why")["attachments"]
    gone = json.loads(json.dumps(work))
    gone["cells"].remove(cell_of(gone, "why"))
    for student, notebook_ in {"ada": work, "bob": missing_picture, "cleo": gone}.items():
        folder_of(course.root, student).mkdir(parents=True)
        (folder_of(course.root, student) / f"{LAB}.ipynb").write_text(json.dumps(notebook_))
    submit(course, "dan").write_bytes(b"no notebook")
    grade_all(course.root)
    for student in ("ada", "bob", "cleo"):
        why = row(course.root, student, "why")
        assert (why["auto_score"], why["needs_manual_grade"]) == (None, True)
        with gradebook(course.root) as book:
            submission = book.find_submission(ASSIGNMENT, student)
            assert (submission.score, submission.max_score) == (5, 9)
    dan = row(course.root, "dan", "why")
    assert (dan["auto_score"], dan["needs_manual_grade"]) == (0, False)
    answer = cell_of(graded_page(course.root, "ada"), "why")
    assert source_of(answer) == HOSTILE
    assert answer["attachments"] == {"drawn.png": {"image/png": PIXEL}}
    shown = api(course.root).generate_feedback(ASSIGNMENT)
    assert shown["success"], shown
    for student in ("ada", "bob", "cleo", "dan"):
        text = feedback_page(course.root, student)
        assert "Because." not in text  # the instructor's own answer
        assert "<script>alert" not in text and "onerror" not in text.replace("onerror=alert(2)&gt;", "")
        assert 'href="javascript' not in text and 'href="data' not in text
    assert f"data:image/png;base64,{PIXEL}" in feedback_page(course.root, "ada")
    assert "My answer: $a&lt;b$" in feedback_page(course.root, "ada")


def test_a_notebook_of_the_instructors_own_is_not_run_and_waits_for_a_person(course):
    """nbgrader takes a test without output for passed."""
    test = {"grade": True, "solution": False, "locked": True, "task": False, "schema_version": 3, "points": 7}
    given = {**test, "grade": False, "solution": True, "locked": False, "grade_id": "f"}
    given.pop("points")
    page = {
        "cells": [
            {
                "cell_type": "code",
                "id": "a",
                "metadata": {"nbgrader": given},
                "source": "f = 1",
                "outputs": [],
                "execution_count": None,
            },
            {
                "cell_type": "code",
                "id": "b",
                "metadata": {"nbgrader": {**test, "grade_id": "test_f"}},
                "source": "assert f == 1",
                "outputs": [],
                "execution_count": None,
            },
            essay("why", "Say why."),
        ],
        "metadata": notebook(course)["metadata"],
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    del page["metadata"]["speechlab"]
    release(course.root, page, "extra")
    submit(course, "ada")
    work = json.loads(json.dumps(page))
    work["cells"][0]["source"] = "open('ran', 'w')"
    work["cells"][1]["source"] = "7"
    work["cells"][2]["source"] = "Because."
    (folder_of(course.root, "ada") / "extra.ipynb").write_text(json.dumps(work))
    log = grade_all(course.root)
    assert "ada: extra is no lab: its code was not run" in log
    for cell in ("test_f", "why"):
        found = row(course.root, "ada", cell, "extra")
        assert (found["auto_score"], found["needs_manual_grade"]) == (None, True)
    shown = graded_page(course.root, "ada", "extra")
    assert [source_of(cell) for cell in shown["cells"]] == ["open('ran', 'w')", "assert f == 1", "Because."]
    assert row(course.root, "ada", "check_rms")["auto_score"] == 2
    assert not list(course.root.rglob("ran"))


def due(root: Path, when: str) -> None:
    with gradebook(root) as book:
        book.update_or_create_assignment(ASSIGNMENT, duedate=when)


def test_late_penalties_and_extensions(course):
    submit(course, "ada", wrong_rms)
    (folder_of(course.root, "ada") / "timestamp.txt").write_text("2026-10-01 12:00:00 UTC")
    due(course.root, "2026-10-01 10:00:00 UTC")

    def penalty(**settings) -> tuple:
        outcome = api(course.root, **settings).autograde(ASSIGNMENT, "ada")
        assert outcome["success"], outcome
        with gradebook(course.root) as book:
            found = book.find_submission(ASSIGNMENT, "ada")
            return found.score, found.late_submission_penalty, found.total_seconds_late

    zero = {"LateSubmissionPlugin": {"penalty_method": "zero"}}
    own = {"AssignLatePenalties": {"plugin_class": "nbgrader_course.HalfAPointAnHour"}}
    assert penalty() == (3, None, 7200) or penalty() == (3, 0, 7200)
    assert penalty(**zero) == (3, 3, 7200)
    assert penalty(**zero) == (3, 3, 7200)  # a second time it is not taken twice
    assert penalty(**own) == (3, 1, 7200)
    with gradebook(course.root) as book:
        book.grant_extension(ASSIGNMENT, "ada", hours=1)
    assert penalty(**own) == (3, 0.5, 3600)
    with gradebook(course.root) as book:
        book.grant_extension(ASSIGNMENT, "ada", hours=3)
    score, taken, late = penalty(**own)
    assert (score, taken or 0, late) == (3, 0, 0)
    with gradebook(course.root) as book:
        book.grant_extension(ASSIGNMENT, "ada", hours=1)
    assert penalty(**own) == (3, 0.5, 3600)
    assert nbgrader(course.root, "export").returncode == 0
    with open(course.root / "grades.csv") as file:
        line = next(csv.DictReader(file))
    names = ("assignment", "student_id", "raw_score", "late_submission_penalty", "score", "max_score")
    assert [line[name] for name in names] == [ASSIGNMENT, "ada", "3.0", "0.5", "2.5", "5.0"]
    assert api(course.root).generate_feedback(ASSIGNMENT)["success"]
    page = feedback_page(course.root, "ada")
    assert "(Score: 2.5 / 5.0)" in page and "Late submission penalty (Score: -0.5)" in page


def test_grading_again_only_when_asked_or_when_the_submission_is_newer(course):
    path = submit(course, "ada", wrong_rms)
    stamp = path.with_name("timestamp.txt")
    stamp.write_text("2026-10-01 12:00:00 UTC")
    grade_all(course.root, force=False)
    graded = course.root / "autograded" / "ada" / ASSIGNMENT / f"{LAB}.ipynb"
    before = graded.stat().st_mtime_ns
    submit(course, "ada")
    assert "Skipping existing assignment" in grade_all(course.root, force=False)
    assert graded.stat().st_mtime_ns == before and row(course.root, "ada", "check_rms")["score"] == 0
    stamp.write_text("2026-10-02 12:00:00 UTC")
    grade_all(course.root, force=False)
    assert row(course.root, "ada", "check_rms")["score"] == 2


def test_formgraders_call_inside_a_running_event_loop_and_from_another_thread(course):
    submit(course, "ada", wrong_rms)
    button = api(course.root)

    async def press() -> list:
        here = button.autograde(ASSIGNMENT, "ada")
        there = await asyncio.to_thread(button.autograde, ASSIGNMENT, "ada")
        return [here, there]

    for outcome in asyncio.run(press()):
        assert outcome["success"], outcome
    found = button.get_submission(ASSIGNMENT, "ada")
    assert (found["score"], found["autograded"], found["needs_manual_grade"]) == (3, True, False)
    assert button.get_submission(ASSIGNMENT, "nobody")["autograded"] is False
