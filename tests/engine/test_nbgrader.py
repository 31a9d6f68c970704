"""Stock nbgrader commands over the miniature course."""

from __future__ import annotations

import html
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbgrader_course
import pytest
from nbgrader_course import ASSIGNMENT, WRONG, grades, nbgrader, new_course

from autograder.notebook import grade_id

pytestmark = pytest.mark.slow


def submit(course, student: str, change=None) -> None:
    nbgrader_course.submit(course, student, lambda page: [change(cell) for cell in page["cells"] if change])


@pytest.fixture
def class_of_students(tmp_path, monkeypatch):
    course_copy = new_course(tmp_path / "course")
    monkeypatch.setenv("SPEECHLAB_COURSE", str(course_copy.root))
    monkeypatch.delenv("SPEECHLAB_STATE")

    def wrong(cell):
        if grade_id(cell) == "rms":
            cell["source"] = WRONG

    def stub(cell):
        if grade_id(cell) in ("rms", "power_to_db"):
            cell["source"] = f"def {grade_id(cell)}(*args):\n    raise NotImplementedError()"

    def forge(cell):
        wrong(cell)
        if (grade_id(cell) or "").startswith("check_"):
            cell["source"] = "1000"
            cell["metadata"]["nbgrader"]["points"] = 1000
            cell["outputs"] = [
                {
                    "output_type": "execute_result",
                    "data": {"text/plain": "1000"},
                    "metadata": {},
                    "execution_count": 1,
                }
            ]

    submit(course_copy, "right")
    submit(course_copy, "wrong", wrong)
    submit(course_copy, "stub", stub)
    submit(course_copy, "forger", forge)
    return course_copy


def test_marks_feedback_and_export(class_of_students):
    root = class_of_students.root
    done = nbgrader(root, "autograde", ASSIGNMENT)
    assert done.returncode == 0, done.stderr
    assert grades(root) == {"right": 5, "wrong": 3, "stub": 0, "forger": 3}
    done = nbgrader(root, "generate_feedback", ASSIGNMENT)
    assert done.returncode == 0, done.stderr
    page = (root / "feedback" / "wrong" / ASSIGNMENT / "t00_decibels.html").read_text()
    assert "That is the energy: you summed the squares." in page
    checks = (class_of_students.labs[0].checks).read_text()
    sources = [line.strip() for line in checks.split("\n") if "lab." in line or line.startswith("def ")]
    assert sources and not [line for line in sources if line in html.unescape(page)]


def test_generate_assignment_works_with_the_stock_command(class_of_students):
    root = class_of_students.root
    path = root / "phases" / ASSIGNMENT / "t00_decibels.ipynb"
    before = path.read_bytes()
    done = nbgrader(root, "generate_assignment", ASSIGNMENT, "--force")
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == before
    assert nbgrader(root, "validate", str(path)).returncode == 0


@pytest.fixture
def formgrader(class_of_students):
    """A Jupyter server over the course: ask(method, path) goes to formgrader's own interface."""
    root = class_of_students.root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", f"--port={port}"]
    options = ["--IdentityProvider.token=test", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={root}"]
    extensions = ["--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}"]
    environment = {**os.environ, "SPEECHLAB_COURSE": str(root), "JUPYTER_CONFIG_DIR": str(root / "config")}
    server = subprocess.Popen(
        command + options + extensions,
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def ask(method: str, path: str) -> str:
        url = f"http://127.0.0.1:{port}/formgrader/{path}"
        request = urllib.request.Request(url, method=method, headers={"Authorization": "token test"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read().decode()

    try:
        for _ in range(300):
            try:
                ask("GET", "api/assignments")
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        yield ask
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def test_formgraders_button_grades_with_the_same_marks(formgrader, class_of_students):
    names = [assignment["name"] for assignment in json.loads(formgrader("GET", "api/assignments"))]
    assert names == [ASSIGNMENT]
    for student in ("right", "wrong"):
        done = json.loads(formgrader("POST", f"api/submission/{ASSIGNMENT}/{student}/autograde"))
        assert done["success"], done
    submissions = json.loads(formgrader("GET", f"api/submissions/{ASSIGNMENT}"))
    found = {submission["student"]: submission["score"] for submission in submissions}
    assert (found["right"], found["wrong"]) == (5, 3)
    notebooks = json.loads(formgrader("GET", f"api/submitted_notebooks/{ASSIGNMENT}/t00_decibels"))
    page = formgrader("GET", f"submissions/{next(n['id'] for n in notebooks if n['student'] == 'wrong')}/")
    assert "That is the energy: you summed the squares." in html.unescape(page)
    assert "For the instructor only" in page and "seed" in page
    for view in (
        "manage_assignments",
        f"manage_submissions/{ASSIGNMENT}",
        f"gradebook/{ASSIGNMENT}/t00_decibels",
    ):
        assert "nbgrader formgrade" in formgrader("GET", view)
