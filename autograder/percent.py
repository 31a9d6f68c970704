"""Percent-format files as cells.

Jupytext defines the format and opens these files in Jupyter. Reading only headers and cell borders
here keeps `speechlab status` free of Jupytext's import; a test holds both readings equal.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.errors import CourseError

_BORDER = re.compile(r"^# %%(?P<options>.*)$")
_OPTION = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


@dataclass(frozen=True)
class Cell:
    """One cell of a page.

    Attributes:
        kind: "code" or "markdown".
        source: text without comment marks, no trailing newline.
        options: what stands on the border line, such as part="rms".
        line: number in the file (from 1) of the first line of `source`.
    """

    kind: str
    source: str
    options: dict[str, Any] = field(default_factory=dict)
    line: int = 1

    @property
    def part(self) -> str | None:
        return self.options.get("part")

    @property
    def hints(self) -> str | None:
        return self.options.get("hints")


def _options(text: str, where: str) -> dict[str, Any]:
    found = {}
    for key, value in _OPTION.findall(text):
        try:
            found[key] = json.loads(value)
        except ValueError as error:
            raise CourseError(f'{where}: {key}={value} is no JSON value; quote text as {key}="…"') from error
    return found


def _uncomment(line: str) -> str:
    return line[2:] if line.startswith("# ") else line.removeprefix("#")


def read(path: Path) -> tuple[dict[str, Any], list[Cell]]:
    """Header and cells of a percent file.

    Returns:
        The `lab` mapping of the YAML header (empty if there is none) and the cells in order.
    Raises:
        CourseError: if the header or a border cannot be read.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    header: dict[str, Any] = {}
    start = 0
    if lines and lines[0] == "# ---":
        try:
            end = lines.index("# ---", 1)
        except ValueError:
            raise CourseError(f"{path}: the header that starts with '# ---' has no end") from None
        import yaml

        try:
            meta = yaml.safe_load("\n".join(_uncomment(line) for line in lines[1:end])) or {}
        except yaml.YAMLError as error:
            raise CourseError(f"{path}: the header is no YAML: {error}") from error
        header = (meta.get("jupyter") or {}).get("lab") or {}
        start = end + 1

    cells: list[Cell] = []
    borders = [i for i in range(start, len(lines)) if _BORDER.match(lines[i])]
    for border, following in zip(borders, [*borders[1:], len(lines)], strict=True):
        text = _BORDER.match(lines[border])["options"].strip()  # type: ignore[index]
        kind = "markdown" if text.startswith("[markdown]") else "code"
        body = lines[border + 1 : following]
        first = border + 2
        while body and not body[0].strip():
            body, first = body[1:], first + 1
        while body and not body[-1].strip():
            body = body[:-1]
        if kind == "markdown":
            body = [_uncomment(line) for line in body]
        options = _options(text.removeprefix("[markdown]"), f"{path}:{border + 1}")
        cells.append(Cell(kind, "\n".join(body), options, first))
    return header, cells
