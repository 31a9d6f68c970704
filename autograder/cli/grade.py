"""`speechlab grade`: submitted notebooks → marks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli import BAD_INPUT, NOT_PASSED, STOPPED, screen, where
from autograder.cli.limits import limits, time_limit
from autograder.submissions import Graded, as_html, as_json, find_submissions, grade_all
from autograder.files import write_atomic

if TYPE_CHECKING:
    from rich.console import Console

Target = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  speechlab grade alice.ipynb
  speechlab grade submitted/                   nbgrader's tree, all students
  speechlab grade inbox/ --lab t03             a folder of one lab's files
  speechlab grade submitted/ --json marks.json --html marks.html

\b
Exit codes: 0 every file was graded (whatever its marks), 1 grading itself failed,
2 a file could not be read, or a wrong argument, 130 stopped by Ctrl-C: what was
graded is shown and written."""
)
@click.argument("place", metavar="NOTEBOOK_OR_FOLDER", type=click.Path(path_type=Path))
@click.option("--lab", help="The lab of the files; by default each file tells.")
@click.option("--json", "json_file", type=Target, help="Write the results to this file as JSON.")
@click.option("--html", "html_file", type=Target, help="Write marks and feedback to this file as one page.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Of the inputs; drawn afresh if not given.")
@time_limit
def grade(
    place: Path,
    lab: str | None,
    json_file: Path | None,
    html_file: Path | None,
    seed: int | None,
    seconds: float | None,
) -> int:
    """Grade submitted notebooks: a file, a folder, or nbgrader's submitted/ tree.

    Every submission gets the same inputs, which nobody has seen before. A file that cannot be read
    gets a sentence, and the others go on.
    """
    course = where.course_here()
    lab_name = course.lab(lab).name if lab else None
    submissions = find_submissions(place)
    from autograder.grading import new_seed

    seed = new_seed() if seed is None else seed
    done: list[Graded] = []
    out = screen.console()
    stopped = False
    bar = _bar(len(submissions))
    with bar:
        task = bar.add_task("", total=len(submissions), file="")

        def on_start(part: str, _backend: Any) -> None:
            bar.update(task, file=f"{submissions[len(done)].student}: {part}")

        try:
            options = {"pictures": html_file is not None, "on_start": on_start, **limits(seconds)}
            for graded in grade_all(course, submissions, lab_name, seed, **options):
                done.append(graded)
                bar.advance(task)
        except KeyboardInterrupt:
            stopped = True
    if json_file:
        write_atomic(json_file, as_json(done, len(submissions), seed))
    if html_file:
        write_atomic(html_file, as_html(done, len(submissions)))
    _show(out, done, seed)
    for file in filter(None, (json_file, html_file)):
        out.print(f"wrote {file}", markup=False, soft_wrap=True)
    if stopped:
        click.echo(f"Stopped: {len(done)} of {len(submissions)} files were graded.", err=True)
        return STOPPED
    if any(graded.ours for graded in done):
        return NOT_PASSED
    return BAD_INPUT if any(graded.problem for graded in done) else 0


def _bar(total: int) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[file]}", markup=False),
    )
    line = screen.console(stderr=True)
    redirects: dict[str, Any] = {"redirect_stdout": False, "redirect_stderr": False}  # the checks do that
    return Progress(*columns, console=line, transient=True, disable=not sys.stderr.isatty(), **redirects)


def _show(out: Console, done: list[Graded], seed: int) -> None:
    from rich.table import Table
    from rich.text import Text

    from autograder.feedback import clean

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("student", "lab", "points", "not passed"):
        table.add_column(heading, overflow="fold")
    for graded in done:
        result = graded.result
        name = Text(clean(graded.submission.student))
        if result is None:
            table.add_row(name, graded.lab or "?", "–", Text("not graded", style="yellow"))
            continue
        failed = ", ".join(part.part for part in result.parts if not part.passed)
        table.add_row(name, result.lab, f"{result.points:g}/{result.max_points:g}", Text(failed or "–"))
    out.print(table)
    for graded in done:
        if graded.problem:
            out.print(Text(clean(graded.problem), style="yellow"), soft_wrap=True)
        for remark in graded.result.remarks if graded.result else ():
            out.print(Text(f"{graded.submission.path}: {clean(remark)}"), soft_wrap=True)
    out.print(f"[dim]seed {seed}: the same inputs again with --seed {seed}[/]")
