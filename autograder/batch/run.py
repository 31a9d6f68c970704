"""A batch from beginning to end: what is known stays, what is new is graded, kept, and written down."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import Any, overload

from autograder.batch.keys import engine_version, lab_stamp
from autograder.batch.lock import Lock
from autograder.batch.log import Entry, ResultLog, Versions
from autograder.batch.plan import Plan, Task
from autograder.batch.pool import Graders, Lost
from autograder.batch.record import from_record
from autograder.batch.work import Job, Outcome, Spec, file_key, grade_for_gradebook, grade_job
from autograder.course import Lab
from autograder.errors import CourseError, NotebookError
from autograder.grading import new_seed
from autograder.notebook import read_notebook
from autograder.sandbox.client import PART_SECONDS
from autograder.submissions import Graded, lab_of

Outcomes = Generator[tuple[Job, "Outcome | Lost"], None, None]
GRADEBOOK_BATCH = 20
GRADEBOOK_SECONDS = 2.0
GRADEBOOK_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Settings:
    """How a batch is run.

    Attributes:
        options: of `grading.grade`.
        seed: of the inputs; a secret one is drawn if not given.
        workers: graders, or processes of a local Dask cluster.
        dask: address of a Dask scheduler or "local"; empty: graders on this machine.
        regrade: take nothing from the log.
        unsafe: grade also where nothing isolates.
    """

    options: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    workers: int = 1
    dask: str = ""
    regrade: bool = False
    unsafe: bool = False


@dataclass
class Watcher:
    """Who wants to hear how a batch comes along."""

    on_plan: Callable[[int, int], Any] = lambda total, kept: None
    on_done: Callable[[], Any] = lambda: None
    on_tick: Callable[[list[str]], Any] = lambda doing: None


class Results(Sequence[Graded]):
    """Results in the order of the submissions, read from the log when they are asked for.

    A class of thousands has more pictures than fit into memory: only places in the log are held.
    """

    def __init__(self, tasks: list[Task], pictures: bool = True) -> None:
        self._tasks, self._pictures = tasks, pictures
        self._found: dict[int, Graded | tuple[ResultLog, Entry]] = {}
        self._order: list[int] | None = []

    def put(self, number: int, found: Graded | tuple[ResultLog, Entry]) -> None:
        self._found[number] = found
        self._order = None

    def of(self, number: int) -> Graded:
        """The result of the submission at that place in the batch."""
        found = self._found[number]
        if isinstance(found, Graded):
            return found
        log, entry = found
        # the course may have been moved since: the file is where it was found now
        return replace(log.read(entry, self._pictures), submission=self._tasks[number].submission)

    def without_pictures(self) -> Results:
        """The same results, quicker to read."""
        other = Results(self._tasks, False)
        other._found, other._order = self._found, None
        return other

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Graded: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Graded]: ...
    def __getitem__(self, index: int | slice) -> Graded | Sequence[Graded]:
        if self._order is None or len(self._order) != len(self._found):
            self._order = sorted(self._found)
        if isinstance(index, slice):
            return [self.of(number) for number in self._order[index]]
        return self.of(self._order[index])


class Batch:
    """A batch under way. Open it, `run` it, read its `results`, close it.

    Attributes:
        results: of what is done so far.
        kept: how many of them were known from the log.
        stopped: by Ctrl-C.
        seed: of what was graded now.

    Raises:
        GradingError: if another process is grading the same.
        CourseError: if the gradebook does not know a lab, or this is a student release.
    """

    def __init__(self, plan: Plan, settings: Settings, watcher: Watcher | None = None) -> None:
        if not plan.course.has_solutions:
            raise CourseError(
                "this is a student release: it has no hidden checks to grade with; use `speechlab check`"
            )
        self.plan, self.settings, self.watcher = plan, settings, watcher or Watcher()
        self.results = Results(plan.tasks)
        self.stopped = False
        self.kept = 0
        self.seed = 0
        self._stack = ExitStack()
        self._logs: dict[str, ResultLog] = {}
        self._versions: dict[str, Versions] = {}
        self._writer: Any = None
        self._unwritten: list[tuple[int, Any]] = []
        self._written_at = time.monotonic()

    def __enter__(self) -> Batch:
        with ExitStack() as stack:
            stack.enter_context(Lock(self.plan.lock))
            if self.plan.assignment:
                from autograder.batch.gradebook import GradebookWriter

                self._writer = stack.enter_context(
                    GradebookWriter(
                        self.plan.course,
                        self.plan.labs,
                        list({task.submission.path.parent for task in self.plan.tasks}),
                        self.settings.unsafe or bool(self.settings.dask),  # there the workers look
                    )
                )
            stack.callback(self._close_logs)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _close_logs(self) -> None:
        for log in self._logs.values():
            log.close()

    def run(self) -> None:
        """Grade what is not known yet. Ctrl-C stops it: what is done is kept and written."""
        try:
            self._run()
        except KeyboardInterrupt:
            self.stopped = True
        self._write(now=True)
        if not self.stopped:
            for log in self._logs.values():
                if log.unfinished_seed is not None:
                    log.finish()

    def _run(self) -> None:
        spec = self._spec()
        new, unwritten = self._sort(spec)
        self.seed = self._choose_seed()
        self.watcher.on_plan(len(self.plan.tasks), len(self.results))
        for number in unwritten:
            self._write_again(number, spec)
        if not new:
            return
        jobs = [
            Job(number, task.submission.student, str(task.submission.path), lab.name, self.seed)
            for number, task, lab in new
        ]
        labs = {lab.name: lab for _, _, lab in new}
        for name in labs:
            self._log(name).begin(self.seed)
        spec = replace(spec, labs=tuple(labs))
        seconds = self._deadline(list(labs.values()))
        with closing(self._outcomes(spec, jobs, seconds)) as outcomes:
            for job, outcome in outcomes:
                self._take(job, outcome)
                self.watcher.on_done()
                self._write(now=False)

    def _spec(self) -> Spec:
        masters = self._writer.masters if self._writer else None
        labs = tuple(lab.name for lab in self.plan.labs)
        blobs = str(self.plan.folder / "files")
        return Spec(
            str(self.plan.course.root), labs, self.settings.options, masters, blobs, self.settings.unsafe
        )

    def _deadline(self, labs: list[Lab]) -> float:
        """Far more than a submission can take: parts are stopped by limits of their own."""
        part = float(self.settings.options.get("part_seconds", PART_SECONDS))
        return 120 + max(len(lab.parts) for lab in labs) * (2 * part + 60)

    def _log(self, lab: str) -> ResultLog:
        path = self.plan.log_path(lab)
        if path.name not in self._logs:
            self._logs[path.name] = ResultLog(path, self.plan.folder / "files")
        return self._logs[path.name]

    def _version(self, lab: Lab) -> Versions:
        if lab.name not in self._versions:
            self._versions[lab.name] = Versions(lab_stamp(self.plan.course, lab), engine_version())
        return self._versions[lab.name]

    def _choose_seed(self) -> int:
        if self.settings.seed is not None:
            return self.settings.seed
        # a batch that was broken off goes on with the same inputs for all
        begun = [log.unfinished_seed for log in self._logs.values() if log.unfinished_seed is not None]
        return begun[0] if begun and not self.settings.regrade else new_seed()

    def _sort(self, spec: Spec) -> tuple[list[tuple[int, Task, Lab]], list[int]]:
        """What has to be graded, and what is known but not in the gradebook; the rest are results."""
        new, unwritten = [], []
        for number, task in enumerate(self.plan.tasks):
            path = task.submission.path
            lab = task.lab
            if lab is None:
                try:
                    lab = lab_of(self.plan.course, read_notebook(path), path)
                except NotebookError as error:
                    self.results.put(number, Graded(task.submission, "", None, str(error)))
                    continue
            entry = self._known(task, lab, spec)
            if entry is None:
                new.append((number, task, lab))
                continue
            self.results.put(number, (self._log(lab.name), entry))
            self.kept += 1
            if self._writer and not self._has(task, lab, entry):
                unwritten.append(number)
        return new, unwritten

    def _known(self, task: Task, lab: Lab, spec: Spec) -> Entry | None:
        log = self._log(lab.name)
        entry = log.find(task.submission.student, task.name)
        if entry is None or self.settings.regrade or entry.versions != self._version(lab):
            return None
        if self.settings.seed not in (None, entry.seed):
            return None
        same = entry.key == file_key(task.submission.path, lab, spec)
        return entry if same and log.complete(entry) else None

    def _has(self, task: Task, lab: Lab, entry: Entry) -> bool:
        result = self._log(lab.name).read(entry, pictures=False).result
        assert result is not None
        points = {part.part: part.points for part in result.parts}
        if not entry.written:
            return False
        return self._writer.has(lab, task.submission.student, task.submission.path, points, entry.written)

    def _write_again(self, number: int, spec: Spec) -> None:
        task = self.plan.tasks[number]
        assert task.lab is not None
        graded = self.results.of(number)
        job = Job(number, task.submission.student, str(task.submission.path), task.lab.name, 0)
        again, page = grade_for_gradebook(self.plan.course, task.lab, spec, job, known=graded)
        if again.ours:
            self.results.put(number, again)
            return
        self._to_write(number, task, page)
        self._write(now=False)

    def _outcomes(self, spec: Spec, jobs: list[Job], seconds: float) -> Outcomes:
        if self.settings.dask:
            from autograder.batch.cluster import Cluster

            workers, address = self.settings.workers, self.settings.dask
            with Cluster(self.plan.course, spec, address, workers, seconds) as cluster:
                yield from cluster.run(iter(jobs), self.watcher.on_tick)
        elif len(self.plan.tasks) == 1 and not self.plan.assignment:
            # one file is graded here: a pool takes longer to start than most submissions to grade
            def on_start(part: str, _backend: Any) -> None:
                self.watcher.on_tick([f"{jobs[0].student}: {part}"])

            yield jobs[0], grade_job(spec, jobs[0], on_start)
        else:
            spool = self.plan.folder / f"{self.plan.lock.stem}.spool"
            shutil.rmtree(spool, ignore_errors=True)  # of a batch that was killed
            try:
                count = min(self.settings.workers, len(jobs))
                with Graders(spec, count, spool, seconds, self.seed) as graders:
                    yield from graders.run(iter(jobs), self.watcher.on_tick)
            finally:
                shutil.rmtree(spool, ignore_errors=True)

    def _take(self, job: Job, outcome: Outcome | Lost) -> None:
        """Keep an outcome: in the log first, then in line for the gradebook."""
        task = self.plan.tasks[job.number]
        lab = self.plan.course.lab(job.lab)
        if isinstance(outcome, Lost):
            problem = (
                f"{job.path}: its grading ended the grader twice ({outcome.reason}); set aside, no marks"
            )
            self.results.put(job.number, Graded(task.submission, lab.name, None, problem))
            return
        if outcome.record["ours"]:  # no result: the next run tries again
            self.results.put(job.number, from_record(outcome.record, None))
            return
        log = self._log(lab.name)
        entry = log.keep(task.name, outcome.record, outcome.blobs, outcome.key, self._version(lab), self.seed)
        self.results.put(job.number, (log, entry))
        if self._writer:
            self._to_write(job.number, task, outcome.page)

    def _to_write(self, number: int, task: Task, page: str) -> None:
        from autograder.batch.gradebook import Marked

        assert task.lab is not None
        marked = Marked(task.submission.student, task.lab, task.submission.path, page)
        self._unwritten.append((number, marked))

    def _write(self, now: bool) -> None:
        """Write finished submissions into the gradebook, once there are enough of them."""
        if not self._unwritten:
            self._written_at = time.monotonic()
            return
        size = sum(len(marked.page) for _, marked in self._unwritten)
        late = time.monotonic() - self._written_at > GRADEBOOK_SECONDS
        if not (now or late or len(self._unwritten) >= GRADEBOOK_BATCH or size > GRADEBOOK_BYTES):
            return
        batch, self._unwritten = self._unwritten, []
        for log in self._logs.values():
            log.sync()
        problems = self._writer.write([marked for _, marked in batch])
        for place, (number, marked) in enumerate(batch):
            task = self.plan.tasks[number]
            if place in problems:
                text = (
                    f"{task.submission.path}: graded, but not written into the gradebook: {problems[place]}"
                )
                self.results.put(number, Graded(task.submission, marked.lab.name, None, text, ours=True))
            else:
                log = self._log(marked.lab.name)
                log.mark_written(marked.student, task.name, marked.page_hash)
        self._written_at = time.monotonic()
