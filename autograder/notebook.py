"""A learner's notebook read as data: which cell answers which part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import Lab
from autograder.definitions import Code
from autograder.errors import NotebookError

MAX_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True)
class Reading:
    """What a notebook answers.

    Attributes:
        cells: its code cells in order; checks and later duplicates are left out.
        missing: parts whose cell is not there.
        remarks: what is odd about the notebook, one sentence each.
    """

    cells: list[Code]
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_notebook(path: Path) -> dict[str, Any]:
    """The notebook as plain data.

    Raises:
        NotebookError: if the file is missing, empty, too large, no JSON or no notebook.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise NotebookError(
                f"{path}: {size} bytes, expected at most {MAX_BYTES}; clear its outputs and save again"
            )
        data = path.read_bytes()
    except OSError as error:
        raise NotebookError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_notebook(data, str(path))


def parse_notebook(data: bytes, name: str) -> dict[str, Any]:
    """The same from bytes; `name` is for messages."""
    if not data.strip():
        raise NotebookError(f"{name}: the file is empty, expected a Jupyter notebook")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NotebookError(f"{name}: damaged, it is no JSON ({error}); restore a saved copy") from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise NotebookError(f"{name}: is JSON but no Jupyter notebook: it has no list of cells")
    return notebook


def source_of(cell: Any) -> str:
    """Text of a cell, which the format allows to be a string or a list of lines."""
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def grade_id(cell: Any) -> str | None:
    """nbgrader's id of a cell, if it is one of nbgrader's."""
    try:
        found = cell["metadata"]["nbgrader"]["grade_id"]
    except (KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def is_check(cell: Any) -> bool:
    """Whether the cell is a locked check; its text counts for nothing."""
    return (grade_id(cell) or "").startswith("check_")


def belongs_to(notebook: dict[str, Any]) -> str | None:
    """Name of the lab that the notebook was built from, if it says so."""
    try:
        name = notebook["metadata"]["speechlab"]["lab"]
    except (KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def read_parts(notebook: dict[str, Any], lab: Lab, name: str = "the notebook") -> Reading:
    """The code cells of a submission, with the parts they answer.

    The first cell with a part's grade_id is its answer; later ones are ignored and reported. Cells of
    the learner's own stay as helpers.
    Raises:
        NotebookError: if the notebook is another lab's.
    """
    own = belongs_to(notebook)
    names = {part.name for part in lab.parts}
    ids = [grade_id(cell) for cell in notebook["cells"]]
    if own not in (None, lab.name) or (own is None and ids and names.isdisjoint(filter(None, ids))):
        whose = f"the notebook of {own}" if own else "not a notebook of this lab: none of its parts is in it"
        raise NotebookError(f"{name}: is {whose}, expected {lab.name}")

    cells: list[Code] = []
    seen: set[str] = set()
    remarks = []
    for cell, own_id in zip(notebook["cells"], ids, strict=True):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code" or is_check(cell):
            continue
        if own_id not in names:
            cells.append(Code(source_of(cell)))
        elif own_id in seen:
            remarks.append(f"part {own_id} has several cells; the first one counts")
        else:
            seen.add(own_id)
            cells.append(Code(source_of(cell), own_id))
    missing = [part.name for part in lab.parts if part.name not in seen]
    remarks += [f"the cell of part {part} is missing" for part in missing]
    return Reading(cells, missing, remarks)
