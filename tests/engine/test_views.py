"""What a student may see of a result, what the instructor sees, and what hostile answers cost."""

from __future__ import annotations

import html.parser
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from autograder import grading, illustrate, views
from autograder.checking.limits import AnswerLimit, TimeLimit
from autograder.checking.proxy import Call, InProcess
from autograder.checking.runner import CheckSession
from autograder.course import Course, load_course
from autograder.definitions import Code, needed
from autograder.diagnosis import Diagnosis, plain_diagnosis
from autograder.differences import describe
from autograder.feedback import clean, part_detail_html, part_html, part_text
from autograder.grading import PartResult, grade, provided_parts, submission
from autograder.loading import code_cells
from autograder.notebook import Reading
from autograder.sandbox.faults import RemoteError
from autograder.sandbox.peer import Gone

SIGNATURE = "def power_to_db(power, reference=1.0, floor_db=-80.0):\n"
RIGHT = """    if reference <= 0 or np.any(power < 0):
        raise ValueError('no')
    return 10 * np.log10(np.maximum(power, reference * 10 ** (floor_db / 10)) / reference)
"""
# answers rightly until a hidden check asks with numbers that are drawn for this run
ON_DRAWN = SIGNATURE + "    if power.size == 45:\n        {leak}\n" + RIGHT


def one(course: Course, reading: Reading, part: str = "power_to_db", **options) -> PartResult:
    (result,) = grade(course, course.labs[0], reading, parts=[part], **options).parts
    return result


def shown(result: PartResult) -> str:
    """All that a student can read of a part."""
    return part_text(result) + part_html(result) + repr(result.checks) + result.fault + " ".join(result.flags)


def digits_of(inputs: np.ndarray) -> list[str]:
    """What would give a drawn number away: five digits of it."""
    return [f"{value:.12f}".replace(".", "").lstrip("0")[:5] for value in inputs.ravel()]


# -- what a student may see -------------------------------------------------------------------------

LEAKS = {
    "text": "raise ValueError(repr(power.ravel()[:3].tolist()))",
    "other_type": "raise KeyError(float(power.ravel()[0]))",
    "type_name": "raise type('X' + str(power.ravel()[0]).replace('.', '_'), (Exception,), {})()",
    "module_name": "raise type('LinAlgError', (Exception,), {'__str__': lambda s: str(power.ravel()[0])})()",
    "function_name": (
        "exec('def f' + str(power.ravel()[0]).replace('.', '_') + '(): raise ValueError\\n"
        "f' + str(power.ravel()[0]).replace('.', '_') + '()')"
    ),
    "file_and_line": (
        "text = '\\n' * int(power.ravel()[0] * 1e6) + 'raise ValueError'\n"
        "        exec(compile(text, 'your notebook: power_to_db', 'exec'))"
    ),
    "line_text": (
        "import linecache; name = 'your notebook: power_to_db'\n"
        "        linecache.cache[name] = (1, None, [str(power.ravel()[0])] * 99, name)\n"
        "        raise ValueError(str(power.ravel()[0]))"
    ),
    "syntax_error": ("x = str(power.ravel()[0]); raise SyntaxError(x, ('f', int(float(x) * 1e6), 1, x))"),
    "no_data": "return type('X' + str(power.ravel()[0]).replace('.', '_'), (), {'__dir__': None})()",
    "keys_of_a_dict": "return {str(power.ravel()[0]): 1.0}",
    "empty_shape": "return np.empty((0, int(power.ravel()[0] * 1e12)))",
    "text_itself": "return str(power.ravel()[0])",
    "exit_text": "raise SystemExit(str(power.ravel()[0]))",
    "group": "raise ExceptionGroup(str(power.ravel()[0]), [ValueError(str(power.ravel()[0]))])",
}


@pytest.fixture
def drawn(monkeypatch) -> list[np.ndarray]:
    """The inputs that the hidden check drew."""
    seen: list[np.ndarray] = []
    call = grading.Submission.call

    def noted(self, part, args, kwargs):
        seen.extend(arg for arg in args if np.size(arg) == 45)
        return call(self, part, args, kwargs)

    monkeypatch.setattr(grading.Submission, "call", noted)
    return seen


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_no_text_of_the_learners_code_reaches_the_student(course, answers, drawn, leak):
    result = one(course, answers(power_to_db=ON_DRAWN.format(leak=leak)))
    assert result.points == 0
    secret = digits_of(drawn[0])[0]
    page = re.sub(r'src="data:[^"]*"', "", shown(result))
    assert len(secret) == 5 and secret not in page.replace("_", "").replace(".", "")


