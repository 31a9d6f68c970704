"""The scratch course of `make demo`: three submissions, graded with stock nbgrader commands.

It lies in `demo/course/` with a gradebook, submissions and progress of its own, so that nothing of the
person who runs it is touched. Its labs are the repository's: `solutions/` is a link.
"""

from __future__ import annotations

import ast
import copy
import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import percent
from autograder.course import Course, Lab
from autograder.errors import SpeechlabError
from autograder.files import write_atomic
from autograder.loading import load_mistakes
from autograder.notebook import grade_id, is_check, read_notebook

UNTOUCHED, WORKED, MISTAKEN = "untouched", "worked", "three-mistakes"
STUDENTS = (UNTOUCHED, WORKED, MISTAKEN)

CONFIG = '''\
"""The repository's nbgrader course with folders and a gradebook of its own, for `make demo`."""

import os

load_subconfig("nbgrader_config.py", path={root!r})  # noqa: F821  (traitlets puts it here)
c = get_config()  # noqa: F821
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "speechlab-demo"
'''

# started by this Python, whatever is on the path
PROGRAMS = {
    "nbgrader": ["-m", "nbgrader"],
    "speechlab": ["-c", "import sys; from autograder.cli import main; sys.exit(main())"],
}

_SOLUTION = re.compile(r"^[ \t]*### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION\n?", re.M | re.S)


class DemoError(SpeechlabError):
    """A step of the demo failed, or one of its claims does not hold."""


@dataclass(frozen=True)
class Planted:
    """A named mistake that stands in the third submission.

    Attributes:
        sentence: what the feedback must say about it.
        code: the learner's cell.
    """

    lab: str
    part: str
    name: str
    sentence: str
    code: str


@dataclass(frozen=True)
class Mark:
    """Marks of one part as nbgrader's gradebook has them."""

    student: str
    assignment: str
    lab: str
    part: str
    score: float
    max_score: float


def lay_out(root: Path, folder: Path) -> None:
    """Make `folder` an nbgrader course with the labs of the repository at `root`; it starts empty."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    write_atomic(folder / "nbgrader_config.py", CONFIG.format(root=str(root)))
    (folder / "solutions").symlink_to(root / "solutions", target_is_directory=True)


def environment(folder: Path) -> dict[str, str]:
    """What keeps commands in the scratch course: set it before the engine looks for a course."""
    return {
        "SPEECHLAB_COURSE": str(folder),
        "SPEECHLAB_STATE": str(folder / ".speechlab"),
        # the capstone takes its parts from the worked submission
        "SPEECHLAB_NOTEBOOKS": str(folder / "submitted" / WORKED),
        # the user's own Jupyter settings must not change what is shown here
        "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"),
    }


def run(command: Sequence[str], folder: Path, say: Callable[[str], Any] = lambda line: None) -> None:
    """Run a command in the scratch course; its output goes to `log.txt` there.

    Args:
        command: a program beside this Python, such as "nbgrader", and its arguments.
        say: called with each line of output.
    Raises:
        DemoError: if it fails, with the end of its output.
    """
    program = [sys.executable, *PROGRAMS[command[0]], *command[1:]]
    lines: list[str] = []
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n")
        with subprocess.Popen(
            program,
            cwd=folder,
            env={**os.environ, **environment(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    log.write(line)
                    lines.append(line.rstrip())
                    say(line.rstrip())
            except BaseException:
                process.terminate()
                raise
    if process.returncode != 0:
        end = "\n".join(lines[-15:])
        raise DemoError(f"`{' '.join(command)}` failed with exit code {process.returncode}:\n{end}")


def news(line: str) -> str:
    """What a line of nbgrader's log says in short: whose notebook it works on, or the marks."""
    found = re.search(r"INFO\] (?:Autograding .*/(\S+?)/[^/]+/(\S+)\.ipynb|(.* points))$", line)
    if found is None:
        return ""
    return found[3] or f"{found[1]}: {found[2]}"


