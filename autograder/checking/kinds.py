"""A number where an array is asked for, and an array where a number is asked for.

`pytest.approx` and numpy's assertions compare an array with a number value by value: every value of an
empty array equals any number, and so does a thousandfold repetition of the right one. What the
reference answers to the same questions says which of the two is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pytest

from autograder.checking.proxy import Call, InProcess
from autograder.checking.runner import CheckResult, CheckSession

Size = tuple[bool, int] | None  # (it is an array, how many numbers it holds); None if it is neither

_known: WeakKeyDictionary[CheckSession, tuple[int, dict[str, list[Size]]]] = WeakKeyDictionary()


def settled(
    session: CheckSession,
    items: Sequence[pytest.Function],
    results: Sequence[CheckResult],
    names: Mapping[str, Any],
    seed: int,
) -> list[CheckResult]:
    """The results, where a check that passed by such an answer has failed.

    Args:
        items: the checks, in the order of their results.
        names: the reference's parts.
        seed: the one that the checks ran with.
    """
    settled = []
    for item, result in zip(items, results, strict=True):
        given = [_size(call) for call in result.calls]
        if result.passed and any(given):
            asked = _asked(session, item, names, seed)
            if any(_differ(a, b) for a, b in zip(given, asked, strict=False)):
                result = replace(result, error=AssertionError("an array for a number, or the reverse"))
        settled.append(result)
    return settled


def _asked(session: CheckSession, item: pytest.Function, names: Mapping[str, Any], seed: int) -> list[Size]:
    """What the reference answers; asked once for all submissions that get the same inputs."""
    known = _known.get(session)
    if known is None or known[0] != seed:
        known = _known[session] = seed, {}
    if item.name not in known[1]:
        run = session.run(item, InProcess(names), seed)
        known[1][item.name] = [_size(call) for call in run.calls]
    return known[1][item.name]


def _size(call: Call) -> Size:
    output = call.output
    if isinstance(output, np.ndarray):
        return output.ndim > 0, output.size
    return (False, 1) if isinstance(output, int | float | complex | np.number) else None


def _differ(given: Size, asked: Size) -> bool:
    if given is None or asked is None or given[0] == asked[0]:
        return False  # two arrays: how long they are is the check's own business
    return given[1] != asked[1]
