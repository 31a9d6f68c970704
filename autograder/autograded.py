"""The page that is graded and shown: the released one with the learner's answers, then with the marks.

Whatever is in a submitted file is data here: text, ids and pasted pictures. Points, locked cells,
outputs and all other metadata are the course's own.
"""

from __future__ import annotations

import html
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbformat import from_dict
from nbgrader.utils import compute_checksum

from autograder.build import source_notebook
from autograder.course import Lab
from autograder.errors import CourseError, NotebookError
from autograder.feedback import clean, part_html, part_text
from autograder.grading import LabResult, PartResult
from autograder.notebook import Reading, belongs_to, grade_id, is_check, read_parts, source_of

MISSING = "# The cell of this part was missing."
NO_ANSWER = "*The cell of this answer was missing.*"
UNGRADED = "ungraded"
PICTURES = ("image/png", "image/jpeg", "image/gif")  # what may be pasted into a written answer
MAX_SHOWN = 100_000  # characters of a cell that a feedback page shows; all of them are graded
MAX_OWN = 200  # cells of the learner's own that it shows
MAX_DETAIL = 10_000


def page_of(name: str, lab: Lab | None, source: Path | None = None) -> dict[str, Any]:
    """The page of a notebook as the instructor has it: nbgrader's source.

    Args:
        name: of the notebook, without ".ipynb".
        lab: what grades it; None for a notebook that is an instructor's own.
        source: where nbgrader's source notebook lies; one built from the lab if it is not there.
    Raises:
        CourseError: if there is no page, or it is of another version than the lab.
    """
    if source is not None and source.is_file():
        page = _read_page(source, source.stat().st_mtime_ns)
    elif lab is not None:
        page = source_notebook(lab)
    else:
        raise CourseError(f"{name} is no lab of this course, and there is no {source} to grade by")
    ids = {grade_id(cell) for cell in page["cells"]}
    wanted = [name for part in lab.parts for name in (part.name, f"check_{part.name}")] if lab else []
    gone = [name for name in wanted if name not in ids]
    if gone:
        raise CourseError(
            f"{source} lacks {', '.join(gone)}: it is of another version than the lab; run `speechlab build`"
        )
    return page


@lru_cache(maxsize=64)
def _read_page(source: Path, _changed: int) -> dict[str, Any]:
    return json.loads(source.read_text(encoding="utf-8"))


def as_data(
    notebook: dict[str, Any], remarks: list[str] | None = None, problem: str = "", absent: bool = False
) -> Any:
    """A submitted notebook as nbgrader can carry it: each cell's kind, text, id and pasted pictures.

    Args:
        remarks: about the file, a sentence each.
        problem: why there is nothing to grade; empty if there is.
        absent: no file was submitted.
    """
    cells: list[dict[str, Any]] = []
    for cell in notebook.get("cells", []):
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            continue
        kept = _cell(cell["cell_type"], f"theirs{len(cells)}", _whole(source_of(cell)))
        own = grade_id(cell)
        if own is not None:
            kept["metadata"]["nbgrader"] = {"grade_id": _whole(own)}
        pictures = _pictures(cell) if cell["cell_type"] == "markdown" else {}
        if pictures:
            kept["attachments"] = pictures
        cells.append(kept)
    about: dict[str, Any] = {"remarks": remarks or [], "problem": problem, "absent": absent}
    lab = belongs_to(notebook)
    if lab is not None:
        about["lab"] = _whole(lab)
    return from_dict({"cells": cells, "metadata": {"speechlab": about}, "nbformat": 4, "nbformat_minor": 5})


