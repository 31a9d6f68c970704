"""Grading on more machines than one, with Dask: submissions travel as bytes, and so do the labs.

A Dask worker needs this package and its libraries, no course folder: the labs' files are unpacked into a
private folder of the worker's. One submission at a time is graded in a worker process.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import os
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from autograder.batch.pool import ATTEMPTS, Lost
from autograder.batch.work import Job, Outcome, Spec, file_key, grade_job, other_notebooks
from autograder.course import Course
from autograder.errors import CourseError, GradingError
from autograder.notebook import MAX_BYTES
from autograder.sandbox.isolation import require

CONNECT_SECONDS = "30s"
MAX_PARCEL = 2 * MAX_BYTES
LAB_FILES = ("lab.py", "checks.py", "mistakes.py")
_one_at_a_time = threading.Lock()  # a worker with several threads: checks run in one


def pack(course: Course, labs: tuple[str, ...]) -> bytes:
    """The labs and those that they need, as an archive that is the same for the same files."""
    wanted: list[str] = []
    todo = list(labs)
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.append(name)
            todo += course.lab(name).needs
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(wanted):
            folder = course.lab(name).folder
            assert folder is not None
            for path in [folder / file for file in LAB_FILES if (folder / file).exists()]:
                _add(archive, f"solutions/{folder.parent.name}/{folder.name}/{path.name}", path.read_bytes())
        # for nbgrader's page: how the course is set up, and the page as the instructor has it
        pages = [course.root / "source" / course.lab(name).phase / f"{name}.ipynb" for name in sorted(labs)]
        for path in [course.root / "nbgrader_config.py", *pages]:
            if path.is_file():
                _add(archive, path.relative_to(course.root).as_posix(), path.read_bytes())
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name), data)  # without the time of day


# --- in a Dask worker -----------------------------------------------------------------------------------


@cache
def unpack(archive: bytes) -> Path:
    """The course folder made of an archive, in a folder that goes when this process ends."""
    name = hashlib.sha256(archive).hexdigest()[:16]
    root = Path(tempfile.mkdtemp(prefix=f"speechlab-course-{name}-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(root)
    return root


Parcel = dict[str, bytes | str]  # name → a file's bytes, or "link" or "folder"


def grade_bytes(
    archive: bytes, spec: Spec, job: Job, parcel: Parcel, attempts: str, seconds: float
) -> Outcome | Lost:
    """Grade a submission in a Dask worker.

    Args:
        archive: the labs, see `pack`.
        parcel: what was submitted.
        attempts: name of the cluster's count of how often this submission was begun.
        seconds: after which this process ends itself: no submission may hold a worker for ever.
    """
    with _one_at_a_time, _deadline(seconds):
        if _begin(attempts) > ATTEMPTS:
            return Lost(job.number, f"it took {ATTEMPTS} Dask workers with it")
        require(spec.unsafe)  # of this machine: it need not be like the one that asks
        root = unpack(archive)
        os.environ["SPEECHLAB_COURSE"] = str(root)
        with tempfile.TemporaryDirectory(prefix="speechlab-submission-") as folder:
            _lay_out(Path(folder), parcel)
            path = str(Path(folder) / Path(job.path).name)
            outcome = grade_job(replace(spec, root=str(root)), replace(job, path=path))
    # sentences name the file as the one who asked knows it
    outcome.record = _renamed(outcome.record, path, job.path)
    outcome.page = outcome.page.replace(path, job.path)
    return outcome


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _lay_out(folder: Path, parcel: Parcel) -> None:
    for name, content in parcel.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content == "folder":
            path.mkdir()
        elif content == "link":
            path.symlink_to("nowhere")
        else:
            assert isinstance(content, bytes)
            path.write_bytes(content)


def parcel_of(path: Path, others: list[Path]) -> Parcel:
    """What of a submission travels: the file, and others that may be it under another name."""
    parcel: Parcel = {}
    size = 0
    for file in [path, *others]:
        name = file.relative_to(path.parent).as_posix()
        if file.is_symlink():
            parcel[name] = "link"
        elif file.is_dir():
            parcel[name] = "folder"
        elif file.is_file():
            size += file.stat().st_size
            # of what is too long to be read, enough to say so
            parcel[name] = file.read_bytes() if size <= MAX_PARCEL else b"\0" * (MAX_BYTES + 1)
    return parcel


def _renamed(record: dict[str, Any], there: str, here: str) -> dict[str, Any]:
    if isinstance(record, dict):
        return {key: _renamed(value, there, here) for key, value in record.items()}
    if isinstance(record, list):
        return [_renamed(value, there, here) for value in record]
    return record.replace(there, here) if isinstance(record, str) else record


def _begin(name: str) -> int:
    """Count an attempt where it outlives this process: with the scheduler."""
    from distributed import Variable, get_client

    count = Variable(name, client=get_client())
    done = int(count.get(timeout=30))
    count.set(done + 1)
    return done + 1


# --- in the process that runs the batch ----------------------------------------------------------------


class Cluster:
    """A Dask cluster: one of this machine's processes, or one that runs already.

    Args:
        address: "local", or the address of a scheduler, such as tcp://host:8786.
        count: of processes, for "local".
        seconds: what one submission may take before its worker is ended.
    Raises:
        CourseError: if Dask is not installed, or the scheduler cannot be reached.
    """

    def __init__(self, course: Course, spec: Spec, address: str, count: int, seconds: float = 3600) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise CourseError(
                f"--dask needs the package distributed ({error}): pip install 'speechlab[cluster]'"
            ) from error
        self._spec = replace(spec, blobs=None, root="")
        self._course, self._seconds = course, seconds
        self._archive = pack(course, spec.labs)
        self.local: Any = None
        try:
            if address == "local":
                self.local = LocalCluster(
                    n_workers=max(count, 2), threads_per_worker=1, processes=True, dashboard_address=None
                )
            self.client = Client(self.local or address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            self.close()
            raise CourseError(f"--dask {address}: no scheduler answers there: {error}") from error

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the cluster, if it is ours, and whatever it is doing for us."""
        client = getattr(self, "client", None)
        if client is not None:
            client.close()
        if self.local is not None:
            self.local.close()

    def run(
        self, jobs: Iterator[Job], tick: Callable[[list[str]], Any] | None = None
    ) -> Iterator[tuple[Job, Outcome | Lost]]:
        """Grade all; outcomes come in the order in which they are done.

        A submission whose worker is lost is begun again on another one, and set aside after the second
        time.
        """
        from distributed import Variable, as_completed
        from distributed.scheduler import KilledWorker

        archive = self.client.submit(bytes, self._archive)  # a lost copy is made again from the task
        running: dict[Any, tuple[Job, int, str]] = {}
        run = hashlib.sha256(os.urandom(16)).hexdigest()[:12]
        queue = as_completed()

        def give(job: Job, tries: int) -> None:
            path, lab = Path(job.path), self._course.lab(job.lab)
            name = f"speechlab-{run}-{job.number}"
            if not tries:
                Variable(name, client=self.client).set(0)
            others = other_notebooks(path) if self._spec.masters is not None else []
            parcel, key = parcel_of(path, others), file_key(path, lab, self._spec)
            future = self.client.submit(
                grade_bytes,
                archive,
                self._spec,
                job,
                parcel,
                name,
                self._seconds,
                key=f"{name}-{tries}",
                pure=False,
            )
            running[future] = job, tries, key
            queue.add(future)

        more = True
        while True:
            while more and len(running) < self._room():
                job = next(jobs, None)
                more = job is not None
                if job is not None:
                    give(job, 0)
            if not running:
                return
            if tick is not None:
                tick([f"{len(running)} at the cluster"])
            future = next(queue)
            job, tries, key = running.pop(future)
            error = future.exception()
            if isinstance(error, KilledWorker) and tries + 1 < ATTEMPTS:
                # the scheduler counts every worker that was lost with this submission waiting on it, too
                give(job, tries + 1)
                continue
            if error is not None and not isinstance(error, KilledWorker):
                raise GradingError(f"a Dask worker failed: {type(error).__name__}: {error}") from error
            outcome = Lost(job.number, "its Dask workers were lost") if error else future.result()
            if isinstance(outcome, Outcome):
                outcome.key = key
            future.release()
            Variable(f"speechlab-{run}-{job.number}", client=self.client).delete()
            yield job, outcome

    def _room(self) -> int:
        """How many may be under way: enough for every worker to have a next one waiting."""
        return max(2 * len(self.client.scheduler_info(n_workers=-1)["workers"]), 2)
