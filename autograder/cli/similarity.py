"""`speechlab similarity`: the class's code for a tool that finds similar code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from autograder.cli import screen, where
from autograder.course import Course, Lab
from autograder.errors import NotebookError
from autograder.submissions import SUBMITTED, Submission, find_submissions, lab_of


@click.command(
    epilog="""\b
Examples:
  speechlab similarity t03 --to similarity/                    from submitted/
  speechlab similarity t03 inbox/ --to similarity/             a folder of files
  speechlab similarity t03 --to similarity/ --key who.csv      students are numbers; who.csv tells which

\b
README.txt in the folder says how JPlag, Dolos and copydetect are run on it."""
)
@click.argument("lab")
@click.argument("place", required=False, type=click.Path(path_type=Path))
@click.option(
    "--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="A new folder."
)
@click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Call students by numbers; who is who goes here.",
)
@click.option(
    "--roster", type=click.Path(dir_okay=False, path_type=Path), help="CSV with the students' names."
)
def similarity(lab: str, place: Path | None, folder: Path, key: Path | None, roster: Path | None) -> None:
    """Write the code of all submissions of LAB in the layouts that tools for similar code read.

    What the released page gives everybody is written as base code, which these tools leave out.
    """
    from autograder.feedback import clean
    from autograder.results import read_roster
    from autograder.results.similarity import export_similarity

    course = where.course_here()
    found = course.lab(lab)
    place = place or course.root / SUBMITTED
    names = read_roster(roster) if roster else None
    submissions = list(_of_lab(course, found, find_submissions(place)))
    if not submissions:
        raise NotebookError(f"{place}: no notebook of {found.name} in this folder")
    exported = export_similarity(folder, found, submissions, key, names)
    out = screen.console()
    for line in exported.left_out:
        out.print(f"not compared: {clean(line)}", markup=False, soft_wrap=True, style="yellow")
    count = screen.count(exported.count, "submission")
    out.print(f"wrote {count} to {folder}; README.txt says how to compare", markup=False, soft_wrap=True)
    if key:
        out.print(f"wrote who is who to {key}: keep it apart", markup=False, soft_wrap=True)


def _of_lab(course: Course, lab: Lab, submissions: list[Submission]) -> Iterator[Submission]:
    """Those of one lab; a file that cannot be read counts by its name, so that it is told of."""
    from autograder.notebook import read_notebook

    for item in submissions:
        try:
            if lab_of(course, read_notebook(item.path), item.path).name == lab.name:
                yield item
        except NotebookError:
            if item.path.stem == lab.name:
                yield item
