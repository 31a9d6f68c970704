"""Grading a class, against stock nbgrader's execution of the same submissions."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest
from pathlib import Path
from typing import Any

import psutil

from benchmarks import bare_course
from benchmarks.accounting import Cost, Memory, cost, watched
from benchmarks.measure import Row, spread
from benchmarks.processes import start

ABOUT = """\
A class hands in a lab: of every ten notebooks four are right, four have named mistakes in up to three of
their parts, two are untouched stubs. Ours is the command `speechlab grade FOLDER`, start and end included:
a pool of graders, each part in a process of its own behind the isolation that works on the machine, every
wrong answer compared with the named mistakes, results kept in the log. The page does not run. Stock nbgrader
executes the page as released, with imports, plots and practice, and in place of each check cell one with the
same assertions; a kernel is started for each notebook. Its start, its gradebook and its pages do not count.
Since it takes so long, it executes a sample of each kind, and the class is reckoned from that.

*Processor time* is that of all processes together, so the figure is how much of a core a submission takes.
*Bare* is a lab of three short functions of numpy, without a page. Marks of both sides are compared."""

NAME = "grading"
RIGHT, WRONG, STUB = "right", "wrong", "stub"
MIX = (RIGHT, WRONG, RIGHT, WRONG, STUB, RIGHT, WRONG, RIGHT, WRONG, STUB)
MISTAKES_EACH = 3
NOT_ALL_PASSED = (0, 1)  # exit codes of `speechlab grade`
CLASS, LARGE_CLASS, SAMPLE = 100, 1000, 2


@dataclass(frozen=True)
class Case:
    """A submission of the class.

    Attributes:
        points: what it must get from us.
    """

    kind: str
    notebook: bytes
    points: float


def submissions(lab: Any) -> Iterator[Case]:
    """The class, without an end; wrong ones go through all named mistakes of the lab."""
    from autograder.specimens import notebook, stub_notebook

    right, stub = notebook(lab, {}), stub_notebook(lab)
    groups = cycle(_groups(lab))
    for kind in cycle(MIX):
        if kind == WRONG:
            wrong = next(groups)
            lost = sum(lab.part(name).points for name in wrong)
            yield Case(kind, notebook(lab, wrong), lab.points - lost)
        else:
            yield Case(kind, right if kind == RIGHT else stub, lab.points if kind == RIGHT else 0.0)


def _groups(lab: Any) -> list[dict[str, str]]:
    """The named mistakes in groups of different parts: part → mistake."""
    from autograder.loading import load_mistakes

    by_part = [[m for m in load_mistakes(lab) if m.part == part.name] for part in lab.parts]
    in_turn = [m for row in zip_longest(*by_part) for m in row if m is not None]
    groups: list[dict[str, str]] = [{}]
    for mistake in in_turn:
        if len(groups[-1]) == MISTAKES_EACH or mistake.part in groups[-1]:
            groups.append({})
        groups[-1][mistake.part] = mistake.name
    return groups


class Bench:
    """Submissions of one lab in a folder of their own, and the two ways of grading them."""

    def __init__(self, root: Path, lab: Any, folder: Path, whole_page: bool) -> None:
        self.root, self.lab, self.folder, self.whole_page = root, lab, folder, whole_page
        self.environment = {
            "SPEECHLAB_COURSE": str(root),
            "SPEECHLAB_STATE": str(folder / "state"),
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
            "SPEECHLAB_FAST": "",  # the page as released
        }
        folder.mkdir()

    def ours(self, count: int, workers: int, cores: int | None = None) -> Cost:
        """`speechlab grade` for a class of that size; its marks must be right.

        Args:
            cores: how many may be used; None for all.
        """
        place = self._class(count)
        report = self.folder / "results.json"
        with _only(cores):
            spent = cost(
                self._command(place, workers, report), self.folder, self.environment, codes=NOT_ALL_PASSED
            )
        found = json.loads(report.read_text(encoding="utf-8"))["submissions"]
        marks = {record["student"]: record["points"] for record in found}
        expected = {name: case.points for name, case in self._cases(count)}
        assert marks == expected, {
            name: (marks.get(name), points) for name, points in expected.items() if marks.get(name) != points
        }
        return spent

    def memory(self, count: int, workers: int) -> dict[str, Memory]:
        """Memory of the graders and of the sandbox's fork server while a class is graded."""
        place = self._class(count)
        command = self._command(place, workers, self.folder / "results.json")
        return watched(command, self.folder, self.environment, kind_of, codes=NOT_ALL_PASSED)

    def _cases(self, count: int) -> list[tuple[str, Case]]:
        return [(f"s{number:04}", case) for number, case in enumerate(islice(submissions(self.lab), count))]

    def _class(self, count: int) -> Path:
        place = self.folder / f"class-{count}"
        if not place.exists():
            for name, case in self._cases(count):
                (place / name).mkdir(parents=True)
                (place / name / f"{self.lab.name}.ipynb").write_bytes(case.notebook)
        return place

    def _command(self, place: Path, workers: int, report: Path) -> list[str]:
        options = ["--workers", str(workers), "--regrade", "--json", str(report), "--seed", "1"]
        return ["speechlab", "grade", str(place), *options]

    def stock(self, each: int) -> dict[str, list[Cost]]:
        """Stock nbgrader's execution of some submissions of each kind."""
        from autograder.checking.runner import session_of
        from benchmarks.stock_nbgrader import assert_notebook

        place = self.folder / "stock"
        place.mkdir()
        wanted = dict.fromkeys((RIGHT, WRONG, STUB), each)
        files, kinds = [], []
        for number, case in enumerate(submissions(self.lab)):
            if wanted[case.kind]:
                wanted[case.kind] -= 1
                page = json.loads(case.notebook)
                page = assert_notebook(self.lab, session_of(self.lab), self.whole_page, page)
                files.append(place / f"{number}.ipynb")
                files[-1].write_text(json.dumps(page), encoding="utf-8")
                kinds.append(case)
            if not any(wanted.values()):
                break
        target = place / "costs.json"
        names = [str(file) for file in files]
        start(["python", "-m", "benchmarks.executed", str(target), *names], place, self.environment)
        found: dict[str, list[Cost]] = {}
        for case, record in zip(kinds, json.loads(target.read_text(encoding="utf-8")), strict=True):
            # there a mistake costs later parts too, which are tested with the learner's own earlier ones
            assert record["points"] <= case.points and (case.kind != RIGHT or record["points"] == case.points)
            found.setdefault(case.kind, []).append(Cost(record["wall"], record["processor"]))
        return found


