"""The class's code in the layouts that tools for similar code read.

    speechlab similarity t03 --to similarity/

writes

| in the folder | holds |
|---|---|
| `submissions/<student>/` | `<part>.py` for each part, `helpers.py` for other code of their own |
| `base/` | the same of the released page: what everybody was given does not count |
| `dolos.zip` | `info.csv` and a file per student; the released page is marked `ignored` |
| `README.txt` | the commands below; whose code is not compared, and why |

[JPlag](https://github.com/jplag/JPlag) (Java 21; compares on your machine, no upload):

    java -jar jplag.jar -l python3 -bc base submissions

[Dolos](https://dolos.ugent.be) (Node.js; `npm install -g @dodona/dolos`, or upload the zip there):

    dolos run -l python -f web dolos.zip

[copydetect](https://pypi.org/project/copydetect/) (`pip install copydetect`):

    copydetect -t submissions -b base -e py -s -l

Short parts are alike in every class: a mel filter has few ways to be written. Read a high figure as a
reason to look, never as a proof; compare first what has many ways, and what is equally wrong.

Students may be called by numbers in these files (`--key who.csv`). The key (number → student) is a file
of its own, outside the folder, so that the folder can be given away without it. Comments stay as they are:
a name that a student wrote into their code is still there.
"""

from __future__ import annotations

import ast
import csv
import io
import random
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder import percent
from autograder.course import Lab
from autograder.definitions import Code
from autograder.errors import GradingError, NotebookError
from autograder.files import write_atomic
from autograder.notebook import Reading, read_notebook, read_parts
from autograder.results.names import unique_names
from autograder.results.roster import Roster
from autograder.results.tables import safe_cell
from autograder.submissions import Submission

HELPERS = "helpers"
STUB = "raise NotImplementedError()"
_SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION[ \t]*$", re.S | re.M)
_MAGIC = re.compile(r"^([ \t]*)([%!?].*|.*\?)$", re.M)
# an archive is the same whenever it is made
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)


@dataclass
class Exported:
    """What was written.

    Attributes:
        names: folder → student.
        left_out: sentences: whose code is not compared, or not all of it.
        count: how many submissions there is code of.
    """

    folder: Path
    names: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    count: int = 0


def export_similarity(
    folder: Path,
    lab: Lab,
    submissions: Sequence[Submission],
    key: Path | None = None,
    roster: Roster | None = None,
) -> Exported:
    """Write the code of a class for comparison.

    Args:
        folder: is made; must be empty or not there.
        key: call students by numbers, in no order that tells who is who, and write here who is who.
        roster: names for Dolos' report; not used with `key`.
    Raises:
        GradingError: if the folder holds something, or the key would lie in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise GradingError(f"{folder}: is there already, expected an empty folder or a new one")
    if key is not None and key.resolve().is_relative_to(folder.resolve()):
        raise GradingError(f"{key}: lies in {folder}, expected a place outside: the folder is given away")
    names = unique_names([item.student for item in submissions])
    if key is not None:
        numbers = list(range(1, len(names) + 1))
        random.SystemRandom().shuffle(numbers)
        names = [f"student-{n:0{len(str(len(names)))}d}" for n in numbers]
    exported = Exported(folder, dict(zip(names, (item.student for item in submissions), strict=True)))
    given = _page(lab)
    _write_files(folder / "base", given)
    common = {_text(cell) for cell in released_cells(lab) if cell.part is None}
    whole = {"base.py": _join(given)}
    rows = [["base.py", "", "", "true"]]
    for name, item in zip(names, submissions, strict=True):
        who = name if key is not None else f"{name} ({item.student})" if name != item.student else name
        try:
            reading = read_parts(read_notebook(item.path), lab, item.path.name)
        except NotebookError as error:
            # the message holds the path and with it the student
            why = "cannot be read as a notebook of this lab" if key is not None else str(error)
            exported.left_out.append(f"{who}: {why}")
            continue
        files, broken = _own_code(reading, common)
        exported.left_out += [f"{who}: {part} is no valid Python" for part in broken]
        if not files:
            exported.left_out.append(f"{who}: no code of their own")
            continue
        _write_files(folder / "submissions" / name, files)
        exported.count += 1
        whole[f"{name}.py"] = _join(files)
        person = roster.get(item.student) if roster and key is None else None
        section, full = (person.section, person.name) if person else ("", name)
        rows.append([f"{name}.py", section, full, "false"])
    write_atomic(folder / "dolos.zip", _archive(rows, whole))
    write_atomic(folder / "README.txt", _readme(lab, exported))
    if key is not None:
        _write_key(key, exported)
    return exported


def released_cells(lab: Lab) -> list[Code]:
    """Code cells of the page as released: stubs instead of solutions."""
    _, cells = percent.read(lab.source)
    return [
        Code(_SOLUTION.sub(rf"\1{STUB}", cell.source) if cell.part else cell.source, cell.part)
        for cell in cells
        if cell.kind == "code"
    ]


def _page(lab: Lab) -> dict[str, str]:
    files = {cell.part: cell.source for cell in released_cells(lab) if cell.part}
    files[HELPERS] = "\n\n".join(_plain(cell.source) for cell in released_cells(lab) if not cell.part)
    return files


def _own_code(reading: Reading, common: set[str]) -> tuple[dict[str, str], list[str]]:
    """Parts and helpers of one student; the names of those that no tool could parse.

    One file that is no Python would make JPlag drop all of a student's code.
    """
    files: dict[str, str] = {}
    broken = []
    helpers = []
    for cell in reading.cells:
        source = _plain(cell.source)
        if cell.part is None and (_text(cell) in common or not source.strip()):
            continue
        try:
            ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            broken.append(cell.part or "a cell of their own")
            continue
        if cell.part:
            files[cell.part] = source
        else:
            helpers.append(source)
    if helpers:
        files[HELPERS] = "\n\n".join(helpers)
    return files, broken


def _plain(source: str) -> str:
    """Code without IPython's magics, which are no Python: as comments, so that lines keep their numbers."""
    text = source.encode("utf-8", "replace").decode()
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _MAGIC.sub(r"\1# \2", text)
    return text


def _text(cell: Code) -> str:
    return "\n".join(line.rstrip() for line in cell.source.strip().split("\n"))


def _join(files: dict[str, str]) -> str:
    return "\n\n\n".join(f"# --- {name}\n{source}" for name, source in files.items()) + "\n"


def _write_files(folder: Path, files: dict[str, str]) -> None:
    for name, source in files.items():
        write_atomic(folder / f"{name}.py", source.rstrip("\n") + "\n")


def _archive(rows: list[list[str]], files: dict[str, str]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["filename", "label", "full_name", "ignored"])
    writer.writerows(map(safe_cell, row) for row in rows)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {"info.csv": table.getvalue(), **files}.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _readme(lab: Lab, exported: Exported) -> str:
    assert __doc__ is not None
    commands = __doc__[__doc__.index("[JPlag]") : __doc__.index("Students may")]
    left_out = "\n".join(f"- {line}" for line in exported.left_out) or "- nobody"
    return (
        f"Code of a class for {lab.name}. Run these in this folder.\n\n{commands.strip()}\n\n"
        f"Not compared:\n\n{left_out}\n"
    )


def _write_key(path: Path, exported: Exported) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["number", "student_id"])
    writer.writerows([name, safe_cell(student)] for name, student in sorted(exported.names.items()))
    write_atomic(path, buffer.getvalue())
    path.chmod(0o600)
