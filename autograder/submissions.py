"""Submitted notebooks: which files there are, whose they are, and what came of grading them."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.course import Course, Lab
from autograder.errors import GradingError, NotebookError
from autograder.notebook import belongs_to, grade_id, read_notebook, read_parts

if TYPE_CHECKING:
    from autograder.grading import LabResult, PartResult

SUBMITTED = "submitted"


@dataclass(frozen=True)
class Submission:
    """A file to grade and whose it is."""

    path: Path
    student: str


@dataclass(frozen=True)
class Graded:
    """What came of one file: marks, or the reason why there are none.

    Attributes:
        ours: the reason lies with this machine or this program, not with the file.
    """

    submission: Submission
    lab: str
    result: LabResult | None
    problem: str = ""
    ours: bool = False


def find_submissions(place: Path) -> list[Submission]:
    """The notebooks at `place`: a file, a folder of files, or nbgrader's submitted/<student>/<assignment>/.

    Raises:
        NotebookError: if there is none.
    """
    if place.is_file():
        return [Submission(place, _student(place, place.parent))]
    if not place.is_dir():
        raise NotebookError(f"{place}: there is no such file or folder")
    found = [path for path in sorted(place.rglob("*.ipynb")) if not _hidden(path.relative_to(place))]
    if not found:
        raise NotebookError(f"{place}: no notebook (*.ipynb) in this folder")
    return [Submission(path, _student(path, place)) for path in found]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _student(path: Path, place: Path) -> str:
    """By nbgrader's tree if the file lies in one, else by the folder or the file's own name."""
    parts = path.resolve().parts
    if SUBMITTED in parts[:-2]:
        return parts[len(parts) - parts[::-1].index(SUBMITTED)]
    inside = path.relative_to(place).parts
    return inside[0] if len(inside) > 1 else path.stem


def lab_of(course: Course, notebook: dict[str, Any], path: Path) -> Lab:
    """The lab that a notebook answers: as it says itself, by its parts, or by its file's name.

    Raises:
        NotebookError: if none can be told.
    """
    name = belongs_to(notebook)
    if name:
        if any(lab.name == name for lab in course.labs):
            return course.lab(name)
        raise NotebookError(f"{path}: is the notebook of {name}, which is no lab of this course")
    ids = {grade_id(cell) for cell in notebook["cells"]}
    fitting = [lab for lab in course.labs if {part.name for part in lab.parts} & ids]
    named = [lab for lab in course.labs if lab.name == path.stem]
    if named:
        return named[0]
    if not fitting:
        raise NotebookError(f"{path}: no part of any lab of this course is in it; name the lab with --lab")
    return max(fitting, key=lambda lab: len({part.name for part in lab.parts} & ids))


def grade_one(
    course: Course, submission: Submission, lab_name: str | None, seed: int, **options: Any
) -> Graded:
    """Grade one file; `options` as of `grading.grade`.

    A file that cannot be graded costs itself only: the reason is its result.
    """
    from autograder.grading import grade

    lab = ""
    try:
        notebook = read_notebook(submission.path)
        found = course.lab(lab_name) if lab_name else lab_of(course, notebook, submission.path)
        lab = found.name
        reading = read_parts(notebook, found, str(submission.path))
    except NotebookError as error:
        return Graded(submission, lab, None, str(error))
    return settle(submission, lab, lambda: grade(course, found, reading, seed, **options))


def settle(submission: Submission, lab: str, work: Callable[[], LabResult]) -> Graded:
    """What comes of a submission whose file is in order: the result of `work`, or that grading failed."""
    try:
        return Graded(submission, lab, work())
    except Exception as error:
        if os.environ.get("SPEECHLAB_DEBUG", "") not in ("", "0"):
            raise
        # no marks, said as such; the other submissions must not wait for its repair
        kind = "" if isinstance(error, GradingError) else f"{type(error).__name__}: "
        return Graded(submission, lab, None, f"{submission.path}: grading failed: {kind}{error}", ours=True)


def _part_record(part: PartResult) -> dict[str, Any]:
    diagnosis = part.diagnosis
    return {
        "part": part.part,
        "points": part.points,
        "max_points": part.max_points,
        "passed": part.passed,
        "kind": diagnosis.kind if diagnosis else None,
        "mistake": diagnosis.mistake if diagnosis else None,
        "feedback": diagnosis.sentence if diagnosis else "",
        "not_met": diagnosis.asked if diagnosis else [],
        "seconds": round(part.seconds, 3),
    }


def as_json(done: Sequence[Graded], total: int, seed: int) -> str:
    """Results as one JSON object; `complete` is false if grading was stopped before the end."""
    records = []
    for graded in done:
        result = graded.result
        records.append(
            {
                "file": str(graded.submission.path),
                "student": graded.submission.student,
                "lab": graded.lab,
                "problem": graded.problem,
                "points": result.points if result else None,
                "max_points": result.max_points if result else None,
                "remarks": result.remarks if result else [],
                "isolation": result.isolation if result else "",
                "seed": result.seed if result else None,
                "parts": [_part_record(part) for part in result.parts] if result else [],
            }
        )
    whole = {"complete": len(done) == total, "seed": seed, "submissions": records}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>speechlab marks</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font-family: system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; }} td, th {{ padding: 4px 12px; text-align: left; }}
tr + tr td {{ border-top: 1px solid #8884; }}
</style></head><body>
<h1>Marks</h1>{note}
<table><tr><th>student</th><th>lab</th><th>points</th></tr>
{rows}
</table>
{details}
</body></html>
"""


def as_html(done: Sequence[Graded], total: int) -> str:
    """Results as one page that needs nothing beside it."""
    from autograder.feedback import clean, part_html

    rows, details = [], []
    for number, graded in enumerate(done):
        result = graded.result
        student, lab = html.escape(graded.submission.student), html.escape(graded.lab or "?")
        points = f"{result.points:g} of {result.max_points:g}" if result else "not graded"
        rows.append(f'<tr><td><a href="#s{number}">{student}</a></td><td>{lab}</td><td>{points}</td></tr>')
        body = f"<p>{html.escape(clean(graded.problem))}</p>" if graded.problem else ""
        if result:
            body += "".join(f"<p>{html.escape(clean(remark))}</p>" for remark in result.remarks)
            body += "\n".join(part_html(part) for part in result.parts)
        details.append(f'<h2 id="s{number}">{student} · {lab} · {points}</h2>\n{body}')
    note = "" if len(done) == total else f"<p>Stopped: {len(done)} of {total} files were graded.</p>"
    return _PAGE.format(note=note, rows="\n".join(rows), details="\n".join(details))