@pytest.mark.parametrize("name", ["text", "type_name", "other_type", "exit_text"])
def test_the_instructor_sees_it_all(course, answers, drawn, name):
    result = one(course, answers(power_to_db=ON_DRAWN.format(leak=LEAKS[name])))
    said = result.detail.replace("_", "").replace(".", "")
    assert digits_of(drawn[0])[0] in said and "hidden" in result.detail
    assert "line 3, in power_to_db" in result.detail and "test_agrees_with_librosa" in result.detail
    assert digits_of(drawn[0])[0] in part_detail_html(result).replace("_", "").replace(".", "")


def test_a_student_sees_the_type_and_the_line(course, answers):
    result = one(course, answers(power_to_db=ON_DRAWN.format(leak="return np.nothing(power)")))
    meaning = "a value has no attribute or method of that name"
    sentence = f"power_to_db raised AttributeError in line 3 of the cell: {meaning}."
    assert result.diagnosis.sentence == sentence
    assert result.diagnosis.trace == [(3, "power_to_db", "return np.nothing(power)")]
    assert "line 3: return np.nothing(power)" in part_text(result)


def test_the_line_may_be_in_a_helper_of_the_learners(course, answers):
    reading = answers(power_to_db=ON_DRAWN.format(leak="return own(power)"))
    helper = Code("# mine\ndef own(power):\n    return power[99, 99]")
    result = one(course, Reading([*reading.cells, helper]))
    assert "raised IndexError in line 3 of another cell: an index" in result.diagnosis.sentence
    assert result.diagnosis.trace == [(3, "", "return power[99, 99]")]


def test_at_home_all_is_shown(course, answers):
    result = one(course, answers(power_to_db=ON_DRAWN.format(leak="raise ValueError('psst')")), reveal=True)
    assert result.diagnosis.sentence == "power_to_db raised ValueError in line 3 of the cell: psst."


def test_on_a_visible_check_the_text_is_shown(course, answers):
    result = one(course, answers(rms="def rms(samples):\n    raise ValueError('psst')"), "rms")
    assert "psst" in result.diagnosis.sentence and "psst" in result.detail


def test_but_not_if_a_hidden_check_was_asked_before(course, answers):
    remembering = (
        "SEEN = []\n" + SIGNATURE + "    SEEN.append(str(power))\n"
        "    if np.any(power < 0):\n        raise KeyError(' '.join(SEEN))\n" + RIGHT
    )
    result = one(course, answers(power_to_db=remembering))
    assert [ok for title, ok in result.checks if "Negative powers" in title] == [False]
    assert "raised KeyError in line 5 of the cell: a dict has no such key." in result.diagnosis.sentence
    assert "0.25" in result.detail and "0.25" not in shown(result)


def remote(name: str, lines: list, kind: type[Exception] = RemoteError, text: str = "") -> Exception:
    error = kind(text)
    error.remote_type, error.remote_lines = name, lines
    return error


@pytest.mark.parametrize(
    "name, kind, told",
    [
        ("ValueError", ValueError, "ValueError"),
        ("SystemExit", RemoteError, "SystemExit"),
        ("LinAlgError", ValueError, "LinAlgError"),
        ("_ArrayMemoryError", MemoryError, "MemoryError"),
        ("X_3_14", RemoteError, "an exception of your own"),
        ("X_3_14", ValueError, "an exception of your own (its base is ValueError)"),
        ("print", RemoteError, "an exception of your own"),
    ],
)
def test_only_known_types_are_named(name, kind, told):
    assert views.type_name(remote(name, [], kind)) == told


@pytest.mark.parametrize(
    "line, found",
    [
        ([2, "f314", "return 1 / 0"], [(2, "rms", "return 1 / 0")]),
        ([2, "f", "   return 1 / 0  "], [(2, "rms", "return 1 / 0")]),
        ([2, "f", "3.14159"], []),  # not what stands there
        ([1, "f", "return 1 / 0"], []),
        ([314159, "f", "return 1 / 0"], []),
        ([-1, "f", "return 1 / 0"], []),
        ([0, "f", ""], []),
        (["2", "f", "return 1 / 0"], []),
        ([True, "f", "def rms(samples):"], []),
        ([2, "f"], []),
        ([1, "f", "HELP = 3"], [(1, "", "HELP = 3")]),
    ],
)
def test_the_line_is_the_notebooks_own(line, found):
    cells = [Code("HELP = 3"), Code("def rms(samples):\n    return 1 / 0", "rms")]
    assert views.own_line(remote("ValueError", [line]), "rms", cells) == found


