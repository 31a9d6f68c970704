"""Loads a lab's reference, checks and mistakes. The only module that reads `solutions/` as code."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder import percent
from autograder.course import Course, Lab
from autograder.definitions import Code, execute, parse

_references: dict[Path, tuple[float, ModuleType]] = {}
_siblings: dict[Path, tuple[float, ModuleType]] = {}


@dataclass(frozen=True)
class Mistake:
    """A wrong variant of a part, and what to tell who wrote it."""

    part: str
    name: str
    sentence: str
    variant: Any


def code_cells(path: Path) -> list[Code]:
    """Code cells of a percent file."""
    _, cells = percent.read(path)
    return [Code(cell.source, cell.part, cell.line) for cell in cells if cell.kind == "code"]


def page_imports(lab: Lab) -> tuple[str, ...]:
    """Modules that a page imports: what a learner's notebook of this lab imports too."""
    return _page_imports(lab.source, lab.source.stat().st_mtime, lab.libraries)


@lru_cache(maxsize=64)
def _page_imports(source: Path, _stamp: float, libraries: tuple[str, ...]) -> tuple[str, ...]:
    names: set[str] = set(libraries)
    for cell in code_cells(source):
        for node in ast.walk(ast.Module(parse(cell), [])):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
                # a name may be a submodule: `from hmmlearn import hmm`
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(sorted(name for name in names if not name.startswith(("autograder", "labkit.parts"))))


def load_reference(folder: Path) -> ModuleType:
    """The reference parts of a lab as a module; the page does not run.

    Loaded once per version of the file.
    """
    path = folder.resolve() / "lab.py"
    stamp = path.stat().st_mtime
    known = _references.get(path)
    if known and known[0] == stamp:
        return known[1]
    module = fresh_reference(folder)
    _references[path] = (stamp, module)
    return module


def fresh_reference(folder: Path, cells: list[Code] | None = None, name: str | None = None) -> ModuleType:
    """A separate copy of the reference, for replacing a part in it; `cells` instead of the file's."""
    path = folder.resolve() / "lab.py"
    module = ModuleType(name or f"speechlab_lab_{folder.name}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    execute(cells if cells is not None else code_cells(path), module.__dict__, str(path), strict=True)
    return module


def _sibling(lab: Lab, path: Path) -> ModuleType:
    """checks.py or mistakes.py of a lab, loaded once per version."""
    stamp = path.stat().st_mtime
    known = _siblings.get(path)
    if known and known[0] == stamp:
        return known[1]
    name = f"speechlab_{path.stem}_{lab.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    _siblings[path] = (stamp, module)
    return module


def load_checks(lab: Lab) -> ModuleType:
    """checks.py as a module, for its pictures and sounds; pytest collects the checks themselves."""
    return _sibling(lab, lab.checks)


def load_mistakes(lab: Lab) -> list[Mistake]:
    """The named mistakes of a lab, in the order of the file."""
    return list(_marked(_sibling(lab, lab.mistakes)))


def _marked(module: ModuleType) -> Iterator[Mistake]:
    for name, value in vars(module).items():
        # a class inherits its base's attribute: only its own mark counts
        for part, sentence in (
            vars(value).get("__speechlab_mistakes__", ()) if hasattr(value, "__dict__") else ()
        ):
            yield Mistake(part, name, sentence, value)


def lab_beside(path: str) -> ModuleType:
    """The reference parts of the lab that the file `path` belongs to."""
    return load_reference(Path(path).resolve().parent)


def reference_of(course: Course, lab_name: str) -> ModuleType:
    """The reference parts of a lab by name."""
    return load_reference(course.lab(lab_name).source.parent)
