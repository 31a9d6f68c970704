"""The same submissions through stock nbgrader: `python -m tests.attacks.stock [CASE …]`.

A course as nbgrader's manual has it: the miniature lab's page with hidden tests in autograded cells that
ask what the lab's checks ask, the stock configuration, a kernel for every notebook. Each case is graded
with one honest neighbour behind it, inside the guard. What came of it is kept in stock.json, for the
table's second column. Takes a few seconds a case, so it runs on demand.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.attacks import guard
from tests.attacks.case import ASSIGNMENT, LAB, PARTS, Case, cell_of
from tests.attacks.cases import CASES, case_named
from tests.attacks.grader import NEIGHBOUR, Scene, processes
from tests.attacks.verdict import SHOWS_TESTS, STOCK

MODULE = "tests.attacks.stock"
SECONDS = 60  # for one `nbgrader autograde` of two notebooks
CELL_SECONDS = 8  # nbgrader's own default is 30
STUDENTS = ("mallory", "zoe")
MARK = "a hidden test"
CONFIG = f"""
import os, sys
c = get_config()
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "stock"
c.ExecutePreprocessor.timeout = {CELL_SECONDS}
"""
TESTS = {
    "rms": f"""
### BEGIN HIDDEN TESTS
# {MARK}
import numpy as np
from numpy.testing import assert_allclose
assert_allclose(rms(np.full(7, -2.5)), 2.5)
for _ in range(25):
    amplitude, frequency = np.random.uniform(0.01, 100), np.random.randint(1, 41)
    sine = amplitude * np.sin(2 * np.pi * frequency * np.arange(1000) / 1000)
    assert abs(rms(sine) - amplitude / np.sqrt(2)) < 1e-9 * amplitude
assert_allclose(rms(np.full(4, 30_000, dtype=np.int16)), 30_000)
try:
    rms(np.array([]))
except ValueError:
    pass
else:
    raise AssertionError("no ValueError")
### END HIDDEN TESTS
""",
    "power_to_db": f"""
### BEGIN HIDDEN TESTS
# {MARK}
import numpy as np
from numpy.testing import assert_allclose
assert_allclose(power_to_db(np.array([0.25])), [-6.0206], atol=1e-4)
power = np.random.uniform(1e-6, 10, size=(5, 9))
assert_allclose(power_to_db(power, reference=0.5), 10 * np.log10(power / 0.5), rtol=1e-10)
for _ in range(25):
    floor, reference = np.random.uniform(-120, -1), np.random.uniform(0.001, 1000)
    assert_allclose(power_to_db(np.zeros(3), reference, floor), [floor] * 3)
for power, reference in (([1.0, -1.0], 1.0), ([1.0, 1.0], 0.0), ([1.0, 1.0], -1.0)):
    try:
        power_to_db(np.array(power), reference)
    except ValueError:
        pass
    else:
        raise AssertionError("no ValueError")
### END HIDDEN TESTS
""",
}


def stock_page(page: dict[str, Any]) -> dict[str, Any]:
    """The lab's source notebook with hidden tests in place of `check(…)`, and no cells that play sounds."""
    kept = []
    for cell in page["cells"]:
        if cell["cell_type"] == "code" and not cell["metadata"].get("nbgrader"):
            continue
        kept.append(cell)
    page["cells"] = kept
    for part, text in TESTS.items():
        cell_of(page, f"check_{part}")["source"] = text.strip()
    first = {"cell_type": "code", "id": "imports", "metadata": {}, "outputs": [], "execution_count": None}
    page["cells"].insert(0, {**first, "source": "import numpy as np\nfrom jaxtyping import Float"})
    return page


def nbgrader(course: Path, *arguments: str) -> tuple[int | None, str]:
    """Exit status (None after SECONDS) and log of an nbgrader command."""
    command = [str(Path(sys.executable).parent / "nbgrader"), *arguments]
    process = subprocess.Popen(
        command,
        cwd=course,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=SECONDS)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None, ""


def _reason(log: str) -> str:
    """What nbgrader's log says of the first error, short and without paths."""
    kinds = re.findall(r"\b([A-Z]\w+(?:Error|Exception|Timeout))\b", log)
    if kinds:
        return f": {kinds[-1]}"
    errors = re.findall(r"(?:ERROR|CRITICAL)\] (.+)", log)
    return ": " + re.sub(r"/\S+", "…", errors[0])[:60] if errors else ""


