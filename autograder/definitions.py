"""Which statements of a page define things, and executing only those.

One rule serves the reference, a learner's notebook and the worker: imports, CAPITAL constants,
functions and classes load; everything else is page.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Code:
    """A code cell: its text, and the part it answers (None for a cell of the page)."""

    source: str
    part: str | None = None
    line: int = 1


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) and target.id.isupper() for target in node.targets)
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id.isupper()


def _without_magics(source: str) -> str:
    """IPython's % and ! lines are no Python; they are page, so they are blanked out."""
    lines = ["" if line.startswith(("%", "!", "?")) else line for line in source.split("\n")]
    return "\n".join(lines)


def parse(code: Code, filename: str = "<cell>") -> list[ast.stmt]:
    """Statements of a cell.

    Raises:
        SyntaxError: as Python does, with lines counted as in `code.line`.
    """
    try:
        body = ast.parse(_without_magics(code.source), filename).body
    except SyntaxError as error:
        if error.lineno is not None:
            error.lineno += code.line - 1
        raise
    for node in body:
        ast.increment_lineno(node, code.line - 1)
    return body


def _run(statements: list[ast.stmt], namespace: dict[str, Any], filename: str) -> None:
    exec(compile(ast.Module(statements, []), filename, "exec"), namespace)


def execute(
    cells: Iterable[Code],
    namespace: dict[str, Any],
    filename: str | Callable[[Code], str],
    whole: str | None = None,
    strict: bool = False,
) -> dict[str, Exception]:
    """Run the defining statements of the cells, in order.

    Args:
        namespace: receives the definitions.
        filename: for tracebacks, of all cells or of each.
        whole: the part whose cell runs entirely, because it is the one under test.
        strict: let errors out; otherwise a cell that fails is left out and reported, since a broken
            cell must not cost the others.
    Returns:
        Error by part; errors of page cells are dropped, they matter only if a part needs the name.
    """
    cells = list(cells)
    parts = {cell.part for cell in cells if cell.part}
    errors: dict[str, Exception] = {}
    for cell in cells:
        file = filename if isinstance(filename, str) else filename(cell)
        try:
            statements = parse(cell, file)
            if cell.part is None or cell.part != whole:
                statements = [node for node in statements if _defines(node)]
            if cell.part is None:
                # a page that defines a part's name again must not shadow the answer
                statements = [node for node in statements if getattr(node, "name", None) not in parts]
                for node in statements:
                    _run_page_statement(node, namespace, file, strict)
            else:
                _run(statements, namespace, file)
        except Exception as error:
            if strict:
                raise
            if cell.part is not None:
                errors[cell.part] = error
    return errors


def _run_page_statement(node: ast.stmt, namespace: dict[str, Any], filename: str, strict: bool) -> None:
    try:
        _run([node], namespace, filename)
    except Exception:
        if strict:
            raise
        # the learner's own page may import what is not installed here; a part that needs the name
        # fails with NameError and says so


def part_source(source: str, part: str) -> str | None:
    """The `def` or `class` of a part without comments and layout, for telling whether it changed."""
    try:
        body = ast.parse(_without_magics(source)).body
    except SyntaxError:
        return None
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part:
            return ast.dump(node)
    return None
