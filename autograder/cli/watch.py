"""`speechlab watch`: one screen that says one thing at a time, and says it again on every save."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from autograder.cli import BAD_INPUT, screen, where
from autograder.cli.hint import hint_title
from autograder.cli.keys import pressed_keys
from autograder.cli.session import WatchSession
from autograder.state import CHANGED, FAILED, PASSED, UNTOUCHED

if TYPE_CHECKING:
    from rich.console import RenderableType

TICK = 0.1  # seconds between looks at the file; asking one file's time costs nothing
KEYS = {"n": "next part", "h": "hint", "r": "run again", "l": "list", "q": "quit"}


@click.command(
    epilog="""\b
Examples:
  speechlab watch        the lab you are in
  speechlab watch t03
Keys: n next part, h hint, r run again, l list, q quit."""
)
@click.argument("lab", required=False)
def watch(lab: str | None) -> int:
    """Check the notebook of LAB again whenever it is saved, on one screen."""
    course = where.course_here()
    found = course.lab(lab) if lab else where.current_lab(course)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo("speechlab: watch needs a terminal; `speechlab check` works anywhere", err=True)
        return BAD_INPUT
    session = WatchSession(course, found)
    try:
        _loop(session)
    except EOFError:
        return 0  # the terminal was closed
    finally:
        session.close()
    return 0


def _loop(session: WatchSession) -> None:
    from rich.live import Live

    out = screen.console()
    # the checks redirect sys.stdout while they run: the screen writes to the stream itself
    options: dict[str, Any] = {"auto_refresh": False, "redirect_stdout": False, "redirect_stderr": False}
    actions = {
        "n": session.go_on,
        "h": session.show_hint,
        "r": session.run_again,
        "l": session.toggle_list,
    }
    with pressed_keys() as read_key, Live(draw(session), console=out, screen=True, **options) as live:
        drawn: Any = None
        while True:
            session.tick()
            if drawn != (session.version, out.size):
                drawn = (session.version, out.size)
                live.update(draw(session), refresh=True)
            key = read_key(TICK)
            if key == "q":
                return
            if key in actions:
                actions[key]()


def draw(session: WatchSession) -> RenderableType:
    """The whole screen."""
    from rich.console import Group
    from rich.layout import Layout
    from rich.text import Text

    layout = Layout()
    layout.split_column(
        Layout(Group(_title(session), _activity(session), Text("")), name="head", size=3),
        Layout(_list(session) if session.listing else _speak(session), name="body"),
        Layout(
            Text.from_markup("  ".join(f"[bold cyan]{k}[/] {text}" for k, text in KEYS.items())),
            name="keys",
            size=1,
        ),
    )
    return layout


def _title(session: WatchSession) -> RenderableType:
    from rich.text import Text

    lab, state = session.lab, session.state
    passed = sum(part.status == PASSED for part in state.parts)
    text = Text.assemble((lab.name, "bold"), f" · {lab.title}  ", screen.bar(state.points, lab.points))
    text.append(f"  {passed}/{len(lab.parts)} parts, {state.points:g}/{lab.points:g} points", style="dim")
    return text


def _activity(session: WatchSession) -> RenderableType:
    from rich.text import Text

    if session.checking:
        return Text(f"{session.checking} …", style="yellow")
    checked = (
        f"checked {time.strftime('%H:%M:%S', time.localtime(session.checked_at))}, "
        if session.checked_at
        else ""
    )
    return Text(f"{checked}waiting for a save of {where.shown(session.course, session.path)}", style="dim")


def _speak(session: WatchSession) -> RenderableType:
    from rich.console import Group
    from rich.markdown import Markdown
    from rich.text import Text

    pieces: list[RenderableType] = []
    if session.message:
        pieces += [Text(session.message, style="yellow"), Text("")]
    part, status = session.part, session.status(session.part.name)
    pieces.append(_about(session, status))
    if session.state.finished:
        pieces += [Text(""), Text(f"Every part of {session.lab.name} is passed. q leaves.", style="green")]
    elif status == PASSED:
        pieces += [Text(""), Text("n goes on to the next part.", style="green")]
    if session.hint:
        title = Text(hint_title(part, session.hint), style="bold cyan")
        pieces += [Text(""), title, Markdown(part.hints[session.hint - 1])]
    elif session.hint == 0 and not part.hints:
        pieces += [Text("")]
    return Group(*pieces)


def _about(session: WatchSession, status: str) -> RenderableType:
    from rich.text import Text

    part = session.part
    mark, colour = screen.MARKS[status]
    if status in (PASSED, FAILED) and part.name in session.texts:
        text = Text(session.texts[part.name])
        text.stylize(colour, 0, 1)
        return text
    text = Text.assemble(
        (mark, colour), f" {part.name}: {part.points:g} points, about {part.minutes} minutes\n  "
    )
    known = next(p for p in session.state.parts if p.part == part.name)
    if status == FAILED and known.sentence:
        text.append(known.sentence)
    elif status == UNTOUCHED:
        text.append("Not started. Write it in the notebook and save.")
    elif status == CHANGED:
        text.append("Changed since it was checked.")
    else:
        text.append(screen.WORDS[status].capitalize() + ".")
    return text


def _list(session: WatchSession) -> RenderableType:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for part in session.state.parts:
        mark, colour = screen.MARKS[part.status]
        here = "[cyan]▸[/]" if part.part == session.part.name else " "
        table.add_row(
            f"{here} [{colour}]{mark}[/] {part.part}",
            f"{part.points:g}/{part.max_points:g}",
            f"[dim]{screen.WORDS[part.status]}[/]",
        )
    return table
