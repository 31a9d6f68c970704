"""A lab as an assignment for stock nbgrader: ordinary assert cells in place of our check cells.

The assertions are those of the lab's checks.py, called as a test cell would call them: on the live
functions, with the same number of inputs, without our runner, process or diagnosis.
"""

from __future__ import annotations

import ast
from typing import Any

from autograder.build import source_notebook
from autograder.checking.runner import EXAMPLES, CheckSession
from autograder.course import Lab
from autograder.definitions import Code, defining, parse
from autograder.notebook import grade_id, is_check, source_of

# What checks.py gets from the engine, in plain Python: as many inputs for property checks, if it has any,
PROPERTIES = f"""
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "asserts", max_examples={EXAMPLES}, deadline=None, database=None,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)
settings.load_profile("asserts")
"""
# and `lab` and the decorators.
PREAMBLE = '''
import numpy as np


class LiveParts:
    """The parts as they are in this notebook."""

    def __getattr__(self, name):
        try:
            return globals()[name]
        except KeyError:
            raise AttributeError(name) from None


lab = reference = LiveParts()


def unchanged(*arguments, **options):
    return lambda function: function


checks = picture = sound = unchanged


def lab_beside(path):
    return lab


__file__ = "checks.py"
'''


def _without_engine(source: str) -> str:
    """checks.py without its import of the engine."""
    lines = source.split("\n")
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograder"):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "\n".join(lines)


def assert_cell(session: CheckSession, part: str) -> str:
    """Source of a test cell: a call for each check of the part.

    Raises:
        ValueError: if an argument of a parametrised check cannot be written as a literal.
    """
    calls = []
    for number, item in enumerate(session.of(part)):
        given = {
            "lab": "lab",
            "reference": "reference",
            "rng": f"np.random.default_rng({number})",
        }
        callspec = getattr(item, "callspec", None)
        for name, value in (callspec.params if callspec else {}).items():
            given[name] = repr(value)
            if ast.literal_eval(given[name]) != value:
                raise ValueError(f"{item.name}: {name} is {value!r}, expected a literal")
        arguments = ", ".join(f"{name}={given[name]}" for name in item._fixtureinfo.argnames)
        calls.append(f"{item.originalname}({arguments})")
    return "\n".join(calls)


def assert_notebook(
    lab: Lab, session: CheckSession, whole_page: bool = True, notebook: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A notebook of a lab with assert cells.

    Args:
        whole_page: keep the page; without it only definitions, parts and tests remain.
        notebook: a submission; else the lab's source notebook, with the reference filled in.
    """
    notebook = notebook or source_notebook(lab)
    checks = lab.checks.read_text(encoding="utf-8")
    cells = []
    for cell in notebook["cells"]:
        if is_check(cell):
            part = (grade_id(cell) or "").removeprefix("check_")
            cell = {**cell, "source": assert_cell(session, part)}
        elif not whole_page and not grade_id(cell):
            if cell["cell_type"] != "code":
                continue
            statements = [node for node in parse(Code(source_of(cell))) if defining(node)]
            cell = {**cell, "source": "\n".join(map(ast.unparse, statements))}
        cells.append(cell)
    locked = {"grade": False, "grade_id": "asserts", "locked": True, "solution": False}
    tests: dict[str, Any] = {
        "cell_type": "code",
        "id": "asserts0",
        "metadata": {"nbgrader": {"schema_version": 3, "task": False, **locked}},
        "source": (PROPERTIES if "hypothesis" in checks else "") + PREAMBLE + _without_engine(checks),
        "execution_count": None,
        "outputs": [],
    }
    return {**notebook, "cells": [tests, *cells]}
