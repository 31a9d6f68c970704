"""Pages from templates, and the page that a student gets.

A student's page is one file: no script, nothing from the network, and a Content-Security-Policy that
forbids both. Whatever comes from a learner is text: the templates escape it, and control characters
(colours, direction marks) are left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autograder.course import Lab
from autograder.feedback import MAX_DETAIL, clean, number, part_html
from autograder.submissions import Graded

STUDENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; "
    "base-uri 'none'; form-action 'none'"
)
OURS = (
    "Your file could not be graded because of a fault on our side, not on yours. "
    "Your teacher has been told; there is nothing for you to do."
)


def printable(value: Any) -> Any:
    """Text as `feedback.clean` leaves it, but long enough for the instructor; anything else as it is."""
    return clean(value, MAX_DETAIL) if isinstance(value, str) and not isinstance(value, Markup) else value


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates with escaping on; a name that a template lacks is an error, not an empty place."""
    made = Environment(
        loader=PackageLoader("autograder.results"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["points"] = number
    made.filters["percent"] = lambda share: f"{100 * share:.0f} %"
    return made


def student_page(
    lab: Lab, graded: Graded, name: str | None = None, engine: str = "", version: str = ""
) -> str:
    """Feedback for one student on one lab.

    Args:
        name: as the student is called; the id if not given.
        engine, version: of this program and of the lab, for whoever asks later how it was graded.
    """
    result = graded.result
    parts = [Markup(part_html(part)) for part in result.parts] if result else []
    problem = ""
    if result is None:
        # the path says where the instructor keeps the files, and a fault of ours what we hide
        path = graded.submission.path
        problem = OURS if graded.ours else graded.problem.replace(str(path), path.name)
    return (
        environment()
        .get_template("student.html")
        .render(
            policy=STUDENT_POLICY,
            lab=lab,
            name=clean(name or graded.submission.student),
            result=result,
            share=result.points / result.max_points if result and result.max_points else 0.0,
            passed=sum(part.passed for part in result.parts) if result else 0,
            parts=parts,
            remarks=[clean(remark) for remark in result.remarks] if result else [],
            problem=clean(problem),
            engine=engine,
            version=version,
        )
    )
