"""No page for students is written that holds something hidden: leaks are planted and must be found."""

from __future__ import annotations

import ast
import base64
import html
import shutil
from pathlib import Path

import numpy as np
import pytest

from autograder.course import Course, Lab, load_course, read_lab
from autograder.errors import GradingError
from autograder.leaks import secrets_of
from autograder.loading import load_mistakes
from autograder.results.hidden import assert_clean, expected_numbers, hidden_in
from autograder.results.similarity import released_cells
from autograder.visible import read_checks

SEED = 11
CHECK = "assert lab.power_to_db(np.array([0.25])) == pytest.approx(-6.0206, abs=1e-4)"
SOLUTION = "return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))"
WHOLE = load_course(Path(__file__).resolve().parents[2])


def page(body: str) -> str:
    return f"<!doctype html><html><body><p>Well done.</p>{body}</body></html>"


def embedded(data: bytes) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(data).decode()}">'


HIDDEN_IN = {
    "as text": lambda text: f"<pre>{html.escape(text)}</pre>",
    "unescaped": lambda text: text.replace("<", "&lt;"),
    "over two lines": lambda text: html.escape(text.replace(" ", "\n        ", 1)),
    "in an attribute": lambda text: f'<img alt="{html.escape(text, quote=True)}">',
    "in a comment": lambda text: f"<!-- {text} -->",
    "parted by tags": lambda text: (
        f"{html.escape(text[:9])}<b>{html.escape(text[9:12])}</b>{html.escape(text[12:])}"
    ),
    "as numbers of characters": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "in a picture": lambda text: embedded(
        b"\x89PNG\r\n\x1a\n\x00tEXtTitle\x00" + text.encode() + b"\x00\xff"
    ),
    "in what claims to be a picture": lambda text: f'<img src="data:image/png;base64,{html.escape(text)}">',
}


@pytest.mark.parametrize("way", HIDDEN_IN)
@pytest.mark.parametrize(
    "text", [CHECK, SOLUTION, "test_integer_samples_do_not_overflow", "natural_logarithm"]
)
def test_a_planted_leak_is_found(course, lab, way, text):
    with pytest.raises(GradingError, match="is not written: it holds") as error:
        assert_clean(page(HIDDEN_IN[way](text)), course, lab)
    assert text not in str(error.value) or text == "natural_logarithm"  # a name is what was found


def test_every_secret_of_the_course_is_found(course, lab):
    """Solutions, hidden checks, mistakes: each one by itself, but not what this lab may tell."""
    told = {mistake.sentence for mistake in load_mistakes(lab)}
    secrets = [secret for secret in secrets_of(course) if secret.text not in told]
    assert len(secrets) > 20
    for secret in secrets:
        found = list(hidden_in(page(html.escape(secret.text)), course, lab))
        assert found, secret


def test_what_students_are_told_is_no_leak(course, lab):
    titles = [
        (ast.get_docstring(c.node) or c.name.removeprefix("test_").replace("_", " "))
        for c in read_checks(lab)
    ]
    sentences = [mistake.sentence for mistake in load_mistakes(lab)]
    assert_clean(page(" ".join(map(html.escape, titles + sentences))), course, lab)


def test_the_released_page_is_no_leak(course, lab):
    shown = "\n".join(cell.source for cell in released_cells(lab))
    assert "NotImplementedError" in shown
    assert_clean(page(html.escape(shown)), course, lab)


def test_a_students_own_line_is_no_secret_to_them(course, lab):
    """A right line that raised stands in the traceback; only what they really wrote is let through."""
    shown = page(html.escape(f"line 7: {SOLUTION}"))
    assert_clean(shown, course, lab, own=f"def rms(samples):\n        {SOLUTION}\n")
    for own in ("", "def rms(samples):\n    return 0.0\n"):
        with pytest.raises(GradingError, match="solution of t00_decibels.rms"):
            assert_clean(shown, course, lab, own=own)


def test_sentences_of_another_labs_mistakes_stay_hidden():
    mel, hmm = WHOLE.lab("t03"), WHOLE.lab("t05")
    sentence = html.escape(load_mistakes(mel)[0].sentence)
    assert_clean(page(sentence), WHOLE, mel)
    with pytest.raises(GradingError, match="mistake"):
        assert_clean(page(sentence), WHOLE, hmm)


