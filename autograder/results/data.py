"""Results as JSON, for programs: `marks.json`.

For the instructor: it holds what students must not see (`detail`). One object:

| key | is |
|---|---|
| `schema` | `"speechlab-results/1"`; a later number may take keys away, the same one may only gain keys |
| `written` | when, UTC, ISO 8601 |
| `engine` | version of speechlab |
| `labs` | list of `name`, `phase`, `title`, `version`, `max_points`, `parts` (list of `part`, `max_points`) |
| `submissions` | list, one per file, see below |

A submission:

| key | is |
|---|---|
| `student`, `name` | the id, and the name from the roster or the id again |
| `file`, `lab` | the file's path; the lab's name, "" if it cannot be told |
| `graded` | false if there are no marks; then `problem` says why in one sentence |
| `ours` | true if the reason lies with this machine or this program, not with the file |
| `points`, `max_points` | numbers; null if not graded |
| `seed` | of the inputs; the same marks again with `--seed`; null if not graded |
| `isolation` | how the learner's code was kept apart, in words |
| `seconds` | for the whole file |
| `remarks` | what is odd about the file, sentences |
| `feedback` | the student's page, relative to this file; null if there is none |
| `parts` | list, see below |

A part: `part`, `points`, `max_points`, `passed`, `seconds`, `note` (what the checks leave open), `fault`
(what ended the worker, "" if nothing did), `detail` (for the instructor only), `flags` (for a person),
`checks` (list of `asked`, `met`), `diagnosis`.

A `diagnosis` is null if the part passed, else: `kind` ("not started", "missing", "fault", "error",
"mistake", "difference"), `sentence` (what the student is told), `mistake` (the name of a named mistake, or
null), `asked` (what was not met), `trace` (list of `line`, `function`, `text` in the student's own cell),
`picture` (whether their page shows one), `sounds` (labels of its players).

A lab's `version` is a hash of its page, checks and mistakes, and of those of the labs that it builds on;
`engine` is the program's version and a hash of its sources. Equal versions and seed mean equal marks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from autograder.course import Lab
from autograder.diagnosis import Diagnosis
from autograder.grading import PartResult
from autograder.results.roster import Roster
from autograder.submissions import Graded

SCHEMA = "speechlab-results/1"


def to_json(
    labs: Sequence[Lab],
    graded: Sequence[Graded],
    roster: Roster | None = None,
    pages: Mapping[int, str] | None = None,
    engine: str = "",
    versions: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> str:
    """Results in the form that the module describes.

    Args:
        pages: position in `graded` → the student's page.
        versions: lab → its version.
        now: the time to write down; the clock's if not given.
    """
    whole = {
        "schema": SCHEMA,
        "written": (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        "engine": engine,
        "labs": [_lab(lab, (versions or {}).get(lab.name, "")) for lab in labs],
        "submissions": [
            _submission(item, roster or {}, (pages or {}).get(place)) for place, item in enumerate(graded)
        ],
    }
    # a lone surrogate (a file name that is no UTF-8) cannot be written as UTF-8: escaped it can
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(whole, indent=1, ensure_ascii=True, allow_nan=False)
    return text + "\n"


def _lab(lab: Lab, version: str) -> dict[str, Any]:
    return {
        "name": lab.name,
        "phase": lab.phase,
        "title": lab.title,
        "version": version,
        "max_points": lab.points,
        "parts": [{"part": part.name, "max_points": part.points} for part in lab.parts],
    }


def _submission(item: Graded, roster: Roster, page: str | None) -> dict[str, Any]:
    student, result = item.submission.student, item.result
    return {
        "student": student,
        "name": roster[student].name if student in roster else student,
        "file": str(item.submission.path),
        "lab": item.lab,
        "graded": result is not None,
        "problem": item.problem,
        "ours": item.ours,
        "points": result.points if result else None,
        "max_points": result.max_points if result else None,
        "seed": result.seed if result else None,
        "isolation": result.isolation if result else "",
        "seconds": _seconds(result.seconds) if result else None,
        "remarks": result.remarks if result else [],
        "feedback": page,
        "parts": [_part(part) for part in result.parts] if result else [],
    }


def _part(part: PartResult) -> dict[str, Any]:
    return {
        "part": part.part,
        "points": part.points,
        "max_points": part.max_points,
        "passed": part.passed,
        "seconds": _seconds(part.seconds),
        "note": part.note,
        "fault": part.fault,
        "detail": part.detail,
        "flags": part.flags,
        "checks": [{"asked": asked, "met": met} for asked, met in part.checks],
        "diagnosis": _diagnosis(part.diagnosis),
    }


def _diagnosis(diagnosis: Diagnosis | None) -> dict[str, Any] | None:
    if diagnosis is None:
        return None
    return {
        "kind": diagnosis.kind,
        "sentence": diagnosis.sentence,
        "mistake": diagnosis.mistake,
        "asked": diagnosis.asked,
        "trace": [{"line": n, "function": name, "text": text} for n, name, text in diagnosis.trace],
        "picture": diagnosis.picture is not None,
        "sounds": list(diagnosis.sounds),
    }


def _seconds(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
