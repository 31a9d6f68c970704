"""A learner's notebook read as data: which cell answers which part.

Nothing else is taken from it: no points, no tests, no outputs, no ids but those of the parts.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import Lab
from autograder.definitions import Code
from autograder.errors import NotebookError

MAX_BYTES = 50 * 1024 * 1024
MAX_SOURCE = 4 * 1024 * 1024  # characters of all cells; a lab's page has about 60 000
MAX_CELLS = 10_000
MAX_DEPTH = 100  # of lists and objects; a plot's data is nested about ten deep
MAX_CONTAINERS = 1_000_000  # 50 MB of empty lists would take more than 1 GB of memory

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")


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


def read_notebook(path: Path, follow_symlinks: bool = False) -> dict[str, Any]:
    """The notebook as plain data.

    Args:
        follow_symlinks: read what a link points to: for files of one's own. A link in a submission may
            point at another student's work, or at a file that never ends.
    Raises:
        NotebookError: if the file is missing, no plain file, empty, too large, no JSON or no notebook.
    """
    try:
        data = _read(path, follow_symlinks)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise NotebookError(
                f"{path}: is a link to another file, expected a notebook; put the file itself there"
            ) from error
        raise NotebookError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the path
        raise NotebookError(f"{path}: cannot be read: {error}") from error
    return parse_notebook(data, str(path))


def _read(path: Path, follow_symlinks: bool) -> bytes:
    """At most MAX_BYTES + 1 bytes of a plain file.

    What is asked is the open file, so that nothing can be put in its place between question and reading.
    """
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"):  # a pipe must not wait for its writer
        flags |= getattr(os, name, 0)
    if not follow_symlinks:
        if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():  # Windows
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        flags |= getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NotebookError(f"{path}: is no plain file, expected a notebook")
        parts, left = [], MAX_BYTES + 1
        while left and (part := file.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)


def parse_notebook(data: bytes, name: str) -> dict[str, Any]:
    """The same from bytes; `name` is for messages."""
    if len(data) > MAX_BYTES:
        raise NotebookError(
            f"{name}: more than {MAX_BYTES // 2**20} MB, expected less; clear its outputs and save again"
        )
    if not data.strip():
        raise NotebookError(f"{name}: the file is empty, expected a Jupyter notebook")
    if data.count(b"[") + data.count(b"{") > MAX_CONTAINERS:
        raise NotebookError(f"{name}: has too many lists and objects; clear its outputs and save again")
    if data.startswith(_UTF16):
        raise NotebookError(f"{name}: damaged, it is saved as UTF-16; save it again as UTF-8")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotebookError(
            f"{name}: damaged, it is not saved as UTF-8 (byte {error.object[error.start]:#x} at "
            f"{error.start}); save it again as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise NotebookError(f"{name}: damaged, it is no JSON ({error}); restore a saved copy") from error
    if not _is_shallow(notebook):
        raise NotebookError(f"{name}: damaged, it is nested more than {MAX_DEPTH} deep; restore a saved copy")
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        if isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
            raise NotebookError(
                f"{name}: is in Jupyter's old format 3, expected 4; convert it with "
                "`jupyter nbconvert --to notebook --inplace FILE`"
            )
        raise NotebookError(f"{name}: is JSON but no Jupyter notebook: it has no list of cells")
    if len(notebook["cells"]) > MAX_CELLS:
        raise NotebookError(f"{name}: {len(notebook['cells'])} cells, expected at most {MAX_CELLS}")
    size = sum(len(source_of(cell)) for cell in notebook["cells"])
    if size > MAX_SOURCE:
        raise NotebookError(f"{name}: {size} characters in its cells, expected at most {MAX_SOURCE}")
    return _mended(notebook) if rb"\ud" in data.lower() else notebook


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for box in level
            for item in (box.values() if type(box) is dict else box if type(box) is list else ())
            if type(item) in (list, dict)
        ]
        if not level:
            return True
    return False


def _mended(value: Any) -> Any:
    """The same without halves of characters, which JSON can spell but no file can hold."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value


def source_of(cell: Any) -> str:
    """Text of a cell, which the format allows to be a string or a list of lines.

    A NUL, at which Python's parser stops with an error of its own kind, becomes a replacement character.
    """
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source.replace("\0", "\ufffd") if isinstance(source, str) else ""


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
    """Name of the lab that the notebook was built from, if it says so, and if it can be one."""
    try:
        name = notebook["metadata"]["speechlab"]["lab"]
    except (KeyError, TypeError):
        return None
    return name if isinstance(name, str) and re.fullmatch(r"\w{1,80}", name) else None


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
