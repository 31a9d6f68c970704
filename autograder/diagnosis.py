"""From a failed check to the name of the mistake.

A named mistake is found by giving the failed checks the mistake instead of the learner's code, with
the same inputs: if every answer is the same, it is that mistake. Otherwise the answers are compared
with the reference's, and the difference is told in general terms (a shape, a factor, an edge). The
expected values themselves are never told, and of hidden checks no text of the learner's code either:
`views` says what a student may see.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from autograder import forbidden, views
from autograder.checking.proxy import TOO_MUCH, Call
from autograder.checking.remembered import answers_of
from autograder.checking.runner import CheckResult, CheckSession
from autograder.course import Lab
from autograder.definitions import Code
from autograder.differences import describe
from autograder.loading import Mistake, load_mistakes, load_reference
from autograder.sandbox.peer import Gone
from autograder.values import same

DIAGNOSIS_SECONDS = 15.0
FAILURES_LOOKED_AT = 4


@dataclass
class Diagnosis:
    """What to tell a learner about a part that is not right.

    Attributes:
        kind: "not started", "fault", "error", "mistake" or "difference".
        sentence: what went wrong.
        mistake: name of the named mistake, if it is one.
        asked: what the failed checks asked.
        trace: lines of the learner's own code where it raised: (line, function, text). In grading, one
            line as it stands in the notebook, and no function.
        picture: PNG of the learner's own output.
        sounds: label → (samples, sample rate).
    """

    kind: str
    sentence: str
    mistake: str | None = None
    asked: list[str] = field(default_factory=list)
    trace: list[tuple[int, str, str]] = field(default_factory=list)
    picture: bytes | None = None
    sounds: dict[str, tuple[np.ndarray, int]] = field(default_factory=dict)


def diagnose(
    lab: Lab,
    session: CheckSession,
    part: str,
    results: list[CheckResult],
    seed: int,
    seconds: float = DIAGNOSIS_SECONDS,
    reveal: bool = False,
    cells: Sequence[Code] = (),
) -> Diagnosis:
    """Why the checks of a part failed.

    Args:
        results: all results of the part, at least one of them failed.
        seed: the one that the checks ran with.
        seconds: how long to look for a named mistake.
        reveal: tell what the learner's code says of itself; else, what a student may see in grading.
        cells: the submitted notebook, in which the line of an exception is looked up.
    """
    failed = [result for result in results if not result.passed]
    first = failed[0]
    reveal = reveal or views.revealed(results, first)
    asked = list(dict.fromkeys(result.title for result in failed))
    forbids = lab.part(part).forbids
    plain = plain_diagnosis(part, first.error, first.by_learner, asked, reveal, cells, forbids)
    if plain and (plain.kind != "error" or not _may_be_named(first.error)):
        return plain
    found = _named(lab, session, part, results, seed, seconds)
    if found:
        return Diagnosis(
            "mistake", found.sentence, mistake=found.name, asked=asked, trace=plain.trace if plain else []
        )
    return plain or Diagnosis("difference", _difference(lab, session, part, first, seed, reveal), asked=asked)


def _may_be_named(error: BaseException | None) -> bool:
    """Whether a named mistake may raise this too."""
    return not isinstance(error, SyntaxError) and getattr(error, "remote_type", "") != forbidden.NAME


def plain_diagnosis(
    part: str,
    error: BaseException | None,
    by_learner: bool,
    asked: list[str],
    reveal: bool = False,
    cells: Sequence[Code] = (),
    forbids: Sequence[str] = (),
) -> Diagnosis | None:
    """What the error of a failed check tells by itself; None if the code answered, but wrongly.

    Args:
        by_learner: the learner's code itself raised `error`.
        reveal, cells: as of `diagnose`.
        forbids: names that the part asks to do without.
    """
    if error is not None and views.is_fault(error, by_learner):
        words = str(error) if reveal and isinstance(error, Gone) else views.fault_words(error)
        return Diagnosis("fault", views.fault_sentence(part, words), asked=asked)
    if error is None or not by_learner:
        return None
    if isinstance(error, NotImplementedError):
        return Diagnosis("not started", f"{part} is still the stub: replace `raise NotImplementedError()`.")
    if not reveal:
        return _told_in_grading(part, error, asked, cells, forbids)
    trace = _trace(error)
    if isinstance(error, SyntaxError):
        sentence = f"The cell of {part} is no valid Python: {error.msg or error}."
        return Diagnosis("error", sentence, asked=asked, trace=trace)
    name = getattr(error, "remote_type", type(error).__name__)
    if forbids and name == forbidden.NAME:
        return Diagnosis("error", forbidden.describe(part, forbids), asked=asked, trace=trace)
    text = str(error)
    where = f" in line {trace[-1][0]} of the cell" if trace else ""
    sentence = f"{part} raised {name}{where}" + (f": {text}" if text else "")
    if not sentence.endswith("."):
        sentence += "."
    return Diagnosis("error", sentence, asked=asked, trace=trace)


def _told_in_grading(
    part: str, error: BaseException, asked: list[str], cells: Sequence[Code], forbids: Sequence[str]
) -> Diagnosis:
    wrong = views.syntax_error(part, cells) if isinstance(error, SyntaxError) else None
    if wrong is None:
        sentence = views.error_sentence(part, error, cells, forbids)
        return Diagnosis("error", sentence, asked=asked, trace=views.own_line(error, part, cells))
    line = [(wrong.lineno, part, (wrong.text or "").strip())] if wrong.lineno else []
    return Diagnosis("error", f"The cell of {part} is no valid Python: {wrong.msg}.", asked=asked, trace=line)


def _trace(error: BaseException) -> list[tuple[int, str, str]]:
    lines = getattr(error, "remote_lines", None)
    if lines is not None:
        return [(int(line), str(name), str(text)) for line, name, text in lines]
    import traceback

    # in a notebook the learner's frames are the cells, whose files IPython names so
    frames = traceback.extract_tb(error.__traceback__)
    return [
        (f.lineno or 0, f.name, f.line or "")
        for f in frames
        if "ipykernel" in f.filename or "<ipython" in f.filename
    ]


def equal_traces(left: list[Call], right: list[Call]) -> bool:
    """Whether two runs of one check gave the same answers."""
    return len(left) == len(right) and all(_equal_calls(a, b) for a, b in zip(left, right, strict=True))


def _equal_calls(a: Call, b: Call) -> bool:
    if a.what != b.what:
        return False
    if a.error or b.error:
        # the text may differ: it is the learner's own wording
        return a.error is not None and b.error is not None and a.error[0] == b.error[0]
    if any(isinstance(answer, str) and answer == TOO_MUCH for answer in (a.output, b.output)):
        return False
    return same(a.output, b.output)


def _named(
    lab: Lab, session: CheckSession, part: str, results: list[CheckResult], seed: int, seconds: float
) -> Mistake | None:
    """The mistake whose answers equal the learner's in every failed check that it fails too."""
    assert lab.folder is not None
    reference = vars(load_reference(lab.folder))
    ends_at = time.monotonic() + seconds
    items = {item.name: item for item in session.of(part)}
    failed = sorted((r for r in results if not r.passed), key=lambda r: r.seconds)
    passed = sorted((r for r in results if r.passed), key=lambda r: r.seconds)

    agreed: dict[str, int] = {}  # mistake → failed checks in which it fails with the same answers

    def answers_alike(mistake: Mistake, result: CheckResult) -> bool:
        own = answers_of(session, items[result.name], {**reference, part: mistake.variant}, part, seed)
        if own.passed and not result.passed:
            return True  # something else is wrong there too; it says nothing against this mistake
        if not equal_traces(own.calls, result.calls):
            return False
        agreed[mistake.name] = agreed.get(mistake.name, 0) + (not result.passed)
        return True

    def alike(candidates: list[Mistake], results: list[CheckResult]) -> list[Mistake]:
        for number, result in enumerate(results):
            # the quickest failures confirm a lone candidate; several need every check to part them
            settled = not candidates or (len(candidates) == 1 and number >= FAILURES_LOOKED_AT)
            if settled or time.monotonic() > ends_at:
                break
            candidates = [mistake for mistake in candidates if answers_alike(mistake, result)]
        return candidates

    candidates = alike([m for m in load_mistakes(lab) if m.part == part], failed)
    most = max((agreed.get(m.name, 0) for m in candidates), default=0)
    candidates = [m for m in candidates if most and agreed.get(m.name, 0) == most]
    if len(candidates) > 1:
        # the failed checks do not tell them apart; what passed may
        candidates = alike(candidates, passed) or candidates
    if len(candidates) > 1 and time.monotonic() > ends_at:
        return None  # no time to tell them apart: better no name than a wrong one
    return candidates[0] if candidates else None


def _difference(
    lab: Lab, session: CheckSession, part: str, result: CheckResult, seed: int, reveal: bool
) -> str:
    """How the answers differ from the reference's in the first failed check."""
    assert lab.folder is not None
    item = next(item for item in session.of(part) if item.name == result.name)
    expected = answers_of(session, item, vars(load_reference(lab.folder)), part, seed)
    for ours, theirs in zip(expected.calls, result.calls, strict=False):
        if not _equal_calls(ours, theirs):
            return describe(theirs, ours, reveal)
    return f"{part} answers, but not as asked."
