"""`speechlab hint`: one hint at a time, and no more than is asked for."""

from __future__ import annotations

import json
from typing import Any

import click

from autograder.build import HINT_NAMES
from autograder.cli import screen, where
from autograder.course import Course, Lab, Part
from autograder.errors import CourseError
from autograder.files import write_atomic

LEVELS = "hints.json"


@click.command(
    epilog="""\b
Examples:
  speechlab hint                  the next hint for the part you are at
  speechlab hint mel_filterbank   the next hint for that part
  speechlab hint frame --lab t03  if several labs have a part of that name
  speechlab hint frame --all      all hints of the part
  speechlab hint frame --reset    start again with the first"""
)
@click.argument("part", required=False)
@click.option("--lab", help="The lab of the part, if its name is not enough.")
@click.option("--all", "everything", is_flag=True, help="All hints of the part at once.")
@click.option("--reset", is_flag=True, help="Forget which hints were shown.")
def hint(part: str | None, lab: str | None, everything: bool, reset: bool) -> None:
    """The next hint for PART: first a nudge, then the concept, then nearly the solution."""
    course = where.course_here()
    found_lab, found = _target(course, part, lab)
    out = screen.console()
    if not found.hints:
        raise CourseError(f"{found_lab.name}: there are no hints for {found.name}")
    if reset:
        remember_level(course, found_lab, found, 0)
        out.print(f"{found.name}: the next hint is the first again.")
        return
    if everything:
        for number in range(1, len(found.hints) + 1):
            _show(out, found, number)
        return
    level, repeated = next_hint(course, found_lab, found)
    _show(out, found, level)
    if repeated:
        out.print("[dim]That is the last hint. The paper named in the docstring says more.[/]")
    elif level < len(found.hints):
        out.print(f"[dim]{screen.count(len(found.hints) - level, 'more hint')}: run the command again.[/]")


def _target(course: Course, part: str | None, lab: str | None) -> tuple[Lab, Part]:
    if part is not None:
        return where.find_part(course, part, lab)
    from autograder.state import lab_state

    at = course.lab(lab) if lab else where.current_lab(course)
    return at, where.next_part(lab_state(course, at)) or at.parts[-1]


def next_hint(course: Course, lab: Lab, part: Part) -> tuple[int, bool]:
    """Number of the hint to show now, remembered as shown; and whether it was shown before."""
    shown = levels(course).get(lab.name, {}).get(part.name, 0)
    level = min(shown + 1, len(part.hints))
    remember_level(course, lab, part, level)
    return level, shown >= len(part.hints)


def hint_title(part: Part, number: int) -> str:
    name = HINT_NAMES[number - 1] if number <= len(HINT_NAMES) else "more"
    return f"{part.name}, hint {number} of {len(part.hints)}: {name}"


def _show(out: Any, part: Part, number: int) -> None:
    from rich.markdown import Markdown

    out.print(f"[bold cyan]{hint_title(part, number)}[/]")
    text = part.hints[number - 1]
    if out.is_terminal:
        out.print(Markdown(text))
    else:
        out.print(text, markup=False)


def levels(course: Course) -> dict[str, dict[str, int]]:
    """Lab → part → how many of its hints were shown."""
    try:
        known = json.loads((course.state_folder / LEVELS).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}  # nothing shown yet, or a damaged memory: begin with the first
    return known if isinstance(known, dict) else {}


def remember_level(course: Course, lab: Lab, part: Part, level: int) -> None:
    known = levels(course)
    known.setdefault(lab.name, {})[part.name] = level
    write_atomic(course.state_folder / LEVELS, json.dumps(known, indent=1) + "\n")