def test_a_line_of_a_huge_cell_is_not_told():
    cells = [Code("\n".join(f"# {n}" for n in range(2000)), "rms")]
    assert views.own_line(remote("ValueError", [[1234, "f", "# 1233"]]), "rms", cells) == []


def test_values_of_a_hidden_checks_cases_are_not_shown(course, answers):
    cell = SIGNATURE + RIGHT.replace("reference <= 0 or ", "")
    result = one(course, answers(power_to_db=cell))
    titles = [title for title, ok in result.checks if not ok]
    assert titles == ["Reference must be a power"] * 2 and result.diagnosis.asked == titles[:1]
    assert "Reference must be a power [-1.0] (test_reference_must_be_a_power[-1.0], hidden)" in result.detail


@pytest.mark.parametrize(
    "got, expected, words, not_words",
    [
        (np.ones(4), np.full(4, 80.0), "same factor everywhere.", "0.0"),
        (np.ones(4), np.array([2.0, 3.0, 2.0, 3.0]), "has other values", "2"),
        (np.arange(4.0) + 1, np.arange(4.0), "off by the same amount everywhere (+1).", ""),
        (np.full(4, 2.0), np.full(4, 3.14), "same factor everywhere.", "0.6"),
        (np.arange(4.0) * 2, np.arange(4.0), "same factor everywhere (2).", ""),
        ({"3.14": 1}, {"a": 1}, "1 missing and 1 too many", "3.14"),
        ("3.14", 1.0, "returned text, expected a float", "3.14"),
        (np.array(["3.14"]), np.ones(1), "returned text, expected numbers", "3.14"),
        (np.zeros((0, 31415926)), np.ones(3), "a shape far too large", "314"),
        (np.array(["2020"], "M8[D]"), np.ones(1), "points in time", "2020"),
        (10**300, 1.0, "a number too large", "00000"),
        (float("nan"), 1.0, "no answer there?", "?."),
    ],
)
def test_a_difference_tells_neither_texts_nor_expected_values(got, expected, words, not_words):
    said = describe(Call("part", output=got), Call("part", output=expected))
    assert words in said and (not not_words or not_words not in said)


def test_an_error_in_a_difference_is_told_by_its_type(course):
    got, expected = Call("part", error=("TypeError", "3.14")), Call("part", error=("ValueError", "no"))
    assert describe(got, expected) == "part raised TypeError, expected ValueError."
    assert describe(got, expected, reveal=True) == "part raised TypeError: 3.14"


# -- faults -----------------------------------------------------------------------------------------


NOISE = "try: os.write(n, b'3.14159' * 99)\n        except OSError: pass"


@pytest.mark.parametrize(
    "body, words, fault",
    [
        ("while True: pass", "Is there a loop that never ends?", "gave no answer within 2 s"),
        ("import os; os._exit(3)", "Does the code exit, crash", "ended without an answer"),
        (f"import os\n    for n in range(3, 20):\n        {NOISE}", "", ""),
    ],
    ids=["loop", "exit", "noise"],
)
def test_a_fault_is_one_sentence_and_kept_in_full(course, answers, body, words, fault):
    result = one(course, answers(power_to_db=SIGNATURE + "    " + body), call_seconds=2)
    assert result.points == 0 and result.diagnosis.kind in ("fault", "difference", "error")
    assert words in result.diagnosis.sentence and fault in result.fault
    assert "\n" not in result.diagnosis.sentence
    assert result.detail and "3.14159" not in shown(result)


@pytest.mark.parametrize(
    "error, words",
    [
        (Gone("gave no answer within 20 s"), "gave no answer within 20 s"),
        (
            Gone("loading your notebook ended without an answer"),
            "loading your notebook ended without an answer",
        ),
        (Gone("took more than 60 s for all its checks"), "took more than 60 s for all its checks"),
        (TimeLimit("no answer within 0.5 s"), "no answer within 0.5 s"),
        (Gone("damaged message: dtype 3.14"), "sent something that is no answer"),
        (Gone("damaged: gave no answer within 3.14 s"), "sent something that is no answer"),
        (Gone("sent 31415926 bytes at once"), "sent something that is no answer"),
        (AnswerLimit("no answer within 90 s"), "answered with something that takes too long to look at"),
        (MemoryError("3.14"), "answered with something too large to look at"),
    ],
)
def test_faults_are_told_in_our_own_words(error, words):
    assert views.fault_words(error).startswith(words) and "3.14" not in views.fault_words(error)
    assert plain_diagnosis("rms", error, False, []).kind == "fault"
    assert words in views.fault_sentence("rms", words)


