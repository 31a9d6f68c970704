"""Generic mutants: the second proof that the checks can fail.

Small changes (an operator, a constant, a bound, a guard left out) are made one at a time in the
marked solution of a part; a check must notice each. A named mistake proves that a check sees what
learners do; a mutant proves that nobody forgot to look.
"""

from __future__ import annotations

import ast
import copy
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from autograder.checking.proxy import InProcess
from autograder.checking.runner import session_of
from autograder.course import Lab
from autograder.definitions import Code
from autograder.loading import code_cells, fresh_reference

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
# What a check of a mutant may take, before it counts as one that never ends: so many seconds, or so many
# times what the check of the reference took
MUTANT_SECONDS = 2.0
MUTANT_SLOWNESS = 50.0

_OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_NAMES = {
    **{"max": "min", "maximum": "minimum", "argmax": "argmin", "logaddexp": "maximum", "log": "log10"},
    **{"log10": "log", "exp": "expm1", "sqrt": "square", "floor": "ceil", "ceil": "floor", "sin": "cos"},
    **{
        "cos": "sin",
        "zeros": "ones",
        "ones": "zeros",
        "sum": "prod",
        "mean": "sum",
        "any": "all",
        "all": "any",
    },
    **{"cumsum": "cumprod", "tanh": "sigmoid", "softmax": "log_softmax", "tril": "triu", "triu": "tril"},
}
_NAMES |= {"min": "max", "minimum": "maximum", "argmin": "argmax"}


@dataclass(frozen=True)
class Mutant:
    """One changed part.

    Attributes:
        line: the changed line of the solution, without indentation.
        change: "before -> after".
    """

    part: str
    line: str
    change: str
    code: Code


@dataclass(frozen=True)
class Report:
    """What the checks of a part did with its mutants."""

    part: str
    total: int
    survivors: list[Mutant]

    @property
    def killed(self) -> int:
        return self.total - len(self.survivors)


def _solution_lines(source: str) -> set[int]:
    inside, lines = False, set()
    for number, line in enumerate(source.split("\n"), 1):
        if line.strip() == BEGIN:
            inside = True
        elif line.strip() == END:
            inside = False
        elif inside:
            lines.add(number)
    return lines


Change = tuple[str, Callable[[Any], None]]


