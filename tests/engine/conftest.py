"""The miniature course (one lab, two parts) that the engine is tested on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.course import Course, Lab, load_course
from autograder.definitions import Code
from autograder.loading import code_cells
from autograder.notebook import Reading

MINIATURE = Path(__file__).resolve().parent.parent / "data" / "course"


@pytest.fixture(scope="session")
def course() -> Course:
    return load_course(MINIATURE)


@pytest.fixture(scope="session")
def lab(course: Course) -> Lab:
    return course.lab("t00_decibels")


@pytest.fixture
def course_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """The miniature course in a folder of its own, with its state and notebooks inside."""
    root = tmp_path / "course"
    shutil.copytree(MINIATURE, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("SPEECHLAB_COURSE", str(root))
    monkeypatch.delenv("SPEECHLAB_STATE")
    monkeypatch.delenv("SPEECHLAB_NOTEBOOKS")
    return load_course(root)


@pytest.fixture
def answers(lab: Lab) -> Callable[..., Reading]:
    """Submission made of the reference with some parts' cells replaced: answers(rms="def rms…")."""

    def make(**cells: str) -> Reading:
        return Reading([Code(cells.get(c.part or "", c.source), c.part) for c in code_cells(lab.source)])

    return make
