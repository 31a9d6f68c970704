"""`make demo`: its course, its claims, its page."""

from __future__ import annotations

import dataclasses
import importlib
import io
import itertools
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from html_page import Page
from rich.console import Console

from autograder.checking.runner import session_of
from autograder.course import Course, load_course
from autograder.diagnosis import diagnose
from autograder.proof import SEED, reference_namespace, run_checks

ROOT = Path(__file__).resolve().parent.parent
MINIATURE = ROOT / "tests" / "data" / "course"
ASSIGNMENTS = ("phase0_signal_processing",)
MISTAKES = (("t00_decibels", "rms", "sum_for_mean"), ("t00_decibels", "power_to_db", "natural_logarithm"))


def tool(name: str) -> ModuleType:
    """A script of tools/, which is no package: its folder is on the path only while it is imported."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "tools"))


demo = tool("demo")
demo_course = tool("demo_course")
demo_page = tool("demo_page")


# --- mistakes as a learner would write them ----------------------------------------------------------


@pytest.mark.parametrize(("lab_name", "part", "mistake"), demo.MISTAKES)
def test_a_planted_mistake_behaves_as_the_named_one(lab_name: str, part: str, mistake: str) -> None:
    lab = load_course(ROOT).lab(lab_name)
    planted = demo_course.plant(lab, part, mistake)
    assert "reference." not in planted.code and "SOLUTION" not in planted.code
    names = dict(reference_namespace(lab))
    exec(planted.code, names)
    results = run_checks(lab, part, names[part])
    assert not all(result.passed for result in results)
    found = diagnose(lab, session_of(lab), part, results, SEED)
    assert (found.mistake, found.sentence) == (mistake, planted.sentence)


def test_the_mistakes_are_three_of_both_phases() -> None:
    course = load_course(ROOT)
    labs = {course.lab(lab).phase for lab, _, _ in demo.MISTAKES}
    assert labs == set(demo.ASSIGNMENTS)
    assert len({(lab, part) for lab, part, _ in demo.MISTAKES}) == 3


def test_an_unknown_mistake_is_an_error_that_names_it(course: Course) -> None:
    with pytest.raises(demo_course.DemoError, match="names no mistake 'nonsense' of rms"):
        demo_course.plant(course.labs[0], "rms", "nonsense")


def test_a_mistake_made_of_the_correct_part_cannot_be_planted() -> None:
    lab = load_course(ROOT).lab("t03_mel_features")
    with pytest.raises(demo_course.DemoError, match="cannot stand alone"):
        demo_course.plant(lab, "preemphasis", "adds_instead")


def test_a_mistake_of_another_assignment_cannot_be_planted(course: Course) -> None:
    with pytest.raises(demo_course.DemoError, match="is not in phase1_classical"):
        demo_course.plant_all(course, ["phase1_classical"], MISTAKES)


# --- stages -------------------------------------------------------------------------------------------


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_a_stage_runs_again_only_if_its_inputs_changed_or_its_output_is_gone(tmp_path: Path) -> None:
    output = tmp_path / "output"
    runs = []

    def action(say: Any) -> int:
        output.write_text("done")
        runs.append(1)
        return len(runs)

    def stage(key: str) -> int:
        return demo.Stages(tmp_path, quiet()).run("one", "Stage", key, output, action)

    assert [stage("a"), stage("a"), stage("b"), stage("b")] == [1, 1, 2, 2]
    output.unlink()
    assert stage("b") == 3


def test_a_stage_that_breaks_off_is_not_remembered(tmp_path: Path) -> None:
    stages = demo.Stages(tmp_path, quiet())
    stages.run("one", "Stage", "a", tmp_path, lambda say: "first")

    def stopped(say: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages.run("one", "Stage", "b", tmp_path, stopped)
    assert demo.Stages(tmp_path, quiet()).run("one", "Stage", "a", tmp_path, lambda say: "again") == "again"


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_memory_of_stages_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / demo.STAGES).write_text(text)
    assert demo.Stages(tmp_path, quiet()).run("one", "Stage", "a", tmp_path, lambda say: 1) == 1


def test_the_key_of_a_stage_changes_with_every_file_and_text(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = demo.digest([tmp_path / "a.py"], "x")
    assert demo.digest([tmp_path / "a.py"], "x") == before
    assert demo.digest([tmp_path / "a.py"], "y") != before
    (tmp_path / "a.py").write_text("2")
    assert demo.digest([tmp_path / "a.py"], "x") != before


def test_ctrl_c_ends_with_a_sentence_and_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def stopped(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "make", stopped)
    assert demo.main(["--folder", str(tmp_path)]) == 130
    assert "goes on from there" in capsys.readouterr().out


def test_a_failure_is_a_sentence_and_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def broken(*arguments: Any) -> None:
        raise demo_course.DemoError("worked: nbgrader gave 3 points [of 5]")

    monkeypatch.setattr(demo, "make", broken)
    assert demo.main(["--folder", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "nbgrader gave 3 points [of 5]" in out
    assert "Traceback" not in out


# --- the whole cycle on a miniature course -------------------------------------------------------------


@pytest.fixture(scope="session")
def course() -> Course:
    return load_course(MINIATURE)


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(folder of the demo, commands that ran), graded once."""
    root = tmp_path_factory.mktemp("demo") / "repository"
    shutil.copytree(MINIATURE, root, ignore=shutil.ignore_patterns("__pycache__"))
    folder = root / "demo"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in demo_course.environment(folder / "course").items():
            patch.setenv(name, value)
        commands = demo.grade(folder / "course", root, ASSIGNMENTS, MISTAKES)
    return folder, commands


