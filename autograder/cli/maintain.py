"""Commands of those who build the course: build, prove, coverage."""

from __future__ import annotations

import click

from autograder.cli import screen, where


@click.command(
    epilog="""\b
Examples:
  speechlab build            notebooks with a learner's work are kept
  speechlab build --force    renewed too; a backup is kept"""
)
@click.option("--force", is_flag=True, help="Renew notebooks that hold work too; they are backed up.")
def build(force: bool) -> None:
    """Build the notebooks in phases/ from solutions/, with nbgrader."""
    from autograder.build import build as build_course

    course = where.course_here()
    out = screen.console()

    def say(text: str) -> None:
        out.print(text, markup=False, soft_wrap=True)

    report = build_course(course, force=force, say=say)
    for path in report.written:
        say(f"wrote {where.shown(course, path)}")
    for path in report.backups:
        say(f"backup: {where.shown(course, path)}")
    say(f"{len(report.written)} written, {len(report.unchanged)} unchanged, {len(report.kept)} kept")


@click.command(
    epilog="""\b
Examples:
  speechlab prove t03                           reference and mistakes
  speechlab prove t03 --mutants                 generic mutants too (minutes)
  speechlab prove t03 --mutants --part frame"""
)
@click.argument("lab")
@click.option("--mutants", is_flag=True, help="Run generic mutants too.")
@click.option("--part", help="Only the mutants of this part.")
def prove(lab: str, mutants: bool, part: str | None) -> int:
    """Prove the checks of LAB: the reference passes, every named mistake is caught and named."""
    from autograder import proof

    course = where.course_here()
    found = course.lab(lab)
    if part is not None:
        found.part(part)
    return proof.main([found.name, *(["--mutants"] if mutants else []), *(["--part", part] if part else [])])


@click.command(epilog="\b\nExample:\n  speechlab coverage")
def coverage() -> None:
    """Write docs/coverage.md: each bullet of the roadmap and where it is taught."""
    from autograder.coverage import write_coverage

    course = where.course_here()
    path = write_coverage(course)
    screen.console().print(f"{where.shown(course, path)} is up to date", markup=False)
