"""`speechlab status`: where you are and what is next. Runs nothing, reads what is remembered."""

from __future__ import annotations

import click

from autograder.cli import screen, where
from autograder.course import Course
from autograder.state import CHANGED, FAILED, MISSING, PASSED, LabState, lab_state


@click.command(
    epilog="""\b
Examples:
  speechlab status        the whole course
  speechlab status t05    the parts of one lab"""
)
@click.argument("lab", required=False)
def status(lab: str | None) -> None:
    """Where you are and what is next; with LAB, the parts of that lab."""
    course = where.course_here()
    if lab:
        _show_lab(course, lab_state(course, course.lab(lab)))
        return
    states = where.all_states(course)
    _show_map(course, states)
    here = where.current_state(course, states)
    if here is None:
        screen.console().print(
            "[green]Every lab is passed.[/] `speechlab capstone demo` runs what you built."
        )
        return
    _show_next(course, here)


def _show_map(course: Course, states: list[LabState]) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = screen.console()
    if course.has_solutions:
        points = sum(state.points for state in states)
        sum_up = f"{points:g} of {sum(lab.points for lab in course.labs):g} points"
    else:
        passed = sum(part.status == PASSED for state in states for part in state.parts)
        parts = sum(len(lab.parts) for lab in course.labs)
        sum_up = f"{passed} of {parts} parts pass here; hidden checks run at grading"
    out.print(f"[bold]speechlab[/] · {screen.count(len(states), 'lab')} · {sum_up}", soft_wrap=True)
    here = where.current_state(course, states)
    for phase in course.phases:
        out.print(f"\n[bold]{escape(where.phase_title(phase))}[/]")
        table = Table.grid(padding=(0, 2))
        for width in _widths(states):  # the same for every phase, so that columns stand under each other
            table.add_column(min_width=width)
        for state in states:
            if state.lab.phase == phase:
                table.add_row(*_row(state, state is here))
        out.print(table)
    out.print()


def _widths(states: list[LabState]) -> tuple[int, ...]:
    return (
        max(len(state.lab.name) for state in states) + 4,
        max(len(state.lab.title) for state in states),
        10,
        len("00/00 parts"),
        len("00/00 points"),
        len("0 h 00 min"),
    )


def _row(state: LabState, here: bool) -> list[str]:
    from rich.markup import escape

    lab = state.lab
    passed = sum(part.status == PASSED for part in state.parts)
    changed = sum(part.status == CHANGED for part in state.parts)
    mark = "[green]✓[/]" if state.finished else "[cyan]▸[/]" if here else "[dim]·[/]"
    note = f"[yellow]{screen.count(changed, 'part')} to check[/]" if changed else ""
    if state.problem:
        note = "[yellow]notebook unreadable[/]" if _exists(state) else "[dim]notebook not built[/]"
    elif any(part.status == MISSING for part in state.parts):
        note = "[yellow]cells missing[/]"
    return [
        f"  {mark} {lab.name}",
        escape(lab.title),
        screen.bar(state.points, lab.points),
        f"{passed}/{len(lab.parts)} parts",
        f"{state.points:g}/{lab.points:g} points" if lab.folder else f"{lab.points:g} points",
        f"[dim]{screen.minutes(lab.minutes)}[/]",
        note,
    ]


def _exists(state: LabState) -> bool:
    return "No such file" not in state.problem


def _show_next(course: Course, state: LabState) -> None:
    from rich.markup import escape

    out = screen.console()
    lab = state.lab
    short = lab.name.split("_")[0]
    if state.problem:
        out.print(f"[yellow]Next:[/] {escape(state.problem)}", soft_wrap=True)
        renew = (
            f"speechlab reset {short}" if _exists(state) or not course.has_solutions else "speechlab build"
        )
        out.print(f"  {renew}")
        return
    part = where.next_part(state)
    if part is None:
        return
    own = next(p for p in state.parts if p.part == part.name)
    out.print(
        f"[bold]Next:[/] [cyan]{part.name}[/] in {lab.name}, "
        f"{part.points:g} points, about {part.minutes} minutes"
    )
    if own.status == FAILED and own.sentence:
        out.print(f"  [red]✗[/] {escape(own.sentence)}", soft_wrap=True)
    elif own.status in (CHANGED, MISSING):
        out.print(f"  [yellow]{screen.WORDS[own.status]}[/]")
    rows = {
        f"speechlab lab {short}": f"open {where.shown(course, course.notebook(lab))}",
        f"speechlab check {short}": "check the notebook as saved",
        f"speechlab watch {short}": "check on every save",
        f"speechlab hint {part.name}": "one hint at a time",
    }
    width = max(map(len, rows))
    for command, text in rows.items():
        out.print(f"  {command:<{width}}  [dim]{escape(text)}[/]", soft_wrap=True)


def _show_lab(course: Course, state: LabState) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = screen.console()
    lab = state.lab
    out.print(f"[bold]{lab.name}[/] · {escape(lab.title)} · {state.points:g} of {lab.points:g} points")
    out.print(f"[dim]{escape(where.shown(course, course.notebook(lab)))}[/]")
    if state.problem:
        out.print(f"[yellow]{escape(state.problem)}[/]", soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for part in state.parts:
        mark, colour = screen.MARKS[part.status]
        about = part.sentence if part.status == FAILED and part.sentence else screen.WORDS[part.status]
        table.add_row(
            f"  [{colour}]{mark}[/] {part.part}",
            f"{part.points:g}/{part.max_points:g}",
            f"[dim]{escape(about)}[/]",
        )
    out.print(table)
    if state.finished:
        return
    part_next = where.next_part(state)
    if part_next and not state.problem:
        out.print(f"\nNext: [cyan]{part_next.name}[/], about {part_next.minutes} minutes")
