"""What a grader has done before it is forked: imported the libraries, collected the checks.

The fork server of the graders imports this module before it forks any. It then reads from the environment
which labs will be graded; every grader forked from it has them ready.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.errors import GradingError

if TYPE_CHECKING:
    from autograder.course import Course, Lab

VARIABLE = "SPEECHLAB_GRADERS_WARM"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

_warm: set[tuple[str, str]] = set()  # courses and labs
threads_at_fork = 0  # of the fork server when it had warmed up: a fork copies only one


def warm(root: str, labs: tuple[str, ...], pages: bool, seed: int) -> None:
    """Load what grading these labs needs. What is loaded already costs nothing.

    Args:
        pages: nbgrader's pages will be made too.
        seed: of the grading run: its inputs are drawn once, here.
    Raises:
        GradingError: if a lab's checks cannot run here.
    """
    from autograder.course import load_course

    course = load_course(Path(root))
    for name in ("numpy", "scipy", "pytest", "hypothesis", "labkit.plot"):
        importlib.import_module(name)
    for name in labs:
        if (root, name) not in _warm:
            _warm_lab(course, course.lab(name), seed)
            _warm.add((root, name))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # type: ignore[attr-defined]
    if pages:
        importlib.import_module("autograder.batch.page")


def _warm_lab(course: Course, lab: Lab, seed: int) -> None:
    from autograder.checking.proxy import InProcess
    from autograder.checking.runner import session_of
    from autograder.loading import load_checks, load_mistakes, load_reference, page_imports, reference_of

    assert lab.folder is not None
    for library in page_imports(lab):
        with contextlib.suppress(ImportError):  # a lab that lacks a library says so when it is graded
            importlib.import_module(library)
    for other in lab.needs:
        reference_of(course, other)
    session = session_of(lab)
    try:
        load_checks(lab)
        load_mistakes(lab)
    except Exception as error:  # whatever an author's file raises
        raise GradingError(f"{lab.folder}: checks or mistakes cannot be loaded: {error}") from error
    for item in session.items:
        # checks import libraries (librosa takes seconds) and draw inputs when they run for the first time
        session.run(item, InProcess(vars(load_reference(lab.folder))), seed)


def thread_count() -> int:
    """Threads of this process, those of libraries included; 0 where the system does not tell."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else 0


def _before_the_fork() -> None:
    global threads_at_fork
    wanted = os.environ.pop(VARIABLE, "")
    if not wanted:
        return
    import gc

    with contextlib.suppress(Exception):  # every grader warms up again, and says there what is wrong
        warm(**json.loads(wanted))
    gc.freeze()  # so that collecting in a grader does not copy the pages that all share
    threads_at_fork = thread_count()


_before_the_fork()