def _changes(node: ast.AST, parts: frozenset[str] = frozenset()) -> Iterator[Change]:
    """(description, change in place) of every mutation of a node."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _OPERATORS:
        new = _OPERATORS[type(node.op)]
        yield f"{_sign(node.op)} -> {_sign(new())}", lambda n: setattr(n, "op", new())
    if isinstance(node, ast.BoolOp):
        other = _OPERATORS[type(node.op)]
        yield f"{_sign(node.op)} -> {_sign(other())}", lambda n: setattr(n, "op", other())
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            changed = _OPERATORS[type(op)]
            yield (
                f"{_sign(op)} -> {_sign(changed())}",
                lambda n, i=i, changed=changed: n.ops.__setitem__(i, changed()),  # type: ignore[misc]
            )
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield (
            f"{_sign(node.op)} removed",
            lambda n: setattr(n, "op", ast.UAdd()) if _is_number(n) else _drop_unary(n),
        )
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield from _other_numbers(node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        flipped = not node.value
        yield f"{node.value!r} -> {flipped!r}", lambda n: setattr(n, "value", flipped)
    if isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield f".{node.attr} -> .{_NAMES[node.attr]}", lambda n: setattr(n, "attr", _NAMES[n.attr])
    if isinstance(node, ast.Name) and node.id in ("max", "min"):
        yield f"{node.id} -> {_NAMES[node.id]}", lambda n: setattr(n, "id", _NAMES[n.id])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in parts and node.args:
        yield f"{node.func.id} left out", lambda n: setattr(n, "func", _first_argument())
    if isinstance(node, ast.If) and not node.orelse:
        yield "guard left out", lambda n: setattr(n, "test", ast.Constant(False))


def _first_argument() -> ast.expr:
    """A function that hands back what it is given, as if the step were not there."""
    return ast.parse("lambda first, *rest, **named: first", mode="eval").body


def _other_numbers(value: float) -> Iterator[Change]:
    if isinstance(value, bool):
        return
    other = value + 1 if isinstance(value, int) else (value * 1.5 or 0.5)
    yield f"{value!r} -> {other!r}", lambda n: setattr(n, "value", other)


def _is_number(node: ast.UnaryOp) -> bool:
    return isinstance(node.op, ast.USub)


def _drop_unary(node: ast.UnaryOp) -> None:
    # `not x` and `~x` become x by applying the operator twice
    node.operand = ast.UnaryOp(type(node.op)(), node.operand)


_SIGNS = {
    **{
        "Add": "+",
        "Sub": "-",
        "Mult": "*",
        "Div": "/",
        "FloorDiv": "//",
        "Mod": "%",
        "Pow": "**",
        "MatMult": "@",
    },
    **{"Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Eq": "==", "NotEq": "!=", "And": "and", "Or": "or"},
    **{
        "Is": "is",
        "IsNot": "is not",
        "In": "in",
        "NotIn": "not in",
        "USub": "minus",
        "Not": "not",
        "Invert": "~",
    },
    **{"BitAnd": "&", "BitOr": "|"},
}


def _sign(op: Any) -> str:
    return _SIGNS[type(op).__name__]


def mutants_of(code: Code, parts: frozenset[str] = frozenset()) -> list[Mutant]:
    """All mutants of a part's cell: only inside the marked solution, never inside `raise`.

    Args:
        parts: names of the lab's parts; a call of one is also left out.
    """
    tree = ast.parse(code.source)
    lines = code.source.split("\n")
    solution = _solution_lines(code.source)
    inside_raise = {id(n) for r in ast.walk(tree) if isinstance(r, ast.Raise) for n in ast.walk(r)}
    found = []
    nodes = list(ast.walk(tree))
    for index, node in enumerate(nodes):
        if getattr(node, "lineno", None) not in solution or id(node) in inside_raise:
            continue
        for number, (change, _) in enumerate(_changes(node, parts)):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[index]
            list(_changes(target, parts))[number][1](target)
            text = ast.unparse(ast.fix_missing_locations(changed))
            line = lines[node.lineno - 1].strip()  # type: ignore[attr-defined]
            found.append(Mutant(code.part or "", line, change, Code(text, code.part, code.line)))
    return found


def run_mutants(
    lab: Lab, part: str, on_mutant: Callable[[Mutant, bool], Any] | None = None, seed: int = 1
) -> Report:
    """Give every mutant of a part to its checks."""
    assert lab.folder is not None
    cells = code_cells(lab.source)
    names = frozenset(p.name for p in lab.parts)
    mutants = [m for cell in cells if cell.part == part for m in mutants_of(cell, names)]
    session = session_of(lab)
    reference = vars(fresh_reference(lab.folder))
    # every check once on the reference: quick ones first, they kill most
    backend = InProcess(reference)
    seconds = {item: session.run(item, backend, seed).seconds for item in session.of(part)}
    limits = {item: _limit(seconds[item]) for item in sorted(seconds, key=lambda item: seconds[item])}
    survivors = []
    for mutant in mutants:
        killed = _is_killed(lab, mutant, cells, reference, limits, seed)
        if not killed:
            survivors.append(mutant)
        if on_mutant:
            on_mutant(mutant, killed)
    return Report(part, len(mutants), survivors)


def _limit(seconds: float) -> float:
    """What a check may take that took so long with the reference."""
    return max(MUTANT_SECONDS, MUTANT_SLOWNESS * seconds)


def _is_killed(
    lab: Lab,
    mutant: Mutant,
    cells: list[Code],
    reference: dict[str, Any],
    limits: dict[Any, float],
    seed: int,
) -> bool:
    assert lab.folder is not None
    changed = [mutant.code if cell.part == mutant.part else cell for cell in cells]
    try:
        variant = fresh_reference(lab.folder, changed, name=f"speechlab_mutant_{lab.name}")
    except Exception:
        return True  # it does not even load
    backend = InProcess({**reference, mutant.part: vars(variant)[mutant.part]})
    session = session_of(lab)
    return any(not session.run(item, backend, seed, limit=limit).passed for item, limit in limits.items())


def explained(lab: Lab) -> dict[tuple[str, str, str], str]:
    """Survivors that `mutants.toml` explains: (part, line, change) → reason."""
    assert lab.folder is not None
    path = lab.folder / "mutants.toml"
    if not path.exists():
        return {}
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])
    return {(e["part"], e["line"], e["change"]): e["reason"] for e in entries}
