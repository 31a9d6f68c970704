"""The page for the instructor: how the class did, what it got wrong, what went wrong while grading."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from autograder.course import Lab
from autograder.results.charts import histogram
from autograder.results.pages import environment, printable
from autograder.results.roster import Roster
from autograder.results.summary import is_fault, summarize
from autograder.submissions import Graded

LONGEST_NAME = 60  # characters; a longer one would push the table off the page
SCRIPT = (Path(__file__).parent / "templates" / "sort.js").read_text(encoding="utf-8")


def policy(script: str = SCRIPT) -> str:
    """Content-Security-Policy that allows this one script, by its hash, and nothing from elsewhere."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def class_page(
    lab: Lab,
    graded: Sequence[Graded],
    roster: Roster | None = None,
    links: Mapping[int, str] | None = None,
    refused: Mapping[int, str] | None = None,
    notes: Sequence[str] = (),
    engine: str = "",
    version: str = "",
) -> str:
    """The class page of one lab.

    Args:
        graded: of this lab, or of no lab that can be told.
        links: position in `graded` → address of the student's page.
        refused: position in `graded` → why the student's page was not written.
        notes: what else the instructor should know.
    """
    summary = summarize(lab, graded)
    places = {id(item): place for place, item in enumerate(graded)}

    def person(item: Graded) -> Markup:
        student = item.submission.student
        name = roster[student].name if roster and student in roster else student
        address = (links or {}).get(places[id(item)])
        text = Markup.escape(_visible(name))
        return Markup('<a href="{}">{}</a>').format(address, text) if address else text

    return (
        environment()
        .get_template("class.html")
        .render(
            policy=policy(),
            script=Markup(SCRIPT),
            lab=lab,
            summary=summary,
            chart=histogram(summary.totals, lab.points, f"Points of {len(summary.totals)} submissions"),
            person=person,
            rows=[_row(item) for item in graded],
            refused=[(graded[place], why) for place, why in (refused or {}).items()],
            missing=_missing(graded, roster),
            notes=notes,
            slowest=sorted(summary.parts, key=lambda part: -part.longest)[:8],
            engine=engine,
            version=version,
        )
    )


def _visible(name: str) -> str:
    text = printable(name).strip() or "(no name)"
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def _row(item: Graded) -> dict[str, Any]:
    result = item.result
    failed = [part.part for part in result.parts if not part.passed] if result else []
    return {
        "item": item,
        "points": result.points if result else None,
        "failed": failed,
        "seconds": result.seconds if result else None,
        "faults": sum(map(is_fault, result.parts)) if result else 0,
        "flags": sum(len(part.flags) for part in result.parts) if result else 0,
    }


def _missing(graded: Sequence[Graded], roster: Roster | None) -> list[str]:
    """Who is on the roster and handed in nothing."""
    there = {item.submission.student for item in graded}
    return [person.name for student, person in (roster or {}).items() if student not in there]
