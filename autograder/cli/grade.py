"""`speechlab grade`: submitted notebooks → marks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli import BAD_INPUT, NOT_PASSED, STOPPED, screen, where
from autograder.cli.limits import limits, time_limit
from autograder.errors import CourseError, NotebookError
from autograder.files import write_atomic
from autograder.submissions import Graded, as_html, as_json

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.batch.plan import Plan
    from autograder.batch.run import Batch, Results
    from autograder.course import Course
    from autograder.results import Written

Target = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  speechlab grade t03                          submitted/*/<phase>/t03….ipynb, into the gradebook
  speechlab grade t03 --students ada,bob --workers 8
  speechlab grade phase0_signal_processing     every lab of the phase
  speechlab grade t03 --dask tcp://host:8786   on the machines of a Dask cluster
  speechlab grade alice.ipynb                  one file; no gradebook
  speechlab grade inbox/ --lab t03 --json marks.json --html marks.html

\b
What is finished is kept: after Ctrl-C, a crash or a power cut, the same command goes on where it
stopped. Again, it grades only what has changed.

\b
Exit codes: 0 every file was graded (whatever its marks), 1 grading itself failed,
2 a file could not be read, or a wrong argument, 130 stopped by Ctrl-C: what was
graded is shown and written."""
)
@click.argument("target", metavar="ASSIGNMENT|NOTEBOOK|FOLDER")
@click.option("--lab", help="The lab of the files; by default each file tells.")
@click.option("--students", help="Only these, with commas between them.")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    help="Graders at the same time. Default: one for each processor.",
)
@click.option("--dask", metavar="ADDRESS|local", help="Grade on a Dask cluster: its scheduler's address.")
@click.option("--regrade", is_flag=True, help="Grade everything again, also what has not changed.")
@click.option(
    "--unsafe-no-isolation", "unsafe", is_flag=True, help="Grade even where submissions cannot be locked up."
)
@click.option("--json", "json_file", type=Target, help="Write the results to this file as JSON.")
@click.option("--html", "html_file", type=Target, help="Write marks and feedback to this file as one page.")
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write pages for students and class, tables for learning platforms and JSON into this folder.",
)
@click.option(
    "--roster",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For --results: CSV with the students' names and the learning platform's ids.",
)
@click.option(
    "--canvas",
    multiple=True,
    metavar="LAB=NUMBER",
    help="For --results: the number of Canvas's assignment, as its gradebook export has it.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Of the inputs; drawn afresh if not given.")
@time_limit
def grade(
    target: str,
    lab: str | None,
    students: str | None,
    workers: int | None,
    dask: str | None,
    regrade: bool,
    unsafe: bool,
    json_file: Path | None,
    html_file: Path | None,
    results: Path | None,
    roster: Path | None,
    canvas: tuple[str, ...],
    seed: int | None,
    seconds: float | None,
) -> int:
    """Grade submissions: an assignment's for nbgrader's gradebook, or files and folders without it.

    An assignment is a lab (or a whole phase), handed in as submitted/STUDENT/PHASE/LAB.ipynb. Its marks and
    pages go where `nbgrader autograde` puts them.

    Every submission gets the same inputs, which nobody has seen before. A file that cannot be read
    gets a sentence, and the others go on.
    """
    course = where.course_here()
    names = [name.strip() for name in students.split(",") if name.strip()] if students else None
    plan, alone = _plan(course, target, lab, names)
    from autograder.batch.pool import usable_cores
    from autograder.batch.run import Batch, Settings
    from autograder.sandbox.isolation import require

    if not plan.assignment:  # there it is looked at together with the gradebook
        require(unsafe)
    pictures = plan.assignment or bool(html_file or results)
    if (roster or canvas) and not results:
        raise CourseError("--roster and --canvas are for the tables that --results FOLDER writes")
    # read before anything is graded: a mistake in it should not cost a run
    people, columns = _roster(roster), _canvas_numbers(course, canvas)
    settings = Settings(
        options={"pictures": pictures, **limits(seconds)},
        seed=seed,
        workers=workers or len(usable_cores()),
        dask=dask or "",
        regrade=regrade or alone,
        unsafe=unsafe,
    )
    with Batch(plan, settings) as batch:
        _run(batch)
        found, total = batch.results, len(plan.tasks)
        written = [file for file in (json_file, html_file) if file]
        if json_file:
            write_atomic(json_file, as_json(found.without_pictures(), total, batch.seed))
        if html_file:
            write_atomic(html_file, as_html(found, total))
        pages = _write_results(course, found, results, people, columns) if results else None
        code = _tell(batch, found, written + ([results] if results else []))
    if pages is not None:
        for note in [*pages.notes, *pages.refused.values()]:
            click.echo(note, err=True)
        code = code or (NOT_PASSED if pages.refused else 0)
    if batch.stopped:
        click.echo(f"Stopped: {len(found)} of {total} files were graded.", err=True)
        return STOPPED
    return code


