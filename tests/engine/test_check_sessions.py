"""Collecting checks and drawing their inputs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from autograder.checking.proxy import InProcess
from autograder.checking.runner import CheckSession, session_of
from autograder.course import Course, load_course
from autograder.errors import GradingError

PHASE = Path("solutions") / "phase0_signal_processing"
PROPERTIES = """
from hypothesis import assume, given
from hypothesis import strategies as st

from autograder.checking import checks

SEEN = []


@checks("double")
@given(values=st.lists(st.integers(0, 9), min_size=1))
def test_inputs_are_noted(lab, values):
    SEEN.append(list(values))
    assert lab.double(values) == [2 * v for v in values]
    values.clear()  # the next run must not notice


@checks("double")
@given(data=st.data())
def test_inputs_are_drawn_on_the_way(lab, data):
    value = data.draw(st.integers(0, 9))
    SEEN.append(value)
    assert lab.double([value]) == [2 * value]


@checks("double")
@given(value=st.integers(0, 9))
def test_unwanted_inputs_are_left_out(lab, value):
    assume(value % 2 == 0)
    SEEN.append(value)
    assert lab.double([value]) == [2 * value]


@checks("double")
@given(value=st.nothing())
def test_nothing_can_be_drawn(lab, value):
    raise AssertionError
"""


def double(values: list[int]) -> list[int]:
    return [2 * value for value in values]


@pytest.fixture
def session(tmp_path: Path) -> CheckSession:
    path = tmp_path / "checks.py"
    path.write_text(PROPERTIES, encoding="utf-8")
    return CheckSession(path, reference=None)


def seen(session: CheckSession, number: int, seed: int, answer=double) -> tuple[bool, list]:
    """Whether a check passes, and the inputs that it saw."""
    item = session.items[number]
    noted = item.module.SEEN
    noted.clear()
    result = session.run(item, InProcess({"double": answer}), seed)
    return result.passed, list(noted)


def test_each_lab_has_its_own_checks_in_one_process(course_copy: Course):
    first = course_copy.root / PHASE / "t00_decibels"
    second = course_copy.root / PHASE / "t01_again"
    shutil.copytree(first, second)
    for name in ("lab.py", "checks.py", "mistakes.py"):
        text = (second / name).read_text(encoding="utf-8")
        (second / name).write_text(text.replace("rms", "loudness"), encoding="utf-8")
    # a fresh reading: the fixture's course knows one lab
    course = load_course(shutil.copytree(course_copy.root, course_copy.root.parent / "both"))
    assert session_of(course.lab("t00")).parts == ["rms", "power_to_db"]
    assert session_of(course.lab("t01")).parts == ["loudness", "power_to_db"]


def test_changed_checks_are_collected_again(course_copy: Course):
    lab = course_copy.labs[0]
    count = len(session_of(lab).items)
    extra = '\n\n@checks("rms")\ndef test_one_more(lab):\n    pass\n'
    lab.checks.write_text(lab.checks.read_text(encoding="utf-8") + extra, encoding="utf-8")
    later = lab.checks.stat().st_mtime + 5
    os.utime(lab.checks, (later, later))
    assert len(session_of(lab).items) == count + 1


def test_part_without_a_check_is_refused(course_copy: Course):
    lab = course_copy.labs[0]
    text = lab.checks.read_text(encoding="utf-8").replace('@checks("rms"', '@checks("power_to_db"')
    lab.checks.write_text(text, encoding="utf-8")
    with pytest.raises(GradingError, match="no check grades rms"):
        session_of(lab)


def test_checks_that_cannot_be_imported_are_named_with_the_reason(course_copy: Course):
    lab = course_copy.labs[0]
    lab.checks.write_text("import no_such_library\n", encoding="utf-8")
    with pytest.raises(GradingError, match="No module named 'no_such_library'"):
        session_of(lab)


def test_same_seed_gives_the_same_inputs_whatever_the_code_does(session: CheckSession):
    _, expected = seen(session, 0, seed=3)
    assert len(expected) == 25
    assert seen(session, 0, seed=3) == (True, expected)
    passed, until_failure = seen(session, 0, seed=3, answer=lambda values: [0] * len(values))
    assert not passed
    assert until_failure == expected[: len(until_failure)]  # each input once
    assert seen(session, 0, seed=4)[1] != expected


def test_inputs_drawn_while_a_check_runs_are_repeatable_too(session: CheckSession):
    passed, expected = seen(session, 1, seed=3)
    assert passed and expected
    assert seen(session, 1, seed=3) == (True, expected)


def test_inputs_that_a_check_does_not_want_are_passed_over(session: CheckSession):
    passed, values = seen(session, 2, seed=3)
    assert passed and values
    assert np.all(np.array(values) % 2 == 0)


def test_check_whose_inputs_cannot_be_drawn_is_our_fault(session: CheckSession):
    with pytest.raises(GradingError, match="cannot draw its inputs"):
        seen(session, 3, seed=3)


def test_inputs_do_not_depend_on_the_modules_that_are_loaded(
    session: CheckSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from hypothesis.internal.conjecture import providers

    def draws() -> list:
        return [seen(session, number, seed) for number in (0, 1, 2) for seed in range(20)]

    expected = draws()
    few = providers.Constants(
        integers=providers.SortedSet(range(10)),
        floats=providers.SortedSet(key=providers.float_to_int),
        bytes=providers.SortedSet(),
        strings=providers.SortedSet(),
    )
    # as after the import of a module whose source is full of small numbers
    monkeypatch.setattr(providers, "_get_local_constants", lambda: few)
    providers.CONSTANTS_CACHE.cache.clear()
    session._drawn.clear()
    assert draws() == expected
