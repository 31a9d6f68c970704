"""`speechlab release`: the bundle that students get."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli import screen, where


@click.command(
    epilog="""\b
Examples:
  speechlab release --to ../speechlab-students
  speechlab release --to ../speechlab-students --force   replace an earlier one"""
)
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@click.option("--force", is_flag=True, help="Replace an earlier release in that folder.")
def release(target: Path, force: bool) -> None:
    """Write the student bundle: notebooks, visible checks and the program, without any answer.

    Solutions, hidden checks and mistakes are left out, and the bundle is searched for them before it
    is put in place.
    """
    from autograder.bundle import write_release

    course = where.course_here()
    out = screen.console()
    with screen.console(stderr=True).status("building and searching the bundle"):
        path = write_release(course, target, force)
    files = [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e6
    out.print(f"wrote {path}: {len(files)} files, {size:.1f} MB", markup=False, soft_wrap=True)
    out.print("Searched: no solution, hidden check or mistake is in it.")
