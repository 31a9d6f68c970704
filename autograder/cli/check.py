"""`speechlab check`: the saved notebook through the worker, part by part."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from autograder.cli import NOT_PASSED, screen, where
from autograder.cli.limits import limits, time_limit

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.grading import PartResult


@click.command(
    epilog="""\b
Examples:
  speechlab check                       the lab you are in
  speechlab check t03                   all parts of a lab
  speechlab check t03 mel_filterbank    one part
  speechlab check mel_filterbank        the same, if only one lab has it
  speechlab check t03 && echo done      exit code 0: every part passed"""
)
@click.argument("lab", required=False)
@click.argument("parts", nargs=-1, metavar="[PART]...")
@time_limit
def check(lab: str | None, parts: tuple[str, ...], seconds: float | None) -> int:
    """Check the notebook of LAB as it was last saved, or only some PARTs of it.

    Each part runs in a process of its own with a time limit. Marks are remembered: `speechlab
    status` and the capstone use them.
    """
    course = where.course_here()
    found, wanted = where.find_target(course, lab, parts)
    if course.notebook(found).is_file():
        # the worker imports its libraries while this process imports its own
        from autograder.sandbox.forkserver import shared_server

        shared_server(found.libraries)
    from autograder.state import check_notebook

    out = screen.console()
    out.print(f"[bold]{found.name}[/] [dim]{where.shown(course, course.notebook(found))}[/]", soft_wrap=True)
    names = wanted or [part.name for part in found.parts]
    with _progress(out, len(names)) as on_start:
        result = check_notebook(
            course,
            found,
            wanted,
            on_part=lambda part: show_part(out, part),
            on_start=on_start,
            pictures=False,
            **limits(seconds),
        )
    for remark in result.remarks:
        out.print(f"[yellow]note:[/] {remark}", soft_wrap=True)
    passed = sum(part.passed for part in result.parts)
    parts_passed = f"{passed} of {screen.count(len(result.parts), 'part')}"
    if found.folder is None:
        sum_up = (
            f"{parts_passed} pass the examples and visible checks. Hidden checks give the points, at grading."
        )
    else:
        points = f"{result.points:g} of {result.max_points:g} points"
        sum_up = f"{parts_passed} passed, {points}, {result.seconds:.1f} s"
    out.print(sum_up, soft_wrap=True)
    return 0 if passed == len(result.parts) else NOT_PASSED


def show_part(out: Console, result: PartResult) -> None:
    """Print the result of one part."""
    from rich.text import Text

    from autograder.feedback import part_text

    text = Text(part_text(result))
    text.stylize("green" if result.passed else "red", 0, 1)
    out.print(text)


@contextlib.contextmanager
def _progress(out: Console, total: int) -> Iterator[Any]:
    """While a part runs, its name on the last line of a terminal; nothing elsewhere."""
    line = out if sys.stdout.isatty() else screen.console(stderr=True)
    if not line.is_terminal:
        yield None
        return
    count = 0

    def on_start(part: str, _backend: Any) -> None:
        nonlocal count
        count += 1
        status.update(f"{part} ({count} of {total})")

    with line.status("loading the checks") as status:
        yield on_start
