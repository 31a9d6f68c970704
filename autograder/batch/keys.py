"""What a finished result belongs to: the submission's text, the lab and the engine as they were."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from autograder.course import Course, Lab
from autograder.errors import NotebookError
from autograder.notebook import MAX_BYTES, Reading, belongs_to, grade_id, read_notebook, read_parts, source_of
from autograder.state import lab_version

# What shows results or carries them, but cannot change a mark or a sentence.
_NOT_GRADING = {"cli", "results", "batch"}


def digest(*texts: str) -> str:
    """One short name for some texts in their order."""
    found = hashlib.sha256()
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        found.update(len(raw).to_bytes(8, "little") + raw)
    return found.hexdigest()[:32]


def reading_key(reading: Reading) -> str:
    """Changes with anything in a submission that grading looks at; comments count, outputs do not."""
    texts = [text for code in reading.cells for text in (code.part or "", code.source)]
    return digest("parts", *texts, "missing", *reading.missing, "remarks", *reading.remarks)


def page_key(notebook: dict[str, Any]) -> str:
    """Changes with anything that nbgrader's page shows of a submission: every cell, pasted pictures too."""
    texts: list[str] = []
    for cell in notebook["cells"]:
        kind = str(cell.get("cell_type")) if isinstance(cell, dict) else ""
        attached = json.dumps(cell.get("attachments"), sort_keys=True) if isinstance(cell, dict) else ""
        texts += [kind, grade_id(cell) or "", source_of(cell), attached]
    return digest("page", belongs_to(notebook) or "", *texts)


def submission_key(
    path: Path, lab: Lab, options: dict[str, Any], others: Sequence[Path] = (), whole: bool = False
) -> str:
    """The key of a submitted file's result.

    Args:
        options: of grading, such as time limits: a result under other limits is another result.
        others: further files that may be graded in its place.
        whole: cells that are not graded count too, since they are shown.
    """
    try:
        notebook = read_notebook(path)
        key = page_key(notebook) if whole else ""
        key += reading_key(read_parts(notebook, lab, "the submitted file"))
    except NotebookError:
        key = _file_digest(path)
    beside = [text for other in others for text in (other.name, _file_digest(other))]
    return digest(key, *(f"{name}={options[name]!r}" for name in sorted(options)), *beside)


def _file_digest(path: Path) -> str:
    """Of a file that is no notebook, or is not read as one. Nothing is followed or waited for."""
    try:
        about = path.lstat()
    except OSError:
        return digest("absent")
    if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_BYTES:
        return digest("odd", str(about.st_mode), str(about.st_size), str(about.st_mtime_ns))
    try:
        return digest("unreadable", hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        return digest("locked", str(error.errno))


def lab_stamp(course: Course, lab: Lab) -> str:
    """Changes when a lab's parts, checks or mistakes change, or those of a lab that it builds on."""
    mistakes = "" if lab.folder is None else lab.mistakes.read_text(encoding="utf-8")
    return digest(lab_version(lab), mistakes, *(lab_stamp(course, course.lab(name)) for name in lab.needs))


@lru_cache(maxsize=1)
def engine_version() -> str:
    """Changes with the package's version and with every source file of it that can change a mark."""
    root = Path(__file__).resolve().parent.parent
    found = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.parts[0] not in _NOT_GRADING:
            found.update(inside.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    try:
        number = version("speechlab")
    except PackageNotFoundError:
        number = "source"
    return f"{number}+{found.hexdigest()[:16]}"
