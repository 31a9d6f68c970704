"""Build, state, parts and the notebook's check(), on a copy of the miniature course."""

from __future__ import annotations

import json

import pytest

from autograder.build import build
from autograder.errors import CourseError
from autograder.live import check_live
from autograder.notebook import grade_id
from autograder.parts import LabParts
from autograder.state import CHANGED, FAILED, MISSING, PASSED, UNTOUCHED, check_notebook, lab_state

RIGHT = (
    "def rms(samples):\n    if samples.size == 0:\n        raise ValueError\n"
    "    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))"
)
WRONG = "def rms(samples):\n    return 0.0"


@pytest.fixture
def built(course_copy):
    build(course_copy, say=lambda text: None)
    return course_copy


def answer(course, source: str, part: str = "rms") -> None:
    path = course.notebook(course.labs[0])
    notebook = json.loads(path.read_text())
    cell = next(cell for cell in notebook["cells"] if grade_id(cell) == part)
    cell["source"] = source
    path.write_text(json.dumps(notebook))


def statuses(course) -> list[str]:
    return [part.status for part in lab_state(course, course.labs[0]).parts]


def test_building_again_changes_nothing(built):
    path = built.notebook(built.labs[0])
    before = path.read_bytes()
    report = build(built, say=lambda text: None)
    assert report.unchanged == [path] and path.read_bytes() == before and not report.backups


def test_building_keeps_a_learners_work_and_a_backup(built):
    answer(built, RIGHT)
    path = built.notebook(built.labs[0])
    mine, said = path.read_bytes(), []
    report = build(built, say=said.append)
    assert report.kept == [path] and path.read_bytes() == mine
    assert report.backups[0].read_bytes() == mine and "holds your work" in said[0]
    report = build(built, force=True, say=said.append)
    assert report.written == [path] and path.read_bytes() != mine and report.backups[0].read_bytes() == mine


def test_only_what_was_built_is_removed_from_source(built):
    folder = built.root / "source" / "own_assignment"
    folder.mkdir()
    own, damaged, gone = folder / "essay.ipynb", folder / "half.ipynb", folder / "t98_gone.ipynb"
    own.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    damaged.write_text("{half")
    gone.write_text(json.dumps({"cells": [], "metadata": {"speechlab": {"lab": "t98_gone"}}}))
    build(built, say=lambda text: None)
    assert own.exists() and damaged.exists() and not gone.exists()


def test_a_damaged_notebook_is_kept_when_building(built):
    path = built.notebook(built.labs[0])
    path.write_text("{half")
    assert build(built, say=lambda text: None).kept == [path]
    assert path.read_text() == "{half"


def test_state_follows_the_notebook(built):
    assert statuses(built) == [UNTOUCHED, UNTOUCHED]
    answer(built, RIGHT)
    assert statuses(built) == [CHANGED, UNTOUCHED]
    check_notebook(built, built.labs[0])
    assert statuses(built) == [PASSED, UNTOUCHED]
    assert lab_state(built, built.labs[0]).points == 2
    answer(built, RIGHT + "  # a comment changes nothing")
    assert statuses(built) == [PASSED, UNTOUCHED]
    answer(built, WRONG)
    assert statuses(built) == [CHANGED, UNTOUCHED]
    check_notebook(built, built.labs[0], ["rms"])
    assert statuses(built) == [FAILED, UNTOUCHED]
    built.notebook(built.labs[0]).unlink()
    assert statuses(built) == [MISSING, MISSING]


def test_a_damaged_memory_is_forgotten(built):
    answer(built, RIGHT)
    check_notebook(built, built.labs[0])
    (built.state_folder / "results.json").write_text("{half")
    assert statuses(built) == [CHANGED, UNTOUCHED]


def test_parts_are_yours_when_they_pass_and_the_reference_otherwise(built):
    import numpy as np

    lab = built.labs[0]
    assert LabParts(built, lab).by == {"rms": "reference", "power_to_db": "reference"}
    answer(built, RIGHT.replace("return float", "return 1.0 * float"))
    parts = LabParts(built, lab)
    assert parts.by == {"rms": "yours", "power_to_db": "reference"}
    assert parts.rms.__code__.co_filename.startswith("your notebook")
    assert parts.rms(np.array([3.0, -3.0])) == 3.0
    answer(built, WRONG)
    assert LabParts(built, lab).by["rms"] == "reference"
    assert LabParts(built, lab).power_to_db(np.ones(2)).tolist() == [0.0, 0.0]


def test_a_part_of_yours_that_leans_on_a_changed_helper_is_checked_again(built):
    path = built.notebook(built.labs[0])
    answer(built, "def rms(samples):\n    return helper(samples)")
    notebook = json.loads(path.read_text())
    helper = {"cell_type": "code", "metadata": {}, "outputs": [], "source": RIGHT.replace("rms", "helper", 1)}
    notebook["cells"].append(helper)
    path.write_text(json.dumps(notebook))
    assert LabParts(built, built.labs[0]).by["rms"] == "yours"
    helper["source"] = WRONG.replace("rms", "helper", 1)
    path.write_text(json.dumps(notebook))
    assert LabParts(built, built.labs[0]).by["rms"] == "reference"


def test_check_live_uses_the_live_function_and_leaves_the_namespace(course):
    import numpy as np

    space = {"np": np, "power_to_db": "my own half-finished thing"}
    exec(RIGHT, space)
    before = dict(space)
    assert check_live(space["rms"], space, course).passed
    assert space == before
    exec(WRONG, space)
    result = check_live("rms", space, course)
    assert not result.passed and result.points == 0


def test_check_live_says_what_it_does_not_know(course):
    with pytest.raises(CourseError, match="no lab of this course has a part named 'print'"):
        check_live(print, {}, course)
    with pytest.raises(CourseError, match="expected a function or class"):
        check_live(3, {}, course)
    with pytest.raises(CourseError, match="run its cell first"):
        check_live("rms", {}, course)


def test_check_live_stops_an_endless_loop(course, monkeypatch):
    from autograder import live

    monkeypatch.setattr(live, "CHECK_SECONDS", 0.3)
    space: dict = {}
    exec("def rms(samples):\n    while True: pass", space)
    assert "no answer within 0.3 s" in check_live(space["rms"], space, course).diagnosis.sentence


def test_prints_and_warnings_are_not_shown(course, capsys, recwarn):
    import numpy as np

    space = {"np": np}
    exec(
        "import warnings\n"
        + RIGHT.replace("    if", "    print('noise'); warnings.warn('noise')\n    if", 1),
        space,
    )
    assert check_live(space["rms"], space, course).passed
    assert capsys.readouterr().out == "" and not recwarn.list


def test_leaving_checks_running_is_harmless_to_hypothesis_settings(course):
    from hypothesis import settings

    before = settings.get_current_profile_name()
    space: dict = {}
    exec(WRONG, space)
    check_live(space["rms"], space, course)
    assert settings.get_current_profile_name() == before
