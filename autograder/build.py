"""`solutions/` → nbgrader's source → `phases/`.

`nbgrader generate_assignment` does the second step, as an instructor would run it; here it works in a
folder of its own, so that what a learner has done in `phases/` is never overwritten.
"""

from __future__ import annotations

import ast
import hashlib
import html
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder import percent
from autograder.course import Course, Lab, Part
from autograder.definitions import read_tree
from autograder.errors import CourseError, NotebookError
from autograder.files import back_up, write_atomic
from autograder.notebook import belongs_to, grade_id, read_notebook, source_of

HINT_NAMES = ("a nudge", "the concept", "nearly the solution")
SCHEMA = 3  # nbgrader's metadata version


@dataclass
class BuildReport:
    """What a build did: paths by fate."""

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    backups: list[Path] = field(default_factory=list)


def _cell(kind: str, source: str, identity: str, nbgrader: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = (
        {"nbgrader": {"schema_version": SCHEMA, "task": False, **nbgrader}} if nbgrader else {}
    )
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": hashlib.sha256(identity.encode()).hexdigest()[:8],
        "metadata": metadata,
        "source": source,
    }
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
    return cell


def _label(part: Part) -> str:
    dots = "●" * part.difficulty + "○" * (5 - part.difficulty)
    unit = "point" if part.points == 1 else "points"
    said = f"`{part.name}` · {part.points:g} {unit} · difficulty {dots} · about {part.minutes} minutes"
    without = ", ".join(f"`{name}`" for name in part.forbids)
    return f"{said} · without {without}" if without else said


def _folded_hints(part: Part) -> str:
    blocks = []
    for number, text in enumerate(part.hints, 1):
        name = HINT_NAMES[number - 1] if number <= len(HINT_NAMES) else "more"
        blocks.append(
            f"<details><summary>Hint {number}: {html.escape(name)}</summary>\n\n{text}\n\n</details>"
        )
    return "\n\n".join(blocks)