@contextlib.contextmanager
def _only(cores: int | None) -> Iterator[None]:
    """Let what is started use so many processor cores, where the system can be told."""
    if cores is None or not hasattr(os, "sched_getaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def kind_of(process: psutil.Process) -> str:
    """What a process of `speechlab grade` is."""
    line = " ".join(process.cmdline())
    parent = process.parent()
    above = " ".join(parent.cmdline()) if parent else ""
    if "multiprocessing.forkserver" in line:
        return "grader" if "multiprocessing.forkserver" in above else ""
    if "autograder.sandbox.zygote" in line and not process.name().startswith("bwrap"):
        # its children are workers, which come and go
        forked = "autograder.sandbox.zygote" in above and parent and not parent.name().startswith("bwrap")
        return "" if forked else "fork server"
    return ""


def reckoned(sample: Mapping[str, list[Cost]]) -> Cost:
    """Mean of one submission of the class, from a sample of each kind."""

    def mean(costs: list[float]) -> float:
        return sum(costs) / len(costs)

    shares = {kind: MIX.count(kind) / len(MIX) for kind in sample}
    return Cost(
        sum(share * mean([one.wall for one in sample[kind]]) for kind, share in shares.items()),
        sum(share * mean([one.processor for one in sample[kind]]) for kind, share in shares.items()),
    )


def run(quick: bool, root: Path | None = None, lab_name: str = "t03_mel_features") -> list[Row]:
    """Rows for a lab with its page, for a bare lab, and for the pool itself."""
    from autograder.course import load_course

    before = dict(os.environ)
    try:
        with tempfile.TemporaryDirectory(prefix="speechlab-bench-") as name:
            folder = Path(name)
            bare_course.lay_out(folder / "bare-course")
            course, bare = load_course(root), load_course(folder / "bare-course")
            page_bench = Bench(course.root, course.lab(lab_name), folder / "page", whole_page=True)
            bare_bench = Bench(bare.root, bare.labs[0], folder / "bare", whole_page=False)
            return [*_with_page(page_bench, quick), *_bare(bare_bench, quick)]
    finally:
        os.environ.clear()
        os.environ.update(before)


def _with_page(bench: Bench, quick: bool) -> list[Row]:
    count = 10 if quick else CLASS
    theirs = reckoned(bench.stock(1 if quick else SAMPLE))
    one, two = bench.ours(count, workers=1), bench.ours(count, workers=2)
    alone = bench.ours(count, workers=1, cores=1)
    what = f"{bench.lab.name} as released, {count} submissions"
    memory = bench.memory(count, workers=2)
    return [
        *_against_stock(what, one, theirs, count, 0.1),
        *_two_workers(what, one, alone, two),
        *_memory(what, memory),
    ]


def _bare(bench: Bench, quick: bool) -> list[Row]:
    count, many = (10, 30) if quick else (CLASS, LARGE_CLASS)
    theirs = reckoned(bench.stock(1 if quick else SAMPLE))
    one, large, two = bench.ours(count, 1), bench.ours(many, 1), bench.ours(many, 2)
    alone = bench.ours(many, 1, cores=1)
    what = f"bare lab, {count} submissions"
    growth = Row(
        NAME,
        f"bare lab, {many} submissions",
        spread([large.processor / one.processor * count / many]),
        f"of {many // count} times the processor time for {count}",
        1.1,
        {f"{many}": spread([large.processor]), f"{count}": spread([one.processor])},
        f"on the clock {large.wall / one.wall:.1f} times as long",
    )
    workers = _two_workers(f"bare lab, {many} submissions", large, alone, two)
    return [*_against_stock(what, one, theirs, count, 1 / 3), growth, *workers]


def _against_stock(what: str, ours: Cost, theirs: Cost, count: int, goal: float) -> list[Row]:
    rows = []
    for kind, our, their, wanted in (
        ("processor time of a submission", ours.processor / count, theirs.processor, goal),
        ("time on the clock, one worker", ours.wall / count, theirs.wall, None),
    ):
        times = {"ours": spread([our]), "nbgrader": spread([their])}
        note = f"{their / our:.1f} times as many submissions in the same time"
        rows.append(Row(NAME, f"{what}, {kind}", spread([our / their]), "of nbgrader's", wanted, times, note))
    return rows


def _two_workers(what: str, one: Cost, alone: Cost, two: Cost) -> list[Row]:
    """Two workers, each on a core of its own, against one: on a single core, and with both to itself."""
    rows = []
    for how, other in (("one core", alone), ("two cores", one)):
        times = {"two": spread([two.wall]), "one": spread([other.wall])}
        rows.append(
            Row(
                NAME,
                f"{what}, two workers on two cores",
                spread([two.wall / other.wall]),
                f"of one worker's time on {how}",
                1 / 1.8,
                times,
                f"{other.wall / two.wall:.2f} times as fast",
            )
        )
    return rows


def _memory(what: str, found: Mapping[str, Memory]) -> list[Row]:
    rows = []
    for name in ("grader", "fork server"):
        if name in found:
            used = found[name]
            note = f"{used.own / 2**20:.0f} MB of it in no other process; the largest of {used.count}"
            figure = spread([used.share / 2**20])
            rows.append(Row(NAME, f"{what}, memory of a {name}", figure, "MB", None, {}, note))
    return rows
