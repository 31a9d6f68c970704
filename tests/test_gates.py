"""The gates that every lab passes (handbook of the course: docs/writing-a-lab.md).

They run over every lab that is found: a new lab is held to them without new code here.
"""

from __future__ import annotations

import copy
import doctest
import json
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from autograder import percent, proof
from autograder.build import release_notebooks
from autograder.checking import oracles
from autograder.course import Lab, load_course
from autograder.definitions import Code
from autograder.digest import digest
from autograder.handles import seed_everything
from autograder.loading import code_cells, load_mistakes, load_reference
from autograder.mutants import BEGIN, END, explained, run_mutants
from autograder.notebook import grade_id, parse_notebook, read_parts, source_of
from autograder.pages import run_page, section_text
from autograder.values import same
from autograder.visible import visible_checks

ROOT = Path(__file__).resolve().parent.parent
COURSE = load_course(ROOT)
LABS = [pytest.param(lab, id=lab.name) for lab in COURSE.labs]
each_lab = pytest.mark.parametrize("lab", LABS)


@cache
def _released(lab_name: str) -> bytes:
    """The committed notebook of a lab: what a learner has done with the file does not count."""
    path = f"phases/{COURSE.lab(lab_name).phase}/{lab_name}.ipynb"
    found = subprocess.run(["git", "show", f":{path}"], cwd=ROOT, capture_output=True)
    return found.stdout if found.returncode == 0 else (ROOT / path).read_bytes()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_notebooks(COURSE, tmp_path_factory.mktemp("build"))


# --- 1: the stub ------------------------------------------------------------------------------------


@each_lab
def test_every_check_of_an_untouched_stub_fails_because_it_is_a_stub(lab: Lab):
    reading = read_parts(parse_notebook(_released(lab.name), lab.name), lab)
    assert proof.stub_problems(COURSE, lab, reading.cells) == []


# --- 2: the reference -------------------------------------------------------------------------------


@each_lab
@pytest.mark.slow
def test_reference_has_all_points_in_process_and_in_the_worker(lab: Lab):
    here, there = proof.reference_in_process(lab), proof.reference_in_worker(COURSE, lab)
    marks = [{part.part: (part.points, part.checks) for part in result.parts} for result in (here, there)]
    assert marks[0] == marks[1]
    assert here.points == here.max_points == lab.points


@each_lab
@pytest.mark.slow
def test_reference_has_all_points_whatever_the_inputs(lab: Lab):
    for seed in (7, 2**62 + 11):
        result = proof.reference_in_process(lab, seed)
        assert [part.part for part in result.parts if not part.passed] == []


WITH_ORACLES = [pytest.param(lab, id=lab.name) for lab in COURSE.labs if "@oracle" in lab.checks.read_text()]


@pytest.mark.slow
@pytest.mark.parametrize("lab", WITH_ORACLES)
def test_oracles_say_the_same_to_the_same_question_and_leave_it_as_it_was(lab: Lab, monkeypatch):
    """What they say may be remembered: it depends on nothing but what they are asked."""
    questions, asked, problems = {}, [], []

    def noted(*values):
        name = digest(*values)
        questions[name] = copy.deepcopy(values) if name else None
        return name

    def ask_again(key, answer):
        function, name = key
        args, kwargs = questions[name]
        seed_everything(len(asked))  # random numbers of nobody's
        repeated = function(*args, **kwargs)
        asked.append(function.__name__)
        if not same(answer, repeated, rtol=1e-12):
            problems.append(f"{function.__name__} says something else")
        if digest(args, kwargs) != name:
            problems.append(f"{function.__name__} writes into what it is given")

    monkeypatch.setattr(oracles, "_known", {})
    monkeypatch.setattr(oracles, "digest", noted)
    monkeypatch.setattr(oracles, "_keep", ask_again)
    proof.reference_in_process(lab, 3)
    assert problems == []
    assert len(set(asked)) == lab.checks.read_text().count("@oracle\n")  # none is idle, all ask with data


# --- 3: mistakes and mutants ------------------------------------------------------------------------


@each_lab
@pytest.mark.slow
def test_every_mistake_is_caught_and_told_by_its_own_sentence(lab: Lab):
    assert proof.mistake_problems(lab) == []


@each_lab
def test_each_part_has_three_mistakes_with_different_sentences(lab: Lab):
    mistakes = load_mistakes(lab)
    for part in lab.parts:
        sentences = [m.sentence for m in mistakes if m.part == part.name]
        assert len(set(sentences)) == len(sentences) >= 3, part.name
    assert {m.part for m in mistakes} == {part.name for part in lab.parts}


@each_lab
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nine_of_ten_mutants_are_killed_and_survivors_explained(lab: Lab):
    reports = [run_mutants(lab, part.name) for part in lab.parts]
    killed, total = sum(r.killed for r in reports), sum(r.total for r in reports)
    assert killed >= 0.9 * total
    reasons = explained(lab)
    survivors = [(m.part, m.line, m.change) for report in reports for m in report.survivors]
    assert [survivor for survivor in survivors if not reasons.get(survivor)] == []


# --- 4: the release ---------------------------------------------------------------------------------


@each_lab
def test_phases_are_exactly_what_build_makes(lab: Lab, built: Path):
    assert (built / lab.phase / f"{lab.name}.ipynb").read_bytes() == _released(lab.name)