def _roster(file: Path | None) -> Any:
    from autograder.results import read_roster

    return read_roster(file) if file else None


def _canvas_numbers(course: Course, texts: Sequence[str]) -> dict[str, int]:
    """Numbers of Canvas's assignments by lab."""
    found = {}
    for text in texts:
        name, sign, number = text.partition("=")
        if not (sign and number.isdigit()):
            raise CourseError(f"--canvas is {text!r}, expected LAB=NUMBER, such as t03=1234")
        found[course.lab(name).name] = int(number)
    return found


def _write_results(
    course: Course, found: Results, folder: Path, people: Any, canvas: dict[str, int]
) -> Written:
    """Pages and tables."""
    from autograder.results import write_all

    labs = {graded.lab for graded in found.without_pictures() if graded.lab}
    only = course.lab(labs.pop()) if len(labs) == 1 else None
    return write_all(folder, course, only, found, people, canvas=canvas)


def _plan(course: Course, target: str, lab: str | None, students: list[str] | None) -> tuple[Plan, bool]:
    """What to grade, and whether it is a single file: that is graded whenever it is asked for."""
    from autograder.batch.plan import labs_named, plan_assignment, plan_files

    place = Path(target)
    if not place.exists():
        try:
            labs = labs_named(course, target)
        except CourseError as error:
            if os.sep in target or target.endswith(".ipynb") or "fits several" not in str(error):
                raise NotebookError(
                    f"{target}: there is no such file or folder, nor a lab or phase of that name"
                ) from None
            raise
        if lab is not None:
            raise CourseError(f"--lab {lab}: {target} is an assignment, which says its lab itself")
        return plan_assignment(course, labs, students), False
    return plan_files(course, place, course.lab(lab) if lab else None, students), place.is_file()


def _run(batch: Batch) -> None:
    bar = _bar()
    with bar:
        task = bar.add_task("", total=len(batch.plan.tasks), doing="")
        batch.watcher.on_plan = lambda total, kept: bar.update(task, total=total - kept)
        batch.watcher.on_done = lambda: bar.advance(task)
        batch.watcher.on_tick = lambda doing: bar.update(task, doing=_doing(doing))
        batch.run()


def _doing(texts: Sequence[str]) -> str:
    from autograder.feedback import clean

    more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
    return clean(texts[0]) + more if texts else ""


def _bar() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[doing]}", markup=False),
    )
    line = screen.console(stderr=True)
    redirects: dict[str, Any] = {"redirect_stdout": False, "redirect_stderr": False}  # the checks do that
    return Progress(*columns, console=line, transient=True, disable=not sys.stderr.isatty(), **redirects)


def _tell(batch: Batch, results: Results, files: list[Path]) -> int:
    """Show the results; returns what they mean for the exit code."""
    out = screen.console()
    code = _show(out, results.without_pictures())
    if batch.kept:
        known = screen.count(batch.kept, "result")
        out.print(f"[dim]{known} kept from the last run: nothing has changed there (--regrade: all again)[/]")
    if len(results) > batch.kept:
        out.print(f"[dim]seed {batch.seed}: the same inputs again with --seed {batch.seed}[/]")
    if batch.plan.assignment:
        out.print("The marks are in nbgrader's gradebook.")
    for file in files:
        out.print(f"wrote {file}", markup=False, soft_wrap=True)
    return code


def _show(out: Console, done: Sequence[Graded]) -> int:
    from rich.table import Table
    from rich.text import Text

    from autograder.feedback import clean

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("student", "lab", "points", "not passed"):
        table.add_column(heading, overflow="fold")
    notes, code = [], 0
    for graded in done:
        result = graded.result
        name = Text(clean(graded.submission.student))
        if graded.problem:
            notes.append(Text(clean(graded.problem), style="yellow"))
            code = NOT_PASSED if graded.ours or code == NOT_PASSED else BAD_INPUT
        if result is None:
            table.add_row(name, graded.lab or "?", "–", Text("not graded", style="yellow"))
            continue
        failed = ", ".join(part.part for part in result.parts if not part.passed)
        table.add_row(name, result.lab, f"{result.points:g}/{result.max_points:g}", Text(failed or "–"))
        remarks = [remark for remark in result.remarks if remark not in graded.problem]
        notes += [Text(f"{graded.submission.path}: {clean(remark)}") for remark in remarks]
    out.print(table)
    for note in notes:
        out.print(note, soft_wrap=True)
    return code