def source_notebook(lab: Lab) -> dict[str, Any]:
    """The instructor's notebook of a lab: nbgrader's `source`.

    Raises:
        CourseError: if the cells of the page are not as nbgrader needs them.
    """
    _, cells = percent.read(lab.source)
    built: list[dict[str, Any]] = []
    for number, cell in enumerate(cells):
        identity = f"{lab.name}/{number}/{cell.source}"
        if cell.part:
            part = lab.part(cell.part)
            for mark in ("### BEGIN SOLUTION", "### END SOLUTION"):
                if mark not in cell.source:
                    raise CourseError(f"{lab.source}:{cell.line}: part {part.name} has no line {mark!r}")
            built.append(_cell("markdown", _label(part), f"{lab.name}/label/{part.name}"))
            solution = {"grade": False, "grade_id": part.name, "locked": False, "solution": True}
            built.append(_cell("code", cell.source, f"{lab.name}/part/{part.name}", solution))
            points = int(part.points) if float(part.points).is_integer() else part.points
            grade = {
                "grade": True,
                "grade_id": f"check_{part.name}",
                "locked": True,
                "points": points,
                "solution": False,
            }
            built.append(_cell("code", f"check({part.name})", f"{lab.name}/check/{part.name}", grade))
        elif cell.hints:
            hints = _folded_hints(lab.part(cell.hints))
            built.append(_cell("markdown", hints, f"{lab.name}/hints/{cell.hints}"))
        else:
            built.append(_cell(cell.kind, cell.source, identity))
    return {
        "cells": built,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "speechlab": {"lab": lab.name},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write_source(course: Course, folder: Path) -> None:
    """All source notebooks as `folder/<phase>/<lab>.ipynb`.

    What was built of a lab that is gone is removed. A notebook that an instructor has put there is not ours.
    """
    wanted = set()
    for lab in course.labs:
        path = folder / lab.phase / f"{lab.name}.ipynb"
        wanted.add(path)
        text = json.dumps(source_notebook(lab), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_atomic(path, text)
    for old in folder.glob("*/*.ipynb"):
        if old not in wanted and _was_built(old):
            old.unlink()


def _was_built(path: Path) -> bool:
    try:
        return belongs_to(read_notebook(path)) is not None
    except NotebookError:
        return False


def release_notebooks(course: Course, work: Path, database: Path | None = None) -> Path:
    """Source and released notebooks made with nbgrader in the folder `work`.

    Args:
        database: gradebook that learns of the assignments; one inside `work` if not given.
    Returns:
        The folder of released notebooks, `<phase>/<lab>.ipynb`.
    Raises:
        CourseError: if nbgrader refuses.
    """
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    write_source(course, work / "source")
    config = Config(nbgrader_settings(course.root))
    config.CourseDirectory.root = str(work)
    config.CourseDirectory.source_directory = "source"
    config.CourseDirectory.release_directory = "release"
    config.CourseDirectory.db_url = f"sqlite:///{database or work / 'gradebook.db'}"
    api = NbGraderAPI(config=config)
    for phase in course.phases:
        outcome = api.generate_assignment(phase, force=True)
        if not outcome["success"]:
            details = (outcome.get("log") or "") + (outcome.get("error") or "")
            raise CourseError(f"nbgrader could not build {phase}: {details}")
    return work / "release"


def nbgrader_settings(root: Path) -> Any:
    """What `nbgrader_config.py` says."""
    from traitlets.config import PyFileConfigLoader

    return PyFileConfigLoader("nbgrader_config.py", str(root)).load_config()


def build(course: Course, force: bool = False, say: Callable[[str], Any] = print) -> BuildReport:
    """Build the course's notebooks into `phases/`.

    A notebook that holds a learner's work is kept unless `force`, and backed up in either case.
    """
    if not course.has_solutions:
        raise CourseError("this is a student release: it has no solutions to build from")
    work = course.root / "build"
    released = release_notebooks(course, work, course.root / "gradebook.db")
    source = course.root / "source"
    write_source(course, source)
    report = BuildReport()
    for lab in course.labs:
        fresh = released / lab.phase / f"{lab.name}.ipynb"
        # pristine notebooks, not wherever a learner's own are looked for
        _publish(
            course, lab, fresh, course.root / "phases" / lab.phase / f"{lab.name}.ipynb", force, report, say
        )
    shutil.rmtree(released)
    return report


def _publish(
    course: Course,
    lab: Lab,
    fresh: Path,
    target: Path,
    force: bool,
    report: BuildReport,
    say: Callable[[str], Any],
) -> None:
    data = fresh.read_bytes()
    if target.exists():
        if target.read_bytes() == data:
            report.unchanged.append(target)
            return
        saved = back_up(target, course.state_folder / "backups")
        report.backups.append(saved)
        if not force and holds_work(target, lab):
            report.kept.append(target)
            say(
                f"{target.relative_to(course.root)} holds your work: kept as it is "
                f"(`speechlab reset {lab.name}` renews it)"
            )
            return
    write_atomic(target, data)
    report.written.append(target)


def is_stub(source: str, part: str) -> bool:
    """Whether a part's cell is still as released: every marked body only raises NotImplementedError."""
    tree = read_tree(source)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part:
            return _raises_only(node)
    return False


def _raises_only(node: ast.FunctionDef | ast.ClassDef) -> bool:
    if isinstance(node, ast.ClassDef):
        methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
        return bool(methods) and any(_raises_only(method) for method in methods)
    # a class's given lines may stand before the stub; the last statement tells
    last = node.body[-1]
    if not isinstance(last, ast.Raise) or last.exc is None:
        return False
    name = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
    return isinstance(name, ast.Name) and name.id == "NotImplementedError"


def holds_work(path: Path, lab: Lab) -> bool:
    """Whether a learner has answered a part of the notebook, or it cannot be read to tell."""
    try:
        notebook = read_notebook(path, follow_symlinks=True)
    except NotebookError:
        return True
    names = {part.name for part in lab.parts}
    for cell in notebook["cells"]:
        own = grade_id(cell)
        if own in names and own is not None and not is_stub(source_of(cell), own):
            return True
    return False
