"""`kill -9` at any moment: no finished result is lost, nothing is left running, the gradebook is right."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from gradebooks import pages, tables

from autograder.build import build, source_notebook
from autograder.loading import load_mistakes
from autograder.notebook import grade_id

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are told apart and ended as on Linux"),
]
PHASE, LAB = "phase0_signal_processing", "t00_decibels"
STUDENTS, KILLS_OF_THE_RUN, KILLS_OF_A_GRADER = 36, 26, 4
OPTIONS = ["grade", "t00", "--seed", "7", "--workers", "2", "--unsafe-no-isolation"]
COMMAND = [sys.executable, "-c", "from autograder.cli import main; main()", *OPTIONS]
WRONG = {
    "rms": "def rms(samples):\n    return float(np.sqrt(np.sum(samples.astype(float) ** 2)))",
    "power_to_db": "def power_to_db(power, *rest):\n    return power",
}


def submissions(course) -> None:
    """Right, wrong, stubs, errors, and a damaged file."""
    kinds = [
        {},
        {"rms": WRONG["rms"]},
        {"power_to_db": WRONG["power_to_db"]},
        {name: f"def {name}(*args):\n    raise NotImplementedError()" for name in WRONG},
        WRONG,
        {"rms": "def rms(samples):\n    return 1 / 0"},
    ]
    for number in range(STUDENTS):
        notebook = source_notebook(course.labs[0])
        for cell in notebook["cells"]:
            cell["source"] = kinds[number % 6].get(grade_id(cell) or "", cell["source"])
        path = course.root / "submitted" / f"s{number:02}" / PHASE / f"{LAB}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook) if number != 9 else "{")


@pytest.fixture
def start(course_copy):
    """A batch over the course, in a process of its own: start()."""
    build(course_copy, say=lambda text: None)
    assert load_mistakes(course_copy.labs[0])
    submissions(course_copy)
    shutil.copytree(course_copy.root, course_copy.root.with_name("fresh"))
    running = []

    def begin(*options: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [*COMMAND, *options],
            cwd=course_copy.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def afresh(root: Path) -> None:
    shutil.rmtree(root)
    shutil.copytree(root.with_name("fresh"), root)


def finished(root: Path) -> list[str]:
    """The students whose results are kept, and lines of the log that are whole."""
    path = root / ".speechlab" / "grading" / f"{LAB}.jsonl"
    data = path.read_bytes() if path.exists() else b""
    lines = [json.loads(line) for line in data.splitlines(True) if line.endswith(b"\n")]
    return sorted(line["student"] for line in lines if line["kind"] == "result")


def family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def all_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are still there after a while; a zombie is nobody's to wait for."""
    _, left = psutil.wait_procs(processes, timeout=20)
    return [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def wait_for(process: subprocess.Popen, root: Path, moment: float, results: int | None) -> bool:
    """Wait until so many results are kept, or not at all, and then for a moment; whether it still runs."""
    ends_at = time.monotonic() + 60
    while results is not None and process.poll() is None and len(finished(root)) < results:
        assert time.monotonic() < ends_at, "no result within a minute"
        time.sleep(0.005)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        return True
    return False


def complete(process: subprocess.Popen) -> str:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 2, f"{process.returncode}: {output}{errors}"  # 2: the damaged file
    return output


SLOW_CHECK = """

@checks("rms")
def test_takes_long(lab):
    import time

    if lab.rms(np.ones(3)) == 12345:
        time.sleep(120)
"""


@pytest.mark.parametrize("busy, answer", [("worker", "while True: pass"), ("grader", "return 12345.0")])
def test_nothing_that_is_busy_outlives_the_run(start, course_copy, busy, answer):
    root = course_copy.root
    checks = course_copy.labs[0].checks
    checks.write_text(checks.read_text() + SLOW_CHECK)
    for path in (root / "submitted").glob(f"*/{PHASE}/*.ipynb"):
        text = source_notebook(course_copy.labs[0])
        for cell in text["cells"]:
            if grade_id(cell) == "rms":
                cell["source"] = f"def rms(samples):\n    {answer}"
        path.write_text(json.dumps(text))
    process = start("--time-limit", "200")
    ends_at = time.monotonic() + 120
    spool = root / ".speechlab" / "grading" / "gradebook.spool"
    while sum(path.read_text().rstrip().endswith(": rms") for path in spool.glob("*.status")) < 2:
        assert process.poll() is None and time.monotonic() < ends_at
        time.sleep(0.05)
    time.sleep(1)  # the endless loop, or the long check, has been reached
    children = family(process.pid)
    names = {child.name() for child in children}
    process.kill()
    assert len(children) >= 5 and not all_gone(children), names


def test_thirty_kills_change_nothing(start, course_copy):
    root = course_copy.root
    complete(start())
    expected = tables(root), pages(root)
    assert len(finished(root)) == STUDENTS
    dice = random.Random(30)
    kept = 0

    def restarted(reached: int) -> int:
        """Equal to the undisturbed run? Then from the beginning again."""
        complete(start())
        assert (tables(root), pages(root)) == expected
        assert len(finished(root)) == len(set(finished(root))) == STUDENTS, f"{reached} were kept, none twice"
        afresh(root)
        return 0

    afresh(root)
    for number in range(KILLS_OF_THE_RUN):
        process = start()
        # while it starts, while it grades, while it writes: by the clock, or after some results
        results = None if number % 3 == 0 else min(kept + dice.randrange(1, 8), STUDENTS)
        running = wait_for(process, root, dice.uniform(0, 3 if results is None else 0.3), results)
        children = family(process.pid)
        if running:
            process.kill()
        process.communicate()
        assert not all_gone(children), "something outlives the batch"
        before, kept = kept, len(finished(root))
        assert kept >= before, "a finished result was lost"
        if not running or kept == STUDENTS:
            kept = restarted(kept)
    restarted(kept)

    killed = 0
    for _ in range(5 * KILLS_OF_A_GRADER):
        process = start()
        running = wait_for(process, root, dice.uniform(0, 0.1), dice.randrange(0, STUDENTS // 2))
        children = family(process.pid)
        graders = [child for child in children if "multiprocessing.forkserver" in " ".join(command(child))]
        if running and graders:  # else it was done before: another moment will do
            os.kill(dice.choice(graders).pid, signal.SIGKILL)
            killed += 1
        complete(process)
        assert (tables(root), pages(root)) == expected
        assert not all_gone(children), "something outlives the batch"
        afresh(root)
        if killed == KILLS_OF_A_GRADER:
            return
    raise AssertionError(f"only {killed} graders could be killed while they were at work")


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