# --- submissions -------------------------------------------------------------------------------------


def worked_answers(lab: Lab) -> dict[str, str]:
    """Part → its cell with the reference filled in."""
    _, cells = percent.read(lab.source)
    return {cell.part: _SOLUTION.sub(r"\1", cell.source + "\n").rstrip() for cell in cells if cell.part}


def plant(lab: Lab, part: str, name: str) -> Planted:
    """A named mistake as a learner would have written it: its code in the part's own cell.

    Raises:
        DemoError: if there is no such mistake, or it cannot stand alone in a learner's notebook.
    """
    found = next((m for m in load_mistakes(lab) if m.part == part and m.name == name), None)
    if found is None:
        raise DemoError(f"{lab.name} names no mistake {name!r} of {part}: choose another one for the demo")
    text = lab.mistakes.read_text(encoding="utf-8")
    functions = {n.name: n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    variant = functions[name]
    _, cells = percent.read(lab.source)
    cell = next(cell.source for cell in cells if cell.part == part)
    stub = next(n for n in ast.parse(cell).body if isinstance(n, ast.FunctionDef) and n.name == part)
    if [a.arg for a in variant.args.args] != [a.arg for a in stub.args.args]:
        raise DemoError(f"{lab.name}: {name} and {part} name their arguments differently")
    helpers = [_source(text, functions[helper]) for helper in _helpers(variant, functions)]
    body = "\n".join(text.split("\n")[variant.body[0].lineno - 1 : variant.end_lineno]) + "\n"
    code = "\n\n\n".join([*helpers, _SOLUTION.sub(lambda _: body, cell + "\n")])
    if re.search(rf"\breference\.{part}\b", code):
        raise DemoError(f"{lab.name}: {name} is built from the reference's {part}: it cannot stand alone")
    code = re.sub(r"\breference\.(?=\w)", "", code)  # the learner's own earlier parts
    return Planted(lab.name, part, name, found.sentence, code.rstrip())


def plant_all(
    course: Course, assignments: Sequence[str], mistakes: Sequence[tuple[str, str, str]]
) -> list[Planted]:
    """The mistakes of the third submission, from (lab, part, mistake).

    Raises:
        DemoError: if one cannot be planted, or its lab is in none of the assignments.
    """
    planted = []
    for name, part, mistake in mistakes:
        lab = course.lab(name)
        if lab.phase not in assignments:
            raise DemoError(
                f"{name} is not in {', '.join(assignments)}: its mistake {mistake} cannot be planted"
            )
        planted.append(plant(lab, part, mistake))
    return planted


def _source(text: str, node: ast.FunctionDef) -> str:
    return "\n".join(text.split("\n")[node.lineno - 1 : node.end_lineno])


def _helpers(node: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> list[str]:
    """Functions of the file that a variant calls, callees first."""
    found: list[str] = []
    for name in dict.fromkeys(n.id for n in ast.walk(node) if isinstance(n, ast.Name)):
        if name in functions and name != node.name:
            found += [*_helpers(functions[name], functions), name]
    return list(dict.fromkeys(found))


def write_submissions(course: Course, assignments: Sequence[str], planted: Sequence[Planted]) -> None:
    """Three students' notebooks under `submitted/`; the worked one has the capstone's lab too."""
    for lab in course.labs:
        stub = read_notebook(course.root / "phases" / lab.phase / f"{lab.name}.ipynb")
        worked = worked_answers(lab)
        wrong = {p.part: p.code for p in planted if p.lab == lab.name}
        answers = {UNTOUCHED: {}, WORKED: worked, MISTAKEN: {**worked, **wrong}}
        students = STUDENTS if lab.phase in assignments else (WORKED,) if lab.phase == "capstone" else ()
        for student in students:
            path = course.root / "submitted" / student / lab.phase / f"{lab.name}.ipynb"
            text = json.dumps(_filled(stub, answers[student]), indent=1, ensure_ascii=False)
            write_atomic(path, text + "\n")


def _filled(stub: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    notebook = copy.deepcopy(stub)
    for cell in notebook["cells"]:
        part = grade_id(cell)
        if part in answers:
            cell["source"] = answers[part]
    return notebook


# --- results -----------------------------------------------------------------------------------------


def read_marks(folder: Path, assignments: Sequence[str]) -> list[Mark]:
    """Every student's marks of every part, from the gradebook."""
    from nbgrader.api import Gradebook

    marks = []
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        for assignment in assignments:
            for student in STUDENTS:
                for notebook in gradebook.find_submission(assignment, student).notebooks:
                    for grade in notebook.grades:
                        part = grade.name.removeprefix("check_")
                        marks.append(
                            Mark(student, assignment, notebook.name, part, grade.score, grade.max_score)
                        )
    return marks


def read_export(path: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """(assignment, student) → (score, maximum), from what `nbgrader export` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        (row["assignment"], row["student_id"]): (float(row["score"] or 0), float(row["max_score"]))
        for row in rows
    }


def feedback_page(folder: Path, student: str, lab: Lab) -> Path:
    """nbgrader's own feedback page."""
    return folder / "feedback" / student / lab.phase / f"{lab.name}.html"


def part_feedback(folder: Path, student: str, lab: Lab) -> dict[str, str]:
    """Part → the HTML that the checks left in the graded notebook."""
    notebook = read_notebook(folder / "autograded" / student / lab.phase / f"{lab.name}.ipynb")
    found = {}
    for cell in notebook["cells"]:
        if is_check(cell):
            outputs = [o for o in cell["outputs"] if "text/html" in o.get("data", {})]
            text = outputs[0]["data"]["text/html"] if outputs else ""
            found[(grade_id(cell) or "").removeprefix("check_")] = "".join(text)
    return found


def broken_claims(
    course: Course, assignments: Sequence[str], planted: Sequence[Planted], marks: Sequence[Mark]
) -> list[str]:
    """What of the demo's promises does not hold, one sentence each; empty if all do."""
    labs = [lab for lab in course.labs if lab.phase in assignments]
    wrong = {(p.lab, p.part) for p in planted}
    got = {(m.student, m.lab, m.part): m.score for m in marks}
    problems = []
    for lab in labs:
        for part in lab.parts:
            wanted = {
                UNTOUCHED: 0.0,
                WORKED: part.points,
                MISTAKEN: 0.0 if (lab.name, part.name) in wrong else part.points,
            }
            for student, points in wanted.items():
                score = got.get((student, lab.name, part.name))
                if score != points:
                    where = f"{lab.name}.{part.name}"
                    problems.append(
                        f"{student}: nbgrader gave {score} points for {where}, expected {points:g}"
                    )
    exported = read_export(course.root / "grades.csv")
    for assignment in assignments:
        for student in STUDENTS:
            own = [m for m in marks if (m.student, m.assignment) == (student, assignment)]
            total = sum(m.score for m in own), sum(m.max_score for m in own)
            if exported.get((assignment, student)) != total:
                problems.append(
                    f"{student}: the exported table says {exported.get((assignment, student))} for "
                    f"{assignment}, the gradebook {total}"
                )
    by_name = {lab.name: lab for lab in labs}
    for mistake in planted:
        for student, expected in ((MISTAKEN, True), (WORKED, False)):
            path = feedback_page(course.root, student, by_name[mistake.lab])
            text = html.unescape(path.read_text(encoding="utf-8")) if path.is_file() else ""
            if not text:
                problems.append(f"{student}: nbgrader wrote no feedback page for {mistake.lab}")
            elif (mistake.sentence in text) != expected:
                verb = "does not name" if expected else "names"
                problems.append(f"{student}: the feedback page of {mistake.lab} {verb} {mistake.name}")
    return problems
