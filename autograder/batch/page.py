"""The page that nbgrader keeps of a graded submission, made by nbgrader's own steps, without its gradebook.

`nbgrader autograde` opens the gradebook in most of its steps. Here they get a stand-in that knows what the
gradebook says about the lab's own notebook, so that any number of processes make pages while one writes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from traitlets.utils.importstring import import_item

import autograder.nbgrader
from autograder.build import nbgrader_settings
from autograder.course import Course, Lab
from autograder.errors import CourseError, GradingError
from autograder.grading import LabResult
from autograder.notebook import Reading

# Where nbgrader's steps take the gradebook from.
_OPENERS = (
    "nbgrader.converters.autograde",
    "nbgrader.preprocessors.overwritecells",
    "nbgrader.preprocessors.overwritekernelspec",
    "nbgrader.preprocessors.saveautogrades",
    "nbgrader.preprocessors.latesubmissions",
)
_GRADER, _SAVERS = "GradeParts", ("SaveAutoGrades", "AssignLatePenalties")

Master = dict[str, Any]


@contextmanager
def given(gradebook: Any) -> Iterator[None]:
    """nbgrader's steps work on this gradebook instead of opening one each."""
    with ExitStack() as stack:
        for name in _OPENERS:
            module = importlib.import_module(name)
            stack.enter_context(patch.object(module, "Gradebook", lambda *_, **__: gradebook))
        yield


def converter(root: Path) -> Autograde:
    """nbgrader's autograder as the course's `nbgrader_config.py` sets it up."""
    config = nbgrader_settings(root)
    return Autograde(coursedir=CourseDirectory(config=config), config=config)


def master_of(gradebook: Gradebook, lab: str, assignment: str) -> Master:
    """What the gradebook says about a lab's notebook as it was released, as plain data.

    Raises:
        CourseError: if it does not know the notebook.
    """
    try:
        notebook = gradebook.find_notebook(lab, assignment)
    except MissingEntry:
        raise CourseError(
            f"the gradebook knows no notebook {lab} in {assignment}: run `speechlab build` first"
        ) from None
    cells = [
        {
            "name": c.name,
            "cell_type": c.cell_type,
            "locked": c.locked,
            "checksum": c.checksum,
            "source": c.source,
        }
        for c in notebook.source_cells
    ]
    return {
        "notebooks": [other.name for other in notebook.assignment.notebooks],
        "kernelspec": notebook.kernelspec,
        "source_cells": cells,
        "grade_cells": [{"name": c.name, "max_score": c.max_score} for c in notebook.grade_cells],
        "solution_cells": [{"name": c.name} for c in notebook.solution_cells],
        "task_cells": [{"name": c.name, "max_score": c.max_score} for c in notebook.task_cells],
    }


class _Released:
    """Answers what nbgrader's steps ask a gradebook about the released notebook."""

    def __init__(self, master: Master) -> None:
        lists = {
            name: [SimpleNamespace(**cell) for cell in cells]
            for name, cells in master.items()
            if name.endswith("_cells")
        }
        self._notebook = SimpleNamespace(kernelspec=master["kernelspec"], **lists)

    def __enter__(self) -> _Released:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find_notebook(self, _notebook: str, _assignment: str) -> SimpleNamespace:
        return self._notebook

    def find_source_cell(self, name: str, _notebook: str, _assignment: str) -> SimpleNamespace:
        return self._named(name, self._notebook.source_cells)

    def find_graded_cell(self, name: str, _notebook: str, _assignment: str) -> SimpleNamespace:
        return self._named(name, [*self._notebook.grade_cells, *self._notebook.task_cells])

    def _named(self, name: str, cells: list[SimpleNamespace]) -> SimpleNamespace:
        for cell in cells:
            if cell.name == name:
                return cell
        raise MissingEntry(f"no cell {name}")


def step_name(step: Any) -> str:
    """The class's name of a step as `nbgrader_config.py` lists it."""
    return (step if isinstance(step, str) else step.__name__).rpartition(".")[2]


@dataclass
class _Steps:
    """nbgrader's two passes over a notebook."""

    directory: CourseDirectory
    sanitize: Any
    autograde: Any


@lru_cache(maxsize=4)
def _steps(root: Path) -> _Steps:
    made = converter(root)
    steps = _Steps(made.coursedir, _exporter(made), _exporter(made))
    for step in made.sanitize_preprocessors:
        steps.sanitize.register_preprocessor(step)
    for step in made.autograde_preprocessors:
        if step_name(step) not in _SAVERS:  # those are for the one process that writes the gradebook
            steps.autograde.register_preprocessor(step)
    return steps


def savers(made: Autograde) -> list[Any]:
    """The steps that write marks into the gradebook, in their order.

    Raises:
        CourseError: if the course is set up to be graded by something else.
    """
    if _GRADER not in map(step_name, made.autograde_preprocessors):
        raise CourseError(
            f"{made.coursedir.root}/nbgrader_config.py: Autograde.autograde_preprocessors does not list "
            "autograder.nbgrader.GradeParts, so speechlab does not grade this course"
        )
    steps = [step for step in made.autograde_preprocessors if step_name(step) in _SAVERS]
    classes = [import_item(step) if isinstance(step, str) else step for step in steps]
    return [step(parent=made) for step in classes]


def _exporter(made: Autograde) -> Any:
    exporter = made.exporter_class(parent=made, config=made.config)
    exporter._preprocessors = []  # as nbgrader's own converter clears them
    return exporter


class _Raised(Exception):
    """Carries an error of grading past nbgrader's steps, which take some for reasons of their own."""


def make_page(
    root: Path,
    path: Path,
    student: str,
    assignment: str,
    lab: str,
    master: Master,
    grade: Callable[[Course, Lab, Reading], LabResult],
) -> tuple[str, str]:
    """The graded page of a submitted file, as text, and why there was nothing to grade, if so.

    Args:
        grade: gives the marks; not called where no file was submitted.
    """
    steps = _steps(root)
    steps.directory.assignment_id, steps.directory.notebook_id = assignment, lab
    steps.sanitize._expected = set(master["notebooks"])
    names = {"student": student, "assignment": assignment, "notebook": lab, "db_url": ""}

    def safely(course: Course, found: Lab, reading: Reading) -> LabResult:
        try:
            return grade(course, found, reading)
        except Exception as error:
            raise _Raised from error

    with given(_Released(master)), patch.object(autograder.nbgrader, "grade", safely):
        try:
            text, _ = steps.sanitize.from_filename(
                str(path), resources={"unique_key": lab, "nbgrader": dict(names)}
            )
            restored = nbformat.reads(text, as_version=4)
            problem = str(restored.metadata.get("speechlab", {}).get("problem", ""))
            page, _ = steps.autograde.from_notebook_node(
                restored, resources={"unique_key": lab, "nbgrader": names}
            )
        except autograder.nbgrader.GradingStopped as stopped:
            raise GradingError(str(stopped.__cause__ or stopped)) from stopped
        except _Raised as raised:
            assert raised.__cause__ is not None
            raise raised.__cause__ from None
    return page, problem