@pytest.fixture
def story(graded: Any) -> Any:
    return demo.verified_story(graded[0] / "course", ASSIGNMENTS, MISTAKES)


@pytest.mark.slow
def test_three_submissions_get_the_marks_that_they_should(story: Any) -> None:
    lab = story.labs[0]
    assert story.total("untouched") == (0.0, lab.points)
    assert story.total("worked") == (lab.points, lab.points)
    assert story.total("three-mistakes") == (0.0, lab.points)


@pytest.mark.slow
def test_grading_leaves_the_repository_alone(graded: Any) -> None:
    folder, commands = graded
    assert {path.name for path in folder.parent.iterdir()} == {"solutions", "nbgrader_config.py", "demo"}
    assert [command.split()[1] for command in commands] == [
        *("build", "generate_assignment", "autograde", "generate_feedback", "export")
    ]


@pytest.mark.slow
def test_claims_that_do_not_hold_are_named(graded: Any, story: Any) -> None:
    course, planted, marks = story.course, story.planted, story.marks
    other = dataclasses.replace(planted[0], sentence="This sentence stands nowhere.")
    assert demo_course.broken_claims(course, ASSIGNMENTS, [other, planted[1]], marks) == [
        "three-mistakes: the feedback page of t00_decibels does not name sum_for_mean"
    ]
    problems = demo_course.broken_claims(course, ASSIGNMENTS, planted[1:], marks)
    assert "three-mistakes: nbgrader gave 0.0 points for t00_decibels.rms, expected 2" in problems
    higher = [dataclasses.replace(mark, score=mark.max_score) for mark in marks]
    problems = demo_course.broken_claims(course, ASSIGNMENTS, planted, higher)
    assert "untouched: nbgrader gave 2.0 points for t00_decibels.rms, expected 0" in problems
    assert any("the exported table says" in problem for problem in problems)


@pytest.mark.slow
def test_a_command_that_fails_says_so_with_its_output(graded: Any) -> None:
    with pytest.raises(demo_course.DemoError, match="`nbgrader autograde nonsense` failed with exit code"):
        demo_course.run(["nbgrader", "autograde", "nonsense"], graded[0] / "course")


def trial(right: int, total: int) -> dict[str, Any]:
    return {"accuracy": right / total, "right": right, "total": total, "interval": [0.5, 0.9]}


# what `capstone.commands.demo` returns, as far as the page reads it
CAPSTONE: dict[str, Any] = {
    "corpus": "fsdd",
    "real": True,
    "kind": "recordings of people",
    "licence": "CC BY-SA 4.0",
    "clips_in_corpus": 3000,
    "speakers": ["<george>", "lucas"],
    "fast": False,
    "official": trial(290, 300),
    "new_voices": {"mean": 0.8, "speakers": {"<george>": trial(8, 10), "lucas": trial(8, 10)}},
    "targets": {"official": 0.96, "new_voices": 0.85},
    "seconds": {"training": 50.0, "evaluation": 60.0},
    "parts": [
        {"lab": "t03_mel_features", "part": "mfcc", "by": "yours"},
        {"lab": "t05_hmm", "part": "viterbi", "by": "reference"},
    ],
    "clips": [
        {
            "said": "seven",
            "answered": "one",
            "right": False,
            "speaker": "lucas",
            "wav": "seven.wav",
            "plot": "seven.png",
        }
    ],
    "plots": {
        "confusion": "confusion.png",
        "confusion_new_voices": "confusion-new-voices.png",
        "new_voices": "new-voices.png",
        "training": "training.png",
    },
}
CAPSTONE_FILES = {f"capstone/{file}" for file in [*CAPSTONE["plots"].values(), "seven.wav", "seven.png"]}


def test_the_capstone_section_says_whose_parts_which_data_and_which_targets() -> None:
    page = Page(demo_page.capstone_section(CAPSTONE, "capstone"))
    assert page.open == []
    words = " ".join(page.words.split())
    for wanted in (
        "Data: fsdd, recordings of people.",
        "<george>",
        "290 of 300 right, 96.7%",
        "✓ target of 96% reached",
        "80.0% right on average. ✗ target of 85% missed",
        "recognised as one ✗ wrong",
        "t03_mel_features, 1 of 1 parts yours: mfcc",
        "t05_hmm, 0 of 1 parts yours: none; the reference's: viterbi",
    ):
        assert wanted in words
    assert "fast mode" not in words


