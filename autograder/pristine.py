"""The notebook of a lab as released, whatever a learner has done with theirs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autograder.course import Course, Lab
from autograder.errors import CourseError

FOLDER = ".pristine"


def released_notebook(course: Course, lab: Lab) -> Path:
    """Where a student release keeps the untouched notebook of a lab.

    Raises:
        CourseError: if it is not there.
    """
    path = course.root / "phases" / FOLDER / lab.phase / f"{lab.name}.ipynb"
    if not path.is_file():
        raise CourseError(f"{path.relative_to(course.root)} is missing from this release: unpack it again")
    return path


def pristine_bytes(course: Course, lab: Lab) -> bytes:
    """The untouched notebook of a lab: kept by a release, built where there are solutions.

    Raises:
        CourseError: if a release lacks it, or it cannot be built.
    """
    if lab.folder is None:
        return released_notebook(course, lab).read_bytes()
    from autograder.build import release_notebooks

    with tempfile.TemporaryDirectory(prefix="speechlab-") as folder:
        built = release_notebooks(Course(course.root, (lab,)), Path(folder))
        return (built / lab.phase / f"{lab.name}.ipynb").read_bytes()
