from __future__ import annotations

from autograder.cli.where import current_state, phase_title
from autograder.course import Course, Lab, Part
from autograder.state import FAILED, PASSED, UNTOUCHED, LabState, PartState


def test_a_fresh_course_says_what_is_next_and_how_to_open_it(desk):
    result = desk.run()
    assert result.exit_code == 0
    for told in (
        "0 of 5 points",
        "Phase 0 · signal processing",
        "Next: rms",
        "speechlab lab t00",
        "speechlab hint rms",
    ):
        assert told in result.output, told


def test_marks_and_the_mistake_are_remembered(desk):
    desk.answer(
        rms="solved", power_to_db="def power_to_db(power, reference=1.0, floor_db=-80.0):\n    return None"
    )
    assert desk.run("check").exit_code == 1
    result = desk.run("status")
    assert "1/2 parts" in result.output and "2/5 points" in result.output
    assert "Next: power_to_db" in result.output
    assert "returned None" in result.output
    parts = desk.run("status", "t00").output
    assert "✓ rms" in parts and "✗ power_to_db" in parts


def test_changed_parts_wait_for_a_check(desk):
    desk.answer(rms="solved", power_to_db="solved")
    result = desk.run("status")
    assert "0/2 parts" in result.output
    assert "2 parts to check" in result.output


def test_a_finished_course_says_so(desk):
    desk.answer(rms="solved", power_to_db="solved")
    assert desk.run("check").exit_code == 0
    assert "Every lab is passed" in desk.run().output


def test_a_missing_or_damaged_notebook_is_said(desk):
    desk.notebook.unlink()
    assert "speechlab build" in desk.run().output
    desk.notebook.write_text("{")
    output = desk.run().output
    assert "damaged" in output and "speechlab reset t00" in output
    desk.write({"cells": []})
    assert desk.run().exit_code == 0


def test_a_damaged_memory_is_only_forgotten(desk):
    desk.course.state_folder.mkdir()
    for name in ("results.json", "hints.json"):
        (desk.course.state_folder / name).write_text("{")
    assert desk.run().exit_code == 0
    assert "hint 1 of 3" in desk.run("hint", "rms").output


def test_phases_have_titles():
    assert phase_title("phase4_modern_tts") == "Phase 4 · modern text to speech"
    assert phase_title("prerequisites") == "Prerequisites"


def test_the_lab_begun_comes_before_the_first_one(tmp_path):
    def lab(name: str, status: str) -> LabState:
        part = Part("a", 1, 1, 5)
        page = Lab(name, "phase0_x", name, 0, 60, 1, (), (), {}, 120, True, (part,))
        return LabState(page, [PartState("a", status, 1.0 if status == PASSED else 0.0, 1.0)])

    states = [lab("t01", PASSED), lab("t02", UNTOUCHED), lab("t03", FAILED)]
    course = Course(tmp_path, tuple(state.lab for state in states))
    assert current_state(course, states).lab.name == "t03"
    assert current_state(course, states[:2]).lab.name == "t02"
    assert current_state(course, states[:1]) is None
