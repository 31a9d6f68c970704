"""The visible checks of a lab as a file of their own, for a student release.

Only the functions marked `visible=True` are taken, with the imports, constants and helpers that they
use. One that leans on the reference cannot be shipped, and is refused here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.course import Lab
from autograder.errors import CourseError

SECRET = "lab_beside"  # gives the reference parts


@dataclass(frozen=True)
class Check:
    """A check function as it stands in checks.py."""

    name: str
    part: str
    visible: bool
    node: ast.FunctionDef


def read_checks(lab: Lab) -> list[Check]:
    """All checks of a lab, read without running anything."""
    tree = ast.parse(lab.checks.read_text(encoding="utf-8"), str(lab.checks))
    return [check for node in tree.body if (check := _check(node))]


def _check(node: ast.stmt) -> Check | None:
    if not isinstance(node, ast.FunctionDef):
        return None
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "checks":
            part = ast.literal_eval(mark.args[0])
            visible = any(k.arg == "visible" and ast.literal_eval(k.value) for k in mark.keywords)
            return Check(node.name, part, visible, node)
    return None


def visible_checks(lab: Lab) -> str:
    """Source of the visible checks of a lab; empty if there are none.

    Raises:
        CourseError: if a visible check uses the reference or another part of the lab.
    """
    text = lab.checks.read_text(encoding="utf-8")
    body = ast.parse(text, str(lab.checks)).body
    wanted = [check for check in map(_check, body) if check and check.visible]
    if not wanted:
        return ""
    home = {name: node for node in body for name in _defined(node)}
    names: set[str] = set()
    for check in wanted:
        _refuse_other_parts(lab, check)
        reached = _reached(check.node, home)
        if SECRET in reached or "reference" in {argument.arg for argument in check.node.args.args}:
            raise CourseError(
                f"{lab.checks}:{check.node.lineno}: {check.name} is marked visible but uses the reference, "
                "which a student release lacks: write the expected values out, or take the mark away"
            )
        names |= reached | {check.name}
    lines = text.split("\n")
    blocks = [f'"""Visible checks of {lab.name}. The hidden ones run at grading."""']
    imports = [line for node in body if (line := _import(node, names))]
    blocks.append("\n".join(imports))
    for node in body:
        if not isinstance(node, ast.Import | ast.ImportFrom) and names & set(_defined(node)):
            blocks.append(_source(node, lines))
    return "\n\n\n".join(block for block in blocks if block) + "\n"


def _refuse_other_parts(lab: Lab, check: Check) -> None:
    others = {part.name for part in lab.parts} - {check.part}
    for node in ast.walk(check.node):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        if node.value.id == "lab" and node.attr in others:
            raise CourseError(
                f"{lab.checks}:{node.lineno}: {check.name} is marked visible but uses lab.{node.attr}, "
                "which would be the reference's: a student release lacks it"
            )


def _defined(node: ast.stmt) -> Iterator[str]:
    """Names that a statement at the top of a file gives."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    else:
        yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _reached(node: ast.stmt, home: dict[str, ast.stmt]) -> set[str]:
    """Names of the file that a statement needs, directly or through others."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        for inner in ast.walk(waiting.pop()):
            if isinstance(inner, ast.Name) and inner.id in home and inner.id not in found:
                found.add(inner.id)
                if not isinstance(home[inner.id], ast.Import | ast.ImportFrom):
                    waiting.append(home[inner.id])
    return found


def _import(node: ast.stmt, names: set[str]) -> str:
    """An import with only the names that are needed."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return ""
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return ast.unparse(node)
    kept = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in names]
    if not kept:
        return ""
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(kept))
    return ast.unparse(ast.ImportFrom(node.module, kept, node.level))


def _source(node: ast.stmt, lines: list[str]) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(lines[first - 1 : node.end_lineno])