class Stock:
    """A stock course in a scene, restored for every case."""

    def __init__(self, scene: Scene) -> None:
        from autograder.build import source_notebook
        from autograder.course import load_course

        self.scene, self.root = scene, scene.course_root
        page = stock_page(source_notebook(load_course(scene.course_root).lab(LAB)))
        (self.root / "gradebook.db").unlink()
        # nbgrader would grade it too; here it is only to be found
        other = self.root / "submitted" / "bob" / "earlier" / f"{LAB}.ipynb"
        scene.other.parent.rename(other.parent)
        scene.other, scene.names["OTHER"] = other, str(other)
        (self.root / "nbgrader_config.py").write_text(CONFIG)
        source = self.root / "source" / ASSIGNMENT / f"{LAB}.ipynb"
        source.parent.mkdir(parents=True)
        source.write_text(json.dumps(page))
        status, output = nbgrader(self.root, "generate_assignment", ASSIGNMENT)
        assert status == 0, output
        self.page = json.loads((self.root / "release" / ASSIGNMENT / f"{LAB}.ipynb").read_text())
        for cell in self.page["cells"]:  # nbformat writes lines
            cell["source"] = "".join(cell["source"])
        self._hide_a_token_in_the_gradebook()
        (self.root / "attack-socket").unlink()  # cannot be copied
        self.template = scene.root / "template"
        shutil.copytree(self.root, self.template)

    def _hide_a_token_in_the_gradebook(self) -> None:
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.root}/gradebook.db", "stock") as gradebook:
            gradebook.add_student("bob", first_name=self.scene.token("gradebook"))

    def restore(self) -> None:
        for entry in self.root.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        shutil.copytree(self.template, self.root, dirs_exist_ok=True)

    def planted(self) -> dict[str, bytes]:
        """The files that no student should be able to change."""
        places = [
            *self.root.glob("solutions/**/*.py"),
            *self.root.glob("source/**/*"),
            *self.scene.home.rglob("*"),
        ]
        places += [self.scene.other, self.root / "nbgrader_config.py"]
        hidden = (".ipython", ".local", ".jupyter", ".cache")  # a kernel's own
        return {
            str(path): path.read_bytes()
            for path in places
            if path.is_file() and not any(part in hidden for part in path.parts)
        }

    def score(self, student: str) -> float | None:
        """Points in nbgrader's gradebook; None if the submission was not graded."""
        from nbgrader.api import Gradebook, MissingEntry

        if not (self.root / "autograded" / student / ASSIGNMENT / f"{LAB}.ipynb").exists():
            return None
        with Gradebook(f"sqlite:///{self.root}/gradebook.db", "stock") as gradebook:
            try:
                return gradebook.find_submission(ASSIGNMENT, student).score
            except MissingEntry:
                return None

    def outputs(self, student: str) -> str:
        """What the graded notebook shows below its cells, without colours."""
        path = self.root / "autograded" / student / ASSIGNMENT / f"{LAB}.ipynb"
        if not path.exists():
            return ""
        shown = [cell.get("outputs", []) for cell in json.loads(path.read_text())["cells"]]
        return re.sub(r"\\u001b\[[0-9;]*m", "", json.dumps(shown))

    def grade(self, case: Case) -> dict[str, Any]:
        """One case and its neighbour."""
        self.restore()
        for student, submitted in zip(STUDENTS, (case, NEIGHBOUR), strict=True):
            path = self.root / "submitted" / student / ASSIGNMENT / f"{LAB}.ipynb"
            submitted.write(path, self.page, self.scene.names)
        before, files = processes(), self.planted()
        started = time.monotonic()
        status, log = nbgrader(self.root, "autograde", ASSIGNMENT)
        left = processes() - before
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        notes = []
        if status is not None and status < 0:
            notes.append("nbgrader was killed, and the batch with it")
        if status is None:
            notes.append(f"nbgrader was still busy after {SECONDS} s")
        if left and status is not None:
            notes.append("processes left behind")
        shown = self.outputs("mallory")
        found = sorted({where for where, token in self.scene.tokens.items() if token in shown + log})
        if found:
            notes.append("found: " + ", ".join(Path(where).name for where in found))
        elif match := re.search(r"Error: (found|changed|made|became) (?!nothing|0 )([\w. ]{1,40})", shown):
            notes.append(f"{match.group(1)}: {match.group(2)}")
        changed = [path for path, data in self.planted().items() if files.get(path) != data]
        changed += [path for path in files if not Path(path).exists()]
        if changed:
            notes.append("changed: " + ", ".join(sorted({Path(path).name for path in changed})[:4]))
        if MARK in shown:
            notes.append(SHOWS_TESTS)
        points = self.score("mallory")
        if points is None and status is not None:
            notes.append("not graded" + _reason(log))
        result = {"points": points, "neighbour": self.score("zoe"), "notes": notes}
        for path in self.scene.left_files():
            shutil.rmtree(path) if os.path.isdir(path) else Path(path).unlink(missing_ok=True)
        return {"case": case.name, **result, "seconds": round(time.monotonic() - started, 1)}


def serve(scene: Scene, names: list[str]) -> Iterator[dict[str, Any]]:
    stock = Stock(scene)
    for name in names:
        yield {"begins": name}
        yield stock.grade(case_named(name))
    yield {"ends": True}


def inside(root: Path, descriptor: int) -> None:
    """In the guard: as `grader` does it."""
    os.set_inheritable(descriptor, False)
    names = json.loads(sys.stdin.readline())
    with os.fdopen(descriptor, "w", buffering=1) as report:
        for found in serve(Scene(root), names):
            report.write(json.dumps(found) + "\n")


def main(names: list[str]) -> int:
    """Grade the named cases, or all that are not kept yet, and keep what comes of them."""
    import nbgrader as package

    if guard.why_not():
        print(f"no outer guard: {guard.why_not()}")
        return 1
    kept = json.loads(STOCK.read_text())["cases"] if STOCK.exists() else {}
    wanted = names or [case.name for case in CASES if case.name not in kept]
    for found in guard.run(wanted, None, module=MODULE, seconds=3 * SECONDS):
        name, seconds = found.pop("case"), found.pop("seconds", 0)
        if "grader" in found:
            if "Traceback" in found["told"]:
                raise SystemExit(f"{name}: a fault of our own: {found['told']}")
            died = "was killed" if found["grader"] == "died" else "hung"
            found = {"points": None, "neighbour": None, "notes": [f"nbgrader {died}, and the batch with it"]}
        print(f"{name}: {found} {seconds} s", flush=True)
        kept[name] = found
        known = {case.name: kept[case.name] for case in CASES if case.name in kept}
        results = {"nbgrader": package.__version__, "points": PARTS, "cases": known}
        STOCK.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[2].isdigit():
        inside(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        raise SystemExit(main(sys.argv[1:]))
