"""What a command costs from the prompt to the prompt."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.measure import Row, by_turns, spread, spreads
from benchmarks.processes import starter

ABOUT = """\
Whole processes, from the start of Python to its end, with files already in the system's cache. The two
notebooks of `speechlab check t03` are the untouched one and one with the reference filled in; each part
is checked in a process of its own. Beside them stand an empty Python program and the shortest command
of nbgrader, which only prints its version."""

NAME = "cold start"
NOT_PASSED = 1  # exit code of `speechlab check` on a stub


def write_notebooks(root: Path, lab_name: str, folder: Path) -> dict[str, dict[str, str]]:
    """Environments in which commands find an untouched and a worked notebook of the lab."""
    from autograder.build import source_notebook
    from autograder.course import load_course
    from autograder.pristine import pristine_bytes

    course = load_course(root)
    lab = course.lab(lab_name)
    worked = json.dumps(source_notebook(lab)).encode()
    environments = {}
    for kind, data in {"untouched": pristine_bytes(course, lab), "worked": worked}.items():
        path = folder / kind / lab.phase / f"{lab.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        environments[kind] = {
            "SPEECHLAB_COURSE": str(course.root),
            "SPEECHLAB_NOTEBOOKS": str(folder / kind),
            "SPEECHLAB_STATE": str(folder / kind / "state"),
        }
    return environments


def run(quick: bool, root: Path | None = None, lab_name: str = "t03_mel_features") -> list[Row]:
    """One row for each command."""
    from autograder.course import find_root

    root = root or find_root()
    with tempfile.TemporaryDirectory(prefix="speechlab-bench-") as name:
        folder = Path(name)
        homes = write_notebooks(root, lab_name, folder)
        short = lab_name.partition("_")[0]
        commands = {
            "python -c pass": (["python", "-c", "pass"], "worked", (0,), None),
            "import of everything in labkit": (["python", "-c", "from labkit import *"], "worked", (0,), 1.5),
            "nbgrader --version": (["nbgrader", "--version"], "worked", (0,), None),
            "speechlab status": (["speechlab", "status"], "worked", (0,), 1.0),
            f"speechlab check {short}, untouched": (
                ["speechlab", "check", short],
                "untouched",
                (NOT_PASSED,),
                4.0,
            ),
            f"speechlab check {short}, worked": (["speechlab", "check", short], "worked", (0,), 4.0),
        }
        sides = {
            what: starter(command, root, homes[home], codes)
            for what, (command, home, codes, _) in commands.items()
        }
        times = by_turns(sides, 1 if quick else 9, warm_up=0 if quick else 1)
    nbgraders = spread(times["nbgrader --version"]).median
    seconds = spreads(times)
    return [
        Row(
            NAME,
            what,
            seconds[what],
            "s",
            goal,
            {what: seconds[what]},
            "" if goal is None else f"{seconds[what].median / nbgraders:.2f} × nbgrader --version",
        )
        for what, (_, _, _, goal) in commands.items()
    ]
