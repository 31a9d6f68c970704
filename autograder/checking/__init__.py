"""What a lab's checks.py and mistakes.py are written with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from autograder.checking.oracles import oracle
from autograder.loading import lab_beside

__all__ = ["CheckMark", "checks", "lab_beside", "mistake", "oracle", "picture", "sound"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True)
class CheckMark:
    """What `checks` knows about a check.

    Attributes:
        part: the part that the check grades.
        visible: whether it may be shipped to students.
    """

    part: str
    visible: bool


def checks(part: str, visible: bool = False) -> Callable[[Decorated], Decorated]:
    """Mark a test function as a check of a part.

    Args:
        part: name of the part; the check fails exactly when this part does not do what the check says.
        visible: the check may be shipped in a student release; it must not use `reference`.
    """

    def mark(function: Decorated) -> Decorated:
        function.__speechlab_check__ = CheckMark(part, visible)  # type: ignore[attr-defined]
        return function

    return mark


def mistake(part: str, sentence: str) -> Callable[[Decorated], Decorated]:
    """Mark a wrong variant of a part.

    Args:
        part: name of the part that the variant replaces.
        sentence: told to a learner whose outputs equal this variant's. Says what went wrong and
            which way to look, never the solution.
    """

    def mark(variant: Decorated) -> Decorated:
        already = vars(variant).get("__speechlab_mistakes__", ())
        variant.__speechlab_mistakes__ = (*already, (part, sentence))  # type: ignore[attr-defined]
        return variant

    return mark


def picture(part: str) -> Callable[[Decorated], Decorated]:
    """Mark a function (output, *args, **kwargs) → matplotlib Figure that draws a learner's output."""
    return _feedback("__speechlab_picture__", part)


def sound(part: str) -> Callable[[Decorated], Decorated]:
    """Mark a function (output, *args, **kwargs) → ({label: samples}, sample_rate) of a learner's output."""
    return _feedback("__speechlab_sound__", part)


def _feedback(attribute: str, part: str) -> Callable[[Decorated], Decorated]:
    def mark(function: Decorated) -> Decorated:
        setattr(function, attribute, (*getattr(function, attribute, ()), part))
        return function

    return mark
