"""Grading on a Dask cluster: two real processes, one lost, and a submission that takes them with it."""

from __future__ import annotations

import builtins
import json
import os
import signal
from pathlib import Path

import pytest

from autograder.batch import cluster as module
from autograder.batch.cluster import Cluster, pack, parcel_of, unpack
from autograder.batch.pool import Graders, Lost
from autograder.batch.work import Job, Spec
from autograder.build import source_notebook
from autograder.course import load_course
from autograder.errors import CourseError
from autograder.notebook import grade_id

LAB = "t00_decibels"
ANSWERS = {
    "right": "",
    "wrong": "def rms(samples):\n    return float(np.sqrt(np.sum(samples.astype(float) ** 2)))",
    "stub": "def rms(samples):\n    raise NotImplementedError()",
    "error": "def rms(samples):\n    return {}['no']",
}


def write(course, path: Path, answer: str) -> Path:
    notebook = source_notebook(course.labs[0])
    for cell in notebook["cells"]:
        if grade_id(cell) == "rms" and answer:
            cell["source"] = answer
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))
    return path


def jobs_of(course, folder: Path, students: dict[str, str]) -> list[Job]:
    return [
        Job(number, student, str(write(course, folder / f"{student}.ipynb", ANSWERS[kind])), LAB, 7)
        for number, (student, kind) in enumerate(students.items())
    ]


def marks(outcome) -> dict:
    """All of a result that does not depend on the clock."""
    result = outcome.record["result"]
    for part in result["parts"]:
        part.pop("seconds")
    result.pop("seconds")
    return outcome.record


class Poison:
    """Put into every worker of the cluster: one student's submission ends the process that grades it."""

    name = "poison"

    def setup(self, worker) -> None:
        grade_job = module.grade_job

        def deadly(spec, job, *rest):
            if job.student == "killer":
                os._exit(1)
            return grade_job(spec, job, *rest)

        module.grade_job = deadly

    def teardown(self, worker) -> None:
        pass


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a worker is lost by a POSIX signal")
def test_a_lost_worker_costs_nothing_and_a_deadly_submission_itself(course_copy, tmp_path):
    from distributed.diagnostics.plugin import WorkerPlugin

    spec = Spec(str(course_copy.root), (LAB,), {"pictures": True}, unsafe=True)
    students = {f"s{number}": list(ANSWERS)[number % 4] for number in range(8)} | {"killer": "right"}
    students |= {f"s{number}": list(ANSWERS)[number % 4] for number in range(8, 12)}
    jobs = jobs_of(course_copy, tmp_path / "inbox", students)
    with Cluster(course_copy, spec, "local", 2) as cluster:
        cluster.client.register_plugin(type("Plugin", (Poison, WorkerPlugin), {})())
        first = cluster.client.run(os.getpid)
        assert len(first) == 2 and os.getpid() not in first.values()
        found = {}
        for job, outcome in cluster.run(iter(jobs)):
            found[job.student] = outcome
            if len(found) == 3:
                os.kill(next(iter(first.values())), signal.SIGKILL)
        last = cluster.client.run(os.getpid)
    assert not set(last.values()) & set(first.values()), "one was killed here, both by the submission"
    assert set(found) == set(students)
    killer = found.pop("killer")
    assert isinstance(killer, Lost) and "2 Dask workers" in killer.reason

    with Graders(spec, 2, tmp_path / "spool", 300) as graders:
        pool = {job.student: outcome for job, outcome in graders.run(iter(jobs))}
    for student, outcome in found.items():
        assert outcome.blobs == pool[student].blobs
        assert outcome.key == pool[student].key
        assert marks(outcome) == marks(pool[student]), student


def test_a_worker_needs_no_course_folder(course_copy):
    archive = pack(course_copy, (LAB,))
    assert archive == pack(course_copy, (LAB,)), "the same labs are unpacked once"
    root = unpack(archive)
    theirs = load_course(root)
    assert [lab.name for lab in theirs.labs] == [LAB]
    for name in ("lab.py", "checks.py", "mistakes.py"):
        assert (theirs.labs[0].folder / name).read_bytes() == (course_copy.labs[0].folder / name).read_bytes()
    assert root.stat().st_mode & 0o077 == 0, "nobody else reads the checks"


def test_what_travels_is_laid_out_as_it_was(tmp_path):
    folder = tmp_path / "theirs"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x.ipynb").write_bytes(b"other")
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    (folder / "dir.ipynb").mkdir()
    others = sorted(folder.rglob("*.ipynb"))
    parcel = parcel_of(folder / "absent.ipynb", others)
    assert parcel == {"deep/x.ipynb": b"other", "dir.ipynb": "folder", "link.ipynb": "link"}
    module._lay_out(tmp_path / "there", parcel)
    there = {path.name: path for path in (tmp_path / "there").rglob("*.ipynb")}
    assert there["x.ipynb"].read_bytes() == b"other" and there["dir.ipynb"].is_dir()
    assert there["link.ipynb"].is_symlink() and not there["link.ipynb"].exists()


def test_what_is_missing_is_said_in_a_sentence(course_copy, monkeypatch):
    spec = Spec(str(course_copy.root), (LAB,))
    real = builtins.__import__

    def without(name, *rest):
        if name == "distributed":
            raise ImportError("No module named 'distributed'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CourseError, match=r"pip install 'speechlab\[cluster\]'"):
        Cluster(course_copy, spec, "local", 2)


@pytest.mark.slow
def test_an_address_where_nobody_answers_is_told(course_copy, monkeypatch):
    monkeypatch.setattr(module, "CONNECT_SECONDS", "2s")
    spec = Spec(str(course_copy.root), (LAB,))
    with pytest.raises(CourseError, match="--dask tcp://127.0.0.1:9: no scheduler answers there"):
        Cluster(course_copy, spec, "tcp://127.0.0.1:9", 2)
    with pytest.raises(CourseError, match="--dask nonsense"):
        Cluster(course_copy, spec, "nonsense", 2)
