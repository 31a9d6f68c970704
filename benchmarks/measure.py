"""Timing by turns, and rows of results."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one quantity.

    Attributes:
        low, high: quartiles; half of the measurements lie between them.
    """

    median: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Row:
    """One result.

    Attributes:
        benchmark: name of the benchmark that it belongs to.
        what: what was measured, in a few words.
        figure: the figure that the goal is about.
        unit: of `figure`: "s", "ms", "MB", or a ratio such as "of librosa's time".
        goal: the figure should be at most this; None if nothing was set.
        seconds: what was timed → time of one call.
        note: what a reader must know to judge the figure.
        detail: only for the JSON file; another row sums it up.
    """

    benchmark: str
    what: str
    figure: Spread
    unit: str
    goal: float | None = None
    seconds: Mapping[str, Spread] = field(default_factory=dict)
    note: str = ""
    detail: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        return None if self.goal is None else self.figure.median <= self.goal


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles.

    Raises:
        ValueError: if there are no values.
    """
    if not values:
        raise ValueError("values is empty, expected at least one measurement")
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high, len(values))


def by_turns(sides: Mapping[str, Callable[[], Any]], repeat: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Time several functions in turn, so that a slow moment of the machine hits all of them alike.

    Args:
        sides: name → function without arguments.
        repeat: rounds that count; every second round goes through the sides backwards.
        warm_up: rounds before those, which do not count.
    Returns:
        Seconds per call, by side and round.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(-warm_up, repeat):
        for name in sides if turn % 2 == 0 else reversed(list(sides)):
            start = time.perf_counter()
            sides[name]()
            seconds = time.perf_counter() - start
            if turn >= 0:
                times[name].append(seconds)
    return times


def ratio(times: Mapping[str, Sequence[float]], ours: str, theirs: str) -> Spread:
    """Our time as a share of theirs, round by round: below 1 means that ours is faster."""
    return spread([a / b for a, b in zip(times[ours], times[theirs], strict=True)])


def spreads(times: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    """Median and quartiles of each side."""
    return {name: spread(values) for name, values in times.items()}