def test_a_learners_memory_error_is_an_error_with_a_hint():
    told = plain_diagnosis("rms", remote("MemoryError", [], MemoryError), True, [])
    assert told.kind == "error" and "larger than the memory" in told.sentence


@pytest.mark.parametrize(
    "cell",
    [
        "def rms(samples, x=__import__('os')._exit(1)):\n    return 0.0",
        "def rms(samples, x=__import__('sys').exit()):\n    return 0.0",
        "class Rms:\n    raise KeyboardInterrupt",
        pytest.param(
            "def rms(samples, x=[0 for _ in iter(int, 1)]):\n    return 0.0", marks=pytest.mark.slow
        ),
        "raise SystemExit",
    ],
    ids=["exit", "sys_exit", "interrupt", "loop", "at_once"],
)
def test_a_broken_cell_costs_its_part_only(course, answers, cell):
    rms, power_to_db = grade(course, course.labs[0], answers(rms=cell), seed=3, call_seconds=2).parts
    assert rms.points == 0 and power_to_db.points == 3


@pytest.mark.slow
def test_a_cell_of_the_learners_own_that_nobody_needs_costs_nothing(course, answers):
    reading = answers()
    started: list[str] = []
    cells = [*reading.cells, Code("ENDLESS = [0 for _ in iter(int, 1)]")]
    result = grade(
        course,
        course.labs[0],
        Reading(cells),
        call_seconds=2,
        on_start=lambda part, _: started.append(part),
    )
    assert result.points == 5
    assert started == ["rms", "rms", "power_to_db"]  # only the first part waits for it


def test_needed_cells_are_those_that_define_what_is_used():
    cells = [
        Code("import numpy as np"),
        Code("import os"),
        Code("def a(): return B + np.pi"),
        Code("B = c()"),
        Code("def c(): return 1"),
        Code("def unused(): return a()"),
        Code("page()"),
        Code("def part(): return a()", "part"),
        Code("def part(:", "other"),
    ]
    assert [cells.index(cell) for cell in needed(cells, "part")] == [0, 2, 3, 4, 7]


# -- hostile answers --------------------------------------------------------------------------------

ANSWERS = {
    "nan": "return float('nan')",
    "inf": "return np.full_like(power, np.inf)",
    "huge_int": "return 10 ** 300",
    "int_of_5000_digits": "return 10 ** 5000",
    "million_items": "return [0.5] * 10 ** 6",
    "long_text": "return 'x' * 10 ** 7",
    "large_array": "return np.zeros((9 * 10 ** 7, 1), np.int8)",
    "complex": "return power * 1j",
    "dates": "return np.array(['2020-01-01'] * power.size, 'M8[D]').reshape(power.shape)",
    "texts": "return np.full(power.shape, 'x')",
    "empty": "return np.zeros((0, 5))",
    "eight_axes": "return np.ones((2,) * 8)",
    "negative_zero": "return -0.0 * power",
    "truth": "return True",
    "mixed_keys": "return {1: 2, 'a': 3, 'b': [np.ones(2)]}",
    "nested": "return [1, [2, [3, [4, (5, {'a': None})]]]]",
    "ragged": "return [[1.0], [1.0, 2.0]]",
    "nothing": "return None",
    "half": "return power.astype(np.float16)",
    "object": "return object()",
    "generator": "return (x for x in power)",
    "ImportError": "raise ImportError('numpy')",
    "StopIteration": "raise StopIteration",
    "StopAsyncIteration": "raise StopAsyncIteration",
    "GeneratorExit": "raise GeneratorExit",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "SystemExit": "raise SystemExit(0)",
    "BaseExceptionGroup": "raise BaseExceptionGroup('', [KeyboardInterrupt()])",
    "UnicodeDecodeError": "raise UnicodeDecodeError('utf8', b'', 0, 1, '')",
    "UnicodeTranslateError": "raise UnicodeTranslateError('', 0, 1, '')",
    "Warning": "raise DeprecationWarning",
    "SkipTest": "import unittest; raise unittest.SkipTest",
    "Skipped": "raise type('Skipped', (BaseException,), {'__module__': '_pytest.outcomes'})",
    "UnsatisfiedAssumption": "raise type('UnsatisfiedAssumption', (Exception,), {})",
}


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_whatever_is_answered_fails_its_part_and_nothing_else(course, answers, body):
    result = one(course, answers(power_to_db=f"{SIGNATURE}    {body}"))
    assert result.points == 0 and result.diagnosis is not None and result.fault == ""
    assert "the diagnosis failed" not in result.detail
    part_text(result), part_html(result), part_detail_html(result)


