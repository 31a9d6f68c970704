"""Taking the visible checks out of checks.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.course import Lab, read_lab
from autograder.errors import CourseError
from autograder.visible import visible_checks

MINIATURE = Path(__file__).resolve().parent.parent / "data" / "course" / "solutions"
HEAD = """import numpy as np
import pytest
import scipy
from autograder.checking import checks, lab_beside, picture

parts = lab_beside(__file__)
EXACT = 1e-9
OTHER = 3


def close(a, b):
    return abs(a - b) < EXACT


def secret(x):
    return parts.rms(x)


"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    folder = tmp_path / "phase0_signal_processing" / "t00_decibels"
    shutil.copytree(MINIATURE / "phase0_signal_processing" / "t00_decibels", folder)
    return read_lab(folder)


def with_checks(lab: Lab, text: str) -> str:
    lab.checks.write_text(HEAD + text)
    return visible_checks(lab)


def test_only_what_a_visible_check_needs_is_taken(lab):
    text = with_checks(
        lab,
        '@checks("rms", visible=True)\n@pytest.mark.parametrize("n", [1, 2])\n'
        "def test_shown(lab, n):\n    # kept\n    assert close(lab.rms(np.ones(n)), 1)\n\n\n"
        '@checks("rms")\ndef test_hidden(lab):\n    assert secret(np.ones(3)) == OTHER\n',
    )
    for kept in (
        "test_shown",
        "parametrize",
        "# kept",
        "def close",
        "EXACT = 1e-9",
        "import pytest",
        "import numpy",
    ):
        assert kept in text
    for left in ("hidden(", "secret", "OTHER", "scipy", "lab_beside", "picture"):
        assert left not in text
    compile(text, "visible.py", "exec")


def test_no_visible_check_no_file(lab):
    assert with_checks(lab, '@checks("rms")\ndef test_hidden(lab):\n    pass\n') == ""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("def test_a(lab, reference):\n    pass\n", "uses the reference"),
        ("def test_a(lab):\n    assert secret(3)\n", "uses the reference"),
        ("def test_a(lab):\n    lab.power_to_db(3)\n", r"lab\.power_to_db"),
    ],
)
def test_one_that_leans_on_the_reference_is_refused(lab, body, told):
    with pytest.raises(CourseError, match=told):
        with_checks(lab, f'@checks("rms", visible=True)\n{body}')
