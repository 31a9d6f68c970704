"""All cases, in the order of the table."""

from __future__ import annotations

from tests.attacks.case import CLASSES, Case
from tests.attacks.cases import (
    damaged,
    endless,
    exhaustion,
    forging,
    leaving,
    lying,
    smuggling,
    stealing,
    tampering,
    unearned,
)

CASES: list[Case] = sorted(
    endless.CASES
    + leaving.CASES
    + exhaustion.CASES
    + tampering.CASES
    + lying.CASES
    + stealing.CASES
    + forging.CASES
    + smuggling.CASES
    + unearned.CASES
    + damaged.CASES,
    key=lambda case: CLASSES.index(case.kind),
)


def case_named(name: str) -> Case:
    """One case.

    Raises:
        LookupError: if there is none of that name.
    """
    for case in CASES:
        if case.name == name:
            return case
    raise LookupError(f"no case {name!r}")
