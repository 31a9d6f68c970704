"""However a submission is graded, it gets the same marks: reference, stub and every named mistake.

The routes are checks in this process, the sandbox with each back end that isolates here, the pool of
graders, Dask and nbgrader. All draw their inputs from one seed. The sandbox gets every mistake of
every lab; the other routes get a choice of them unless SPEECHLAB_EQUALITY=all is set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from nbgrader_course import api

from autograder.batch.plan import plan_files
from autograder.batch.run import Batch, Settings
from autograder.build import build
from autograder.course import Course, load_course
from autograder.errors import GradingError
from autograder.grading import grade
from autograder.notebook import parse_notebook, read_parts
from autograder.sandbox import forkserver, isolation
from autograder.specimens import REFERENCE, STUB, Specimen, marks_in_process, notebook, specimens

ROOT = Path(__file__).resolve().parent.parent.parent
COURSE = load_course(ROOT)
LABS = [lab.name for lab in COURSE.labs]
SEED = 20_260_805
EVERYTHING = os.environ.get("SPEECHLAB_EQUALITY", "") == "all"
CHOSEN = (REFERENCE, STUB, "mistakes-1", "mistakes-4", "mistakes-8")
ISOLATING = [name for name in isolation.BACKENDS if name not in ("container", isolation.UNSAFE)]
OPTIONS = {"pictures": False}

Marks = dict[str, float]  # part → points
Route = dict[tuple[str, str], Marks]  # (lab, specimen) → marks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(4 * 3600 if EVERYTHING else 900)]


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str], Specimen]:
    return {(lab.name, one.name): one for lab in COURSE.labs for one in specimens(lab)}


@pytest.fixture(scope="module")
def chosen(made) -> dict[tuple[str, str], Specimen]:
    return {key: one for key, one in made.items() if EVERYTHING or key[1] in CHOSEN}


@pytest.fixture(scope="module")
def in_process(made) -> Route:
    return {(lab, name): marks_in_process(COURSE.lab(lab), one, SEED) for (lab, name), one in made.items()}


def assert_equal(route: Route, expected: Route, count: int) -> None:
    assert len(route) == count
    differing = {
        (*key, part): (points, expected[key].get(part))
        for key, marks in route.items()
        for part, points in marks.items()
        if points != expected[key].get(part)
    }
    assert differing == {}
    assert {key: set(marks) for key, marks in route.items()} == {key: set(expected[key]) for key in route}


# --- what is graded -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lab", LABS)
def test_every_mistake_is_in_one_specimen_and_costs_its_own_part(lab, made, in_process):
    from autograder.loading import load_mistakes

    found = [item for key, one in made.items() if key[0] == lab for item in one.mistakes.items()]
    assert sorted(found) == sorted((m.part, m.name) for m in load_mistakes(COURSE.lab(lab)))
    for (of, name), one in made.items():
        if of == lab:
            lost = {part.name for part in COURSE.lab(lab).parts} if name == STUB else set(one.mistakes)
            assert in_process[of, name] == {
                part.name: 0.0 if part.name in lost else part.points for part in COURSE.lab(lab).parts
            }


def test_a_specimen_needs_a_mistake_that_there_is():
    with pytest.raises(KeyError, match="no_such"):
        notebook(COURSE.labs[0], {COURSE.labs[0].parts[0].name: "no_such"})


# --- the routes ---------------------------------------------------------------------------------------


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Let workers be started by one back end, as in a process of its own."""
    servers: dict = {}

    def choose(name: str) -> None:
        monkeypatch.setattr(forkserver, "_backend", None)
        monkeypatch.setattr(forkserver, "_servers", servers)
        monkeypatch.setattr(forkserver, "_refused", {})
        monkeypatch.setenv(isolation.CHOICE, name)

    yield choose
    for server in servers.values():
        server.close()


def in_the_sandbox(graded: dict[tuple[str, str], Specimen]) -> Route:
    route = {}
    for (name, specimen), one in graded.items():
        lab = COURSE.lab(name)
        reading = read_parts(parse_notebook(one.notebook, specimen), lab)
        result = grade(COURSE, lab, reading, seed=SEED, **OPTIONS)
        route[name, specimen] = {part.part: part.points for part in result.parts}
    return route


@pytest.mark.parametrize("lab", LABS)
def test_in_the_sandbox(lab, made, in_process):
    own = {key: one for key, one in made.items() if key[0] == lab}
    assert_equal(in_the_sandbox(own), in_process, len(own))


@pytest.mark.parametrize("backend", ISOLATING)
def test_in_the_sandbox_by_the_other_back_ends(backend, only, chosen, in_process):
    if isolation.in_force().startswith(backend):
        pytest.skip(f"{backend} is the one that all specimens are graded with")
    only(backend)
    try:
        found = isolation.in_force()
    except GradingError as error:
        pytest.skip(f"{backend} does not work on this machine: {error}")
    assert found.startswith(backend)
    assert_equal(in_the_sandbox(chosen), in_process, len(chosen))


def by_a_batch(folder: Path, graded: dict[tuple[str, str], Specimen], dask: str = "") -> Route:
    """As `speechlab grade FOLDER` does it: all labs in one batch, by two processes."""
    names = {}
    for (lab, specimen), one in graded.items():
        names[f"{lab}.{specimen}"] = lab, specimen
        path = folder / f"{lab}.{specimen}" / f"{lab}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(one.notebook)
    settings = Settings(options=OPTIONS, seed=SEED, workers=2, dask=dask, regrade=True)
    with Batch(plan_files(COURSE, folder, None, None), settings) as batch:
        batch.run()
        route = {}
        for done in batch.results:
            assert done.result is not None, done.problem
            assert done.result.seed == SEED
            marks = {part.part: part.points for part in done.result.parts}
            route[names[done.submission.student]] = marks
    return route


def test_by_the_pool(tmp_path, chosen, in_process):
    assert_equal(by_a_batch(tmp_path / "handed-in", chosen), in_process, len(chosen))


def test_by_dask(tmp_path, chosen, in_process):
    pytest.importorskip("distributed")
    assert_equal(by_a_batch(tmp_path / "handed-in", chosen, dask="local"), in_process, len(chosen))


def test_by_nbgrader(tmp_path, chosen, in_process, monkeypatch):
    course = nbgrader_course(tmp_path / "course")
    monkeypatch.setenv("SPEECHLAB_COURSE", str(course.root))
    # nbgrader's own command draws a seed for each submission; pictures say nothing about marks
    monkeypatch.setattr("autograder.nbgrader.grade", partial(grade, seed=SEED, **OPTIONS))
    grader = api(course.root)
    route = {}
    for (name, specimen), one in chosen.items():
        lab = course.lab(name)
        path = course.root / "submitted" / specimen / lab.phase / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.notebook)
        done = grader.autograde(lab.phase, specimen)
        assert done["success"], done.get("error") or done.get("log")
        with grader.gradebook as book:
            rows = book.find_submission_notebook(name, lab.phase, specimen).grades
            route[name, specimen] = {row.name.removeprefix("check_"): row.auto_score for row in rows}
    assert_equal(route, in_process, len(chosen))


def nbgrader_course(root: Path) -> Course:
    """An nbgrader course of the repository's labs, in a folder of its own."""
    root.mkdir()
    (root / "solutions").symlink_to(ROOT / "solutions", target_is_directory=True)
    (root / "nbgrader_config.py").write_text(
        f"import os\n\nload_subconfig('nbgrader_config.py', path={json.dumps(str(ROOT))})\nc = get_config()\n"
        "c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))\n"
    )
    course = load_course(root)
    build(course, say=lambda text: None)
    return course
