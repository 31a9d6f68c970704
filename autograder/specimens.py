"""Submissions made of a lab's own reference and mistakes, of which the marks are known beforehand.

A mistake becomes a learner's cell: the variant from mistakes.py with all that it needs, and nothing of
the course around it. So the same wrong answer can be given to every way of grading.
"""

from __future__ import annotations

import ast
import copy
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.build import source_notebook
from autograder.checking.proxy import InProcess
from autograder.checking.runner import session_of
from autograder.course import Lab
from autograder.definitions import bound_names, defining, parse, used_names
from autograder.loading import code_cells, load_mistakes, load_reference
from autograder.notebook import grade_id, is_check

REFERENCE, STUB, MISTAKES = "reference", "stub", "mistakes"
_SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION\n(?P<answer>.*?)^[ \t]*### END SOLUTION\n?", re.M | re.S
)
_ENGINE = "autograder.checking"


@dataclass(frozen=True)
class Specimen:
    """A made submission.

    Attributes:
        name: "reference", "stub" or "mistakes-3".
        mistakes: part → the named mistake that answers it.
        notebook: the file.
    """

    name: str
    notebook: bytes
    mistakes: Mapping[str, str] = field(default_factory=dict)


def specimens(lab: Lab) -> list[Specimen]:
    """The reference, the untouched stub, and every named mistake of a lab once.

    Several mistakes share a notebook: the k-th one answers each part by the part's k-th mistake. A part
    with fewer mistakes has the reference there.
    """
    made = [Specimen(REFERENCE, notebook(lab, {})), Specimen(STUB, stub_notebook(lab))]
    by_part = {part.name: [m.name for m in load_mistakes(lab) if m.part == part.name] for part in lab.parts}
    for number in range(max(map(len, by_part.values()), default=0)):
        wrong = {part: names[number] for part, names in by_part.items() if number < len(names)}
        made.append(Specimen(f"{MISTAKES}-{number + 1}", notebook(lab, wrong), wrong))
    return made


def notebook(lab: Lab, wrong: Mapping[str, str]) -> bytes:
    """A worked notebook in which some parts are answered by a named mistake.

    Args:
        wrong: part → name of one of its mistakes.
    Raises:
        KeyError: if a part has no mistake of that name.
    """
    shelf = _Shelf(lab)

    def answered(part: str, source: str) -> str:
        right = _SOLUTION.sub(r"\g<answer>", source + "\n").rstrip()
        if part not in wrong:
            return right
        # Only the part under test runs its whole cell: for every other one, this part is as it should be.
        return f"{right}\n\n\n{shelf.instead(part, wrong[part])}"

    return _page(lab, answered)


def stub_notebook(lab: Lab) -> bytes:
    """The notebook as it is released, without its answers."""

    def emptied(_part: str, source: str) -> str:
        code = r"\g<indent># Write your code here.\n\g<indent>raise NotImplementedError()\n"
        return _SOLUTION.sub(code, source + "\n").rstrip()

    return _page(lab, emptied)


def marks_in_process(lab: Lab, specimen: Specimen, seed: int, limit: float = 60.0) -> dict[str, float]:
    """Points of each part, from checks on the live reference and the live mistakes, without any worker."""
    assert lab.folder is not None
    reference, session = vars(load_reference(lab.folder)), session_of(lab)
    variants = {(m.part, m.name): m.variant for m in load_mistakes(lab)}
    marks = {}
    for part in lab.parts:
        names = dict(reference)
        if specimen.name == STUB:
            names[part.name] = _unwritten
        elif part.name in specimen.mistakes:
            names[part.name] = variants[part.name, specimen.mistakes[part.name]]
        backend = InProcess(names)
        passed = all(session.run(item, backend, seed, limit).passed for item in session.of(part.name))
        marks[part.name] = part.points if passed else 0.0
    return marks


def _unwritten(*_: Any, **__: Any) -> None:
    raise NotImplementedError()


def _page(lab: Lab, answer: Callable[[str, str], str]) -> bytes:
    page = copy.deepcopy(source_notebook(lab))
    parts = {part.name for part in lab.parts}
    for cell in page["cells"]:
        part = grade_id(cell)
        if part in parts and not is_check(cell):
            cell["source"] = answer(part, cell["source"])
    return (json.dumps(page, indent=1, ensure_ascii=False) + "\n").encode()


class _Shelf:
    """The statements that define something in mistakes.py and in the reference, by name."""

    def __init__(self, lab: Lab) -> None:
        text = lab.mistakes.read_text(encoding="utf-8")
        body = [node for node in ast.parse(text).body if not _of_the_engine(node)]
        self._aliases = {name for node in body if _is_beside(node) for name in bound_names(node)}
        self._mistakes = [_undecorated(node) for node in body if _binds(node) and not _is_beside(node)]
        self._reference = [
            node for code in code_cells(lab.source) for node in parse(code) if code.part or defining(node)
        ]
        self._parts = [part.name for part in lab.parts]

    def instead(self, part: str, name: str) -> str:
        """Statements that make a part what the named mistake is.

        Raises:
            KeyError: if mistakes.py defines no such name.
        """
        if not any(name in bound_names(node) for node in self._mistakes):
            raise KeyError(name)
        own = list(_needed(self._mistakes, {name}))
        asked = sorted(set().union(*(self._asked(node) for node in own)))
        lines = []
        for alias in sorted(self._aliases) if asked else ():
            lines += [f"def {alias}():", "    import types", ""]
            lines += [_indented(node) for node in _needed(self._reference, set(asked))]
            given = ", ".join(f"{wanted}={wanted}" for wanted in asked)
            lines += [f"    return types.SimpleNamespace({given})", "", f"{alias} = {alias}()", ""]
        lines += [ast.unparse(node) + "\n" for node in own]
        lines.append(f"return {name}")
        maker = f"{part}_instead"
        return f"def {maker}():\n{textwrap.indent(chr(10).join(lines), '    ')}\n\n\n{part} = {maker}()"

    def _asked(self, node: ast.AST) -> set[str]:
        """Names of the reference that a statement uses."""
        found: set[str] = set()
        whole = 0
        for item in ast.walk(node):
            if isinstance(item, ast.Name) and item.id in self._aliases:
                whole += 1
            of = item.value if isinstance(item, ast.Attribute) else None
            if isinstance(item, ast.Attribute) and isinstance(of, ast.Name) and of.id in self._aliases:
                found.add(item.attr)
                whole -= 1
        return found | set(self._parts) if whole else found  # used as an object: it may ask for any part


def _indented(node: ast.AST) -> str:
    return textwrap.indent(ast.unparse(node), "    ") + "\n"


def _of_the_engine(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == _ENGINE


def _is_beside(node: ast.stmt) -> bool:
    """`reference = lab_beside(__file__)`"""
    value = getattr(node, "value", None)
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "lab_beside"


def _binds(node: ast.stmt) -> bool:
    return defining(node) or isinstance(node, ast.Assign | ast.AnnAssign)


def _undecorated(node: ast.stmt) -> ast.stmt:
    """Without `@mistake(…)`."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        node.decorator_list = [mark for mark in node.decorator_list if "mistake" not in used_names(mark)]
    return node


def _needed(statements: Iterable[ast.stmt], names: set[str]) -> Iterator[ast.stmt]:
    """The statements that give those names their values, and what these use, in their order."""
    statements = list(statements)
    wanted: set[int] = set()
    known: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        known.add(name)
        for number, node in enumerate(statements):
            if number not in wanted and name in bound_names(node):
                wanted.add(number)
                waiting += used_names(node) - known
    return (node for number, node in enumerate(statements) if number in wanted)
