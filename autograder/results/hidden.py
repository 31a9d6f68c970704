"""Proves that a page for students holds nothing hidden, before it is written.

Searched for, on the page as it is read and in what is embedded in it:

- the lines of every solution and of every hidden check of the course, their names, the names of mistakes,
  and the sentences of other labs' mistakes: the list by which a student release is searched (`leaks`);
- the numbers that the reference answered in the hidden checks with the inputs of this grading run, wherever
  one is printed with seven digits or more, as Python and numpy print arrays.

What the student wrote stands in their notebook and is no secret to them: a correct line that raised may be
shown though the solution holds the same line.
"""

from __future__ import annotations

import ast
import base64
import binascii
import html
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.checking.proxy import InProcess
from autograder.checking.runner import session_of
from autograder.course import Course, Lab
from autograder.errors import GradingError
from autograder.leaks import Secret, secrets_of
from autograder.loading import load_mistakes, load_reference
from autograder.state import lab_version
from autograder.values import is_tensor
from autograder.visible import read_checks

DIGITS = 7  # fewer stand on many a page by chance
MAX_VALUES = 5_000_000  # of one answer; more is no array that a message prints
SHORT = 400  # characters: no picture is as small
MAX_SEEDS = 16  # remembered
_NUMERAL = re.compile(r"(?<![\w.])\d*\.\d+(?:[eE][+-]?\d+)?")
_EMBEDDED = re.compile(r"data:[\w/+.-]+;base64,([A-Za-z0-9+/=]+)(?=[\"'\s)>])")
_PRINTABLE = re.compile(rb"[\t\n\r -~]{8,}")  # in binary data, as the command `strings` finds them
_TAG = re.compile(r"<[^>]*>")

_known_secrets: dict[tuple[Any, ...], list[tuple[Secret, str, str]]] = {}
_known_numbers: dict[tuple[str, str, int], np.ndarray] = {}


def assert_clean(
    page: str, course: Course, lab: Lab, own: str = "", expected: np.ndarray | None = None
) -> None:
    """Refuse a page that holds something hidden.

    Args:
        own: the student's own code.
        expected: of `expected_numbers`; none are searched for if not given.
    Raises:
        GradingError: naming what was found, without its text.
    """
    found = next(hidden_in(page, course, lab, own, expected), None)
    if found:
        raise GradingError(f"a page for a student of {lab.name} is not written: it holds {found}")


def hidden_in(
    page: str, course: Course, lab: Lab, own: str = "", expected: np.ndarray | None = None
) -> Iterator[str]:
    """What a page holds and should not, each named without its text."""
    shown, embedded = _readings(page)
    written = _one_line(own)
    words = set(" ".join([*shown, embedded]).split())
    for secret, text, inner in _secrets(course, lab):
        if inner and inner not in words:
            continue  # nearly all end here, a hundred times as fast as a search
        if any(text in reading for reading in shown) and text not in written:
            yield f"the {secret.what}"
        elif text in embedded:
            yield f"the {secret.what}, embedded"
    if expected is not None and expected.size:
        own_numerals = set(_NUMERAL.findall(own))
        for reading in shown:
            for numeral in _NUMERAL.findall(reading):
                if numeral not in own_numerals and _is_expected(numeral, expected):
                    yield "a number that the reference answered in a hidden check"
                    return


def _readings(page: str) -> tuple[list[str], str]:
    """A page as its source tells it and as a browser shows it; and the texts in what is embedded."""
    embedded: list[str] = []

    def take(found: re.Match[str]) -> str:
        try:
            data = base64.b64decode(found[1], validate=True)
        except binascii.Error:
            return found[0]  # no data but text, and searched as text
        embedded.extend(run.decode() for run in _PRINTABLE.findall(data))
        # what is short may be text that happens to be base64 too
        return found[0] if len(found[1]) < SHORT else ""

    bare = _EMBEDDED.sub(take, page)
    # tags may part a text: <b>sec</b>ret is read as secret
    views = (bare, _TAG.sub("", bare), _TAG.sub(" ", bare))
    return [_one_line(html.unescape(view)) for view in views], _one_line("\n".join(embedded))


