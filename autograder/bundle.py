"""The bundle that students get: everything to learn with, nothing that answers.

    write_release(course, folder)

The bundle is made beside its place, searched for anything that must not be in it, and moved there in
one step.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.build import release_notebooks
from autograder.course import RELEASE_FILE, Course, to_release
from autograder.errors import CourseError
from autograder.files import write_atomic
from autograder.leaks import find_leaks
from autograder.pristine import FOLDER as PRISTINE
from autograder.visible import visible_checks

PACKAGES = ("autograder", "labkit", "capstone")
# modules that only make sense where there are solutions
MAINTAINERS = {
    f"autograder/{name}.py"
    for name in (
        *(
            "autograded",
            "bundle",
            "coverage",
            "formgrader",
            "leaks",
            "mutants",
            "nbgrader",
            "proof",
            "visible",
        ),
        *("cli/grade", "cli/similarity"),
    )
}
# Packages that only who teaches needs.
INSTRUCTORS = {("autograder", "results"), ("autograder", "batch")}
SOURCES = {".py", ".typed", ".html", ".css", ".js", ".json", ".toml", ".j2", ".tpl"}
AS_IS = ("LICENSE", "pyproject.toml", "requirements.lock", "environment.yml", "tools/install.py")
LEARNERS_DOCS = ("learners.md", "glossary.md")

MAKEFILE = """\
# `make install` makes .venv and installs everything. Another Python: make PYTHON=/path/to/python3.11
VENV := .venv
PYTHON ?= $(shell for python in $(VENV)/bin/python python3.11 python3 python; do \\
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \\
	&& { echo "$$python"; exit; }; done; echo python3)

.DEFAULT_GOAL := start
.PHONY: start install status lab

start: install  ## install what is missing, then say where you are and what is next
	@$(VENV)/bin/speechlab

install:  ## make .venv and install everything that the labs need
	@$(PYTHON) tools/install.py

status: start

lab: install  ## open the lab you are in
	@$(VENV)/bin/speechlab lab
"""

IGNORED = """\
/.venv/
/.speechlab/
__pycache__/
.ipynb_checkpoints/
*.egg-info/
/build/
.DS_Store
"""

README = """\
# speechlab

Build speech recognition and speech synthesis from nothing, one checked part at a time.

You need Python 3.11 and make.

    make                          # installs into .venv, then shows where you are
    source .venv/bin/activate     # so that `speechlab` is found; on Windows .venv\\Scripts\\activate
    speechlab lab                 # opens the next lab in Jupyter

In a notebook, write a part and run the cell `check(...)` under it. In a terminal, `speechlab check`
checks the notebook as you saved it, `speechlab watch` checks on every save, and `speechlab hint` gives one
hint at a time. `docs/learners.md` walks through the first hour.

The checks here are the examples of the docstrings and the visible checks. Hidden checks run when your
work is graded: a part that passes here has done well, but is not yet graded.

| lab | title | needs | parts | points | time |
|---|---|---|---|---|---|
{labs}

Hand in the notebooks in `phases/`. Leave the names of the files and the cells `check(...)` as they are.
"""


def write_release(course: Course, target: Path, force: bool = False) -> Path:
    """Write the student bundle of a course.

    Args:
        target: folder to make. It must be missing or empty, or, with `force`, an earlier release.
    Returns:
        `target` as an absolute path.
    Raises:
        CourseError: if the folder is in use, a visible check uses the reference, or something that
            must not be in the bundle is found in it. The folder is then left as it was.
    """
    if not course.has_solutions:
        raise CourseError("this is a student release already: a release is made where the solutions are")
    target = target.absolute()
    _refuse_used(course, target, force)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        bundle = work / "bundle"
        bundle.mkdir()
        _write_labs(course, bundle, work)
        _write_house(course, bundle)
        leaks = find_leaks(course, bundle)
        if leaks:
            more = f"\n… and {len(leaks) - 10} more" if len(leaks) > 10 else ""
            raise CourseError("the bundle would give answers away:\n" + "\n".join(leaks[:10]) + more)
        if target.exists():
            target.rename(work / "before")
        bundle.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _refuse_used(course: Course, target: Path, force: bool) -> None:
    if target.exists() and not target.is_dir():
        raise CourseError(f"{target}: is a file, expected a folder to make")
    if course.root == target or course.root.is_relative_to(target):
        raise CourseError(f"{target}: holds the course itself, expected a folder of its own")
    if not target.exists() or not any(target.iterdir()):
        return
    if not force:
        raise CourseError(
            f"{target}: is not empty; choose another folder, or --force to replace an earlier release"
        )
    if not (target / "phases" / RELEASE_FILE).is_file():
        raise CourseError(f"{target}: is not empty and no earlier release, so it is not replaced")


def _write_labs(course: Course, bundle: Path, work: Path) -> None:
    built = release_notebooks(course, work / "nbgrader")
    phases = bundle / "phases"
    for lab in course.labs:
        data = (built / lab.phase / f"{lab.name}.ipynb").read_bytes()
        write_atomic(phases / lab.phase / f"{lab.name}.ipynb", data)
        write_atomic(phases / PRISTINE / lab.phase / f"{lab.name}.ipynb", data)
        checks = visible_checks(lab)
        if checks:
            write_atomic(phases / lab.phase / f"{lab.name}.visible.py", checks)
    write_atomic(phases / RELEASE_FILE, to_release(course))


def _write_house(course: Course, bundle: Path) -> None:
    # the program itself comes from where it is installed: a course's folder may hold labs only
    home = Path(__file__).resolve().parent.parent
    for path in _house_files(home):
        destination = bundle / path.relative_to(home)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, destination)
    rows = "\n".join(
        f"| {lab.name} | {lab.title} | {', '.join(lab.needs) or '–'} "
        f"| {len(lab.parts)} | {lab.points:g} | {lab.minutes} min |"
        for lab in course.labs
    )
    write_atomic(bundle / "README.md", README.format(labs=rows))
    write_atomic(bundle / "Makefile", MAKEFILE)
    write_atomic(bundle / ".gitignore", IGNORED)


def _house_files(home: Path) -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((home / package).rglob("*")):
            inside = path.relative_to(home)
            hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
            if (
                path.is_file()
                and path.suffix in SOURCES
                and not hidden
                and inside.as_posix() not in MAINTAINERS
                and inside.parts[:2] not in INSTRUCTORS
            ):
                yield path
    for name in AS_IS:
        if (home / name).is_file():
            yield home / name
    yield from sorted(
        path for path in (home / "datasets").rglob("*") if path.suffix in (".md", ".txt") and path.is_file()
    )
    yield from (home / "docs" / name for name in LEARNERS_DOCS if (home / "docs" / name).is_file())