def test_targets_and_fast_mode_are_told_as_they_are() -> None:
    synthetic = {**CAPSTONE, "real": False, "kind": "synthetic speech", "targets": None, "fast": True}
    words = Page(demo_page.capstone_section(synthetic, "capstone")).words
    assert "target" not in words
    assert "fast mode" in words
    assert "synthetic speech" in words


def test_a_capstone_that_takes_a_part_from_the_reference_breaks_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = importlib.import_module("capstone.commands")
    monkeypatch.setattr(commands, "demo", lambda *arguments, **options: CAPSTONE)
    with pytest.raises(demo_course.DemoError, match=r"took t05_hmm\.viterbi from the reference"):
        demo.run_capstone(tmp_path, False, quiet())


def test_a_capstone_that_fails_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = importlib.import_module("capstone.commands")

    def broken(*arguments: Any, **options: Any) -> None:
        raise commands.CapstoneError("the corpus is damaged")

    monkeypatch.setattr(commands, "demo", broken)
    with pytest.raises(demo_course.DemoError, match="the capstone: the corpus is damaged"):
        demo.run_capstone(tmp_path, False, quiet())


@pytest.fixture
def classical(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dict[str, Any]]:
    """What `capstone.classical.demo` returns, with its sounds written into a folder."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "capstone")
    return importlib.import_module("serving").result


def test_a_classical_stage_that_takes_a_part_from_the_reference_breaks_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classical: Any
) -> None:
    stage = importlib.import_module("capstone.classical")
    found = classical(tmp_path)
    monkeypatch.setattr(stage, "demo", lambda *arguments, **options: found)
    with pytest.raises(demo_course.DemoError, match=r"took t05_hmm\.viterbi from the reference"):
        demo.run_classical(tmp_path, False, quiet())
    for entry in [*found["parts"], *found["voices"]["about"]["parts"]]:
        entry["by"] = "yours"
    assert demo.run_classical(tmp_path, False, quiet()) is found
    found["voices"]["about"]["parts"] = [
        {"lab": "t08c_world_vocoder", "part": "world_synthesize", "by": "nobody"}
    ]
    with pytest.raises(demo_course.DemoError, match=r"took t08c_world_vocoder\.world_synthesize"):
        demo.run_classical(tmp_path, False, quiet())


def test_the_classical_stage_keeps_its_files_where_the_server_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_models = importlib.import_module("capstone.live_models")
    (tmp_path / "index.html").touch()
    page, folder = live_models.find_page(tmp_path)
    assert (page, folder) == (tmp_path / "index.html", tmp_path / demo_page.CLASSICAL_FOLDER)
    asked = []
    stage = importlib.import_module("capstone.classical")
    nothing = {"parts": [], "voices": {"about": {"parts": []}}}
    monkeypatch.setattr(stage, "demo", lambda model, to, **options: asked.append((model, to)) or nothing)
    demo.run_classical(folder, False, quiet())
    assert asked == [(folder / live_models.MODELS["recognizer"], folder)]


def test_the_page_names_the_command_that_serves_it(tmp_path: Path) -> None:
    assert demo_page.serve_command(ROOT / "demo") == "make serve"
    assert "\nserve:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert demo_page.serve_command(tmp_path) == f"speechlab capstone serve --folder {tmp_path}"


def test_the_figures_of_the_classical_stage_are_printed(tmp_path: Path, classical: Any) -> None:
    found, console = classical(tmp_path), Console(file=io.StringIO(), width=100)
    demo.print_classical(found, console)
    lines = [" ".join(re.findall(r"[\w%.,]+", line)) for line in console.file.getvalue().splitlines()]
    for wanted in (
        "20, 10, 5 dB together 900 5.0% 8%",
        "white noise, 5 dB 300 20.0%",
        "HMM and WORLD 100 7.0%",
        "unit selection, as recorded 100 33.0%",
    ):
        assert wanted in lines, lines


@pytest.mark.slow
def test_the_page_is_whole_and_needs_no_internet(graded: Any, story: Any, classical: Any) -> None:
    folder, commands = graded
    found = classical(folder / demo_page.CLASSICAL_FOLDER)
    page = Page(demo_page.render(story, commands, CAPSTONE, found, folder, 1.0))
    assert page.open == []
    for tag, attributes in page.tags:
        source = attributes.get("src") or attributes.get("href") or ""
        assert not source.startswith(("http:", "https:", "//", "/")), source
        if source and not source.startswith(("data:", "#")):
            assert (folder / source).exists() or source in CAPSTONE_FILES, source
        if tag == "img":
            assert attributes.get("alt")
        if tag == "audio":
            assert attributes.get("aria-label") or attributes.get("src", "").startswith("data:")
    for mistake in story.planted:
        assert mistake.sentence in page.words
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
