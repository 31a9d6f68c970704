"""Which statements of a page define things, and executing only those.

One rule serves the reference, a learner's notebook and the worker: imports, CAPITAL constants,
functions and classes load; everything else is page.
"""

from __future__ import annotations

import ast
import contextlib
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

# What is read of a stranger's cell before it counts as unreadable. Python's parser takes seconds and
# gigabytes for some texts of a few hundred kilobytes, such as `import a.a.a…`.
MAX_READ = 100_000
# Every part of a notebook is read with all of its cells: the trees of the last cells are kept, for so
# many characters. A tree can take hundreds of bytes for each of them.
KEPT_TREES = 200_000
_trees: dict[str, ast.Module | None] = {}
# Where a defining statement may begin: at a line's start or after a semicolon, more often than it does.
_MAY_DEFINE = re.compile(r"(?:^|;)[ \t\f(\\]*(?:(?:import|from|def|class|async)\b|@|(\w+))", re.M)
_LONG_NAME = re.compile(r"(?:\.[\s\\]*\w+[\s\\]*){100}")


@dataclass(frozen=True)
class Code:
    """A code cell: its text, and the part it answers (None for a cell of the page)."""

    source: str
    part: str | None = None
    line: int = 1


def defining(node: ast.stmt) -> bool:
    """Whether a statement loads with its page: an import, a CAPITAL constant, a function or a class."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) and target.id.isupper() for target in node.targets)
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id.isupper()


def may_define(source: str) -> bool:
    """Whether a cell of a page can hold a defining statement; False is certain. Cheaper than parsing it."""
    return any(found[1] is None or found[1].isupper() for found in _MAY_DEFINE.finditer(source))


def _without_magics(source: str) -> str:
    """IPython's % and ! lines are no Python; they are page, so they are blanked out."""
    lines = ["" if line.startswith(("%", "!", "?")) else line for line in source.split("\n")]
    return "\n".join(lines)


def parse(code: Code, filename: str = "<cell>") -> list[ast.stmt]:
    """Statements of a cell.

    Raises:
        SyntaxError: as Python does, with lines counted as in `code.line`.
    """
    # empty lines in front: to number the lines of a tree afterwards takes longer than to parse it
    above = "\n" * (code.line - 1)
    return ast.parse(above + _without_magics(code.source), filename).body


def _run(statements: list[ast.stmt], namespace: dict[str, Any], filename: str) -> None:
    exec(compile(ast.Module(statements, []), filename, "exec"), namespace)


def execute(
    cells: Iterable[Code],
    namespace: dict[str, Any],
    filename: str | Callable[[Code], str],
    whole: str | None = None,
    strict: bool = False,
) -> dict[str, BaseException]:
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
    # where a part is under test, nobody else is there to press Ctrl-C or to leave
    dropped: tuple[type[BaseException], ...] = (Exception,) if whole is None else (BaseException,)
    cells = list(cells)
    parts = {cell.part for cell in cells if cell.part}
    errors: dict[str, BaseException] = {}
    for cell in cells:
        if cell.part is None and not strict and not may_define(cell.source):
            continue  # a page is mostly plots and practice
        file = filename if isinstance(filename, str) else filename(cell)
        try:
            statements = parse(cell, file)
            if cell.part is None or cell.part != whole:
                statements = [node for node in statements if defining(node)]
            if cell.part is None:
                # a page that defines a part's name again must not shadow the answer
                statements = [node for node in statements if getattr(node, "name", None) not in parts]
                for node in statements:
                    _run_page_statement(node, namespace, file, () if strict else dropped)
            else:
                _run(statements, namespace, file)
        except dropped as error:
            if strict:
                raise
            if cell.part is not None:
                errors[cell.part] = error
    return errors


def _run_page_statement(
    node: ast.stmt, namespace: dict[str, Any], filename: str, dropped: tuple[type[BaseException], ...]
) -> None:
    # the learner's own page may import what is not installed here; a part that needs the name fails
    # with NameError and says so
    with contextlib.suppress(*dropped):
        _run([node], namespace, filename)


def too_long(source: str) -> bool:
    """Whether a cell is such that nothing of it is read but the text."""
    return len(source) > MAX_READ or _LONG_NAME.search(source) is not None


def read_tree(source: str) -> ast.Module | None:
    """The syntax tree of a cell that nobody has read, for reading only.

    Returns:
        None if it is no valid Python, or if reading it would cost too much.
    """
    if source not in _trees:
        if too_long(source):
            return None
        if sum(map(len, _trees)) + len(source) > KEPT_TREES:
            _trees.clear()
        _trees[source] = _read_tree(source)
    return _trees[source]


def _read_tree(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(_without_magics(source))
        for node in tree.body:  # looked through for each part of the notebook
            node.__dict__["_walked"] = tuple(ast.walk(node))
        return tree
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def walked(node: ast.AST) -> Iterable[ast.AST]:
    """A statement and all below it, as `ast.walk` gives them; of a tree from `read_tree` without walking."""
    kept: tuple[ast.AST, ...] | None = node.__dict__.get("_walked")
    return ast.walk(node) if kept is None else kept


def bound_names(node: ast.stmt) -> set[str]:
    """The names that a defining statement gives a value to."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    names = (item for item in walked(node) if isinstance(item, ast.Name))
    return {item.id for item in names if isinstance(item.ctx, ast.Store)}


def used_names(node: ast.AST) -> set[str]:
    """The names that stand in a piece of code."""
    return {item.id for item in walked(node) if isinstance(item, ast.Name)}


def needed(cells: Sequence[Code], part: str) -> list[Code]:
    """The cells without which a part cannot work: its own, and those that define names that it uses."""
    definers: dict[str, list[int]] = {}
    used: dict[int, set[str]] = {}
    for number, cell in enumerate(cells):
        tree = read_tree(cell.source)
        if tree is None:
            continue
        statements = tree.body if cell.part == part else [node for node in tree.body if defining(node)]
        used[number] = set().union(*map(used_names, statements)) if statements else set()
        for node in statements:
            for name in bound_names(node):
                definers.setdefault(name, []).append(number)
    kept = {number for number, cell in enumerate(cells) if cell.part == part}
    waiting = list(kept)
    while waiting:
        for name in used.get(waiting.pop(), ()):
            fresh = set(definers.get(name, ())) - kept
            kept |= fresh
            waiting += fresh
    return [cell for number, cell in enumerate(cells) if number in kept]


def part_source(source: str, part: str) -> str | None:
    """The `def` or `class` of a part without comments and layout, for telling whether it changed."""
    tree = read_tree(source)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part:
            try:
                return ast.dump(node)
            except RecursionError:
                return None  # nested so deeply that it can be compared only as text
    return None
