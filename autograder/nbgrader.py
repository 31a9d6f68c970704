"""The preprocessors through which stock `nbgrader autograde` uses this engine.

nbgrader keeps its folders, gradebook, late penalties and feedback; only the execution of the notebook
is replaced. Marks come from the checks, never from what a notebook says about itself.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import from_dict
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import compute_checksum

from autograder.build import source_notebook
from autograder.course import Course, Lab, load_course
from autograder.errors import NotebookError
from autograder.feedback import clean, part_html, part_text
from autograder.grading import LabResult, PartResult, grade
from autograder.notebook import Reading, grade_id, is_check, read_notebook, read_parts, source_of

UNREADABLE = "speechlab_unreadable"
MISSING = "# The cell of this part was missing."


@cache
def _course() -> Course:
    return load_course()


def _read(notebook: Any, lab: Lab) -> Reading:
    """The submission's parts; a notebook that is not this lab's answers nothing, and says so."""
    problem = notebook["metadata"].get(UNREADABLE)
    if problem:
        return Reading([], missing=[part.name for part in lab.parts], remarks=[str(problem)])
    try:
        return read_parts(notebook, lab, "the submitted file")
    except NotebookError as error:
        return Reading([], missing=[part.name for part in lab.parts], remarks=[str(error)])


def restore(notebook: Any, lab: Lab) -> Any:
    """The lab's own page with the learner's answers, and the learner's own cells where they stood.

    Whatever happened to the locked cells, the page that is graded and shown is the released one.
    """
    reading = _read(notebook, lab)
    answers = {code.part: code.source for code in reading.cells if code.part}
    page = from_dict(source_notebook(lab))
    cells = []
    own = _own_cells(notebook, lab)
    cells += own.pop(None, [])
    for cell in page.cells:
        part = grade_id(cell)
        if part and not is_check(cell):
            cell.source = answers.get(part, MISSING)
        if cell.metadata.get("nbgrader"):
            cell.metadata.nbgrader.checksum = compute_checksum(cell)
        cells.append(cell)
        cells += own.pop(part, []) if part else []
    page.cells = cells
    page.metadata.speechlab = from_dict({"lab": lab.name, "remarks": reading.remarks})
    return page


def _own_cells(notebook: Any, lab: Lab) -> dict[str | None, list[Any]]:
    """Code cells that the learner added, by the graded cell that they follow."""
    released = {source_of(cell) for cell in source_notebook(lab)["cells"]}
    found: dict[str | None, list[Any]] = {}
    after = None
    for cell in notebook["cells"]:
        known = grade_id(cell)
        if known:
            after = known
        elif (
            isinstance(cell, dict)
            and cell.get("cell_type") == "code"
            and source_of(cell).strip()
            and source_of(cell) not in released
        ):
            found.setdefault(after, []).append(from_dict(cell))
    return found


class SubmissionExporter(NotebookExporter):
    """Reads a submitted file. One that is no notebook becomes an empty one that says why.

    nbgrader would give up the submission; so the student gets a page with the reason, and 0 points.
    """

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[Any, Any]:
        try:
            read_notebook(Path(filename))
            nbformat.read(filename, as_version=4)
        except Exception as error:
            # whatever nbformat stumbles over: the file is a stranger's, and the next one must be graded
            reason = str(error) if isinstance(error, NotebookError) else f"not a Jupyter notebook: {error}"
            first = clean(reason.strip().split("\n")[0])
            problem = f"The submitted file cannot be read: {first.removeprefix(f'{filename}: ')}"
            empty = nbformat.v4.new_notebook(metadata={UNREADABLE: problem})
            return self.from_notebook_node(empty, resources, **options)
        return super().from_filename(filename, resources, **options)


class RestorePage(NbGraderPreprocessor):
    """Puts the learner's answers into the released page; first occurrence of a grade_id wins."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        lab = _course().lab(resources["nbgrader"]["notebook"])
        page = restore(nb, lab)
        for remark in page.metadata.speechlab.remarks:
            self.log.warning("%s: %s", resources["nbgrader"]["student"], remark)
        return page, resources


class GradeParts(NbGraderPreprocessor):
    """Grades the parts in a process of their own and writes points and feedback into the check cells."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        course = _course()
        lab = course.lab(resources["nbgrader"]["notebook"])
        remarks = list(nb.metadata.get("speechlab", {}).get("remarks", []))
        reading = _read(nb, lab)
        answered = [c for c in reading.cells if not (c.part and c.source == MISSING)]
        missing = [p.name for p in lab.parts if p.name not in {c.part for c in answered}]
        result = grade(course, lab, Reading(answered, missing, remarks))
        self.log.info("%s: %g of %g points", lab.name, result.points, result.max_points)
        write_outputs(nb, result)
        return nb, resources


def write_outputs(nb: Any, result: LabResult) -> None:
    """Points and feedback as the outputs of the check cells, where nbgrader reads and shows them."""
    by_part = {part.part: part for part in result.parts}
    for cell in nb.cells:
        if cell.cell_type == "code" and not is_check(cell):
            cell.outputs, cell.execution_count = [], None
            continue
        if not is_check(cell):
            continue
        part = by_part[(grade_id(cell) or "").removeprefix("check_")]
        cell.execution_count = 1
        cell.outputs = [_display(part), _points(part)]
    if result.remarks:
        text = "About this submission:\n\n" + "\n".join(f"- {clean(remark)}" for remark in result.remarks)
        note = {"cell_type": "raw", "id": "remarks0", "metadata": {}, "source": text}
        nb.cells.insert(0, from_dict(note))


def _display(part: PartResult) -> Any:
    data = {"text/plain": part_text(part), "text/html": part_html(part)}
    return from_dict({"output_type": "display_data", "data": data, "metadata": {}})


def _points(part: PartResult) -> Any:
    # nbgrader reads a number as the cell's points
    data = {"text/plain": repr(float(part.points))}
    return from_dict({"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1})
