"""Reading cells: what may be left out unread, and what is kept of reading them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from autograder import definitions
from autograder.course import load_course
from autograder.definitions import Code, defining, execute, may_define, read_tree
from autograder.loading import code_cells

ROOT = Path(__file__).resolve().parent.parent.parent

DEFINING = [
    "import os",
    "x = 1; import os",
    "x = 1 ;\\\nimport os",
    "from os import path",
    "A = 1",
    "\fA = 1",
    "\\\nA = 1",
    "A\\\n= 1",
    "(A) = 1",
    "(\n  A  # a comment\n) = 1",
    "A = B = 1",
    "A: int = 3",
    "A \\\n : int = 3",
    "ÄÖ1_X = 1",
    "@print\ndef f(): pass",
    "async def f(): pass",
    "class A: pass",
    "class lower: pass",
]
PAGE = [
    "x = 1",
    "play(sound)",
    "for i in range(3):\n    print(i)",
    "",
    "# import",
    "x = [\n    1,\n]",
    "a.B = 1",
]


@pytest.mark.parametrize("source", DEFINING)
def test_what_defines_something_is_read(source):
    assert any(map(defining, ast.parse(source).body))
    assert may_define(source)


@pytest.mark.parametrize("source", PAGE)
def test_plots_and_practice_are_not_read(source):
    assert not may_define(source)


def test_no_statement_of_any_page_is_missed():
    seen = 0
    for lab in load_course(ROOT).labs:
        for cell in code_cells(lab.source):
            for node in ast.parse(cell.source).body:
                text = ast.unparse(node)
                seen += defining(node)
                assert may_define(text) or not defining(node), text
    assert seen > 100


def test_a_cell_that_defines_nothing_is_not_compiled(monkeypatch):
    parsed = []
    parse = definitions.parse
    monkeypatch.setattr(definitions, "parse", lambda code, *rest: parsed.append(code) or parse(code, *rest))
    cells = [Code("play(1)"), Code("N = 2"), Code("def f():\n    return N", "f")]
    names: dict = {}
    assert execute(cells, names, "<cell>", whole="f") == {}
    assert names["f"]() == 2
    assert parsed == cells[1:]


def test_trees_are_kept_up_to_a_number_of_characters(monkeypatch):
    monkeypatch.setattr(definitions, "KEPT_TREES", 20)
    monkeypatch.setattr(definitions, "_trees", {})
    first = read_tree("x = 1")
    assert read_tree("x = 1") is first
    assert read_tree("x = 1 2") is None
    read_tree("y = 1234567890")
    assert sum(map(len, definitions._trees)) <= 20
    assert ast.dump(read_tree("x = 1")) == ast.dump(first)