def _one_line(text: str) -> str:
    """Text in which indentation and line breaks do not count."""
    return " ".join(text.split())


def _secrets(course: Course, lab: Lab) -> list[tuple[Secret, str, str]]:
    """What must not be on a page of this lab, as it is searched for; read once per version of the files.

    The last is a word of it that stands between spaces wherever the whole text stands; "" if it has none.
    """
    files = [path for own in course.labs for path in (own.source, own.checks, own.mistakes)]
    key = lab.name, *((str(path), path.stat().st_mtime_ns) for path in files)
    if key not in _known_secrets:
        allowed = {_one_line(mistake.sentence) for mistake in load_mistakes(lab)} | _titles(lab)
        texts = ((secret, _one_line(secret.text)) for secret in secrets_of(course))
        _known_secrets[key] = [
            # the outer words may be glued to what stands beside the text
            (secret, text, max(text.split(" ")[1:-1], key=len, default=""))
            for secret, text in texts
            if not any(text.strip("\"' .") in said for said in allowed)
        ]
    return _known_secrets[key]


def _titles(lab: Lab) -> set[str]:
    """What the checks ask in words: a check's first line is told to the student."""
    lines = (ast.get_docstring(check.node) or "" for check in read_checks(lab))
    return {_one_line(doc.split("\n")[0]).strip("\"' .") for doc in lines if doc}


def _is_expected(numeral: str, expected: np.ndarray) -> bool:
    mantissa = re.split("[eE]", numeral)[0]
    digits = mantissa.replace(".", "").lstrip("0")
    if len(digits) < DIGITS or len(digits.rstrip("0")) < DIGITS - 2:
        return False  # too short, or as round as 1.000000
    value = float(numeral)
    if not np.isfinite(value) or value == 0:
        return False
    # half a unit of the last digit that is printed
    shift = int(re.split("[eE]", numeral)[1]) if "e" in numeral.lower() else 0
    half = 0.5 * 10.0 ** (shift - len(mantissa.partition(".")[2]))
    low = np.searchsorted(expected, value - 1.001 * half, "left")
    return bool(np.searchsorted(expected, value + 1.001 * half, "right") > low)


def expected_numbers(lab: Lab, seed: int) -> np.ndarray:
    """The sizes of all numbers with a fraction that the reference answers in the hidden checks, sorted.

    The checks run on the reference with the inputs that `seed` draws, once per version of the lab.
    """
    key = lab.name, lab_version(lab), seed
    if key not in _known_numbers:
        if len(_known_numbers) >= MAX_SEEDS:
            _known_numbers.pop(next(iter(_known_numbers)))
        _known_numbers[key] = _ask_reference(lab, seed)
    return _known_numbers[key]


def _ask_reference(lab: Lab, seed: int) -> np.ndarray:
    assert lab.folder is not None
    session = session_of(lab)
    reference = vars(load_reference(lab.folder))
    found: list[np.ndarray] = []
    for part in lab.parts:
        for item in session.of(part.name):
            result = session.run(item, InProcess(reference), seed)
            if not result.visible:
                for call in result.calls:
                    found += _numbers(call.output)
    if not found:
        return np.empty(0)
    values = np.unique(np.abs(np.concatenate(found)))
    return values[np.isfinite(values) & (values != np.round(values))]


def _numbers(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _numbers(item)
        return
    if is_tensor(value):
        value = value.detach().cpu().numpy()
    if isinstance(value, float | complex | np.ndarray | np.generic):
        array = np.asarray(value)
        if array.size <= MAX_VALUES and array.dtype.kind in "fc":
            flat = array.ravel()
            parts = (flat.real, flat.imag) if array.dtype.kind == "c" else (flat,)
            for part in parts:
                yield part.astype(np.float64)
