"""Each benchmark runs on something tiny and gives what its JSON is documented to hold. No times here."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import (
    accounting,
    cold_start,
    executed,
    features,
    grading,
    hidden_markov,
    one_submission,
    overhead,
    pipe_overhead,
    report,
    stock_nbgrader,
)
from benchmarks.__main__ import main
from benchmarks.measure import Row, Spread, by_turns, ratio, spread
from benchmarks.suite import BENCHMARKS, module

ROOT = Path(__file__).resolve().parent.parent
MINIATURE = ROOT / "tests" / "data" / "course"
LAB = "t00_decibels"


def results_of(name: str, rows: list[Row]) -> dict:
    """Results as `suite.run` makes them."""
    from benchmarks import machine

    return {
        "format": 1,
        "date": "2030-01-01T00:00+00:00",
        "quick": True,
        "threads": 1,
        "machine": machine.describe(),
        "load_before": 0.25,
        "load_after": None,
        "benchmarks": {name: {"rows": rows, "seconds": 1.5, "load": [0.25, None]}},
    }


def assert_documented(name: str, rows: list[Row]) -> list[dict]:
    """The rows survive the way to JSON and back, with every documented entry; the tables can be made."""
    assert rows
    results = results_of(name, rows)
    back = json.loads(report.as_json(results))
    found = back["benchmarks"][name]["rows"]
    assert len(found) == len(rows)
    for row in found:
        assert row.keys() == {
            *("benchmark", "what", "figure", "unit", "goal", "seconds", "note", "detail", "met"),
        }
        for times in (row["figure"], *row["seconds"].values()):
            assert times["low"] <= times["median"] <= times["high"]
            assert times["count"] >= 1
        assert row["met"] in ((None,) if row["goal"] is None else (True, False))
        assert row["unit"] in report.UNITS or len(row["seconds"]) == 2
    page = report.page(results)
    assert all(row.what in page for row in rows if not row.detail)
    assert report.table(name, rows).row_count == sum(not row.detail for row in rows)
    return found


def test_sides_take_turns_and_the_warm_up_does_not_count():
    called = []
    times = by_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, repeat=3, warm_up=1)
    assert {name: len(seconds) for name, seconds in times.items()} == {"a": 3, "b": 3}
    assert "".join(called) in ("baabbaab", "abbaabba")


def test_median_and_quartiles():
    assert spread([3.0]) == Spread(3.0, 3.0, 3.0, 1)
    assert spread([5.0, 1.0, 2.0, 4.0, 3.0]) == Spread(3.0, 2.0, 4.0, 5)
    with pytest.raises(ValueError):
        spread([])


def test_ratio_is_formed_round_by_round():
    assert ratio({"ours": [1.0, 4.0], "theirs": [2.0, 2.0]}, "ours", "theirs").median == 1.25


def test_goal_is_met_missed_or_absent():
    figure = spread([2.0])
    verdicts = [Row("x", "x", figure, "s", goal).met for goal in (2.0, 1.9, None)]
    assert verdicts == [True, False, None]


def test_every_benchmark_says_what_it_compares():
    for name in BENCHMARKS:
        assert len(module(name).ABOUT) > 100
        assert name in report.TITLES


@pytest.mark.slow
@pytest.mark.parametrize(("name", "benchmark"), [("mfcc", features), ("hmm", hidden_markov)])
def test_library_benchmarks(name, benchmark):
    found = assert_documented(name, benchmark.run(quick=True))
    assert all(set(row["seconds"]) == {"ours", {"mfcc": "librosa", "hmm": "hmmlearn"}[name]} for row in found)


def test_overhead_leaves_out_the_learners_own_time():
    found = assert_documented("check", overhead.run(quick=True, root=MINIATURE))
    worst, *parts = found
    assert [row["what"] for row in parts] == [f"{LAB}.rms", f"{LAB}.power_to_db"]
    assert worst["figure"] == max((row["figure"] for row in parts), key=lambda figure: figure["median"])
    assert all(row["goal"] == 50 for row in found)


def test_own_time_counts_nested_calls_once_and_classes_too():
    own = overhead.OwnTime()

    class Counter:
        def __init__(self, start):
            self.count = self.step(start)

        def step(self, by):
            return by + 1

    Timed = own.timed_part(Counter)
    assert Timed.__name__ == "Counter"
    before = own.wall
    assert Timed(1).count == 2
    assert own.wall > before

    def outer():
        return inner() + 1

    ticks = iter(range(100))
    inner = own.timed(lambda: 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overhead.time, "perf_counter", lambda: next(ticks))
        before = own.wall
        own.timed(outer)()
    # the clock is read at 0 (outer), 1 (inner) and 2 (end of outer): inner's end is not read
    assert own.wall - before == 2


def test_pipe_overhead_beside_pickle():
    found = assert_documented("pipe", pipe_overhead.run(quick=True))
    assert [row["goal"] for row in found] == [0.2, None, 2, None, 2, None]
    assert all(set(row["seconds"]) == {"sandbox", "pickle"} for row in found)


@pytest.mark.slow
def test_cold_start():
    found = assert_documented("cold-start", cold_start.run(True, MINIATURE, LAB))
    assert [row["goal"] for row in found] == [None, 1.5, None, 1.0, 4.0, 4.0]


@pytest.mark.slow
def test_grading_one_submission():
    found = assert_documented("one-submission", one_submission.run(True, MINIATURE, LAB))
    assert len(found) == 3


@pytest.mark.slow
def test_grading_a_class():
    rows = grading.run(True, MINIATURE, LAB)  # marks of both sides are compared inside
    assert_documented("grading", rows)
    goals = [0.1, None, 1 / 1.8, 1 / 1.8, 1 / 3, None, 1.1, 1 / 1.8, 1 / 1.8]
    assert [row.goal for row in rows if row.unit != "MB"] == goals
    if sys.platform == "linux":
        memory = [row.what.rpartition("memory of a ")[2] for row in rows if row.unit == "MB"]
        assert memory == ["grader", "fork server"]


def test_a_class_has_its_shares_and_every_mistake_in_turn():
    from autograder.course import load_course
    from autograder.loading import load_mistakes

    lab = load_course(MINIATURE).lab(LAB)
    cases = list(itertools.islice(grading.submissions(lab), 20))
    assert [case.kind for case in cases].count(grading.RIGHT) == 8
    assert [case.kind for case in cases].count(grading.STUB) == 4
    wrong = [case for case in cases if case.kind == grading.WRONG]
    assert all(0 <= case.points < lab.points for case in wrong)
    texts = [case.notebook.decode() for case in wrong]
    for mistake in load_mistakes(lab):
        assert any(f"return {mistake.name}" in text for text in texts), mistake.name


def test_a_class_is_reckoned_from_its_sample():
    sample = {grading.RIGHT: [accounting.Cost(4.0, 2.0), accounting.Cost(6.0, 2.0)]}
    sample |= {grading.WRONG: [accounting.Cost(10.0, 5.0)], grading.STUB: [accounting.Cost(1.0, 0.5)]}
    mean = grading.reckoned(sample)
    assert (mean.wall, mean.processor) == pytest.approx((0.4 * 5 + 0.4 * 10 + 0.2, 0.4 * 2 + 0.4 * 5 + 0.1))


ORPHAN = """
import os, time
def work(seconds):
    ends = time.process_time() + seconds
    while time.process_time() < ends: pass
