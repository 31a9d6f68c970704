"""Library functions that a part asks to do without: found by reading, and taken away in the worker."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import types

import numpy as np
import pytest

from autograder import forbidden
from autograder.course import Course, Part, load_course, read_lab, to_release
from autograder.definitions import Code
from autograder.errors import CourseError
from autograder.feedback import part_html, part_text
from autograder.forbidden import uses
from autograder.grading import grade
from autograder.live import _forbidden_uses

IMPORTS = "import numpy as np\nimport scipy.fft\nfrom numpy import fft as f\nimport numpy.fft as g\n"
FORBIDS = ("numpy.fft", "scipy.fft", "scipy.fftpack", "torch.nn.functional.softmax")


def told(body: str, *more: str, provided: tuple[str, ...] = ()) -> list[str]:
    cells = [Code(IMPORTS), *map(Code, more), Code(f"def part(x):\n    {body}", "part")]
    return uses(cells, "part", FORBIDS, provided)


@pytest.mark.parametrize(
    "body, name",
    [
        ("return np.fft.rfft(x)", "numpy.fft.rfft"),
        ("return f.rfft(x)", "numpy.fft.rfft"),
        ("return g.rfft(x)", "numpy.fft.rfft"),
        ("return scipy.fft.dct(x)", "scipy.fft.dct"),
        ("from scipy.fftpack import dct as d\n    return d(x)", "scipy.fftpack.dct"),
        ("from numpy.fft import *\n    return np.fft", "numpy.fft"),
        ("return getattr(np, 'fft').rfft(x)", "numpy.fft.rfft"),
        ("return __import__('numpy.fft').fft.rfft(x)", "numpy.fft.rfft"),
        ("import importlib as i\n    return i.import_module('scipy.fft').dct(x)", "scipy.fft.dct"),
        ("import sys\n    return sys.modules['numpy.fft'].rfft(x)", "numpy.fft.rfft"),
        ("return vars(np)['fft'].rfft(x)", "numpy.fft.rfft"),
        ("return np.__dict__['fft'].rfft(x)", "numpy.fft.rfft"),
        ("tool = np.fft\n    return tool.rfft(x)", "numpy.fft.rfft"),
        ("return list(map(np.fft.rfft, x))", "numpy.fft.rfft"),
        (
            "import torch.nn.functional as F\n    return F.softmax(x)",
            "torch.nn.functional.softmax",
        ),
        ("from torch import nn\n    return nn.functional.softmax(x)", "torch.nn.functional.softmax"),
        ("from torch.nn.functional import *\n    return softmax(x)", "torch.nn.functional.softmax"),
    ],
)
def test_a_use_is_found_however_it_is_written(body, name):
    (sentence,) = told(body)
    line = 2 + body.count("\n")
    asked = "which this part asks you to do without; your instructor will look at it."
    assert sentence == f"part uses {name} (line {line}), {asked}"


@pytest.mark.parametrize(
    "body, words",
    [
        ("return eval('np')", "uses eval (line 2), which can hide a call"),
        ("exec('x = 1')", "uses exec"),
        ("import builtins as b\n    b.eval('1')", "uses builtins.eval"),
        ("return __import__(x)", "only shows when it runs"),
        ("return getattr(np, 'f' + 'ft')", "reads a name of numpy that only shows when it runs"),
    ],
)
def test_what_could_hide_a_use_is_told(body, words):
    (sentence,) = told(body)
    assert words in sentence


@pytest.mark.parametrize(
    "body",
    [
        "return np.linalg.norm(x)",
        "n_fft = 512\n    fft = n_fft\n    return fft",
        "return x.fft.rfft",
        "return scipy.signal.lfilter(x)",
        "return getattr(x, y)",
        "return x.eval()",
        "'np.fft.rfft is not used'",
        "return torch.nn.functional.relu(x)",
    ],
)
def test_nothing_is_told_of_other_names(body):
    assert told(body) == []


def test_helpers_are_read_where_the_part_uses_them():
    helper = "def helper(x):\n    return np.fft.rfft(x)\n\nTOOL = np.fft.irfft"
    assert told("return x", helper) == []
    (by_call,) = told("return helper(x)", helper)
    assert "numpy.fft.rfft (line 2 of another cell)" in by_call
    assert "numpy.fft.irfft" in " ".join(told("return TOOL(x)", helper))
    assert told("return helper(x)", helper, provided=("helper",)) == []


@pytest.mark.parametrize(
    "cell",
    [
        "import a" + ".a" * 100_000,
        "x = " + "-" * 100_000 + "1",
        "x = a" + ".b" * 90_000,
        "x = '" + "y" * 200_000 + "'",
        "def part(:",
        "x\0",
    ],
)
def test_a_cell_that_was_made_to_be_hard_to_read_is_not_read(cell):
    uses([Code(cell), Code("def part(x): return np.fft", "part")], "part", FORBIDS)
    uses([Code(cell, "part")], "part", FORBIDS)


def test_a_cell_too_long_to_read_is_told():
    (sentence,) = uses([Code("x = '" + "y" * 200_000 + "'", "part")], "part", FORBIDS)
    assert "too long" in sentence


def test_nothing_is_read_for_a_part_that_forbids_nothing():
    assert uses([Code("eval('1')", "part")], "part", ()) == []


# -- taking away: in a process of its own, because it is for good -------------------------------------

SCRIPT = """
import sys
import types
import numpy as np, scipy.signal
from autograder.forbidden import absent, ForbiddenFunction

