"""Submissions that attack the grader: they get their due, and so does everybody else.

`SPEECHLAB_WRITE_DOCS=1` writes the table into docs/security.md; otherwise it must be there.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from tests.attacks import guard, verdict
from tests.attacks.case import CLASSES, PARTS, Case
from tests.attacks.cases import CASES

ISOLATING = ("bubblewrap", "landlock")
LANDLOCK_CREATE_RULESET = 444
# the first test that asks for the records of a back end waits for all of them
pytestmark = pytest.mark.timeout(1200)
HANDFUL = ("always_equal", "frames", "points_in_metadata", "html_in_a_message", "truncated")


@cache
def works(backend: str) -> str:
    """Why a back end cannot be had on this machine, asked without our own code; empty if it can."""
    if backend == "bubblewrap":
        if not shutil.which("bwrap"):
            return "bubblewrap is not installed"
        probe = ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--unshare-all", "true"]
        done = subprocess.run(probe, capture_output=True, text=True, timeout=30)
        return "" if done.returncode == 0 else f"bubblewrap fails here: {done.stderr.strip()}"
    if not sys.platform.startswith("linux"):
        return "Landlock is Linux's"
    version = ctypes.CDLL(None, use_errno=True).syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)
    return "" if version > 0 else "this kernel has no Landlock"


def records_of(names: list[str], backend: str | None, guarded: bool) -> verdict.Records:
    return {found["case"]: found for found in guard.run(names, backend, guarded)}


@cache
def records(backend: str) -> verdict.Records:
    """What came of every case that can run here, in one grader."""
    guarded = not guard.why_not()
    return records_of([c.name for c in CASES if guarded or c.harmless], backend, guarded)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ISOLATING)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_attack_gets_its_due(case: Case, backend: str) -> None:
    if works(backend):
        pytest.skip(f"no {backend}: {works(backend)}")
    if guard.why_not() and not case.harmless:
        pytest.skip(f"no outer guard: {guard.why_not()}")
    found = records(backend)[case.name]
    if found.get("isolation"):
        assert found["isolation"].startswith(backend)
    assert verdict.faults(case, found) == []


@pytest.mark.slow
def test_the_attacks_do_find_something_where_nothing_is_isolated() -> None:
    """So that a probe which looks in the wrong place does not count as a wall."""
    if guard.why_not():
        pytest.skip(f"no outer guard: {guard.why_not()}")
    names = [case.name for case in CASES if case.finds]
    blind = []
    for name, found in records_of(names, "subprocess", guarded=True).items():
        words = re.search(r"(found|changed|made|carried) (?!nothing|0 )|changed", found["told"])
        if not (found.get("stolen") or found.get("changed") or words):
            blind.append(f"{name}: {found['told'][:300]}")
    assert blind == []


def test_a_handful_of_attacks_on_the_back_end_that_is_chosen() -> None:
    """What every run of the fast tests looks at."""
    if all(map(works, ISOLATING)):
        pytest.skip("no back end isolates here")
    wanted = [case for case in CASES if case.name in HANDFUL]
    assert all(case.harmless for case in wanted)
    found = records_of([case.name for case in wanted], None, guarded=not guard.why_not())
    assert [fault for case in wanted for fault in verdict.faults(case, found[case.name])] == []


def test_there_are_enough_cases_in_every_class() -> None:
    count = Counter(case.kind for case in CASES)
    assert set(count) == set(CLASSES) and sum(count.values()) >= 70 and min(count.values()) >= 5
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        assert case.does and "|" not in case.does and case.told, case.name
        assert case.due is None or set(case.due) == set(PARTS), case.name


@pytest.mark.slow
def test_the_table_in_the_documentation_is_what_the_run_gave() -> None:
    if guard.why_not():
        pytest.skip(f"no outer guard: {guard.why_not()}")
    runs = {backend: records(backend) for backend in ISOLATING if not works(backend)}
    if not runs:
        pytest.skip("no back end isolates here")
    if os.environ.get("SPEECHLAB_WRITE_DOCS", "") not in ("", "0"):
        assert set(runs) == set(ISOLATING), "the table is written where all back ends work"
        verdict.write(verdict.table(runs, verdict.stock_results()))
    rows = verdict.written()
    assert set(rows) - {"submission"} == {case.name for case in CASES}
    stock = verdict.stock_results()["cases"]
    wrong = {c.name: verdict.differs(c, runs, stock[c.name], rows[c.name]) for c in CASES}
    assert {name: differences for name, differences in wrong.items() if differences} == {}
