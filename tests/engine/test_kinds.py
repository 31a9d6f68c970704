"""An array for a number, and the reverse: what comparisons value by value do not notice."""

from __future__ import annotations

import pytest

from autograder.grading import grade

REFUSE = "    if samples.size == 0:\n        raise ValueError\n"
RIGHT = "np.sqrt(np.mean(samples.astype(float) ** 2))"


@pytest.mark.parametrize(
    "answer, words",
    [
        ("np.array([])", "returned shape (0,), expected ()"),
        (f"np.full(100, {RIGHT})", "returned shape (100,), expected ()"),
        (f"np.full((3, 1), {RIGHT})", "returned shape (3, 1), expected ()"),
    ],
)
def test_an_array_is_no_number(course, lab, answers, answer, words):
    cell = f"def rms(samples):\n{REFUSE}    return {answer}"
    part = grade(course, lab, answers(rms=cell), seed=3).parts[0]
    assert part.points == 0 and words in part.diagnosis.sentence


@pytest.mark.parametrize("answer", [f"np.array({RIGHT})", f"np.array([{RIGHT}])", f"float({RIGHT})"])
def test_one_number_is_one_number_in_whatever_it_comes(course, lab, answers, answer):
    cell = f"def rms(samples):\n{REFUSE}    return {answer}"
    assert grade(course, lab, answers(rms=cell), seed=3).parts[0].points == 2


def test_a_number_is_no_array(course, lab, answers):
    cell = (
        "def power_to_db(power, reference=1.0, floor_db=-80.0):\n"
        "    if reference <= 0 or np.any(power < 0):\n        raise ValueError\n"
        "    lowest = reference * 10 ** (floor_db / 10)\n"
        "    level = 10 * np.log10(np.maximum(power, lowest) / reference)\n"
        "    return float(level[0]) if np.ptp(level) == 0 and level.ndim == 1 else level"
    )
    assert grade(course, lab, answers(power_to_db=cell), seed=3).parts[1].points == 0