@each_lab
def test_no_solution_text_is_in_the_released_notebook(lab: Lab):
    page = "\n".join(source_of(cell) for cell in json.loads(_released(lab.name))["cells"])
    released = {line.strip() for line in page.split("\n")}
    _, cells = percent.read(lab.source)
    shown = {line.strip() for cell in cells if not cell.part for line in cell.source.split("\n")}
    for cell in cells:
        if cell.part:
            answer = re.findall(rf"{BEGIN}\n(.*?){END}", cell.source, re.S)
            lines = {line.strip() for block in answer for line in block.split("\n")} - shown
            assert not {line for line in lines & released if len(line) > 20}, cell.part
    assert BEGIN not in page and END not in page
    assert "test_" not in "".join(
        source_of(c) for c in json.loads(_released(lab.name))["cells"] if grade_id(c)
    )


@each_lab
def test_visible_checks_do_without_the_reference(lab: Lab):
    compile(visible_checks(lab), lab.name, "exec")  # it refuses a check that a student could not run


def test_builds_are_the_same_byte_for_byte(built: Path, tmp_path: Path):
    again = release_notebooks(COURSE, tmp_path)
    names = sorted(path.relative_to(built) for path in built.rglob("*.ipynb"))
    assert names == sorted(path.relative_to(again) for path in again.rglob("*.ipynb"))
    assert all((built / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_released_notebooks_have_no_outputs():
    for lab in COURSE.labs:
        cells = json.loads(_released(lab.name))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


# --- 5: the page ------------------------------------------------------------------------------------


def _outputs(notebook: dict) -> str:
    return json.dumps([cell.get("outputs", []) for cell in notebook["cells"]])


@each_lab
@pytest.mark.slow
def test_page_runs_in_fast_mode_with_a_plot_and_a_player(lab: Lab, tmp_path: Path):
    page = run_page(COURSE, lab, tmp_path, fast=True)
    outputs = _outputs(page)
    assert '"image/png"' in outputs or "data:image/png" in outputs
    if lab.audible:
        assert "<audio" in outputs
    assert section_text(page, "practice"), "the practice reports no figure"
    # every check cell of the page gave full marks
    checks = [cell for cell in page["cells"] if (grade_id(cell) or "").startswith("check_")]
    assert len(checks) == len(lab.parts)
    failed = [grade_id(cell) for cell in checks if "\\u2713" not in json.dumps(cell["outputs"])]
    assert failed == []


# --- 7 and 8: words -------------------------------------------------------------------------------


@each_lab
def test_parts_are_documented_hinted_and_timed(lab: Lab):
    module = load_reference(lab.source.parent)
    for part in lab.parts:
        doc = getattr(module, part.name).__doc__ or ""
        for section in ("Args:", "Returns:", "Source:", "Example:"):
            if part.is_class and section == "Returns:":
                continue
            assert section in doc, f"{part.name} has no {section}"
        assert len(part.hints) == 3, part.name
        assert 1 <= part.difficulty <= 5 and part.minutes > 0 and part.points > 0, part.name
    assert 60 <= lab.minutes <= 240


@each_lab
def test_examples_in_docstrings_are_true(lab: Lab):
    module = load_reference(lab.source.parent)
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for part in lab.parts:
        tests = finder.find(getattr(module, part.name), part.name, globs=dict(vars(module)))
        assert sum(len(test.examples) for test in tests) > 0, part.name
        for test in tests:
            assert runner.run(test).failed == 0, part.name


@each_lab
def test_checks_of_each_part_are_at_least_three(lab: Lab):
    session = proof.session_of(lab)
    for part in lab.parts:
        assert len({item.function for item in session.of(part.name)}) >= 3, part.name
    assert set(session.parts) == {part.name for part in lab.parts}


@each_lab
def test_needs_are_earlier_labs(lab: Lab):
    before = [known.name for known in COURSE.labs[: COURSE.labs.index(lab)]]
    # a need may be a lab that is not written yet; one that exists must come before
    known = {other.name for other in COURSE.labs}
    assert [need for need in lab.needs if need in known and need not in before] == []


@each_lab
def test_percent_reader_agrees_with_jupytext(lab: Lab):
    import jupytext

    _, cells = percent.read(lab.source)
    theirs = jupytext.read(lab.source, fmt="py:percent")
    assert [(c.cell_type, c.source.strip()) for c in theirs.cells] == [
        (c.kind, c.source.strip()) for c in cells
    ]
    assert [c.metadata.get("part") for c in theirs.cells] == [c.part for c in cells]


@each_lab
def test_page_order_is_the_houses(lab: Lab):
    text = "\n".join(cell.source for cell in percent.read(lab.source)[1] if cell.kind == "markdown")
    headings = [line.removeprefix("## ").lower() for line in text.split("\n") if line.startswith("## ")]
    wanted = ["part 1", "put it together", "practice", "against the library", "where it breaks", "read on"]
    places = [next((i for i, h in enumerate(headings) if h.startswith(want)), None) for want in wanted]
    assert None not in places, dict(zip(wanted, places, strict=True))
    assert places == sorted(places)  # type: ignore[type-var]


def test_parts_import_without_running_the_page(capsys):
    for lab in COURSE.labs:
        cells = code_cells(lab.source)
        assert any(isinstance(cell, Code) and cell.part is None for cell in cells)
        load_reference(lab.source.parent)
    assert capsys.readouterr().out == ""