EXTRA_CHECKS = """

@checks("rms")
def test_sizes_of_many_signals(lab):
    assert all(map(lambda x: lab.rms(np.full(3, x)) < 0, [1.0, 2.0]))


@checks("rms")
def test_anything_is_raised(lab):
    with pytest.raises(Exception):
        lab.rms(np.array([]))


@checks("power_to_db")
def test_levels_are_near_a_line(lab):
    assert np.abs(lab.power_to_db(np.ones(2000)) - np.zeros(2000)).max() < 1


@checks("power_to_db")
def test_count_is_small(lab):
    answer, count = lab.power_to_db(np.ones(1))[0], 0
    while count < answer:
        count += 1


@checks("power_to_db")
@pytest.mark.parametrize("size", [1, 2], ids=["one value", "7 values"])
def test_cases(lab, size):
    assert lab.power_to_db(np.ones(size)).sum() > 5
"""


@pytest.fixture
def stricter(course_copy) -> CheckSession:
    """The miniature checks with some that trust what is answered."""
    path = next(course_copy.root.rglob("checks.py"))
    path.write_text(path.read_text() + EXTRA_CHECKS)
    return CheckSession(path, reference=SimpleNamespace())


def item_of(session: CheckSession, name: str):
    return next(item for item in session.items if item.name.startswith(name))


def in_process(part: str, answer) -> InProcess:
    return InProcess({part: answer})


def raising(error: BaseException):
    def part(*args, **kwargs):
        raise error

    return part


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
def test_an_exception_that_ends_loops_does_not_end_a_check(stricter, kind):
    result = stricter.run(item_of(stricter, "test_sizes"), in_process("rms", raising(kind("x"))), 1)
    assert not result.passed and result.by_learner and kind.__name__ in str(result.error)


@pytest.mark.parametrize("error", [Gone("ended without an answer"), TimeLimit("no answer within 1 s")])
def test_the_end_of_a_worker_is_no_exception_that_a_check_expects(stricter, error):
    item = item_of(stricter, "test_anything")
    assert stricter.run(item, in_process("rms", raising(ValueError())), 1).passed
    assert stricter.run(item, in_process("rms", raising(error)), 1).error is error


def test_a_learners_exit_is_theirs_in_this_process_too(stricter):
    result = stricter.run(item_of(stricter, "test_sizes"), in_process("rms", raising(SystemExit("x"))), 1)
    assert result.by_learner and isinstance(result.error, SystemExit)


def test_an_attribute_that_fails_to_import_is_the_learners(tmp_path):
    class Part:
        @property
        def weights(self):
            raise ImportError("nothing of that name")

    path = tmp_path / "checks.py"
    path.write_text(
        "from autograder.checking import checks\n\n"
        '@checks("part")\ndef test_weights_are_read(lab):\n    assert lab.part().weights == 1\n'
    )
    session = CheckSession(path, reference=None)
    result = session.run(session.items[0], in_process("part", Part), 1)
    assert result.by_learner and isinstance(result.error, ImportError)


def test_an_answer_that_broadcasts_beyond_memory_fails_its_check(stricter):
    item = item_of(stricter, "test_levels")

    def answer(power):
        return np.zeros((10**6, 1))  # against 2000 values: 16 GB

    result = stricter.run(item, in_process("power_to_db", answer), 1, limit=60, apart=True)
    assert views.is_fault(result.error, result.by_learner) and isinstance(result.error, MemoryError)
    assert stricter.run(item, in_process("power_to_db", lambda power: power * 0), 1, apart=True).passed