def _cell(kind: str, identity: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": identity, "metadata": {}, "source": source}
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
    return cell


def _whole(text: str) -> str:
    """Text that can be written: JSON may name halves of characters (lone surrogates)."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _pictures(cell: dict[str, Any]) -> dict[str, dict[str, str]]:
    attached = cell.get("attachments")
    found: dict[str, dict[str, str]] = {}
    for name, kinds in attached.items() if isinstance(attached, dict) else ():
        for kind, data in kinds.items() if isinstance(kinds, dict) else ():
            text = "".join(data) if isinstance(data, list) and all(isinstance(d, str) for d in data) else data
            if kind in PICTURES and isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9+/=\s]*", text):
                found[_whole(name)] = {kind: text}
    return found


def read_submission(notebook: dict[str, Any], lab: Lab) -> Reading:
    """The submission's parts; a notebook that is not this lab's answers nothing, and says so."""
    about = notebook["metadata"].get("speechlab")
    about = about if isinstance(about, dict) else {}
    remarks = [str(remark) for remark in about.get("remarks", [])]
    nothing = [part.name for part in lab.parts]
    if about.get("problem"):
        return Reading([], missing=nothing, remarks=[*remarks, str(about["problem"])])
    try:
        reading = read_parts(notebook, lab, "the submitted file")
    except NotebookError as error:
        return Reading([], missing=nothing, remarks=[*remarks, str(error)])
    return Reading(reading.cells, reading.missing, remarks + reading.remarks)


def restore(notebook: dict[str, Any], lab: Lab | None, page: dict[str, Any] | None = None) -> Any:
    """The course's page with the learner's answers, and the learner's own cells where they stood.

    Whatever happened to the locked cells, the page that is graded and shown is the released one.
    No answer of the instructor's is left in it.

    Args:
        notebook: the submission as data.
        lab: what grades it; None for a notebook that is an instructor's own.
        page: as of `page_of`; built from the lab if not given.
    """
    if page is None:
        if lab is None:
            raise ValueError("lab is None and page is not given: expected one of them")
        page = source_notebook(lab)
    about = dict(notebook["metadata"].get("speechlab") or {})
    reading = read_submission(notebook, lab) if lab else Reading([], remarks=list(about.get("remarks", [])))
    answers = {code.part: code.source for code in reading.cells if code.part}
    parts = {part.name for part in lab.parts} if lab else set()
    written = {} if about.get("problem") else _written(notebook)
    restored = from_dict(page)
    own = _own_cells(notebook, page)
    cells = own.get(-1, [])
    for number, cell in enumerate(restored.cells):
        name = grade_id(cell)
        given = cell.metadata.get("nbgrader") or {}
        cell.setdefault("id", f"page{number}")
        if name is not None and name in parts:
            cell.source = answers.get(name, MISSING)
        elif given.get("solution"):
            answer = written.get(name or "")
            empty = MISSING if cell.cell_type == "code" else NO_ANSWER
            cell.source = source_of(answer) if answer else empty
            cell.pop("attachments", None)
            if answer and cell.cell_type == "markdown" and answer.get("attachments"):
                cell.attachments = from_dict(answer["attachments"])
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if given:
            cell.metadata.nbgrader.checksum = compute_checksum(cell)
        cells.append(cell)
        cells += own.get(number, [])
    restored.cells = cells
    restored.nbformat, restored.nbformat_minor = 4, 5
    restored.metadata.speechlab = from_dict(
        {
            "lab": lab.name if lab else None,
            "remarks": reading.remarks,
            "missing": reading.missing,
            "problem": about.get("problem", ""),
            UNGRADED: True,
        }
    )
    return restored


def is_ungraded(path: Path) -> bool:
    """Whether a page in nbgrader's folder of graded ones was restored, but then not graded."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        # nbformat writes keys in order: the mark is among the last lines
        return f'"{UNGRADED}": true'.encode() in file.read()


def _written(notebook: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """First cell of each id."""
    found: dict[str, dict[str, Any]] = {}
    for cell in notebook["cells"]:
        name = grade_id(cell)
        if name:
            found.setdefault(name, cell)
    return found


def _own_cells(notebook: dict[str, Any], page: dict[str, Any]) -> dict[int, list[Any]]:
    """Cells that the learner added, by the number of the page's cell that they follow (-1: none).

    The place counts: what a cell defines may need what stands above it. Text of their own is kept only
    where a task asks for it; elsewhere their notes are theirs.
    """
    by_id = {grade_id(cell): number for number, cell in enumerate(page["cells"]) if grade_id(cell)}
    by_text: dict[str, list[int]] = {}
    for number, cell in enumerate(page["cells"]):
        by_text.setdefault(source_of(cell), []).append(number)
    tasks = any((cell.get("metadata", {}).get("nbgrader") or {}).get("task") for cell in page["cells"])
    kinds = ("code", "markdown") if tasks else ("code",)
    found: dict[int, list[Any]] = {}
    after, count = -1, 0
    for cell in notebook["cells"]:
        name, text = grade_id(cell), source_of(cell)
        if name in by_id:
            after = by_id[name]
        elif text in by_text:
            same = by_text[text]
            after = next((number for number in same if number > after), same[-1])
        elif cell.get("cell_type") in kinds and text.strip() and not is_check(cell):
            kept = _cell(cell["cell_type"], f"own{count}", text)
            if cell.get("attachments"):
                kept["attachments"] = cell["attachments"]
            found.setdefault(after, []).append(from_dict(kept))
            count += 1
    return found


def answered(page: Any, lab: Lab) -> Reading:
    """What a restored page answers."""
    about = page.metadata.get("speechlab", {})
    reading = read_submission(page, lab)
    missing = [str(name) for name in about.get("missing", reading.missing)]
    cells = [code for code in reading.cells if code.part not in missing]
    return Reading(cells, missing, [str(remark) for remark in about.get("remarks", [])])


def write_outputs(nb: Any, result: LabResult) -> None:
    """Points and feedback as the outputs of the check cells, where nbgrader reads and shows them.

    What is for the instructor alone goes into metadata, which no page for a student shows.
    """
    by_part = {part.part: part for part in result.parts}
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        part = by_part.get((grade_id(cell) or "").removeprefix("check_")) if is_check(cell) else None
        if part is None:
            continue
        cell.execution_count = 1
        cell.outputs = [_display(part), _points(part)]
        about = {"fault": part.fault, "detail": clean_detail(part.detail), "flags": part.flags}
        cell.metadata.speechlab = from_dict({name: value for name, value in about.items() if value})
        cell.metadata.speechlab.graded = True
    run = {"isolation": result.isolation, "seed": result.seed, "seconds": round(result.seconds, 2)}
    nb.metadata.setdefault("speechlab", from_dict({})).update(run)
    show_remarks(nb, result.remarks)


def show_remarks(nb: Any, remarks: list[str]) -> None:
    """What is odd about the submission, at the top of its page; and nothing that is too long to show.

    With it the page is complete.
    """
    nb.metadata.get("speechlab", {}).pop(UNGRADED, None)
    own = [cell for cell in nb.cells if cell.get("id", "").startswith("own")]
    surplus = {cell.id for cell in own[MAX_OWN:]}
    if surplus:
        nb.cells = [cell for cell in nb.cells if cell.get("id") not in surplus]
        remarks = [*remarks, f"{len(own)} cells were added to the page; the first {MAX_OWN} are shown"]
    for cell in nb.cells:
        if len(cell.source) > MAX_SHOWN:
            cell.source = f"{cell.source[:MAX_SHOWN]}\n# … {len(cell.source) - MAX_SHOWN} more characters"
    if remarks:
        # a file's name and a lab's name are a stranger's text
        items = "".join(f"<li>{html.escape(one_line(remark))}</li>" for remark in remarks)
        text = f"<div><b>About this submission</b><ul>{items}</ul></div>"
        nb.cells.insert(0, from_dict(_cell("markdown", "remarks0", text)))


def note_page(name: str, about: dict[str, Any]) -> Any:
    """A page without cells to grade: for a notebook that was not submitted."""
    title = from_dict(_cell("markdown", "title0", f"# {html.escape(name)}"))
    return from_dict({"cells": [title], "metadata": {"speechlab": about}, "nbformat": 4, "nbformat_minor": 5})


def one_line(text: str) -> str:
    """For a log or a list: a stranger's text without control characters and line breaks."""
    return " ".join(clean(text).split())


def clean_detail(text: str) -> str:
    cut = text if len(text) <= MAX_DETAIL else text[:MAX_DETAIL] + " …"
    return _whole("".join(c for c in cut if c == "\n" or c.isprintable()))


def _display(part: PartResult) -> Any:
    # a learner's message may hold dollar signs: it is no formula
    shown = f'<div class="tex2jax_ignore mathjax_ignore">{part_html(part)}</div>'
    data = {"text/plain": part_text(part), "text/html": shown}
    return from_dict({"output_type": "display_data", "data": data, "metadata": {}})


def _points(part: PartResult) -> Any:
    # nbgrader reads a number as the cell's points
    data = {"text/plain": repr(float(part.points))}
    return from_dict({"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1})
