"""The miniature course, built once, and a copy of it for each test with a learner's work in it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result

from autograder.build import source_notebook
from autograder.cli import cli
from autograder.course import Course, Lab, load_course
from autograder.notebook import grade_id
from autograder.pristine import pristine_bytes

MINIATURE = Path(__file__).resolve().parent.parent / "data" / "course"
LAB = "t00_decibels"
HERE = Path("phases") / "phase0_signal_processing"


@dataclass
class Desk:
    """A learner's course folder, and the command line in it."""

    course: Course

    @property
    def root(self) -> Path:
        return self.course.root

    @property
    def lab(self) -> Lab:
        return self.course.lab(LAB)

    @property
    def notebook(self) -> Path:
        return self.course.notebook(self.lab)

    def run(self, *arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(map(str, arguments)), input=input)

    def read(self) -> dict[str, Any]:
        return json.loads(self.notebook.read_text(encoding="utf-8"))

    def write(self, notebook: dict[str, Any], path: Path | None = None) -> Path:
        path = path or self.notebook
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return path

    def answer(self, path: Path | None = None, **parts: str) -> Path:
        """Save the notebook with these cells, `solved` for the reference's."""
        notebook = json.loads(pristine(self.course))
        solved = {grade_id(cell): cell["source"] for cell in source_notebook(self.lab)["cells"]}
        for cell in notebook["cells"]:
            name = grade_id(cell)
            if name in parts:
                cell["source"] = solved[name] if parts[name] == "solved" else parts[name]
        return self.write(notebook, path)


_pristine: list[bytes] = []


def pristine(course: Course) -> bytes:
    """The released notebook, made once: nbgrader takes seconds."""
    if not _pristine:
        _pristine.append(pristine_bytes(course, course.lab(LAB)))
    return _pristine[0]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    root = tmp_path / "course"
    shutil.copytree(MINIATURE, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("SPEECHLAB_COURSE", str(root))
    for name in ("SPEECHLAB_STATE", "SPEECHLAB_NOTEBOOKS", "SPEECHLAB_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    # renewing is tested with the real build in one test; the others need only its result
    made = Desk(load_course(root))
    made.notebook.parent.mkdir(parents=True)
    made.notebook.write_bytes(pristine(made.course))
    return made


@pytest.fixture
def quick_pristine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """The build's result without running it again."""

    def known(course: Course, lab: Lab) -> bytes:
        return pristine(course)

    monkeypatch.setattr("autograder.cli.reset.pristine_bytes", known)
    return known


@pytest.fixture
def wait_for_a_busy_worker() -> Callable[[int], None]:
    """Waits until a grandchild of a process has burnt a second: it is in a loop that never ends."""

    def wait(pid: int) -> None:
        ends_at = time.monotonic() + 60
        while time.monotonic() < ends_at:
            for child in psutil.Process(pid).children(recursive=True):
                try:
                    if child.ppid() != pid and child.cpu_times().user > 1:
                        return
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.1)
        raise AssertionError("no worker came to the endless loop")

    return wait
