"""Many at once: what is kept and found again, graders that die, a second run that grades only what is new."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.batch.keys import engine_version, lab_stamp, submission_key
from autograder.batch.lock import Lock
from autograder.batch.log import ResultLog, Versions
from autograder.batch.plan import labs_named, plan_assignment, plan_files
from autograder.batch.pool import Graders, Lost, core_for, usable_cores
from autograder.batch.record import blob_names, from_record, to_record
from autograder.batch.run import Batch, Settings, Watcher
from autograder.batch.work import Job, Outcome, Spec
from autograder.build import source_notebook
from autograder.diagnosis import Diagnosis
from autograder.errors import CourseError, GradingError
from autograder.grading import LabResult, PartResult
from autograder.notebook import grade_id
from autograder.submissions import Graded, Submission

PHASE = "phase0_signal_processing"
WRONG = "def rms(samples):\n    return float(np.sqrt(np.sum(samples.astype(float) ** 2)))"
ENDLESS = "def rms(samples):\n    while True:\n        pass"
VERSIONS = Versions("lab", "engine")


def write(course, path: Path, **answers: str) -> Path:
    notebook = source_notebook(course.labs[0])
    for cell in notebook["cells"]:
        cell["source"] = answers.get(grade_id(cell) or "", cell["source"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))
    return path


def points(batch: Batch) -> dict[str, float | None]:
    return {g.submission.student: g.result.points if g.result else None for g in batch.results}


# --- what is kept --------------------------------------------------------------------------------------


@pytest.fixture
def graded(tmp_path) -> Graded:
    wrong = Diagnosis(
        "mistake",
        "Half a pair: \ud83d.",
        mistake="energy",
        asked=["Zeros give zero"],
        trace=[(3, "rms", "return 1")],
        picture=b"\x89PNG...",
        sounds={"yours": (np.linspace(-1, 1, 7), 16000)},
    )
    parts = [
        PartResult("rms", 2.0, 2.0, [("Zeros give zero", True)], seconds=0.25),
        PartResult("power_to_db", 0.0, 3.0, [("a", True), ("b", False)], wrong, 1.5, "note", "fault"),
    ]
    parts[1].detail, parts[1].flags = "all of it", ["look"]
    result = LabResult("t00_decibels", parts, ["a remark"], 2**62 + 1, "bubblewrap", 1.75)
    return Graded(Submission(tmp_path / "a.ipynb", "ada"), "t00_decibels", result, "a problem")


def same(left: Graded, right: Graded) -> bool:
    """Dataclasses with arrays in them have no == of their own."""
    sounds = [[p.diagnosis.sounds if p.diagnosis else {} for p in g.result.parts] for g in (left, right)]
    for ours, theirs in zip(*sounds, strict=True):
        assert list(ours) == list(theirs)
        for label in ours:
            np.testing.assert_array_equal(ours[label][0], theirs[label][0])
            assert ours[label][0].dtype == theirs[label][0].dtype and ours[label][1] == theirs[label][1]
    return repr(left) == repr(right)


def test_a_record_loses_nothing_and_is_plain_json(graded):
    record, blobs = to_record(graded)
    again = from_record(json.loads(json.dumps(record)), blobs.__getitem__)
    assert same(again, graded)
    assert sorted(blob_names(record)) == sorted(blobs) and len(blobs) == 2
    assert from_record(record, None).result.parts[1].diagnosis.picture is None


def test_the_log_gives_back_what_it_was_given(graded, tmp_path):
    record, blobs = to_record(graded)
    with ResultLog(tmp_path / "x.jsonl", tmp_path / "files") as log:
        log.begin(5)
        log.keep("a.ipynb", record, blobs, "key", VERSIONS, 5)
    with ResultLog(tmp_path / "x.jsonl", tmp_path / "files") as log:
        entry = log.find("ada", "a.ipynb")
        assert (entry.key, entry.versions, entry.seed, entry.written) == ("key", VERSIONS, 5, "")
        assert same(log.read(entry), graded)
        assert log.find("ada", "b.ipynb") is None and log.find("bob", "a.ipynb") is None
        assert log.unfinished_seed == 5
        log.mark_written("ada", "a.ipynb", "page")
        log.finish()
    with ResultLog(tmp_path / "x.jsonl", tmp_path / "files") as log:
        assert log.find("ada", "a.ipynb").written == "page" and log.unfinished_seed is None
        record["problem"] = "graded again"
        log.keep("a.ipynb", record, blobs, "key", VERSIONS, 6)
        assert log.find("ada", "a.ipynb").written == "", "the gradebook has the older result"
        assert log.complete(log.find("ada", "a.ipynb"))
        shutil.rmtree(tmp_path / "files")
        assert not log.complete(log.find("ada", "a.ipynb"))
    assert os.stat(tmp_path / "x.jsonl").st_mode & 0o077 == 0, "hidden inputs follow from the seed"


@pytest.mark.parametrize("kept", [0, 1, 40, -1])
def test_a_torn_last_line_is_cut_off_and_written_over(graded, tmp_path, kept):
    record, _ = to_record(graded)
    path = tmp_path / "x.jsonl"
    with ResultLog(path, tmp_path / "files") as log:
        log.keep("a.ipynb", record, {}, "one", VERSIONS, 5)
        whole = path.stat().st_size
        log.keep("b.ipynb", record, {}, "two", VERSIONS, 5)
    data = path.read_bytes()
    path.write_bytes(data[:whole] + data[whole:][:kept])
    with ResultLog(path, tmp_path / "files") as log:
        assert log.find("ada", "a.ipynb").key == "one" and log.find("ada", "b.ipynb") is None
        assert log.damaged == 0
        log.keep("c.ipynb", record, {}, "three", VERSIONS, 5)
    with ResultLog(path, tmp_path / "files") as log:
        assert [entry.key for entry in log] == ["one", "three"]


def test_a_line_that_nobody_can_read_costs_itself(graded, tmp_path):
    record, _ = to_record(graded)
    path = tmp_path / "x.jsonl"
    with ResultLog(path, tmp_path / "files") as log:
        for name in "abc":
            log.keep(name, record, {}, name, VERSIONS, 5)
    lines = path.read_bytes().splitlines(True)
    path.write_bytes(lines[0] + b'{"kind": "result"}\n' + b"\xff\x00\n" + b"[]\n" + lines[2])
    with ResultLog(path, tmp_path / "files") as log:
        assert [entry.key for entry in log] == ["a", "c"] and log.damaged == 3
        assert log.read(log.find("ada", "c"), pictures=False).problem == "a problem"


HOLD = "import sys, time; from pathlib import Path; from autograder.batch.lock import Lock\n"
HOLD += "with Lock(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"


def test_a_second_process_is_refused_and_a_killed_one_holds_nothing(tmp_path):
    path = tmp_path / "x.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(GradingError, match=f"process {holder.pid} is grading here"), Lock(path):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with Lock(path):
        assert path.read_text() == f"{os.getpid()}\n"
        with pytest.raises(GradingError, match=f"process {os.getpid()}"), Lock(path):
            pass


# --- what it belongs to ----------------------------------------------------------------------------------


def test_a_key_changes_with_what_is_graded_and_with_nothing_else(course_copy, tmp_path):
    lab = course_copy.labs[0]
    path = write(course_copy, tmp_path / "a.ipynb")
    key = submission_key(path, lab, {"pictures": True})
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "5"}]
    notebook["metadata"]["kernelspec"] = {"name": "other"}
    notebook["cells"].append({"cell_type": "markdown", "source": "my notes", "metadata": {}})
    path.write_text(json.dumps(notebook))
    assert submission_key(path, lab, {"pictures": True}) == key
    whole = submission_key(path, lab, {}, whole=True)
    notebook["cells"][-1]["source"] = "other notes"
    path.write_text(json.dumps(notebook))
    assert submission_key(path, lab, {}, whole=True) != whole, "nbgrader's page shows them"
    assert submission_key(path, lab, {"pictures": False}) != key
    keys = {key, submission_key(write(course_copy, path, rms=WRONG), lab, {"pictures": True})}
    path.write_text("{")
    keys.add(submission_key(path, lab, {"pictures": True}))
    path.unlink()
    keys.add(submission_key(path, lab, {"pictures": True}))
    path.symlink_to("/etc/passwd")
    keys.add(submission_key(path, lab, {"pictures": True}))
    assert len(keys) == 5


def test_versions_change_with_lab_checks_and_mistakes(course_copy):
    lab = course_copy.labs[0]
    found = {lab_stamp(course_copy, lab)}
    for number, name in enumerate(("lab.py", "checks.py", "mistakes.py")):
        (lab.folder / name).write_text((lab.folder / name).read_text() + "\n# changed\n")
        found.add(lab_stamp(course_copy, lab))
        assert len(found) == number + 2
    assert engine_version() == engine_version()


def test_submissions_are_found_whatever_they_are_called(course_copy):
    names = ["ada", "b ob", "c[1]*?", "{d}", "é'\"$(x)", "-e"]
    for name in names:
        write(course_copy, course_copy.root / "submitted" / name / PHASE / "t00_decibels.ipynb")
    (course_copy.root / "submitted" / "empty" / PHASE).mkdir(parents=True)
    (course_copy.root / "submitted" / "other" / "phase9").mkdir(parents=True)
    labs = labs_named(course_copy, "t00")
    plan = plan_assignment(course_copy, labs, None)
    assert [t.submission.student for t in plan.tasks] == sorted([*names, "empty"])
    assert all(t.lab is labs[0] and t.submission.path.name == "t00_decibels.ipynb" for t in plan.tasks)
    assert labs_named(course_copy, PHASE) == labs
    assert len(plan_assignment(course_copy, labs, ["ada", "c[1]*?"]).tasks) == 2
    with pytest.raises(CourseError, match="nothing is there of zoe"):
        plan_assignment(course_copy, labs, ["ada", "zoe"])
    shutil.rmtree(course_copy.root / "submitted")
    with pytest.raises(CourseError, match="nothing is handed in"):
        plan_assignment(course_copy, labs, None)


# --- graders ---------------------------------------------------------------------------------------------


@pytest.fixture
def spec(course_copy, tmp_path) -> Spec:
    return Spec(
        str(course_copy.root),
        ("t00_decibels",),
        {"pictures": False, "call_seconds": 60.0, "part_seconds": 120.0},
        blobs=str(tmp_path / "files"),
        unsafe=True,
    )


def jobs_of(course, folder: Path, **answers: str) -> list[Job]:
    paths = {
        name: write(course, folder / f"{name}.ipynb", **({"rms": answer} if answer else {}))
        for name, answer in answers.items()
    }
    return [Job(n, name, str(path), "t00_decibels", 7) for n, (name, path) in enumerate(paths.items())]


def found_points(outcome: Outcome) -> float:
    return sum(part["points"] for part in outcome.record["result"]["parts"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="graders are watched and killed through /proc")
def test_a_grader_that_is_killed_costs_one_retry_and_then_its_submission(spec, course_copy, tmp_path):
    jobs = jobs_of(course_copy, tmp_path, right="", killer=ENDLESS, once=ENDLESS, wrong=WRONG, late="")
    killed: dict[str, list[int]] = {"killer": [], "once": []}

    def kill(_doing: list[str]) -> None:
        for status in (tmp_path / "spool").glob("*.status"):
            pid, _, words = status.read_text().rstrip().partition(" ")
            name = words.partition(":")[0]
            if words.endswith(": rms") and name in killed and int(pid) not in killed[name]:
                killed[name].append(int(pid))
                os.kill(int(pid), signal.SIGKILL)
                if name == "once":  # the second time its code comes to an end
                    write(course_copy, tmp_path / "once.ipynb", rms=WRONG)
                    del killed["once"]

    with Graders(spec, 2, tmp_path / "spool", 300) as graders:
        assert graders.threads_at_fork == 1, "a fork copies one thread, and the locks of all"
        found = {job.student: outcome for job, outcome in graders.run(iter(jobs), kill)}
    assert isinstance(found["killer"], Lost) and "SIGKILL" in found["killer"].reason
    assert len(set(killed["killer"])) == 2
    assert {name: found_points(found[name]) for name in ("right", "once", "wrong", "late")} == {
        "right": 5,
        "once": 3,
        "wrong": 3,
        "late": 5,
    }


@pytest.mark.slow
def test_a_grader_that_never_comes_back_is_ended(spec, course_copy, tmp_path):
    jobs = jobs_of(course_copy, tmp_path, endless=ENDLESS, right="")
    with Graders(spec, 1, tmp_path / "spool", 2.0) as graders:
        found = {job.student: outcome for job, outcome in graders.run(iter(jobs))}
    assert isinstance(found["endless"], Lost) and "took more than 2 s" in found["endless"].reason
    assert found_points(found["right"]) == 5


@pytest.mark.slow
def test_checks_that_cannot_run_are_told_before_anything_is_graded(spec, course_copy, tmp_path):
    lab = course_copy.labs[0]
    lab.checks.write_text("import no_such_library\n")
    with pytest.raises(GradingError, match="the checks cannot be collected"):
        Graders(spec, 2, tmp_path / "spool", 60)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox's server is found through /proc")
@pytest.mark.parametrize("count", [1, 2])
def test_a_sandbox_server_that_dies_is_started_again(spec, course_copy, tmp_path, count):
    jobs = jobs_of(course_copy, tmp_path, **{f"s{n}": "" for n in range(6)})
    with Graders(spec, count, tmp_path / "spool", 300) as graders:
        found = {}
        for job, outcome in graders.run(iter(jobs)):
            found[job.student] = found_points(outcome)
            if len(found) == 2:
                graders._servers[0]._process.kill()
                graders._servers[0]._process.wait()
    assert found == {f"s{n}": 5 for n in range(6)}


def test_each_grader_has_a_core_where_there_are_as_many(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 2, 7}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)
    assert [core_for(number, 3) for number in range(3)] == [2, 5, 7]
    assert core_for(0, 1) is None and core_for(3, 4) is None
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert usable_cores() == [0, 1, 2] and core_for(0, 3) is None


# --- whole batches over a folder ---------------------------------------------------------------------------


def run(course, place: Path, **settings) -> Batch:
    """A batch, closed; its results are read."""
    plan = plan_files(course, place, None, None)
    with Batch(plan, Settings({"pictures": False}, unsafe=True, workers=2, **settings)) as batch:
        batch.run()
        batch.results = list(batch.results)
    return batch


@pytest.mark.slow
def test_a_second_run_grades_only_what_changed(course_copy, tmp_path):
    inbox = tmp_path / "inbox"
    write(course_copy, inbox / "ada" / "first.ipynb")
    write(course_copy, inbox / "ada" / "second.ipynb", rms=WRONG)
    write(course_copy, inbox / "bob.ipynb", rms=WRONG)
    (inbox / "empty.ipynb").write_text("")
    first = run(course_copy, inbox)
    assert first.kept == 0
    found = [(g.submission.path.name, g.result.points if g.result else None) for g in first.results]
    assert found == [("first.ipynb", 5), ("second.ipynb", 3), ("bob.ipynb", 3), ("empty.ipynb", None)]
    second = run(course_copy, inbox)
    assert second.kept == 3
    assert [g.result.seed for g in second.results if g.result] == [first.seed] * 3
    write(course_copy, inbox / "bob.ipynb")
    third = run(course_copy, inbox)
    assert third.kept == 2 and third.seed != first.seed
    assert [g.result.seed for g in third.results if g.result] == [first.seed, first.seed, third.seed]
    assert points(third)["bob"] == 5
    assert run(course_copy, inbox, seed=first.seed).kept == 2, "other inputs were asked for"
    assert run(course_copy, inbox, regrade=True).kept == 0
    lab = course_copy.labs[0]
    lab.mistakes.write_text(lab.mistakes.read_text() + "\n# changed\n")
    assert run(course_copy, inbox).kept == 0, "the lab has changed"


@pytest.mark.slow
def test_a_batch_that_was_broken_off_goes_on_with_its_seed(course_copy, tmp_path):
    inbox = tmp_path / "inbox"
    for name in "abcd":
        write(course_copy, inbox / f"{name}.ipynb")

    def stop() -> None:
        raise KeyboardInterrupt

    plan = plan_files(course_copy, inbox, None, None)
    with Batch(plan, Settings({"pictures": False}, unsafe=True), Watcher(on_done=stop)) as batch:
        batch.run()
        assert batch.stopped and len(batch.results) == 1
    again = run(course_copy, inbox)
    assert again.kept == 1 and again.seed == batch.seed
    assert run(course_copy, inbox, regrade=True).seed != batch.seed, "that one had come to its end"
