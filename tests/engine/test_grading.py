"""One submission to marks: who is told what, and what stays small."""

from __future__ import annotations

import pytest

from autograder.diagnosis import Diagnosis
from autograder.feedback import clean, lab_text, part_html, part_text
from autograder.grading import PartResult, grade
from autograder.notebook import Reading

GOOD = {
    "rms": (
        "def rms(samples):\n    if samples.size == 0:\n        raise ValueError\n"
        "    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))"
    )
}


def graded(course, lab, reading, **options):
    return {part.part: part for part in grade(course, lab, reading, seed=3, **options).parts}


def test_the_reference_has_all_points(course, lab, answers):
    parts = graded(course, lab, answers())
    assert [part.points for part in parts.values()] == [2, 3]
    assert all(ok for part in parts.values() for _, ok in part.checks)


def test_another_right_answer_has_all_points(course, lab, answers):
    assert graded(course, lab, answers(**GOOD))["rms"].points == 2


def test_a_named_mistake_is_told_with_a_picture_and_a_sound(course, lab, answers):
    cell = (
        "def power_to_db(power, reference=1.0, floor_db=-80.0):\n"
        "    if reference <= 0 or np.any(power < 0):\n        raise ValueError('no')\n"
        "    lowest = reference * 10 ** (floor_db / 20)\n"
        "    return 20 * np.log10(np.maximum(power, lowest) / reference)"
    )
    part = graded(course, lab, answers(power_to_db=cell))["power_to_db"]
    assert part.points == 0
    assert part.diagnosis.mistake == "amplitude_rule"
    assert part.diagnosis.sentence.startswith("You took 20·log10.")
    assert part.diagnosis.picture.startswith(b"\x89PNG")
    assert part.diagnosis.sounds["yours"][1] == 8000
    page = part_html(part)
    assert "data:image/png" in page and "<audio" in page
    assert "allclose" not in page and "approx" not in page


@pytest.mark.parametrize(
    "body, words",
    [
        ("return None", "returned None"),
        ("return float('nan')", "NaN"),
        ("return np.ones(3)", "shape (3,), expected ()"),
        ("return 'loud'", "returned text, expected a float"),
        ("return 3 * right(samples)", "same factor everywhere"),
        ("return samples.nothing", "raised AttributeError in line 2 of the cell"),
        ("return right(samples) if samples.size != 7 else 0.5", "another number"),
    ],
)
def test_other_errors_are_told_in_general_terms(course, lab, answers, body, words):
    helper = "\n\n" + GOOD["rms"].replace("rms", "right", 1)
    part = graded(course, lab, answers(rms=f"def rms(samples):\n    {body}{helper}"))["rms"]
    assert part.points == 0
    if words == "same factor everywhere":  # a lone number has no "everywhere"
        words = "another number"
    assert words in part.diagnosis.sentence


def test_accepting_bad_input_is_told(course, lab, answers):
    cell = (
        "def rms(samples):\n    samples = samples.astype(float)\n"
        "    return float(np.sqrt(np.mean(samples ** 2))) if samples.size else 0.0"
    )
    part = graded(course, lab, answers(rms=cell))["rms"]
    assert "should raise ValueError" in part.diagnosis.sentence


def test_an_untouched_part_is_not_started(course, lab, answers):
    part = graded(course, lab, answers(rms="def rms(samples):\n    raise NotImplementedError()"))["rms"]
    assert part.diagnosis.kind == "not started" and part.points == 0


@pytest.mark.parametrize(
    "cell, words",
    [
        ("def rms(samples):\n    while True: pass", "no answer within 3 s"),
        ("while True: pass", "no answer within 3 s"),
        ("import os\ndef rms(samples):\n    os._exit(0)", "ended without an answer"),
        ("def rms(samples)\n    return 1", "no valid Python"),
        ("x = 1 / 0", "ZeroDivisionError"),
        ("def other(): pass", "defines no 'rms'"),
    ],
)
def test_a_fault_costs_its_part_only(course, lab, answers, cell, words):
    parts = graded(course, lab, answers(rms=cell), call_seconds=3)
    assert parts["rms"].points == 0 and words in parts["rms"].diagnosis.sentence
    assert parts["power_to_db"].points == 3


def test_a_missing_cell_costs_its_part_only(course, lab, answers):
    reading = answers()
    cells = [cell for cell in reading.cells if cell.part != "rms"]
    parts = graded(course, lab, Reading(cells, missing=["rms"]))
    assert "missing" in parts["rms"].diagnosis.sentence
    assert parts["power_to_db"].points == 3


def test_a_part_slow_in_all_its_checks_ends(course, lab, answers):
    slow = "import time\n" + GOOD["rms"].replace("    return", "    time.sleep(0.1)\n    return")
    part = graded(course, lab, answers(rms=slow), part_seconds=0.5)["rms"]
    assert part.points == 0 and "for all its checks" in part.diagnosis.sentence


def test_shadowing_and_helpers(course, lab, answers):
    reading = answers(rms="def rms(samples):\n    return helper(samples)")
    page = [
        type(reading.cells[0])(
            "def rms(samples):\n    return 'shadow'\n" + GOOD["rms"].replace("rms", "helper", 1)
        )
    ]
    assert graded(course, lab, Reading([*reading.cells, *page]))["rms"].points == 2


def test_text_of_learners_is_never_markup():
    diagnosis = Diagnosis(
        "error", "<script>alert(1)</script>\x1b[31m\u202e", asked=["<b>"], trace=[(1, "f", "<i>x")]
    )
    result = PartResult("rms", 0, 2, diagnosis=diagnosis)
    page = part_html(result)
    assert "<script>" not in page and "<b>" not in page.replace("<b>✗", "") and "<i>" not in page
    assert "\x1b" not in page + part_text(result) and "\u202e" not in page + part_text(result)
    assert clean("a\x07b\nc") == "ab\nc"


def test_text_names_marks_and_remarks(course, lab, answers):
    reading = answers()
    result = grade(
        course, lab, Reading(reading.cells, remarks=["part rms has several cells; the first one counts"])
    )
    text = lab_text(result)
    assert "5 of 5 points" in text and "several cells" in text and "✓ rms: 2/2 points" in text


def test_a_mistake_is_named_beside_another_error(course, lab, answers):
    """The sum for the mean, and empty signals are not refused: the variant of that name refuses them."""
    cell = "def rms(samples):\n    return float(np.sqrt(np.sum(samples.astype(float) ** 2)))"
    part = graded(course, lab, answers(rms=cell))["rms"]
    assert part.diagnosis.mistake == "sum_for_mean"
    assert any("Empty signal" in title for title in part.diagnosis.asked)
