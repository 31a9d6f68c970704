"""Pieces of HTML that the pages share: tables, figures, whose parts, verdicts. They work from `file://`."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STYLE = Path(__file__).with_name("page.css")


def text(value: Any) -> str:
    return html.escape(str(value))


def link(folder: Path, path: Path, label: str) -> str:
    """A link that works from a page in `folder`, wherever that folder is moved to."""
    relative = Path(os.path.relpath(path, folder)).as_posix()
    return f'<a href="{text(relative)}">{text(label)}</a>'


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, numbers: Sequence[int] = ()
) -> str:
    """A table of HTML cells.

    Args:
        numbers: columns to align on the right.
    """

    def row(cells: Sequence[str], tag: str) -> str:
        found = []
        for column, cell in enumerate(cells):
            kind = ' class="number"' if column in numbers else ""
            if tag == "th":
                found.append(f'<th scope="col"{kind}>{cell}</th>')
            elif column == 0:
                found.append(f'<th scope="row"{kind}>{cell}</th>')
            else:
                found.append(f"<td{kind}>{cell}</td>")
        return f"<tr>{''.join(found)}</tr>"

    body = "\n".join(row(cells, "td") for cells in rows)
    return (
        f'<div class="scroll"><table><caption class="hidden">{text(caption)}</caption>'
        f"<thead>{row(head, 'th')}</thead><tbody>\n{body}\n</tbody></table></div>"
    )


def figure(folder: str, file: str, alt: str, caption: str = "") -> str:
    words = f"<figcaption>{caption}</figcaption>" if caption else ""
    source = text(f"{folder}/{file}")
    return f'<figure class="plot"><img src="{source}" alt="{text(alt)}">{words}</figure>'


def player(source: str, label: str) -> str:
    """An audio player; `label` is what a screen reader says."""
    return f'<audio controls preload="metadata" src="{text(source)}" aria-label="{text(label)}"></audio>'


def verdict(good: bool, words: str) -> str:
    """A verdict in words and a sign, never by colour alone."""
    kind, sign = ("good", "✓") if good else ("bad", "✗")
    return f'<span class="{kind}">{sign} {text(words)}</span>'


def beside_target(value: float, target: float | None) -> str:
    """Whether an accuracy reaches its target; nothing where there is none."""
    if target is None:
        return ""
    reached = value >= target
    return " " + verdict(reached, f"target of {target:.0%} {'reached' if reached else 'missed'}")


def parts_list(parts: Sequence[dict[str, str]]) -> str:
    """Whose parts a system is made of, lab by lab."""
    items = []
    for lab in dict.fromkeys(entry["lab"] for entry in parts):
        by = {entry["part"]: entry["by"] for entry in parts if entry["lab"] == lab}
        yours = [f"<code>{text(part)}</code>" for part, who in by.items() if who == "yours"]
        others = [f"<code>{text(part)}</code>" for part, who in by.items() if who != "yours"]
        filled = f"; the reference's: {', '.join(others)}" if others else ""
        count = f"{len(yours)} of {len(by)} parts yours"
        items.append(f"<li><strong>{text(lab)}</strong>, {count}: {', '.join(yours) or 'none'}{filled}</li>")
    return f"<ul>{''.join(items)}</ul>"
