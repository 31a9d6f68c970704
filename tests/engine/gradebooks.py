"""What stands in nbgrader's gradebook and folders, in a form that two runs can be compared by."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

# Identifiers are drawn at random: every row is told by names instead.
_QUESTIONS = {
    "students": "select id, first_name, last_name, email, lms_user_id from student",
    "assignments": "select name, duedate, course_id from assignment",
    "submissions": """
        select a.name, s.student_id, s.timestamp, s.extension
        from submitted_assignment s join assignment a on a.id = s.assignment_id""",
    "notebooks": """
        select a.name, s.student_id, m.name, n.flagged, n.late_submission_penalty
        from submitted_notebook n join notebook m on m.id = n.notebook_id
        join submitted_assignment s on s.id = n.assignment_id join assignment a on a.id = s.assignment_id""",
    "grades": """
        select s.student_id, m.name, c.name, g.auto_score, g.manual_score, g.extra_credit,
        g.needs_manual_grade
        from grade g join base_cell c on c.id = g.cell_id join submitted_notebook n on n.id = g.notebook_id
        join notebook m on m.id = n.notebook_id join submitted_assignment s on s.id = n.assignment_id""",
    "comments": """
        select s.student_id, m.name, c.name, o.auto_comment, o.manual_comment
        from comment o join base_cell c on c.id = o.cell_id join submitted_notebook n on n.id = o.notebook_id
        join notebook m on m.id = n.notebook_id join submitted_assignment s on s.id = n.assignment_id""",
}


def tables(root: Path) -> dict[str, list[tuple]]:
    """All that a gradebook says about students and submissions."""
    with sqlite3.connect(root / "gradebook.db") as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        return {name: sorted(database.execute(text), key=repr) for name, text in _QUESTIONS.items()}


def pages(root: Path) -> dict[str, Any]:
    """The graded notebooks and other files in nbgrader's folder; how long grading took is left out."""
    found: dict[str, Any] = {}
    for path in sorted((root / "autograded").rglob("*")):
        if path.is_file():
            name = path.relative_to(root).as_posix()
            found[name] = path.stat().st_mode & 0o777, path.read_bytes()
            if path.suffix == ".ipynb":
                notebook = json.loads(path.read_text())
                notebook["metadata"].get("speechlab", {}).pop("seconds", None)
                found[name] = path.stat().st_mode & 0o777, notebook
    return found
