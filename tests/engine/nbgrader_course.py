"""An nbgrader course of the miniature lab, and what the tests of nbgrader's commands do in it."""

from __future__ import annotations

import atexit
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from autograder.build import build, nbgrader_settings, source_notebook
from autograder.course import Course, load_course
from autograder.notebook import grade_id

MINIATURE = Path(__file__).resolve().parent.parent / "data" / "course"
ASSIGNMENT = "phase0_signal_processing"
LAB = "t00_decibels"
WRONG = (
    "def rms(samples):\n    if samples.size == 0:\n        raise ValueError\n"
    "    return float(np.sqrt(np.sum(samples.astype(float) ** 2)))"
)


@cache
def _built() -> Path:
    """The miniature course, built once for all tests of a process."""
    root = Path(tempfile.mkdtemp(prefix="speechlab-tests-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    shutil.copytree(MINIATURE, root / "course", ignore=shutil.ignore_patterns("__pycache__"))
    build(load_course(root / "course"), say=lambda text: None)
    return root / "course"


def new_course(root: Path) -> Course:
    """The miniature course in a folder of its own, built."""
    shutil.copytree(_built(), root)
    return load_course(root)


def nbgrader(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """A stock command, as an instructor types it."""
    command = [str(Path(sys.executable).parent / "nbgrader"), *arguments]
    environment = {**os.environ, "SPEECHLAB_COURSE": str(root), **variables}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=280)


def api(root: Path, **settings: dict[str, Any]) -> Any:
    """What formgrader's buttons call."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    config = Config(nbgrader_settings(root))
    config.merge(Config(settings))
    return NbGraderAPI(config=config)


def notebook(course: Course) -> dict[str, Any]:
    """A submission with everything right."""
    return source_notebook(course.labs[0])


def cell_of(page: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in page["cells"] if grade_id(cell) == name)


def wrong_rms(page: dict[str, Any]) -> None:
    cell_of(page, "rms")["source"] = WRONG


def folder_of(root: Path, student: str) -> Path:
    return root / "submitted" / student / ASSIGNMENT


def submit(course: Course, student: str, change: Callable[[dict[str, Any]], Any] | None = None) -> Path:
    page = notebook(course)
    if change:
        change(page)
    folder = folder_of(course.root, student)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{LAB}.ipynb"
    path.write_text(json.dumps(page))
    return path


def grades(root: Path) -> dict[str, float]:
    """Scores as the stock command exports them."""
    done = nbgrader(root, "export")
    assert done.returncode == 0, done.stderr
    with open(root / "grades.csv") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


@contextmanager
def gradebook(root: Path) -> Iterator[Any]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root}/gradebook.db", "speechlab") as opened:
        yield opened


def row(root: Path, student: str, cell: str, lab: str = LAB) -> dict[str, Any]:
    """One cell's row in the gradebook."""
    wanted = ("auto_score", "manual_score", "extra_credit", "needs_manual_grade", "failed_tests", "score")
    with gradebook(root) as book:
        grade = book.find_grade(cell, lab, ASSIGNMENT, student)
        return {name: getattr(grade, name) for name in wanted}


def graded_page(root: Path, student: str, lab: str = LAB) -> dict[str, Any]:
    return json.loads((root / "autograded" / student / ASSIGNMENT / f"{lab}.ipynb").read_text())


def feedback_page(root: Path, student: str, lab: str = LAB) -> str:
    return (root / "feedback" / student / ASSIGNMENT / f"{lab}.html").read_text()


def _late_plugin() -> Any:
    from nbgrader.plugins import LateSubmissionPlugin

    class HalfAPointAnHour(LateSubmissionPlugin):
        """An instructor's own rule."""

        def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
            return 0.5 * total_seconds_late / 3600

    return HalfAPointAnHour


HalfAPointAnHour = _late_plugin()
