"""`speechlab data`: the speech that labs work on."""

from __future__ import annotations

import click

from autograder.cli import screen


@click.group(
    epilog="""\b
Examples:
  speechlab data list
  speechlab data info fsdd
  speechlab data get fsdd"""
)
def data() -> None:
    """The speech that labs work on: what is here, what it is, how to get it."""


@data.command("list", epilog="\b\nExample:\n  speechlab data list")
def list_data() -> None:
    """All corpora, with their state on this machine and their licence."""
    from rich.markup import escape
    from rich.table import Table

    from labkit import corpora

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("name", "what", "speech", "here", "size", "licence"):
        table.add_column(heading, overflow="fold")
    for entry in corpora.list_corpora():
        colour = "dim" if entry.state == "absent" else "green"
        speech = "recorded" if entry.real else "synthetic"
        size = f"{entry.megabytes:g} MB"
        table.add_row(
            entry.name,
            escape(entry.title),
            speech,
            f"[{colour}]{entry.state}[/]",
            size,
            escape(entry.licence),
        )
    screen.console().print(table)


@data.command(epilog="\b\nExample:\n  speechlab data info fsdd")
@click.argument("name")
def info(name: str) -> None:
    """What corpus NAME holds, under which licence, and how to get it."""
    from labkit import corpora

    entry = corpora.info(name)
    out = screen.console()
    out.print(f"[bold]{entry.name}[/] · {entry.title}")
    rows = {
        "speech": "recorded" if entry.real else "synthetic",
        "licence": entry.licence,
        "source": entry.source,
        "size": f"{entry.clips} clips, {entry.speakers} speakers, {entry.seconds / 60:.1f} minutes, "
        f"{entry.sample_rate} Hz, {entry.megabytes:g} MB",
        "splits": entry.splits,
        "for": entry.use,
        "here": f"{entry.state}: {entry.path}" if entry.path else entry.state,
        "get it": entry.how,
        "card": str(entry.card or "not installed"),
    }
    for label, text in rows.items():
        out.print(f"  {label:<8} {text}", markup=False, soft_wrap=True)


@data.command(epilog="\b\nExamples:\n  speechlab data get fsdd\n  speechlab data get synth_digits")
@click.argument("name")
def get(name: str) -> None:
    """Bring corpus NAME to this machine: from the mirror, or the internet, or made here."""
    from labkit import corpora

    entry = corpora.info(name)
    out = screen.console()
    out.print(f"{entry.title}. Licence: {entry.licence}.", markup=False)
    path = corpora.get(name, progress=True)
    out.print(f"{name} is here: {path}", markup=False, soft_wrap=True)