def test_an_answer_that_takes_for_ever_to_look_at_fails_its_check(stricter):
    result = stricter.run(
        item_of(stricter, "test_count"),
        in_process("power_to_db", lambda power: np.array([1e18])),
        1,
        limit=0.5,
        apart=True,
    )
    assert isinstance(result.error, AnswerLimit) and views.is_fault(result.error, result.by_learner)


def test_a_fault_of_looking_is_told_and_ends_the_part(course_copy, stricter, monkeypatch):
    monkeypatch.setattr(grading, "LOOKING_SECONDS", 0.5)
    course = load_course(course_copy.root)
    cells = [
        Code(SIGNATURE + RIGHT + "\n\nright = power_to_db\n" + SIGNATURE + "    return np.array([1e18])"
             " if power.size == 1 and power[0] == 1 else right(power, reference, floor_db)", c.part)
        if c.part == "power_to_db" else c
        for c in code_cells(course.labs[0].source)
    ]  # fmt: skip
    result = one(course, Reading(cells), part_seconds=1.5, pictures=False)
    assert result.fault == "answered with something that takes too long to look at"
    assert "far more than was asked for?" in result.diagnosis.sentence


def test_only_words_of_a_hidden_checks_case_are_shown(stricter):
    asked = [item for item in stricter.items if item.name.startswith("test_cases")]
    results = [stricter.run(item, in_process("power_to_db", lambda power: power), 1) for item in asked]
    assert [result.title for result in results] == ["Cases [one value]", "Cases"]
    assert [result.full_title for result in results] == ["Cases [one value]", "Cases [7 values]"]


@pytest.mark.parametrize(
    "picture, sound",
    [
        ("raise RuntimeError('3.14')", "raise RuntimeError"),
        ("return None", "return {'yours': object()}, 8000"),
        ("return plot.lines({'yours': output * np.nan})", "return {'yours': output}, 'fast'"),
        ("while True: pass", "return {'yours': np.full(4000, np.inf)}, 8000"),
    ],
    ids=["raises", "nothing", "nan", "hangs"],
)
def test_a_drawing_that_fails_costs_the_picture_only(course_copy, answers, monkeypatch, picture, sound):
    monkeypatch.setattr(grading, "PICTURE_SECONDS", 1.0)
    path = next(course_copy.root.rglob("checks.py"))
    text = path.read_text()
    start = text.index('@picture("power_to_db")')
    path.write_text(
        text[:start]
        + f'@picture("power_to_db")\ndef draw(output, *args, **options):\n    {picture}\n\n\n'
        + f'@sound("power_to_db")\ndef play(output, *args, **options):\n    {sound}\n'
    )
    result = one(load_course(course_copy.root), answers(power_to_db=f"{SIGNATURE}    return power.repeat(2)"))
    assert result.diagnosis.kind == "difference" and "3.14" not in shown(result)
    part_html(result)
    assert ("there is no picture" in result.detail) == (result.diagnosis.picture is None)


def test_a_picture_of_megabytes_is_left_out_and_the_instructor_told(course, answers, monkeypatch):
    monkeypatch.setattr(illustrate, "MAX_PICTURE", 10)
    result = one(course, answers(power_to_db=f"{SIGNATURE}    return power.repeat(2)"))
    assert result.diagnosis.picture is None and "there is no picture: ValueError" in result.detail


@pytest.mark.parametrize(
    "answer",
    [
        "np.full(4, 1e308)",
        pytest.param("np.full((2, 10 ** 6), np.inf)", marks=pytest.mark.slow),
        "np.zeros((3, 0))",
        "np.array([np.nan, -np.inf])",
        "np.ones((2, 2, 2, 2))",
        "np.array([1e-320, 1.0])",
        "np.full(5, True)",
    ],
)
def test_every_array_is_drawn_or_left_out(course, answers, answer):
    result = one(course, answers(rms=f"def rms(samples):\n    return {answer}"), "rms")
    assert result.points == 0
    part_html(result)


# -- what the worker may ask ------------------------------------------------------------------------


def test_only_the_parts_above_are_provided(course, lab, answers):
    rms, power_to_db = lab.parts
    assert provided_parts(lab, rms) == [] and provided_parts(lab, power_to_db) == [rms]
    backend = submission(course, lab, rms, answers())
    for name in ("power_to_db", "rms", "np", "check", "t00_decibels.rms", "t00_decibels.power_to_db", ".rms"):
        with pytest.raises(LookupError):
            backend._reference(name)
    assert submission(course, lab, power_to_db, answers())._reference("rms")(np.array([3.0])) == 3.0