if not os.fork():
    if not os.fork():
        work(0.4)  # by now its parent is gone
    os._exit(0)
os.wait()
work(0.2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_a_commands_cost_counts_what_outlives_it(tmp_path):
    spent = accounting.cost(["python", "-c", ORPHAN], tmp_path, {"PYTHONPATH": str(ROOT)})
    assert spent.processor > 0.59  # the clock of processors is coarse


def test_a_command_that_fails_is_told(tmp_path):
    with pytest.raises(RuntimeError, match="ended with 3"):
        accounting.cost(["python", "-c", "raise SystemExit(3)"], tmp_path, {"PYTHONPATH": str(ROOT)})


def test_stock_points_are_those_of_tests_without_an_error():
    def cell(points, failed, **kind):
        outputs = [{"output_type": "stream"}, {"output_type": "error"}] if failed else []
        about = {"grade": True, "solution": False, "points": points, **kind}
        return {"metadata": {"nbgrader": about}, "outputs": outputs}

    cells = [{"metadata": {}, "outputs": []}, cell(2, False), cell(4, True), cell(8, False, solution=True)]
    assert executed.points({"cells": cells}) == 2


def test_assert_cells_catch_a_wrong_part():
    from autograder.checking.runner import session_of
    from autograder.course import load_course

    lab = load_course(MINIATURE).lab(LAB)
    notebook = stock_nbgrader.assert_notebook(lab, session_of(lab), whole_page=False)
    sources = [cell["source"] for cell in notebook["cells"]]
    assert not any("autograder.checking" in source or "check(" in source for source in sources)
    namespace: dict = {}
    for source in sources:
        exec(source, namespace)
    namespace["rms"] = lambda samples: 1.0
    with pytest.raises(AssertionError):
        exec(next(source for source in sources if source.startswith("test_")), namespace)


def test_command_writes_json_where_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "benchmarks.hidden_markov.run", lambda quick: [Row("hmm", "x", spread([2.0]), "s", 1.0)]
    )
    target = tmp_path / "results" / "run.json"
    for arguments, met, said in ((["hmm"], False, "not met"), (["hmm", "--quick"], None, "too small")):
        assert main([*arguments, "--json", str(target)]) == 0  # a missed goal is no failure
        assert json.loads(target.read_text())["benchmarks"]["hmm"]["rows"][0]["met"] is met
        assert said in capsys.readouterr().out


def test_the_page_keeps_what_was_not_run_again():
    def one(name: str, value: float) -> dict:
        return results_of(name, [Row(name, f"{name} {value}", spread([value]), "s")])

    page = report.page(one("hmm", 2.5))
    page = report.page(one("mfcc", 1.5), page)
    both = report.page(one("hmm", 3.5), page)
    assert page.count("## ") == both.count("## ") == 2
    assert both.index("mfcc 1.5") < both.index("hmm 3.5")  # in the order of the titles
    assert "hmm 2.5" in page and "hmm 2.5" not in both
    assert report.page(one("hmm", 3.5), both) == both


def test_docs_are_only_written_at_full_length():
    for arguments in (["--write-docs", "--quick"], ["nonsense"]):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