def test_what_this_lab_tells_is_no_leak_though_another_lab_tells_it_too(course_copy):
    """Two labs may have a mistake in common, in the same words or in a part of them."""
    first = course_copy.labs[0]
    second = first.folder.parent / "t01_more"
    shutil.copytree(first.folder, second)
    mistakes = second / "mistakes.py"
    text = mistakes.read_text().replace("Squaring 16-bit integers overflows. Convert", "Convert")
    mistakes.write_text(text.replace("Your logarithm is natural.", "Your logarithm is of another kind."))
    course = Course(course_copy.root, (first, read_lab(second)))
    for mistake in load_mistakes(first):
        assert_clean(page(html.escape(mistake.sentence)), course, first)
    with pytest.raises(GradingError, match="mistake natural_logarithm of t01_more"):
        sentence = "Your logarithm is of another kind. Decibels are defined with base 10."
        assert_clean(page(sentence), course, first)


def test_expected_numbers_are_those_of_the_hidden_checks(lab):
    numbers = expected_numbers(lab, SEED)
    assert np.all(np.diff(numbers) > 0) and np.all(numbers > 0)
    # the level of a quarter of the power, from a hidden check with inputs of its own
    assert np.isclose(numbers, 10 * np.log10(4), rtol=1e-12).any()
    # 2.5 is asked by a visible check, which students have
    assert not np.isclose(numbers, 2.5, rtol=1e-12).any()
    assert not np.array_equal(numbers, expected_numbers(lab, SEED + 1))


WRITTEN = {
    "as Python prints it": repr,
    "as numpy prints it": lambda value: str(np.array([1.0, value])),
    "as an assertion prints it": lambda value: f"assert 0.5 == {value} ± 1.0e-09",
    "with an exponent": lambda value: f"{value:.9e}",
    "negative": lambda value: f"{-abs(value)!r}",
    "in seven digits": lambda value: f"{value:#.7g}",
}


@pytest.mark.parametrize("way", WRITTEN)
def test_expected_numbers_are_found_however_they_are_printed(course, lab, way):
    numbers = expected_numbers(lab, SEED)
    # 16.000000000000004 is 16 in seven digits, which tells nothing: only numbers that fill all seven
    tried = [float(value) for value in numbers if 1 < value < 99 and len(f"{value:.7g}") == 8][:40]
    assert len(tried) > 20
    for value in tried:
        text = WRITTEN[way](value)
        with pytest.raises(GradingError, match="a number that the reference answered"):
            assert_clean(page(f"<p>{html.escape(text)}</p>"), course, lab, expected=numbers)


def test_other_numbers_are_no_leak(course, lab):
    numbers = expected_numbers(lab, SEED)
    value = float(numbers[len(numbers) // 2])
    shown = [f"{value:.3g}", repr(value * 1.001), "20260101", "0.25", "1.0000000", "3.14159265"]
    assert_clean(page(" ".join(shown)), course, lab, expected=numbers)


def test_a_number_of_the_students_own_code_is_no_leak(course, lab):
    numbers = expected_numbers(lab, SEED)
    text = repr(float(numbers[0]))
    assert_clean(page(text), course, lab, own=f"FLOOR = {text}", expected=numbers)
    with pytest.raises(GradingError):
        assert_clean(page(text), course, lab, own="FLOOR = 0", expected=numbers)


def _drawings(lab: Lab) -> list[tuple[str, set[str]]]:
    """Functions of checks.py that draw or play, each with the names it uses, through its helpers too."""
    tree = ast.parse(lab.checks.read_text(encoding="utf-8"))
    home = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}

    def names(node: ast.AST, seen: set[str]) -> set[str]:
        for name in {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - seen:
            seen.add(name)
            if name in home:
                names(home[name], seen)
        return seen

    marks = {"picture", "sound"}
    return [
        (node.name, names(node, set()))
        for node in home.values()
        if any(isinstance(d, ast.Call) and getattr(d.func, "id", "") in marks for d in node.decorator_list)
    ]


def _reference_names(lab: Lab) -> set[str]:
    """What checks.py calls the reference."""
    tree = ast.parse(lab.checks.read_text(encoding="utf-8"))
    found = {"lab_beside", "load_reference"}
    for node in tree.body:
        if isinstance(node, ast.Assign) and "lab_beside" in ast.dump(node.value):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("lab", WHOLE.labs, ids=lambda lab: lab.name)
def test_pictures_and_players_know_no_expected_value(lab):
    """They are made from the learner's output and its input: nothing in them asks the reference."""
    for name, used in _drawings(lab):
        assert not used & _reference_names(lab), f"{lab.checks}: {name} uses the reference"


def test_the_search_of_drawings_sees_the_reference(course_copy: Course):
    lab = course_copy.labs[0]
    text = lab.checks.read_text()
    helper = "\n\nparts = lab_beside(__file__)\n\n\ndef right(power):\n    return parts.power_to_db(power)\n"
    lab.checks.write_text(text.replace('{"yours": output}', '{"yours": right(power)}') + helper)
    assert any(used & _reference_names(lab) for _, used in _drawings(lab))
