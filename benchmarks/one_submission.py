"""Grading one submission, against stock nbgrader's execution of the same assertions."""

from __future__ import annotations

import copy
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, by_turns, ratio, spreads
from benchmarks.processes import start, starter

ABOUT = """\
One worked submission of the lab on mel features. Stock nbgrader executes the notebook in a fresh kernel;
in place of each check cell it has a cell with the same assertions (the lab's checks called on the live
functions, with as many inputs). That is done with the whole page in fast mode, and with a bare notebook
of definitions, parts and assertions alone. Ours takes the parts out of the notebook, gives each a process
of its own, and does not run the page; inputs are drawn afresh for each grading. *In a running process*
compares `autograder.grading.grade` with nbgrader's `Execute` preprocessor, which starts a kernel for each
notebook. *Whole command* is `nbgrader autograde`, start and gradebook included, once with this course's
configuration and once with nbgrader's defaults. Full marks are asserted on both sides."""

NAME = "one-submission"
STUDENT = "somebody"
CELL_SECONDS = 600
# as by default, and without warnings on our screen
KERNEL = ["--HistoryManager.hist_file=:memory:", "--IPKernelApp.log_level=ERROR"]

CONFIG = """\
import os, sys
c = get_config()
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "benchmark"
c.Execute.timeout = {seconds}
"""


def write_json(path: Path, notebook: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def lay_out(folder: Path, config: str, assignment: str, lab: str, notebook: dict[str, Any]) -> None:
    """A course folder with one assignment of one notebook, and one submission of it as it is."""
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    for place in (folder / "source" / assignment, folder / "submitted" / STUDENT / assignment):
        write_json(place / f"{lab}.ipynb", notebook)


def marks(folder: Path, assignment: str) -> tuple[float, float]:
    """Points and highest possible points of the submission, from the gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        submission = gradebook.find_submission(assignment, STUDENT)
        return submission.score, submission.max_score


def executor(notebook: dict[str, Any], folder: Path) -> Callable[[], None]:
    """nbgrader's default execution of a notebook, held to run without an error."""
    from nbformat import from_dict
    from nbgrader.preprocessors import Execute

    def execute() -> None:
        nb = from_dict(copy.deepcopy(notebook))
        Execute(timeout=CELL_SECONDS, extra_arguments=KERNEL).preprocess(
            nb, {"metadata": {"path": str(folder)}}
        )
        errors = [o for cell in nb.cells for o in cell.get("outputs", []) if o.output_type == "error"]
        assert not errors, "\n".join(errors[0].traceback)

    return execute


def run(quick: bool, root: Path | None = None, lab_name: str = "t03_mel_features") -> list[Row]:
    """Rows in a running process, and one for the whole command."""
    before = dict(os.environ)
    os.environ["SPEECHLAB_FAST"] = "1"  # in favour of the side that runs the page
    try:
        with tempfile.TemporaryDirectory(prefix="speechlab-bench-") as name:
            return _run(quick, root, lab_name, Path(name))
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run(quick: bool, root: Path | None, lab_name: str, folder: Path) -> list[Row]:
    from autograder.build import source_notebook
    from autograder.checking.runner import session_of
    from autograder.course import load_course
    from autograder.grading import grade
    from autograder.notebook import read_parts
    from benchmarks.stock_nbgrader import assert_notebook

    course = load_course(root)
    lab = course.lab(lab_name)
    worked = source_notebook(lab)
    reading = read_parts(worked, lab)
    page = assert_notebook(lab, session_of(lab))
    bare = assert_notebook(lab, session_of(lab), whole_page=False)

    def ours() -> None:
        result = grade(course, lab, reading)
        assert result.points == result.max_points, [part.part for part in result.parts if not part.passed]

    in_process = {"ours": ours, "nbgrader": executor(page, folder), "bare": executor(bare, folder)}

    shutil.copytree(lab.source.parent, folder / "course" / "solutions" / lab.phase / lab.name)
    for needed in lab.needs:
        other = course.lab(needed)
        shutil.copytree(other.source.parent, folder / "course" / "solutions" / other.phase / needed)
    extra = CONFIG.format(seconds=CELL_SECONDS)
    our_config = f'load_subconfig("nbgrader_config.py", path={str(course.root)!r})\n{extra}'
    our_config += 'c.CourseDirectory.release_directory = "release"\n'
    assignment = lab.phase
    whole = {}
    for side, config, notebook in (("ours", our_config, worked), ("nbgrader", extra, page)):
        home = folder / side
        lay_out(home, config, assignment, lab.name, notebook)
        environment = {
            "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
            "SPEECHLAB_COURSE": str(folder / "course"),
        }
        start(["nbgrader", "generate_assignment", assignment], home, environment)
        whole[side] = starter(["nbgrader", "autograde", assignment, "--force"], home, environment)

    repeat = 1 if quick else 5
    first = by_turns(in_process, repeat)
    second = by_turns(whole, repeat, warm_up=0 if quick else 1)
    for side in whole:
        points, highest = marks(folder / side, assignment)
        assert points == highest > 0, f"{side}: {points} of {highest} points"

    name, unit = lab.name, "of nbgrader's time"
    seconds, both = spreads(first), spreads(second)
    alone = {"ours": seconds["ours"], "nbgrader": seconds["bare"]}
    with_page = {"ours": seconds["ours"], "nbgrader": seconds["nbgrader"]}
    return [
        Row(
            NAME,
            f"{name}, in a running process, page and all",
            ratio(first, "ours", "nbgrader"),
            unit,
            None,
            with_page,
        ),
        Row(
            NAME,
            f"{name}, in a running process, bare notebook",
            ratio(first, "ours", "bare"),
            unit,
            None,
            alone,
        ),
        Row(
            NAME, f"{name}, whole command, page and all", ratio(second, "ours", "nbgrader"), unit, None, both
        ),
    ]
