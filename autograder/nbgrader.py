"""The plug-ins through which stock `nbgrader autograde` uses this engine.

nbgrader keeps its folders, gradebook, late penalties and feedback; only the execution of the notebook
is replaced. Marks come from the checks, never from what a notebook says about itself.
"""

from __future__ import annotations

from typing import Any

import nbgrader.preprocessors
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from autograder.autograded import (
    MISSING,
    answered,
    note_page,
    one_line,
    page_of,
    read_submission,
    restore,
    show_remarks,
    write_outputs,
)
from autograder.collected import (
    GradingStopped,
    SubmissionExporter,
    course_of,
    directory_of,
    lab_named,
    source_file,
)
from autograder.grading import grade

__all__ = [
    "MISSING",
    "GradeParts",
    "GradingStopped",
    "RestorePage",
    "SaveAutoGrades",
    "SubmissionExporter",
    "read_submission",
    "restore",
    "write_outputs",
]


class RestorePage(NbGraderPreprocessor):
    """Puts the learner's answers into the released page; the first cell of an id wins."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        about = resources["nbgrader"]
        name, student = about["notebook"], about["student"]
        given = nb.metadata.speechlab
        if given.get("absent"):
            page = note_page(name, given)
            page.metadata.speechlab.remarks = [given.problem]
        else:
            courses = directory_of(self)
            lab = lab_named(course_of(courses), name)
            page = restore(nb, lab, page_of(name, lab, source_file(courses, about["assignment"], name)))
        for remark in page.metadata.speechlab.remarks:
            self.log.warning("%s: %s: %s", student, name, one_line(remark))
        return page, resources


class GradeParts(NbGraderPreprocessor):
    """Grades the parts in a process of their own and writes points and feedback into the check cells."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        student, name = resources["nbgrader"]["student"], resources["nbgrader"]["notebook"]
        course = course_of(directory_of(self))
        lab = lab_named(course, name)
        about = nb.metadata.get("speechlab", {})
        if lab is None or about.get("absent"):
            show_remarks(nb, list(about.get("remarks", [])))
            if lab is None:
                self.log.warning("%s: %s is no lab: its code was not run, mark it by hand", student, name)
            return nb, resources
        result = grade(course, lab, answered(nb, lab))
        for part in result.parts:
            for words in filter(None, [part.fault, *part.flags]):
                self.log.warning("%s: %s: %s: %s", student, name, part.part, one_line(words))
            if part.detail:  # a line for every wrong answer of a class hides what matters
                level = self.log.warning if part.fault else self.log.debug
                level("%s: %s: %s: %s", student, name, part.part, one_line(part.detail))
        self.log.info("%s: %s: %g of %g points", student, name, result.points, result.max_points)
        write_outputs(nb, result)
        return nb, resources


class SaveAutoGrades(nbgrader.preprocessors.SaveAutoGrades):
    """nbgrader's gradebook rows; what no check of ours has graded is left to a person.

    nbgrader takes a test without output for passed. Here the tests of a notebook that is no lab have not
    run. A part that was flagged has its points, and waits for a person to look at it.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        self._unreadable = bool(nb.metadata.get("speechlab", {}).get("problem"))
        return super().preprocess(nb, resources)

    def _add_score(self, cell: Any, resources: Any) -> None:
        about = cell.metadata.get("speechlab", {})
        tested = is_grade(cell) and not is_solution(cell)
        if about.get("graded") or not (tested or self._unreadable):
            super()._add_score(cell, resources)
            if not about.get("flags"):
                return
        row = self.gradebook.find_grade(
            cell.metadata["nbgrader"]["grade_id"], self.notebook_id, self.assignment_id, self.student_id
        )
        if about.get("flags"):
            row.needs_manual_grade = True
        elif self._unreadable:
            row.auto_score, row.needs_manual_grade = 0, row.manual_score is not None
        else:
            row.auto_score, row.needs_manual_grade = None, True
        self.gradebook.db.commit()
