"""What a class did, in numbers: from many results to what an instructor looks at."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from autograder.course import Lab
from autograder.grading import PartResult
from autograder.submissions import Graded


@dataclass
class PartSummary:
    """One part over the class.

    Attributes:
        kinds: what came of it ("passed", "mistake", "error", …) → how often.
        median, longest: seconds of checking and diagnosing; 0 if nobody's was graded.
        slowest: the student whose check took longest.
    """

    name: str
    points: float
    graded: int = 0
    passed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    median: float = 0.0
    longest: float = 0.0
    slowest: Graded | None = None

    @property
    def share(self) -> float:
        return self.passed / self.graded if self.graded else 0.0

    @property
    def unnamed(self) -> int:
        """Failures that have no name yet: each is a candidate for the lab's `mistakes.py`."""
        return self.kinds["difference"] + self.kinds["error"]


@dataclass
class MistakeSummary:
    """A named mistake and who made it."""

    part: str
    name: str
    sentence: str
    students: list[Graded] = field(default_factory=list)


@dataclass
class Event:
    """Something about one student's part that the instructor should see."""

    graded: Graded
    part: str
    text: str
    detail: str = ""
    points: float = 0.0


@dataclass
class Summary:
    """What the class page shows."""

    lab: Lab
    graded: list[Graded]
    problems: list[Graded]
    parts: list[PartSummary]
    mistakes: list[MistakeSummary]
    faults: list[Event]
    flags: list[Event]
    remarks: list[Event]
    isolation: Counter[str]
    seeds: Counter[int]
    seconds: float

    @property
    def totals(self) -> list[float]:
        return [item.result.points for item in self.graded if item.result]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.totals) if self.totals else 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.totals) if self.totals else 0.0

    @property
    def perfect(self) -> int:
        return sum(total >= self.lab.points for total in self.totals)


def summarize(lab: Lab, items: Sequence[Graded]) -> Summary:
    """The class in numbers; `items` are of this lab or of no lab that can be told."""
    graded = [item for item in items if item.result is not None]
    parts = {part.name: PartSummary(part.name, part.points) for part in lab.parts}
    seconds: dict[str, list[tuple[float, int]]] = defaultdict(list)
    mistakes: dict[tuple[str, str], MistakeSummary] = {}
    summary = Summary(
        lab=lab,
        graded=graded,
        problems=[item for item in items if item.result is None],
        parts=list(parts.values()),
        mistakes=[],
        faults=[],
        flags=[],
        remarks=[],
        isolation=Counter(),
        seeds=Counter(),
        seconds=0.0,
    )
    for number, item in enumerate(graded):
        result = item.result
        assert result is not None
        summary.isolation[result.isolation] += 1
        summary.seeds[result.seed] += 1
        summary.seconds += result.seconds
        summary.remarks += [Event(item, "", remark) for remark in result.remarks]
        for part in result.parts:
            own = parts.setdefault(part.part, PartSummary(part.part, part.max_points))
            own.graded += 1
            own.passed += part.passed
            own.kinds[part.diagnosis.kind if part.diagnosis else "passed"] += 1
            seconds[part.part].append((part.seconds, number))
            _note(summary, mistakes, item, part)
    summary.parts = list(parts.values())  # a part of an older version of the lab comes last
    for own in summary.parts:
        if seconds[own.name]:
            own.median = statistics.median(took for took, _ in seconds[own.name])
            own.longest, number = max(seconds[own.name])
            own.slowest = graded[number]
    summary.mistakes = sorted(mistakes.values(), key=lambda m: (-len(m.students), m.part, m.name))
    return summary


def is_fault(part: PartResult) -> bool:
    """Whether the worker ended instead of answering."""
    return bool(part.fault) or (part.diagnosis is not None and part.diagnosis.kind == "fault")


def _note(
    summary: Summary, mistakes: dict[tuple[str, str], MistakeSummary], item: Graded, part: PartResult
) -> None:
    diagnosis = part.diagnosis
    if diagnosis and diagnosis.mistake:
        key = part.part, diagnosis.mistake
        found = mistakes.setdefault(key, MistakeSummary(*key, diagnosis.sentence))
        found.students.append(item)
    if is_fault(part):
        text = part.fault or (diagnosis.sentence.removeprefix(f"{part.part}: ") if diagnosis else "")
        summary.faults.append(Event(item, part.part, text, part.detail))
    summary.flags += [Event(item, part.part, flag, points=part.points) for flag in part.flags]
