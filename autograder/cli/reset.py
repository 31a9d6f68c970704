"""`speechlab reset`: a lab's notebook, or one part of it, as it was released. Work is backed up first."""

from __future__ import annotations

import json
from typing import Any

import click

from autograder.cli import NOT_PASSED, screen, where
from autograder.course import Course, Lab
from autograder.errors import NotebookError
from autograder.files import back_up, write_atomic
from autograder.notebook import grade_id, parse_notebook, read_notebook, read_parts, source_of
from autograder.pristine import pristine_bytes


@click.command(
    epilog="""\b
Examples:
  speechlab reset t03          the whole notebook, after asking
  speechlab reset t03 frame    only the cell of that part
  speechlab reset t03 --yes    without asking"""
)
@click.argument("lab")
@click.argument("part", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(lab: str, part: str | None, yes: bool) -> int:
    """Renew the notebook of LAB, or only its PART, from the release.

    The notebook as it is now is kept in .speechlab/backups; the command prints where. Close the
    notebook in Jupyter first, or reload it afterwards without saving.
    """
    course = where.course_here()
    found = course.lab(lab)
    if part is not None:
        found.part(part)
    path = course.notebook(found)
    out = screen.console()
    name = where.shown(course, path)
    what = f"the cell of {part} in {name}" if part else name
    if path.exists() and not yes and not click.confirm(f"Renew {what}? A backup is kept"):
        out.print("Nothing was changed.")
        return NOT_PASSED
    fresh = pristine_bytes(course, found)
    renewed = _with_part(course, found, part, fresh) if part else fresh
    if path.exists():
        saved = back_up(path, course.state_folder / "backups")
        out.print(f"Your work is kept in {where.shown(course, saved)}", markup=False)
    write_atomic(path, renewed)
    out.print(f"Renewed {what}.", markup=False)
    return 0


def _with_part(course: Course, lab: Lab, part: str, fresh: bytes) -> bytes:
    """The learner's notebook with one part's cell as released, put back where it was if it is gone."""
    path = course.notebook(lab)
    if not path.exists():
        raise NotebookError(f"{path}: is not there; `speechlab reset {lab.name}` makes it anew")
    try:
        notebook = read_notebook(path, follow_symlinks=True)
        read_parts(notebook, lab, str(path))
    except NotebookError as error:
        raise NotebookError(f"{error}. `speechlab reset {lab.name}` renews the whole notebook") from error
    pristine = parse_notebook(fresh, "the released notebook")
    cells = notebook["cells"]
    wanted = next(cell for cell in pristine["cells"] if grade_id(cell) == part)
    own = next((cell for cell in cells if grade_id(cell) == part), None)
    if own is None:
        cells.insert(_place(cells, pristine["cells"], part), wanted)
    else:
        own.update(source=source_of(wanted), outputs=[], execution_count=None, cell_type="code")
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _place(cells: list[Any], pristine: list[Any], part: str) -> int:
    """Where the cell of a part belongs: after the last graded cell before it that is still there."""
    ids = [grade_id(cell) for cell in pristine if grade_id(cell)]
    before = set(ids[: ids.index(part)])
    places = [i for i, cell in enumerate(cells) if grade_id(cell) in before]
    if places:
        return max(places) + 1
    after = [i for i, cell in enumerate(cells) if grade_id(cell)]
    return min(after) if after else len(cells)