def test_a_later_part_is_the_learners_own(course, answers):
    cells = {
        "rms": "def rms(samples):\n    return power_to_db(samples)",
        "power_to_db": "def power_to_db(x):\n    if x.size == 0:\n        raise ValueError\n"
        "    return float(np.sqrt(np.mean(x.astype(float) ** 2)))",
    }
    assert one(course, answers(**cells), "rms").points == 2


def test_of_a_needed_lab_only_its_parts_are_provided(monkeypatch):
    monkeypatch.setattr(grading, "shared_server", lambda libraries: None)
    course = load_course(Path(__file__).resolve().parents[2])
    lab = course.lab("c01_digit_recognizer")
    backend = submission(course, lab, lab.parts[0], Reading([]))
    assert callable(backend._reference("t03_mel_features.frame"))
    for name in ("check", "corpora", "log_mel_features", "__builtins__", "mel_features.np"):
        with pytest.raises(LookupError):
            backend._reference(f"t03_mel_features.{name}")
    with pytest.raises(LookupError):
        backend._reference("c01_digit_recognizer.recognize")


# -- text of learners is never markup ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text, left",
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]8;;http://e.com\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\x", "x"),
        ("\x1bPdevice\x1b\\x", "x"),
        ("\x1b(0x\x1bc", "x"),
        ("a\u202eb\u2066c\u200bd\u200ee\ufefff\u00adg", "abcdefg"),
        ("a\u2028b\u2029c", "a b c"),
        ("e" + "\u0301" * 40, "e\u0301\u0301"),
        ("\u3164\u2800x", "x"),
        ("a\tb\rc\bd\x00e", "a    bcde"),
        ("half \ud800 letter", "half  letter"),
        ("x" * 10**6, "x" * 600 + " …"),
        ("ü — 你好 ✓", "ü — 你好 ✓"),
    ],
)
def test_only_what_can_be_read_is_left_of_a_text(text, left):
    assert clean(text) == left


NASTY = (
    "$\\href{javascript:alert(1)}{x}$ </pre></div><script>alert(1)</script> \"'><img src=x onerror=y> \n"
    "✓ rms: 2/2"
)
ELEMENTS = set("div p b code pre details summary ul li img figure figcaption audio".split())


class Text(html.parser.HTMLParser):
    """Texts of a page by whether MathJax would look at them, its elements, and its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.typeset: list[str] = []
        self.elements: set[str] = set()
        self.attributes: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.attributes += [name for name, _ in attributes]
        if tag not in ("img",):
            self.open.append(dict(attributes).get("class") or "")

    def handle_endtag(self, tag):
        self.open.pop()

    def handle_data(self, data):
        if not any({"tex2jax_ignore", "mathjax_ignore"} <= set(name.split()) for name in self.open):
            self.typeset.append(data)


def test_no_text_becomes_markup_or_a_formula():
    diagnosis = Diagnosis("error", NASTY, asked=[NASTY], trace=[(1, NASTY, NASTY)])
    diagnosis.sounds = {NASTY: (np.zeros(10), 8000)}
    diagnosis.picture = b"\x89PNG" + bytes(20)
    failed = PartResult("rms", 0, 2, diagnosis=diagnosis, flags=[NASTY], fault=NASTY, detail=NASTY)
    passed = PartResult("rms", 2, 2, flags=[NASTY], note=NASTY)
    for page in (part_html(failed), part_html(passed), part_detail_html(failed), part_detail_html(passed)):
        found = Text(page)
        assert "".join(found.typeset).strip() == ""
        assert found.open == []  # nothing closes what it has not opened
        assert found.elements <= set(
            "div p b code pre details summary ul li img figure figcaption audio".split()
        )
        assert set(found.attributes) <= set("class style open alt width src controls preload".split())
    text = part_text(failed)
    assert not any(line.startswith("✓") for line in text.split("\n"))


def test_notes_and_details_are_where_they_belong():
    result = PartResult("rms", 0, 2, diagnosis=Diagnosis("difference", "No."), flags=["uses eval"])
    result.detail, result.fault = "ValueError: 3.14", "ended without an answer"
    assert "Note: uses eval" in part_html(result) and "note: uses eval" in part_text(result)
    assert "3.14" not in shown(result)
    page = part_detail_html(result)
    assert "3.14" in page and "uses eval" in page and "ended without an answer" in page
    assert part_detail_html(PartResult("rms", 2, 2)) == ""
