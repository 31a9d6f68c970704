"""`check(part)` in a notebook: the checks against the live namespace."""

from __future__ import annotations

import contextlib
import inspect
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder import forbidden
from autograder.checking.proxy import InProcess
from autograder.checking.runner import session_of
from autograder.course import Course, Lab, Part, load_course
from autograder.definitions import Code
from autograder.errors import CourseError, SpeechlabError
from autograder.feedback import part_html, part_text
from autograder.grading import PartResult, check_part, provided_parts
from autograder.loading import load_reference
from autograder.state import remember_live

CHECK_SECONDS = 30.0
SEED = 0  # a notebook's checks ask the same questions each time, so that one change can be told from luck


def check(part: Any, namespace: dict[str, Any]) -> None:
    """Check `part` as defined in `namespace` and display the result."""
    try:
        result = check_live(part, namespace)
        _remember(part, namespace, result)
    except SpeechlabError as error:
        _display(str(error), None)
        return
    except KeyboardInterrupt:
        _display("Stopped. Nothing was marked.", None)
        return
    _display(part_text(result), part_html(result))


def _remember(part: Any, namespace: dict[str, Any], result: PartResult) -> None:
    """So that `speechlab status` knows what was passed in a notebook."""
    target = namespace.get(part) if isinstance(part, str) else part
    course = load_course()
    try:
        source = textwrap.dedent(inspect.getsource(target))  # type: ignore[arg-type]
    except (OSError, TypeError):
        return  # typed in where Python keeps no text: the saved notebook will tell
    with contextlib.suppress(PermissionError):  # a course folder that is read-only
        remember_live(course, find_lab(course, result.part, namespace), result, source)


def check_live(part: Any, namespace: dict[str, Any], course: Course | None = None) -> PartResult:
    """The result of a part as it is in a live namespace.

    Raises:
        CourseError: if no lab has such a part, or the name is not defined.
    """
    name = part if isinstance(part, str) else getattr(part, "__name__", None)
    if name is None:
        raise CourseError(
            f"check() was given {type(part).__name__}, expected a function or class of this lab"
        )
    lab = find_lab(course or load_course(), name, namespace)
    if lab.folder is None:
        from autograder.release import check_released

        return check_released(course or load_course(), lab, name, namespace)
    wanted = lab.part(name)
    live = dict(namespace) if isinstance(part, str) else {**namespace, name: part}
    if name not in live:
        raise CourseError(f"{name} is not defined yet: run its cell first")
    reference = vars(load_reference(lab.folder))
    others = {other.name: reference[other.name] for other in provided_parts(lab, wanted)}
    with _replaced(namespace, others):
        result = check_part(
            lab, session_of(lab), wanted, InProcess(live), SEED, limit=CHECK_SECONDS, reveal=True
        )
    result.flags = _forbidden_uses(live, wanted)
    return result


def _forbidden_uses(namespace: dict[str, Any], part: Part) -> list[str]:
    """What grading would say of library functions that the part asks to do without."""
    if not part.forbids:
        return []
    try:
        source = textwrap.dedent(inspect.getsource(namespace[part.name]))
    except (OSError, TypeError):
        return []  # typed in where Python keeps no text
    imports = [
        f"import {value.__name__} as {name}"
        for name, value in namespace.items()
        if isinstance(value, ModuleType) and name.isidentifier() and not name.startswith("_")
    ]
    cells = [Code("\n".join(imports)), Code(source, part.name)]
    return forbidden.uses(cells, part.name, part.forbids)


@contextlib.contextmanager
def _replaced(namespace: dict[str, Any], others: dict[str, Any]) -> Iterator[None]:
    """The parts above are the reference's while a part is checked, so that one error costs once."""
    absent = object()
    before = {name: namespace.get(name, absent) for name in others}
    namespace.update(others)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is absent:
                namespace.pop(name, None)
            else:
                namespace[name] = value


def find_lab(course: Course, part: str, namespace: dict[str, Any]) -> Lab:
    """The lab whose page this is: by the notebook's name where Jupyter tells it, else by its parts."""
    having = [lab for lab in course.labs if any(p.name == part for p in lab.parts)]
    if not having:
        raise CourseError(f"no lab of this course has a part named {part!r}")
    page = os.environ.get("JPY_SESSION_NAME") or namespace.get("__vsc_ipynb_file__") or ""
    for lab in having:
        if Path(str(page)).stem == lab.name:
            return lab
    return max(having, key=lambda lab: sum(p.name in namespace for p in lab.parts))


def _display(text: str, rich: str | None) -> None:
    shell = _notebook_shell()
    if shell is None or rich is None:
        print(text)
        return
    from IPython.display import display

    display({"text/plain": text, "text/html": rich}, raw=True)


def _notebook_shell() -> Any:
    import sys

    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None
