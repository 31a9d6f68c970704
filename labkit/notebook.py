"""Where we run, and what is shown there: tables and progress bars."""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tqdm import tqdm


def in_notebook() -> bool:
    """Whether output goes to a Jupyter notebook. Never imports IPython by itself."""
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return False
    shell = ipython.get_ipython()
    # a terminal IPython has no kernel and cannot show pictures or sound
    return shell is not None and getattr(shell, "kernel", None) is not None


def show(bundle: dict[str, object]) -> None:
    """Display one output, given as a mapping from MIME type to content, in the notebook."""
    from IPython.display import display

    display(bundle, raw=True)


def progress(iterable: Iterable, description: str = "", total: int | None = None) -> tqdm:
    """The same items, with a progress bar while you walk through them.

    Args:
        iterable: what to walk through.
        description: words in front of the bar.
        total: number of items, where `iterable` has no length.
    Returns:
        The bar. Iterate over it; `set_postfix(loss=0.3)` writes numbers behind it.
    """
    if in_notebook():
        # tqdm's notebook bar needs ipywidgets and leaves a widget state in the saved file; one line of
        # text that rewrites itself works everywhere
        from tqdm import tqdm

        return tqdm(
            iterable, desc=description or None, total=total, file=sys.stdout, ncols=88, mininterval=0.2
        )
    from tqdm import tqdm

    # disable=None: no bar where stderr is a file or a pipe
    return tqdm(iterable, desc=description or None, total=total, disable=None, dynamic_ncols=True)


def table(rows: Sequence[Mapping[str, object]], title: str = "") -> None:
    """Show rows as a table: HTML in a notebook, plain text elsewhere.

    Args:
        rows: one mapping per row. Columns are the keys, in order of first appearance; a key that a row
            lacks is an empty cell. Floats are shown with four significant digits.
        title: line above the table.
    Raises:
        TypeError: if a row is not a mapping.
    """
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"rows[{number}] is a {type(row).__name__}, expected a dict from column to value")
    columns = list(dict.fromkeys(str(key) for row in rows for key in row))
    values = [{str(key): value for key, value in row.items()} for row in rows]
    right = {c for c in columns if all(_is_number(row[c]) for row in values if c in row)}
    cells = [[_text(row[c]) if c in row else "" for c in columns] for row in values]
    if in_notebook():
        show(
            {
                "text/html": _html(columns, cells, right, title),
                "text/plain": _plain(columns, cells, right, title),
            }
        )
    else:
        print(_plain(columns, cells, right, title))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return f"{number:.1f}" if number.is_integer() and abs(number) < 1e6 else f"{number:.4g}"
    return str(value)


def _plain(columns: list[str], cells: list[list[str]], right: set[str], title: str) -> str:
    if not columns:
        return "\n".join([*([title] if title else []), "(no rows)"])
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(columns)]

    def line(texts: list[str]) -> str:
        fitted = [
            text.rjust(width) if name in right else text.ljust(width)
            for text, width, name in zip(texts, widths, columns, strict=True)
        ]
        return "  ".join(fitted).rstrip()

    rule = "  ".join("─" * width for width in widths)
    return "\n".join([*([title] if title else []), line(columns), rule, *(line(row) for row in cells)])


def _html(columns: list[str], cells: list[list[str]], right: set[str], title: str) -> str:
    def cell(tag: str, text: str, column: str) -> str:
        align = "right" if column in right else "left"
        return f'<{tag} style="text-align:{align};padding:2px 10px">{html.escape(text)}</{tag}>'

    head = "".join(cell("th", name, name) for name in columns)
    body = "".join(
        "<tr>" + "".join(cell("td", text, name) for text, name in zip(row, columns, strict=True)) + "</tr>"
        for row in cells
    )
    caption = (
        f'<caption style="text-align:left;font-weight:bold;padding:4px 10px">{html.escape(title)}</caption>'
        if title
        else ""
    )
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
