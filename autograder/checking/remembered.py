"""What the reference and the named mistakes answer to checks, remembered for the next submission.

In a batch all submissions get the same inputs. What a mistake answers to a check then depends on
nothing of a learner's: it answers the whole check by itself, from the same seed. So it is asked once,
however many submissions have to be compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from autograder.checking.limits import TimeLimit
from autograder.checking.proxy import Call, InProcess, weight
from autograder.checking.runner import CheckResult, CheckSession

_OF_THE_MOMENT = ("TimeLimit", "AnswerLimit", "MemoryError")
ROOM = 32 * 1024**2  # bytes of answers that are kept for one lab


@dataclass(frozen=True)
class Answers:
    """What came of a check of ours.

    Attributes:
        calls: as of `CheckResult`, without the arguments.
    """

    passed: bool
    calls: list[Call]


class _Memory:
    """Answers of one lab's reference and mistakes to checks with one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.room = ROOM
        self.answers: dict[tuple[str, Callable[..., Any]], Answers] = {}


_memories: WeakKeyDictionary[CheckSession, _Memory] = WeakKeyDictionary()


def answers_of(
    session: CheckSession, item: pytest.Function, names: Mapping[str, Any], part: str, seed: int
) -> Answers:
    """What a part of ours answers to a check, in this process.

    Args:
        names: the reference's, or those with a mistake in the place of the part.
        seed: of the grading run.
    """
    memory = _memories.get(session)
    if memory is None or memory.seed != seed:
        memory = _memories[session] = _Memory(seed)
    key = item.name, names[part]
    if key in memory.answers:
        return memory.answers[key]
    result = session.run(item, InProcess(names), seed)
    found = Answers(
        result.passed, [Call(call.what, output=call.output, error=call.error) for call in result.calls]
    )
    size = _weight(found)
    if size <= memory.room and _is_settled(result):
        memory.room -= size
        memory.answers[key] = found
    return found


def _weight(answers: Answers) -> int:
    return sum(200 + weight(call.output, ROOM) for call in answers.calls)


def _is_settled(result: CheckResult) -> bool:
    """Whether the same would come again: limits of time and memory depend on the moment."""
    if any(call.error and call.error[0] in _OF_THE_MOMENT for call in result.calls):
        return False
    error, seen = result.error, set[int]()
    while error is not None and id(error) not in seen:
        if isinstance(error, TimeLimit | MemoryError):
            return False
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return True