absent(["numpy.fft", "scipy.fftpack", "scipy.fft", "numpy.convolve", "numpy.ma.MaskedArray", "colorsys"])
for code in sys.argv[1:]:
    names = {"__name__": "submission", "np": np}
    try:
        exec(code, names)
        print("gives", names.get("r"))
    except ForbiddenFunction as error:
        print("ForbiddenFunction:", error)
"""


def run_in_a_process(codes: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *codes], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.splitlines()


def test_what_is_absent_raises_when_it_is_called_and_libraries_keep_it():
    absent = {
        "np.fft.rfft(np.ones(8))": "numpy.fft.rfft",
        "from numpy.fft import rfft\nrfft(np.ones(8))": "numpy.fft.rfft",
        "from numpy.fft import *\nrfft(np.ones(8))": "numpy.fft.rfft",
        "import numpy.fft as f\nf.rfft(np.ones(8))": "numpy.fft.rfft",
        "import importlib\nimportlib.import_module('numpy.fft').rfft(np.ones(8))": "numpy.fft.rfft",
        "list(map(np.fft.rfft, [np.ones(8)]))": "numpy.fft.rfft",
        "np.apply_along_axis(np.fft.rfft, 0, np.ones(8))": "numpy.fft.rfft",  # called by a library
        "vars(np.fft)['rfft'](np.ones(8))": "numpy.fft.__dict__",
        "from scipy.fftpack import dct\ndct(np.ones(8))": "scipy.fftpack.dct",  # imported later
        "import scipy.fft\nscipy.fft.dct(np.ones(8))": "scipy.fft.dct",
        "np.convolve([1], [2])": "numpy.convolve",
        "np.ma.MaskedArray([1])": "numpy.ma.MaskedArray",
        "class Own(np.ma.MaskedArray): pass": "numpy.ma.MaskedArray",
        "import colorsys\ncolorsys.rgb_to_hsv(1, 1, 1)": "colorsys.rgb_to_hsv",  # not loaded before
    }
    kept = {
        "from numpy.fft import rfft": "None",
        "import scipy.signal as s\nr = s.fftconvolve(np.ones(2), np.ones(2)).tolist()": "[1.0, 2.0, 1.0]",
        "r = np.polymul([1, 1], [1, 1]).tolist()": "[1, 2, 1]",  # convolves inside
        "r = np.linalg.norm([3, 4]).item()": "5.0",
        "r = isinstance(np.ones(1), np.ma.MaskedArray)": "False",
        "r = np.ma.masked_array([1]).tolist()": "[1]",
    }
    lines = run_in_a_process([*absent, *kept])
    expected = [
        f"ForbiddenFunction: this part asks for your own: it does without {name}" for name in absent.values()
    ]
    assert lines == expected + [f"gives {value}" for value in kept.values()]


# -- in grading ---------------------------------------------------------------------------------------


@pytest.fixture
def strict(lab):
    """The miniature lab, whose first part is to be done without numpy.mean."""
    rms, *others = lab.parts
    return dataclasses.replace(lab, parts=(dataclasses.replace(rms, forbids=("numpy.mean",)), *others))


def test_a_call_of_a_forbidden_function_fails_the_part_and_is_told(course, strict, answers):
    result = grade(course, strict, answers(), seed=3)  # the reference calls np.mean
    rms, power_to_db = result.parts
    assert rms.points == 0 and power_to_db.points == 3
    assert "rms calls what this part asks you to write yourself" in rms.diagnosis.sentence
    assert "numpy.mean" in rms.diagnosis.sentence
    (flag,) = rms.flags
    assert flag.startswith("rms uses numpy.mean (line 18), which this part asks you to do without")
    assert rms.flags[0] in part_text(rms) and rms.flags[0] in part_html(rms)
    assert power_to_db.flags == []


def test_a_flag_alone_changes_no_marks(course, strict, answers):
    cell = (
        "def rms(samples):\n    if samples.size == 0:\n        raise ValueError\n"
        "    unused = lambda x: np.mean(x)\n"
        "    return float(np.sqrt((samples.astype(float) ** 2).sum() / samples.size))"
    )
    part = grade(course, strict, answers(rms=cell), seed=3, parts=["rms"]).parts[0]
    assert part.points == 2 and part.diagnosis is None
    assert len(part.flags) == 1 and "numpy.mean (line 4)" in part.flags[0]
    assert part.flags[0] in part_text(part) and part.flags[0] in part_html(part)


def test_the_attribute_is_read_from_the_parts_line(course_copy):
    file = next(course_copy.root.rglob("lab.py"))
    text = file.read_text()
    file.write_text(text.replace('part="rms" points=2', 'part="rms" forbids="np.fft librosa" points=2'))
    assert read_lab(file.parent).part("rms").forbids == ("numpy.fft", "librosa")
    file.write_text(text.replace('part="rms" points=2', 'part="rms" forbids="no-name" points=2'))
    with pytest.raises(CourseError, match="forbids='no-name', expected names such as"):
        read_lab(file.parent)


def test_a_release_keeps_it(tmp_path, strict):
    folder = tmp_path / "phases"
    folder.mkdir()
    (folder / "course.json").write_text(to_release(Course(tmp_path, (strict,))))
    assert load_course(tmp_path).labs[0].part("rms").forbids == ("numpy.mean",)


def test_a_notebook_says_so_too():
    def part(values):
        return list(map(np.mean, values))

    names = {"part": part, "np": np}
    (flag,) = _forbidden_uses(names, Part("part", 1, 1, 1, forbids=("numpy.mean",)))
    assert "part uses numpy.mean (line 2)" in flag
    assert _forbidden_uses(names, Part("part", 1, 1, 1)) == []


def test_a_module_that_refuses_attributes_is_guarded_too(monkeypatch):
    """PyTorch's modules of settings raise for names that they do not know."""

    class Settings(types.ModuleType):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    module = Settings("strict_settings")
    monkeypatch.setitem(sys.modules, "strict_settings", module)
    forbidden._hidden["strict_settings"] = None
    try:
        forbidden._guard("strict_settings", module)
        assert isinstance(module, forbidden._Guarded)
    finally:
        del forbidden._hidden["strict_settings"]
